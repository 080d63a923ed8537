//! Words, braces and semicolons.

use crate::diagnostics::{Diagnostic, Place};

/// What a token is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A word, without quotation marks.
    Word(String),
    /// `{`
    Open,
    /// `}`
    Close,
    /// `;`
    End,
}

/// A token and its line.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) place: Place,
}

pub(super) fn tokens(text: &str, file: &str) -> Result<Vec<Token>, Diagnostic> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let (mut line, mut counted) = (1, 0);
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let at = text.len() - rest.len();
        line += text.get(counted..at).unwrap_or_default().matches('\n').count();
        counted = at;
        let place = Place::new(file, u32::try_from(line).unwrap_or(u32::MAX));
        if rest.starts_with('#') || rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            let Some((_, after)) = comment.split_once("*/") else {
                return Err(Diagnostic::error(place, "this comment does not end"));
            };
            rest = after;
            continue;
        }
        let (kind, length) = match first {
            '{' => (TokenKind::Open, 1),
            '}' => (TokenKind::Close, 1),
            ';' => (TokenKind::End, 1),
            '"' => match quoted(rest) {
                Some((word, length)) => (TokenKind::Word(word), length),
                None => return Err(Diagnostic::error(place, "this string does not end")),
            },
            _ => {
                let length = word_length(rest);
                (
                    TokenKind::Word(rest.get(..length).unwrap_or_default().to_owned()),
                    length,
                )
            }
        };
        tokens.push(Token { kind, place });
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// The content of the string that `text` begins with, and its length with its quotation marks.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut word = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((word, at + 1)),
            '\\' => word.extend(chars.next().map(|(_, escaped)| escaped)),
            other => word.push(other),
        }
    }
    None
}

fn word_length(text: &str) -> usize {
    let ends = |at: usize, char: char| {
        let rest = text.get(at..).unwrap_or_default();
        char.is_whitespace() || "{};\"#".contains(char) || rest.starts_with("//") || rest.starts_with("/*")
    };
    { text.char_indices() }
        .find(|&(at, char)| at > 0 && ends(at, char))
        .map_or(text.len(), |(at, _)| at)
}
