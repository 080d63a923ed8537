//! keepalived.conf, as far as it is about VRRP.
//!
//! ```text
//! files ─▶ text ─▶ reader ─▶ tokens ─▶ syntax ─▶ Spec ─▶ check ─▶ VipSettings
//!         repaired  one line   words    keywords   what was written
//! ```
//!
//! | file | what |
//! |---|---|
//! | `files` | what a configuration may see of its machine |
//! | `text` | bytes to lines: comments, quotation marks, typography |
//! | `reader`, `sequences`, `glob` | includes, `@id`, `$NAME`, `~SEQ`, `~LST` |
//! | `tokens` | words and braces; the words of a command |
//! | `syntax`, `rows` | statements and blocks; what a row of `keywords/` is |
//! | `keywords/` | every keyword: what follows it, what becomes of it |
//! | `values` | words to values |
//! | `spec`, `check/` | what was written; whether it fits together |
//! | `reference` | the keywords as a list, for people |
//!
//! keepalived logs what it does not understand and goes on. Here what would go on without authentication, without a
//! check or without an address is an error, and everything else that is not done as written is a warning. The
//! grammar is wider than keepalived's: a statement ends where it is complete, so that what was pasted into one line
//! means what it meant on many.

mod check;
mod files;
mod findings;
mod glob;
mod keywords;
mod reader;
mod reference;
mod rows;
mod sequences;
mod spec;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod values;

use std::path::Path;

pub use files::{Disk, Files};
pub(crate) use keywords::PASSWORD_CUT;
pub use reference::{Fate, KeywordEntry, reference};

use crate::diagnostics::{Diagnostic, Place};
use crate::vip::VipSettings;

/// Reads the configuration in `path`, on a node that `@id` lines know as `config_id` (keepalived's `-i`, or the first
/// part of the host's name). The warnings come with the settings.
///
/// # Errors
/// Everything that is wrong, warnings included, by file and line.
pub fn read(
    path: &Path,
    config_id: &str,
    files: &dyn Files,
) -> Result<(VipSettings, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = findings::Findings::default();
    let lines = reader::read_lines(path, config_id, files, &mut findings);
    let tokens = tokens::tokens(&lines, &mut findings);
    let spec = syntax::Parser::new(&tokens, &mut findings).configuration();
    let whole = Place::new(&*path.to_string_lossy(), 0);
    let settings = check::check(&spec, &whole, files, &mut findings);
    findings.finish(settings)
}
