//! Lines to words and braces.

use super::findings::Findings;
use super::reader::{Line, reference};
use super::text::{Glyph, Quoting};
use crate::diagnostics::Place;

/// A word, without its quotation marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As it was written: a backslash is one.
    pub(super) text: String,
    /// The mark that it begins with.
    pub(super) quote: Option<char>,
    pub(super) place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `{`
    Open(Place),
    /// `}`
    Close(Place),
    /// The end of a line.
    End,
}

pub(super) fn tokens(lines: &[Line], findings: &mut Findings) -> Vec<Token> {
    let mut tokens = Vec::new();
    for line in lines {
        split_line(line, &mut tokens, findings);
        tokens.push(Token::End);
    }
    tokens
}

fn split_line(line: &Line, tokens: &mut Vec<Token>, findings: &mut Findings) {
    let mut quoting = Quoting::default();
    let mut word: Option<Word> = None;
    // A brace of `${NAME}` is no brace.
    let mut reference_end = 0;
    for (at, c) in line.text.char_indices() {
        let glyph = quoting.take(c);
        if glyph == Glyph::Plain && c == '$' && at >= reference_end {
            let found = line.text.get(at..).and_then(reference);
            if let Some(found) = found {
                let what = format!("'{}' has no definition; it stays as it stands", found.name);
                findings.warn(&line.place, what);
                reference_end = at + found.length;
            }
        }
        let is_brace = (c == '{' || c == '}') && at >= reference_end;
        if glyph == Glyph::Plain && (c.is_whitespace() || is_brace) {
            tokens.extend(word.take().map(Token::Word));
            match c {
                '{' => tokens.push(Token::Open(line.place.clone())),
                '}' => tokens.push(Token::Close(line.place.clone())),
                _ => {}
            }
            continue;
        }
        let word = word.get_or_insert_with(|| Word {
            text: String::new(),
            quote: (glyph == Glyph::Mark).then_some(c),
            place: line.place.clone(),
        });
        if glyph != Glyph::Mark {
            word.text.push(c);
        }
    }
    if quoting.is_open() {
        let why = "a quotation that begins on this line does not end on it; add the closing quotation mark";
        findings.error(&line.place, why);
    }
    if word.as_ref().is_some_and(|word| word.text == "\\") {
        let why = "a line cannot go on behind a '\\', only a definition ($NAME=) can; write it on one line";
        findings.error(&line.place, why);
        return;
    }
    tokens.extend(word.map(Token::Word));
}

/// What a quoted text means: `\n`, `\t`, `\x41`, `\101`, `\cC` and their like; any other letter stands for itself.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\\' {
            plain.extend(escaped(&mut rest));
        } else {
            plain.push(c);
        }
    }
    plain
}

/// The character that what follows a backslash stands for.
fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let first = rest.next()?;
    let mut number = |radix: u32, most: usize, mut value: u32| {
        for _ in 0..most {
            let Some(digit) = rest.clone().next().and_then(|c| c.to_digit(radix)) else {
                break;
            };
            rest.next();
            value = value * radix + digit;
        }
        // A byte, as in C.
        char::from(value.to_le_bytes()[0])
    };
    Some(match first {
        'a' => '\x07',
        'b' => '\x08',
        'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => number(16, 2, 0),
        'c' => char::from(u8::try_from(rest.next()?).ok()? & 0x1f),
        _ => match first.to_digit(8) {
            Some(digit) => number(8, 2, digit),
            None => first,
        },
    })
}

/// The words of a command line: split at blanks outside of quotation marks, which go, as do backslashes.
///
/// # Errors
/// When a quotation does not end.
pub(super) fn command_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut open = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match open {
            None if c.is_whitespace() => words.extend(word.take()),
            None if c == '"' || c == '\'' => {
                open = Some(c);
                word.get_or_insert_default();
            }
            Some(mark) if c == mark => open = None,
            _ if c == '\\' => word.get_or_insert_default().extend(escaped(&mut rest)),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match open {
        Some(mark) => Err(format!(
            "the quotation that begins with {mark} inside of it does not end"
        )),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a line, and what is said about it.
    fn split(text: &str) -> (String, Vec<String>) {
        let mut findings = Findings::default();
        let line = Line {
            text: text.to_owned(),
            place: Place::new("f", 1),
        };
        let tokens = tokens(&[line], &mut findings);
        let shown = tokens.iter().map(|token| match token {
            Token::Word(word) => format!("<{}>", word.text),
            Token::Open(_) => "{".to_owned(),
            Token::Close(_) => "}".to_owned(),
            Token::End => ";".to_owned(),
        });
        let (Ok(((), findings)) | Err(findings)) = findings.finish(());
        (
            shown.collect(),
            findings.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn braces_and_blanks_part_words_outside_of_quotation_marks() {
        for (text, expected) in [
            ("a{b}c", "<a>{<b>}<c>;"),
            ("a \"b { c\" '}'", "<a><b { c><}>;"),
            ("abcd\" efg h jkl \"mnop", "<abcd efg h jkl mnop>;"),
            ("\"\"", "<>;"),
            ("bob's", "<bob's>;"),
            (r#""a \" b""#, r#"<a \" b>;"#),
            ("a\\b", "<a\\b>;"),
        ] {
            let (shown, findings) = split(text);
            assert_eq!((shown.as_str(), findings.len()), (expected, 0), "{text}");
        }
    }

    #[test]
    fn what_has_no_definition_stays_and_is_named() {
        let (shown, findings) = split("a ${B}c {");
        assert_eq!(shown, "<a><${B}c>{;");
        assert_eq!(
            findings,
            ["f:1: warning: 'B' has no definition; it stays as it stands"]
        );
        assert_eq!(split("awk '{print $NF}'").1, [""; 0]);
    }

    #[test]
    fn a_quotation_and_a_line_end_where_they_end() {
        for (text, why) in [
            ("a \"b", "a quotation that begins on this line"),
            ("a 'b", "a quotation that begins on this line"),
            ("a \\", "a line cannot go on behind a '\\'"),
        ] {
            let (_, findings) = split(text);
            assert!(findings[0].starts_with(&format!("f:1: {why}")), "{findings:?}");
        }
    }

    #[test]
    fn command_lines_are_split_as_keepalived_splits_them() {
        for (text, expected) in [
            ("killall -0 dnsdist", &["killall", "-0", "dnsdist"][..]),
            ("sh -c 'exit 0 # x'", &["sh", "-c", "exit 0 # x"]),
            (
                r#"sh -c 'exit 0' x\"y z\" \\ 1"#,
                &["sh", "-c", "exit 0", "xy z", " 1"],
            ),
            (
                r"echo a\tb 'c\td' \x41 \101 \\\\ ",
                &["echo", "a", "b", "c\td", "A", "A", "\\"],
            ),
            ("a '' b", &["a", "", "b"]),
        ] {
            assert_eq!(command_words(&unescape(text)).expect(text), expected, "{text}");
        }
        assert!(command_words("sh -c 'exit").is_err());
    }
}
