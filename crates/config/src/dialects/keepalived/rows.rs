//! What a row of the tables of keywords is, and what the parser hands to it.

use super::findings::Findings;
use super::syntax::Parser;
use super::tokens::Word;
use crate::diagnostics::Place;

/// A keyword that says something about a `T`.
pub(super) struct Keyword<T: 'static> {
    pub(super) name: &'static str,
    /// What follows it, as documentation writes it.
    pub(super) args: &'static str,
    /// What it says, or why nothing comes of it.
    pub(super) doc: &'static str,
    pub(super) does: Does<T>,
    /// Whether a node without this statement would run without authentication, a check or an address.
    pub(super) is_guard: bool,
}

/// What becomes of a statement.
pub(super) enum Does<T: 'static> {
    /// Its words, which stand on its line, are taken.
    Takes(Extent, Set<T>),
    /// A list in braces, with the options of its items.
    Lists(&'static [ItemOption], fn(&mut T, &[Item], &mut Findings)),
    /// A block in braces, with a name or without.
    Opens(Named, fn(&mut Parser<'_>, &mut T, &Head)),
    /// Nothing, and nothing is missed.
    Moot,
    /// Nothing, and a warning says why.
    Ignored,
    /// It is an error, because something else would happen than what was written.
    Refused,
}

/// How much of a line belongs to a statement.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    /// At least and at most so many words.
    Words(usize, usize),
    /// One word in quotation marks, or every word of the line.
    Command,
}

/// What takes the words of a statement.
type Set<T> = fn(&mut T, &mut Statement<'_>) -> Result<(), String>;

impl<T> Keyword<T> {
    /// A statement of `least` to `most` words behind its keyword.
    pub(super) const fn takes(
        name: &'static str,
        args: &'static str,
        doc: &'static str,
        (least, most): (usize, usize),
        set: Set<T>,
    ) -> Self {
        Self::new(name, args, doc, Does::Takes(Extent::Words(least, most), set))
    }

    /// A statement of one word behind its keyword.
    pub(super) const fn word(name: &'static str, args: &'static str, doc: &'static str, set: Set<T>) -> Self {
        Self::takes(name, args, doc, (1, 1), set)
    }

    /// A statement of a command.
    pub(super) const fn command(name: &'static str, doc: &'static str, set: Set<T>) -> Self {
        Self::new(name, "COMMAND", doc, Does::Takes(Extent::Command, set))
    }

    /// A keyword alone, or with true or false behind it.
    pub(super) const fn flag(name: &'static str, doc: &'static str, set: Set<T>) -> Self {
        Self::takes(name, "[BOOL]", doc, (0, 1), set)
    }

    /// A list in braces.
    pub(super) const fn lists(
        name: &'static str,
        args: &'static str,
        doc: &'static str,
        options: &'static [ItemOption],
        set: fn(&mut T, &[Item], &mut Findings),
    ) -> Self {
        Self::new(name, args, doc, Does::Lists(options, set))
    }

    /// A block in braces.
    pub(super) const fn opens(
        name: &'static str,
        named: Named,
        doc: &'static str,
        read: fn(&mut Parser<'_>, &mut T, &Head),
    ) -> Self {
        let args = match named {
            Named::Yes => "NAME { ... }",
            Named::No => "{ ... }",
        };
        Self::new(name, args, doc, Does::Opens(named, read))
    }

    /// Accepted without a word: `doc` says why there is nothing to do.
    pub(super) const fn moot(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, "...", doc, Does::Moot)
    }

    /// Accepted with a warning that says why.
    pub(super) const fn ignored(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, "...", doc, Does::Ignored)
    }

    /// An error that says why.
    pub(super) const fn refused(name: &'static str, doc: &'static str) -> Self {
        Self::new(name, "...", doc, Does::Refused)
    }

    const fn new(name: &'static str, args: &'static str, doc: &'static str, does: Does<T>) -> Self {
        Self {
            name,
            args,
            doc,
            does,
            is_guard: false,
        }
    }
}

/// The same row; a slip of the finger in its name is an error.
pub(super) const fn guard<T>(row: Keyword<T>) -> Keyword<T> {
    Keyword {
        is_guard: true,
        ..row
    }
}

/// Whether a block has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Yes,
    No,
}

/// A statement of words.
pub(super) struct Statement<'s> {
    pub(super) keyword: &'s Word,
    pub(super) words: &'s [Word],
    pub(super) findings: &'s mut Findings,
}

impl Statement<'_> {
    /// The first word.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn first(&self) -> Result<&Word, String> {
        self.words.first().ok_or_else(|| "a word is missing".to_owned())
    }

    pub(super) fn warn(&mut self, message: &str) {
        let message = format!("{}: {message}", self.keyword.text);
        self.findings.warn(&self.keyword.place, message);
    }
}

/// An option of the items of a list.
pub(super) struct ItemOption {
    pub(super) name: &'static str,
    pub(super) has_value: bool,
}

/// An item of a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) head: Word,
    /// In the order in which they were written.
    pub(super) options: Vec<(&'static str, Option<Word>)>,
    /// Whether another item stands before it on its line.
    pub(super) is_behind: bool,
}

/// The beginning of a block.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Empty for a block without one.
    pub(super) name: String,
    /// The keyword, and the name behind it.
    pub(super) title: String,
    pub(super) place: Place,
}
