//! Tests of what cannot be undone: the test binary, run again for one ignored test in a process of its own.

use std::process::Command;

/// Runs the ignored test at `path`, such as `privileges::tests::apart_…`, and asserts that it passes. It finds our
/// process number in `WEIR_TEST_PARENT`.
pub(crate) fn assert_passes_apart(path: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "--test-threads=1", path])
        .env("WEIR_TEST_PARENT", std::process::id().to_string())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(printed.contains("1 passed"), "{printed}");
}
