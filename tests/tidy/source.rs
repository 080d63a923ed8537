//! Rust source as the rules look at it: without comments, without what is inside quotes, without tests.
//!
//! This is no parser. It knows where comments, strings, characters and braces are, which is all that the rules need,
//! and keeps every line where it was, so that a finding names its line.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that are not ours to judge, or not source.
const SKIPPED: [&str; 4] = ["target", ".git", "corpus", "artifacts"];

/// One file of Rust.
pub(crate) struct Source {
    /// Relative to the repository, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// Comments, strings and characters replaced by spaces.
    pub(crate) code: String,
    /// `code` with everything that only tests compile blanked as well.
    pub(crate) shipped: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = strip(text);
        let shipped = if is_test_file(path) {
            blank(&code)
        } else {
            without_tests(&code)
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            shipped,
        }
    }
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository whose name `wanted` accepts, as (relative path, absolute path), sorted.
pub(crate) fn files(wanted: impl Fn(&str) -> bool) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut directories = vec![root().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    directories.push(path);
                }
            } else if wanted(&name) {
                let relative = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((relative, path));
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file of the repository. A module declared under `#[cfg(test)]` counts as a test file.
pub(crate) fn sources() -> Vec<Source> {
    let mut sources: Vec<Source> = files(|name| name.ends_with(".rs"))
        .iter()
        .map(|(relative, path)| Source::new(relative, &fs::read_to_string(path).unwrap()))
        .collect();
    let tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let module = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        if tests
            .iter()
            .any(|test| module == test || module.starts_with(&format!("{test}/")))
        {
            source.shipped = blank(&source.code);
        }
    }
    sources
}

/// The identifiers of `code` with their line numbers.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(number, line)| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(move |word| (number + 1, word))
    })
}

/// The index of the brace that closes the one at `open`.
pub(crate) fn closing_brace(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (index, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(index),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_test_file(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

/// The modules that this file declares for tests only, as paths without `.rs`.
fn test_modules(source: &Source) -> Vec<String> {
    let (directory, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let stem = file.trim_end_matches(".rs");
    let base = if matches!(stem, "lib" | "main" | "mod") {
        directory.to_owned()
    } else {
        format!("{directory}/{stem}")
    };
    let after_attribute = source.code.split("#[cfg(test)]").skip(1);
    let declared = after_attribute.filter_map(|rest| rest.split_once(';').map(|(item, _)| item.trim()));
    declared
        .filter_map(|item| {
            item.strip_prefix("pub(crate) ")
                .unwrap_or(item)
                .strip_prefix("mod ")
        })
        .filter(|name| !name.contains(char::is_whitespace))
        .map(|name| format!("{base}/{name}"))
        .collect()
}

fn blank(code: &str) -> String {
    code.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// Blanks every item under `#[cfg(test)]`, to its closing brace or semicolon.
fn without_tests(code: &str) -> String {
    let mut kept = code.to_owned();
    let mut from = 0;
    while let Some(start) = kept[from..].find("#[cfg(test)]").map(|at| from + at) {
        let rest = &kept[start..];
        let end = match (rest.find('{'), rest.find(';')) {
            (Some(brace), Some(semicolon)) if semicolon < brace => start + semicolon,
            (Some(brace), _) => closing_brace(&kept, start + brace).unwrap_or(kept.len() - 1),
            (None, Some(semicolon)) => start + semicolon,
            (None, None) => kept.len() - 1,
        };
        let blanked = blank(&kept[start..=end]);
        kept.replace_range(start..=end, &blanked);
        from = end;
    }
    kept
}

/// Replaces comments and the inside of quotes by spaces, byte for byte.
fn strip(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => end_of_line(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => end_of_block_comment(bytes, at),
            b'"' => end_of_string(bytes, at + 1),
            b'r' if starts_word(bytes, at) => end_of_raw_string(bytes, at).unwrap_or(at),
            b'\'' => end_of_character(bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            let end = end.min(bytes.len());
            out.extend(
                bytes[at..end]
                    .iter()
                    .map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }),
            );
            at = end;
        }
    }
    String::from_utf8(out).unwrap()
}

/// Whether the byte at `at` begins a token: `r` in `for"` does not begin a raw string, `br"` does.
fn starts_word(bytes: &[u8], at: usize) -> bool {
    let part_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match at.checked_sub(1).map(|before| bytes[before]) {
        Some(b'b') => at < 2 || !part_of_name(bytes[at - 2]),
        Some(byte) => !part_of_name(byte),
        None => true,
    }
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(bytes.len(), |length| at + length)
}

fn end_of_block_comment(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// Past the quote that ends a string whose content begins at `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Past a raw string that begins with `r` at `at`; `None` when it is none.
fn end_of_raw_string(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|&&byte| byte == b'#').count();
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let closing = [&b"\""[..], &vec![b'#'; hashes]].concat();
    let content = at + 2 + hashes;
    let length = bytes[content..]
        .windows(closing.len())
        .position(|window| window == closing)?;
    Some(content + length + closing.len())
}

/// Past a character literal at `at`; `None` for a lifetime.
fn end_of_character(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at + 1) == Some(&b'\\') {
        let length = bytes[at + 3..].iter().position(|&byte| byte == b'\'')?;
        return Some(at + 3 + length + 1);
    }
    // A character is up to four bytes long; a lifetime has no quote after its first character.
    let rest = std::str::from_utf8(&bytes[at + 1..bytes.len().min(at + 5)]);
    let rest = rest
        .or_else(|error| std::str::from_utf8(&bytes[at + 1..at + 1 + error.valid_up_to()]))
        .ok()?;
    let length = rest.chars().next()?.len_utf8();
    (bytes.get(at + 1 + length) == Some(&b'\'')).then_some(at + 1 + length + 1)
}

#[test]
fn strip_blanks_comments_and_quotes_and_keeps_lines() {
    let text = "let a = \"unsafe \\\" x\"; // unsafe\n/* unsafe /* x */ unsafe */ let b = r#\"un\"safe\"#;\nlet c: &'a str = 'x';";
    let code = strip(text);
    assert!(!code.contains("safe"), "{code}");
    assert_eq!(code.len(), text.len());
    assert_eq!(code.lines().count(), 3);
    assert!(code.contains("&'a str =    "), "{code}");
    assert!(strip("if x == '\\'' || y == '\"' { unsafe }").ends_with("{ unsafe }"));
    assert!(strip("let é = 'é'; unsafe").ends_with("unsafe"));
}

#[test]
fn without_tests_blanks_test_items_only() {
    let kept = without_tests(
        "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}\n#[cfg(test)]\nmod t;\nfn d() {}",
    );
    assert!(
        kept.contains("fn a") && kept.contains("fn c") && kept.contains("fn d"),
        "{kept}"
    );
    assert!(!kept.contains("fn b") && !kept.contains("mod t"), "{kept}");
}
