//! `weir check` as operators and CI run it.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod blueprint;
mod command;
mod tree;

use std::path::Path;
use std::process::{Command, Output};

use tree::Tree;

/// Runs `weir check` in `directory`.
fn check(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command
        .arg("check")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// What it printed, and its exit code.
fn printed(directory: &Path, arguments: &[&str]) -> (String, i32) {
    let output = check(directory, arguments);
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code().unwrap(),
    )
}

/// What it says about all files of the blueprint, with `flags`.
fn of_the_blueprint(flags: &[&str]) -> (String, i32) {
    let tree = Tree::of_the_blueprint().unwrap();
    printed(tree.path(), &[&tree::FILES[..], flags].concat())
}

/// Compares with a file in `golden/`; `WEIR_WRITE_GOLDEN` writes it, to be looked at before it is committed.
fn expect_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/check/golden")
        .join(name);
    if std::env::var_os("WEIR_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(text == golden, "{name} differs; it is now:\n{text}");
}
