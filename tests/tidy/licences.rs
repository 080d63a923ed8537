//! Licences of everything that is compiled: permissive ones only, read from what cargo says.

use std::process::Command;

use serde_json::Value;

/// Licences that oblige to no more than keeping a notice (MPL-2.0: and to publish changes of its own files).
const ALLOWED: [&str; 8] = [
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];
/// Exceptions to a licence that give more, not less.
const EXCEPTIONS: [&str; 1] = ["LLVM-exception"];

/// Whether an SPDX expression can be satisfied with [`ALLOWED`]. `A/B` is the old way to write `A OR B`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let allowed = any(&mut words);
    allowed && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>) -> bool {
    let mut allowed = all(words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all(words);
    }
    allowed
}

fn all(words: &mut Words<'_>) -> bool {
    let mut allowed = one(words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut Words<'_>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let allowed = any(words);
        return words.next_if_eq(&")").is_some() && allowed;
    }
    let allowed = words.next().is_some_and(|licence| ALLOWED.contains(&licence));
    if words.next_if_eq(&"WITH").is_some() {
        return words
            .next()
            .is_some_and(|exception| EXCEPTIONS.contains(&exception))
            && allowed;
    }
    allowed
}

/// Every package of the workspace's graph on this platform, as cargo describes it.
fn packages() -> Vec<Value> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap()
        .to_owned();
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            &host,
        ])
        .current_dir(crate::source::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn licences_are_permissive() {
    let packages = packages();
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(is_allowed))
        .map(|package| {
            format!(
                "{} {}: {}",
                package["name"], package["version"], package["license"]
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "licences not in the list:\n{}",
        wrong.join("\n")
    );
    assert!(
        packages.len() > 8,
        "cargo metadata lists only {} packages",
        packages.len()
    );
}

#[test]
fn licences_are_permissive_catches() {
    let good = [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        "Unlicense OR MIT",
    ];
    let bad = [
        "GPL-2.0-only",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND AGPL-3.0",
        "MIT MIT",
        "",
        "(MIT",
        "GPL-2.0 WITH LLVM-exception",
    ];
    assert!(good.iter().all(|expression| is_allowed(expression)), "{good:?}");
    assert!(!bad.iter().any(|expression| is_allowed(expression)), "{bad:?}");
}
