//! The rules of this code base as tests: walls between crates, sizes, words, licences, documentation.
//!
//! A rule is a function from one file to findings, each `path:line: what`; a test runs it over the tree, and a second
//! one shows that it finds what it is for. Exceptions stand in one list, with the reason.
#![allow(clippy::unwrap_used, reason = "an unreadable tree is a failed test")]

#[path = "tidy/licences.rs"]
mod licences;
#[path = "tidy/pages.rs"]
mod pages;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/walls.rs"]
mod walls;
#[path = "tidy/wording.rs"]
mod wording;

use source::Source;

/// (rule, path, reason): what a rule finds and we accept. A rule that no longer finds anything there fails as well.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Runs a rule over every source file; panics with all findings that are not excepted.
fn hold(rule: &str, check: impl Fn(&Source) -> Vec<String>) {
    let mut findings = Vec::new();
    let mut unused: Vec<_> = EXCEPTIONS.iter().filter(|(name, ..)| *name == rule).collect();
    for source in source::sources() {
        let found = check(&source);
        if found.is_empty() {
            continue;
        }
        let excepted = unused.iter().position(|(_, path, _)| *path == source.path);
        match excepted {
            Some(index) => drop(unused.swap_remove(index)),
            None => findings.extend(found),
        }
    }
    findings.extend(
        unused
            .iter()
            .map(|(_, path, _)| format!("{path}: the exception is no longer needed")),
    );
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}

/// One finding.
fn finding(source: &Source, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", source.path)
}

/// Asserts that a rule finds something in `bad` and nothing in `good`, both being files at `path`.
fn catches(check: impl Fn(&Source) -> Vec<String>, path: &str, bad: &[&str], good: &[&str]) {
    for text in bad {
        assert!(!check(&Source::new(path, text)).is_empty(), "not caught: {text}");
    }
    for text in good {
        let found = check(&Source::new(path, text));
        assert!(found.is_empty(), "caught: {text}: {found:?}");
    }
}
