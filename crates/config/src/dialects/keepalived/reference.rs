//! Every keyword as a list, for people.

use super::keywords;
use super::rows::{Does, Keyword};

/// One keyword in the block that it belongs into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeywordEntry {
    /// The block, or `the top level`.
    pub block: &'static str,
    /// The keyword.
    pub name: &'static str,
    /// What follows it.
    pub args: &'static str,
    /// What it says, or why nothing comes of it.
    pub doc: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether a node without this statement would run without authentication, a check or an address.
    pub is_guard: bool,
}

/// What becomes of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It works.
    Supported,
    /// It is accepted; there is nothing to do.
    Moot,
    /// It is accepted with a warning.
    Ignored,
    /// It is an error.
    Refused,
}

/// Every keyword, block by block.
pub fn reference() -> Vec<KeywordEntry> {
    let mut entries = Vec::new();
    keywords::list(&mut entries);
    entries
}

/// Adds the rows of one table.
pub(super) fn add<T>(entries: &mut Vec<KeywordEntry>, block: &'static str, table: &[Keyword<T>]) {
    entries.extend(table.iter().map(|row| KeywordEntry {
        block,
        name: row.name,
        args: row.args,
        doc: row.doc,
        fate: match row.does {
            Does::Takes(..) | Does::Lists(..) | Does::Opens(..) => Fate::Supported,
            Does::Moot => Fate::Moot,
            Does::Ignored => Fate::Ignored,
            Does::Refused => Fate::Refused,
        },
        is_guard: row.is_guard,
    }));
}
