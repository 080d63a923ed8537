//! Pages and manifests: what the documentation names exists, and what exists is documented.

use std::fs;

use crate::source::{files, root};

/// Places of one machine that must not be in a file; written in halves so that this file has none.
const MACHINE_PATHS: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/fa", "rm"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];
/// Files that people write, and that are read by people or tools.
const TEXTS: [&str; 9] = [
    ".rs", ".md", ".toml", ".sh", ".conf", "Makefile", ".yml", ".lua", "setup",
];

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of the folders in `crates/`.
fn crates() -> Vec<String> {
    let folders = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    folders.map(|name| name.to_string_lossy().into_owned()).collect()
}

/// Crates that the page does not name, and names of crates that there are not.
fn disagreements(page: &str, crates: &[String]) -> Vec<String> {
    let names = |name: &str| page.contains(&format!("`{name}`")) || page.contains(&format!("### {name}\n"));
    let missing = crates
        .iter()
        .filter(|name| !names(name))
        .map(|name| format!("`{name}` is not described"));
    let mentioned = page
        .split("crates/")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
    let absent = mentioned.filter(|name| !name.is_empty() && !crates.iter().any(|known| known == name));
    missing
        .chain(absent.map(|name| format!("crates/{name} does not exist")))
        .collect()
}

fn machine_paths(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| MACHINE_PATHS.iter().any(|path| line.contains(path)))
        .map(|(number, _)| number + 1)
        .collect()
}

#[test]
fn architecture_names_every_crate() {
    let wrong = disagreements(&page("ARCHITECTURE.md"), &crates());
    assert!(wrong.is_empty(), "ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn architecture_names_every_crate_catches() {
    let crates = ["wire".to_owned(), "cache".to_owned()];
    assert!(disagreements("`wire` and crates/cache, `cache`", &crates).is_empty());
    assert_eq!(disagreements("`wire`", &crates), ["`cache` is not described"]);
    assert_eq!(
        disagreements("`wire` `cache` crates/old/x", &crates),
        ["crates/old does not exist"]
    );
}

#[test]
fn readme_names_the_two_commands() {
    let readme = page("README.md");
    for command in ["make test", "make lab"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
}

#[test]
fn every_page_is_there() {
    for name in [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "README.md",
    ] {
        assert!(!page(name).trim().is_empty(), "{name} is empty");
    }
    assert!(page("LICENSE").contains("Apache License"));
}

#[test]
fn lock_file_is_committed() {
    assert!(page("Cargo.lock").contains("name = \"weir\""));
    assert!(!page(".gitignore").contains("Cargo.lock"));
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for (path, file) in files(|name| name == "Cargo.toml") {
        let manifest = fs::read_to_string(file).unwrap();
        let ours = !path.starts_with("fuzz/");
        assert!(
            !ours || manifest.contains("[lints]\nworkspace = true"),
            "{path} does not take the workspace's lints"
        );
    }
}

#[test]
fn no_path_of_one_machine() {
    let texts = files(|name| TEXTS.iter().any(|end| name.ends_with(end)));
    assert!(texts.len() > 20, "only {} files found", texts.len());
    for (path, file) in texts {
        let lines = machine_paths(&fs::read_to_string(file).unwrap());
        assert!(
            lines.is_empty(),
            "{path}: lines {lines:?} name a place of one machine"
        );
    }
}

#[test]
fn no_path_of_one_machine_catches() {
    let text = format!("a\nsee {}x\nb", MACHINE_PATHS[0]);
    assert_eq!(machine_paths(&text), [2]);
    assert!(machine_paths("network/root, /var/lib").is_empty());
}
