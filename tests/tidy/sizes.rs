//! Sizes: a function fits on a page, a file in a sitting.

use crate::source::{Source, closing_brace};
use crate::{catches, finding, hold};

/// Lines of code in a function, without comments and blank lines (as clippy counts).
const FUNCTION_LINES: usize = 70;
/// Lines in a file, without tests.
const FILE_LINES: usize = 700;

fn functions_are_short(source: &Source) -> Vec<String> {
    let code = &source.code;
    let starts = code.match_indices("fn ").map(|(at, _)| at);
    let mut findings = Vec::new();
    for start in starts {
        let part_of_word = code[..start]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        let rest = &code[start..];
        let Some(open) = rest.find('{').map(|at| start + at) else {
            continue;
        };
        // A declaration without a body, or a function pointer type.
        if part_of_word || has_no_body(&code[start..open]) {
            continue;
        }
        let close = closing_brace(code, open).unwrap_or(code.len());
        let body = &code[open + 1..close];
        let length = body.lines().filter(|line| !line.trim().is_empty()).count();
        if length > FUNCTION_LINES {
            let line = code[..start].lines().count();
            findings.push(finding(
                source,
                line,
                &format!("a function of {length} lines ({FUNCTION_LINES} at most)"),
            ));
        }
    }
    findings
}

/// Whether the text between `fn` and the next brace shows that the brace is not this function's: a semicolon
/// outside of brackets (`[u8; 4]` has one inside), or no name.
fn has_no_body(head: &str) -> bool {
    let mut depth = 0i32;
    for byte in head.bytes() {
        match byte {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth -= 1,
            b';' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

fn files_are_short(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    // Tests at a file's end do not count; a file that is nothing but tests does.
    let tests = source
        .code
        .lines()
        .zip(source.shipped.lines())
        .filter(|(all, kept)| all.trim() != kept.trim())
        .count();
    let length = if source.shipped.trim().is_empty() {
        lines
    } else {
        lines - tests
    };
    if length <= FILE_LINES {
        return Vec::new();
    }
    vec![finding(
        source,
        length,
        &format!("a file of {length} lines without tests ({FILE_LINES} at most)"),
    )]
}

fn limits_are_not_switched_off(source: &Source) -> Vec<String> {
    let switched = source
        .code
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("clippy::too_many_lines"));
    switched
        .map(|(number, _)| finding(source, number + 1, "the length limit is not for switching off"))
        .collect()
}

#[test]
fn functions_are_short_everywhere() {
    hold("functions are short", functions_are_short);
}

#[test]
fn functions_are_short_catches() {
    let function = |lines: usize| {
        format!(
            "fn f(a: [u8; 4]) {{\n{}}}\nfn g() {{}}\n",
            "    a();\n".repeat(lines)
        )
    };
    let commented = format!("fn f() {{\n{}}}", "    // why\n\n".repeat(100));
    let declared = format!(
        "trait T {{ fn f(); }}\nstruct S {{\n{}}}",
        "    a: u8,\n".repeat(100)
    );
    let (long, short) = (function(FUNCTION_LINES + 1), function(FUNCTION_LINES));
    catches(
        functions_are_short,
        "src/x.rs",
        &[&long],
        &[&short, &commented, &declared],
    );
}

#[test]
fn files_are_short_everywhere() {
    hold("files are short", files_are_short);
}

#[test]
fn files_are_short_catches() {
    let long = "fn f() {}\n".repeat(FILE_LINES + 1);
    let tested = format!(
        "fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    fn g() {}\n".repeat(FILE_LINES)
    );
    catches(files_are_short, "src/x.rs", &[&long], &[&tested]);
    catches(files_are_short, "tests/x.rs", &[&long], &[]);
}

#[test]
fn limits_are_not_switched_off_anywhere() {
    hold("limits are not switched off", limits_are_not_switched_off);
}

#[test]
fn limits_are_not_switched_off_catches() {
    let allow = "#[allow(clippy::too_many_lines)]\nfn f() {}";
    catches(
        limits_are_not_switched_off,
        "src/x.rs",
        &[allow],
        &["#[allow(clippy::too_many_arguments)]"],
    );
}
