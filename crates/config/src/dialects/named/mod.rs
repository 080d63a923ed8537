//! named.conf, as far as a check of a site looks at it: statements, blocks, words, and where they are.
//!
//! What a statement means is not known here. The grammar is that of the BIND 9 Administrator Reference Manual,
//! "Configuration File Grammar": a statement is words and blocks up to a semicolon, a block is statements in braces;
//! comments begin with `//` or `#` or stand between `/*` and `*/`; a string in double quotes is one word.

#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;

use crate::diagnostics::{Diagnostic, Place};
use tokens::{Token, TokenKind, tokens};

/// Blocks within blocks; named.conf has four at most.
const MAX_DEPTH: usize = 16;

/// A statement with its semicolon left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its words and blocks; at least one.
    pub parts: Vec<Part>,
    /// Where it begins.
    pub place: Place,
}

/// A part of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A word, without its quotation marks.
    Word(String),
    /// `{ ... }`.
    Block(Vec<Statement>),
}

impl Statement {
    /// Its first word, or nothing where it begins with a block.
    pub fn keyword(&self) -> &str {
        self.word(0)
    }

    /// The word at this position, or nothing.
    pub fn word(&self, at: usize) -> &str {
        match self.parts.get(at) {
            Some(Part::Word(word)) => word,
            Some(Part::Block(_)) | None => "",
        }
    }

    /// Its first block; empty without one.
    pub fn block(&self) -> &[Self] {
        let blocks = self.parts.iter().filter_map(|part| match part {
            Part::Block(statements) => Some(statements.as_slice()),
            Part::Word(_) => None,
        });
        blocks.into_iter().next().unwrap_or_default()
    }
}

impl fmt::Display for Statement {
    /// In one line, as it might have been written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.parts.iter().enumerate() {
            let space = if number > 0 { " " } else { "" };
            match part {
                Part::Word(word) => write!(f, "{space}{word}")?,
                Part::Block(statements) => {
                    write!(f, "{space}{{ ")?;
                    statements
                        .iter()
                        .try_for_each(|statement| write!(f, "{statement}; "))?;
                    f.write_str("}")?;
                }
            }
        }
        Ok(())
    }
}

/// The statements of `text`, which stands in `file`.
///
/// # Errors
/// The first place where it is not a named.conf.
pub fn read(text: &str, file: &str) -> Result<Vec<Statement>, Diagnostic> {
    let tokens = tokens(text, file)?;
    let mut rest = tokens.as_slice();
    statements(&mut rest, 0, &Place::new(file, 0))
}

/// Statements up to the brace that ends their block, which is taken as well, or to the end of the file.
fn statements(rest: &mut &[Token], depth: usize, opened: &Place) -> Result<Vec<Statement>, Diagnostic> {
    let mut all = Vec::new();
    let mut parts = Vec::new();
    let mut begun: Option<Place> = None;
    while let Some((token, after)) = rest.split_first() {
        *rest = after;
        match &token.kind {
            TokenKind::Word(word) => {
                parts.push(Part::Word(word.clone()));
                begun.get_or_insert_with(|| token.place.clone());
            }
            TokenKind::Open if depth == MAX_DEPTH => {
                return Err(Diagnostic::error(
                    token.place.clone(),
                    "too many blocks within blocks",
                ));
            }
            TokenKind::Open => {
                parts.push(Part::Block(statements(rest, depth + 1, &token.place)?));
                begun.get_or_insert_with(|| token.place.clone());
            }
            TokenKind::End => {
                if let Some(place) = begun.take() {
                    all.push(Statement {
                        parts: std::mem::take(&mut parts),
                        place,
                    });
                }
            }
            TokenKind::Close if depth == 0 => {
                return Err(Diagnostic::error(token.place.clone(), "this '}' closes nothing"));
            }
            TokenKind::Close => return unfinished(begun).map_or(Ok(all), Err),
        }
    }
    if depth > 0 {
        return Err(Diagnostic::error(opened.clone(), "this '{' is never closed"));
    }
    unfinished(begun).map_or(Ok(all), Err)
}

fn unfinished(begun: Option<Place>) -> Option<Diagnostic> {
    begun.map(|place| Diagnostic::error(place, "this statement does not end").help("add ';' behind it"))
}
