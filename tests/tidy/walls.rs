//! Walls between the crates: deciding is pure, system calls and unsafe live in `linux`, async in `control`.

use crate::source::{Source, files, words};
use crate::{catches, finding, hold};

/// The crates that decide: bytes and time in, effects out.
const PURE: [&str; 5] = ["wire", "policy", "cache", "balance", "vrrp"];

/// What a pure crate does not name: sockets, threads, clocks, files, environment, async, unsafe, system calls.
const IMPURE: [&str; 20] = [
    "Instant",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixDatagram",
    "UnixListener",
    "UnixStream",
    "async",
    "await",
    "env",
    "fs",
    "libc",
    "rustix",
    "socket2",
    "stdin",
    "thread",
    "thread_local",
    "tokio",
    "unsafe",
];

/// Other people's crates that pure crates may use, because these are pure as well.
const PURE_DEPENDENCIES: [&str; 7] = [
    "arc-swap",
    "hashbrown",
    "parking_lot",
    "regex",
    "regex-automata",
    "regex-lite",
    "subtle",
];

/// Where `unsafe` may stand.
const UNSAFE_ROOM: &str = "crates/linux/";

/// Where async may stand.
const ASYNC_ROOM: &str = "crates/control/";

fn deciding_is_pure(source: &Source) -> Vec<String> {
    if !PURE
        .iter()
        .any(|name| source.path.starts_with(&format!("crates/{name}/")))
    {
        return Vec::new();
    }
    let named = words(&source.shipped).filter(|(_, word)| IMPURE.contains(word));
    named
        .map(|(line, word)| finding(source, line, &format!("a pure crate names `{word}`")))
        .collect()
}

fn unsafe_is_fenced(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let used = words(&source.code)
        .filter(|(_, word)| *word == "unsafe")
        .map(|(line, _)| line);
    used.filter_map(|line| {
        if !source.path.starts_with(UNSAFE_ROOM) {
            return Some(finding(source, line, "`unsafe` outside of crates/linux"));
        }
        // What an unsafe function asks of its caller stands in its documentation, as `# Safety`.
        // The note is the comment above the statement: go up over the statement's own lines to the comment.
        let above = lines[..line - 1]
            .iter()
            .rev()
            .take(12)
            .map(|text| text.trim_start());
        let comment = above
            .skip_while(|text| !text.starts_with("//"))
            .take_while(|text| text.starts_with("//"));
        let noted = comment
            .into_iter()
            .any(|text| text.starts_with("// SAFETY:") || text.starts_with("/// # Safety"));
        (!noted).then(|| finding(source, line, "`unsafe` without a `// SAFETY:` note"))
    })
    .collect()
}

fn roots_forbid_unsafe(source: &Source) -> Vec<String> {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    let is_root = source.path.contains("src/bin/")
        || (matches!(file, "lib.rs" | "main.rs") && source.path.trim_end_matches(file).ends_with("src/"));
    if !is_root || source.path.starts_with(UNSAFE_ROOM) || source.code.contains("#![forbid(unsafe_code)]") {
        return Vec::new();
    }
    vec![finding(
        source,
        1,
        "a crate root without `#![forbid(unsafe_code)]`",
    )]
}

fn async_lives_in_control(source: &Source) -> Vec<String> {
    if source.path.starts_with(ASYNC_ROOM) {
        return Vec::new();
    }
    let named = words(&source.code).filter(|(_, word)| matches!(*word, "async" | "await"));
    named
        .map(|(line, word)| finding(source, line, &format!("`{word}` outside of crates/control")))
        .collect()
}

/// The names under `[dependencies]` of a manifest that are neither ours nor in the list.
fn impure_dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section
        .lines()
        .filter(|line| line.contains('='))
        .filter_map(|line| line.split(['.', ' ', '=']).next());
    let allowed = |name: &str| {
        name.strip_prefix("weir-")
            .map_or_else(|| PURE_DEPENDENCIES.contains(&name), |ours| PURE.contains(&ours))
    };
    names.filter(|name| !allowed(name)).map(str::to_owned).collect()
}

#[test]
fn deciding_is_pure_everywhere() {
    hold("deciding is pure", deciding_is_pure);
}

#[test]
fn deciding_is_pure_catches() {
    catches(
        deciding_is_pure,
        "crates/wire/src/x.rs",
        &[
            "use std::net::UdpSocket;",
            "let now = Instant::now();",
            "use std::{env, fmt};",
            "unsafe { f() }",
        ],
        &[
            "// Instant::now()\nlet a = \"thread\";",
            "#[cfg(test)]\nmod tests { use std::thread; }",
        ],
    );
    catches(
        deciding_is_pure,
        "crates/wire/src/x/tests.rs",
        &[],
        &["use std::thread;"],
    );
    catches(
        deciding_is_pure,
        "src/front/worker.rs",
        &[],
        &["use std::thread;"],
    );
}

#[test]
fn pure_crates_depend_on_pure_crates() {
    for name in PURE {
        let (path, manifest) = (
            format!("crates/{name}/Cargo.toml"),
            crate::source::root().join("crates").join(name),
        );
        let manifest = std::fs::read_to_string(manifest.join("Cargo.toml")).unwrap();
        let impure = impure_dependencies(&manifest);
        assert!(
            impure.is_empty(),
            "{path}: {impure:?} not in the list of pure dependencies"
        );
    }
}

#[test]
fn pure_crates_depend_on_pure_crates_catches() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nweir-wire.workspace = true\nregex = \"1\"\n";
    assert!(impure_dependencies(manifest).is_empty());
    assert_eq!(
        impure_dependencies(&format!("{manifest}tokio = {{ version = \"1\" }}\n")),
        ["tokio"]
    );
    assert_eq!(
        impure_dependencies(&format!("{manifest}weir-linux.workspace = true\n\n[lints]\n")),
        ["weir-linux"]
    );
}

#[test]
fn unsafe_is_fenced_everywhere() {
    hold("unsafe is fenced", unsafe_is_fenced);
}

#[test]
fn unsafe_is_fenced_catches() {
    let noted = "fn f() {\n    // SAFETY: the pointer is valid,\n    // and aligned.\n    let x =\n        unsafe { *p };\n}";
    catches(
        unsafe_is_fenced,
        "crates/linux/src/x.rs",
        &["fn f() { unsafe { g() } }", "// a reason\nunsafe { g() }"],
        &[noted, "// unsafe\nlet a = \"unsafe\";"],
    );
    catches(
        unsafe_is_fenced,
        "crates/wire/src/x.rs",
        &[noted],
        &["let a = 1;"],
    );
}

#[test]
fn roots_forbid_unsafe_everywhere() {
    hold("roots forbid unsafe", roots_forbid_unsafe);
    assert!(
        files(|name| name == "lib.rs").len() > PURE.len(),
        "no crate roots found"
    );
}

#[test]
fn roots_forbid_unsafe_catches() {
    for path in ["crates/wire/src/lib.rs", "src/main.rs", "lab/src/bin/x.rs"] {
        catches(
            roots_forbid_unsafe,
            path,
            &["//! x\n"],
            &["//! x\n#![forbid(unsafe_code)]\n"],
        );
    }
    catches(roots_forbid_unsafe, "crates/linux/src/lib.rs", &[], &["//! x\n"]);
}

#[test]
fn async_lives_in_control_everywhere() {
    hold("async lives in control", async_lives_in_control);
}

#[test]
fn async_lives_in_control_catches() {
    catches(
        async_lives_in_control,
        "src/front/x.rs",
        &["async fn f() {}", "f().await"],
        &["// async"],
    );
    catches(
        async_lives_in_control,
        "crates/control/src/x.rs",
        &[],
        &["async fn f() {}"],
    );
}
