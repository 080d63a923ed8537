//! Words: the table in ARCHITECTURE.md has a name for everything, and some names say nothing.

use crate::source::{Source, words};
use crate::{catches, finding, hold};

/// Names that say that something is there, not what it is. Whole words of a type's, module's or file's name.
const EMPTY: [&str; 14] = [
    "common", "context", "core", "engine", "engines", "handler", "handlers", "helper", "helpers", "manager",
    "managers", "service", "util", "utils",
];
/// After these words stands a name that somebody chose.
const DECLARING: [&str; 5] = ["enum", "mod", "struct", "trait", "type"];
/// What is left over from writing.
const LEFTOVERS: [&str; 2] = ["FIXME", "XXX"];
/// Macros that belong into no commit.
const UNFINISHED: [&str; 3] = ["dbg!", "todo!", "unimplemented!"];
/// Shorter than this is no reason.
const REASON_LENGTH: usize = 12;

fn names_say_what_it_is(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    let path = source.path.trim_end_matches(".rs").rsplit('/').take(2);
    for part in path.filter(|part| is_empty_name(part)) {
        findings.push(finding(source, 1, &format!("a file named `{part}`")));
    }
    let code: Vec<_> = words(&source.code).collect();
    for pair in code.windows(2) {
        let [(_, before), (line, name)] = pair else {
            continue;
        };
        if DECLARING.contains(before) && is_empty_name(name) {
            findings.push(finding(source, *line, &format!("`{before} {name}`")));
        }
    }
    findings
}

/// Whether one of the words of a name, in either case, is empty.
fn is_empty_name(name: &str) -> bool {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_uppercase() || c == '_' || c == '-' {
            spaced.push(' ');
        }
        spaced.extend(c.to_lowercase());
    }
    spaced.split([' ', '_', '-']).any(|word| EMPTY.contains(&word))
}

fn nothing_is_left_over(source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, (text, code)) in source.text.lines().zip(source.code.lines()).enumerate() {
        let comment = text
            .find("//")
            .filter(|&at| code.get(at..).is_some_and(|rest| rest.trim().is_empty()));
        let comment = comment.map_or("", |at| &text[at..]);
        let reason = comment
            .split_once("TODO")
            .map(|(_, reason)| reason.trim_start_matches(':').trim());
        if reason.is_some_and(|reason| reason.len() < REASON_LENGTH) {
            findings.push(finding(source, number + 1, "a TODO without a reason"));
        }
        if let Some(word) = LEFTOVERS.iter().find(|word| comment.contains(**word)) {
            findings.push(finding(source, number + 1, word));
        }
        if let Some(name) = UNFINISHED.iter().find(|name| code.contains(**name)) {
            findings.push(finding(source, number + 1, name));
        }
    }
    findings
}

fn files_say_what_they_are(source: &Source) -> Vec<String> {
    // `tests.rs` are the tests of the module above it; there is no more to say.
    if source.text.starts_with("//!") || source.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    vec![finding(source, 1, "does not begin with `//!`")]
}

/// `make test` as root runs ignored tests, except `apart_…`, which other tests run in a process of their own. So
/// `ignore` must mean one of the two.
fn ignored_means_root(source: &Source) -> Vec<String> {
    let lines: Vec<_> = source.text.lines().zip(source.code.lines()).collect();
    let mut findings = Vec::new();
    for (number, (text, _)) in lines
        .iter()
        .enumerate()
        .filter(|(_, (_, code))| code.contains("#[ignore"))
    {
        let function = lines[number..]
            .iter()
            .find(|(_, code)| code.contains("fn "))
            .map_or("", |(_, code)| code);
        let apart = text.contains("#[ignore = \"run by ") && function.contains("fn apart_");
        if !apart && !text.contains("#[ignore = \"needs root") {
            findings.push(finding(
                source,
                number + 1,
                "`ignore` is for tests that need root or are run by others",
            ));
        }
    }
    findings
}

#[test]
fn names_say_what_it_is_everywhere() {
    hold("names say what it is", names_say_what_it_is);
}

#[test]
fn names_say_what_it_is_catches() {
    let bad = [
        "struct PoolManager;",
        "mod util;",
        "trait Handler {}",
        "enum QueryContext {}",
    ];
    catches(
        names_say_what_it_is,
        "src/x.rs",
        &bad,
        &[
            "struct Scores;",
            "use core::fmt;",
            "// struct Manager",
            "fn f(context: u8)",
        ],
    );
    catches(
        names_say_what_it_is,
        "crates/wire/src/name_helpers.rs",
        &["//! x"],
        &[],
    );
    catches(
        names_say_what_it_is,
        "crates/wire/src/common/mod.rs",
        &["//! x"],
        &[],
    );
}

#[test]
fn nothing_is_left_over_anywhere() {
    hold("nothing is left over", nothing_is_left_over);
}

#[test]
fn nothing_is_left_over_catches() {
    let bad = [
        "// TODO",
        "f(); // TODO: later",
        "// FIXME: this is wrong",
        "dbg!(x);",
        "todo!()",
    ];
    let good = [
        "// TODO: RFC 9018 cookies need a shared secret first",
        "let a = \"FIXME\";",
        "// see dbg!",
    ];
    catches(nothing_is_left_over, "src/x.rs", &bad, &good);
}

#[test]
fn files_say_what_they_are_everywhere() {
    hold("files say what they are", files_say_what_they_are);
}

#[test]
fn files_say_what_they_are_catches() {
    catches(
        files_say_what_they_are,
        "src/x.rs",
        &["use a;\n//! x", "// x"],
        &["//! x\n"],
    );
}

#[test]
fn ignored_means_root_everywhere() {
    hold("ignored means root", ignored_means_root);
}

#[test]
fn ignored_means_root_catches() {
    let bad = ["#[ignore]\nfn f() {}", "#[ignore = \"slow\"]\nfn f() {}"];
    catches(
        ignored_means_root,
        "src/x.rs",
        &bad,
        &["#[ignore = \"needs root: network namespaces\"]\nfn f() {}"],
    );
}
