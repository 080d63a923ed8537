//! `weir check`: what works until the bad day.
//!
//! ```text
//! weir.toml ─────────────┐
//! dnsdist.conf (run) ────┤
//! keepalived.conf ───────┼─▶ gather ─▶ Facts ─▶ rules ─▶ findings
//! named.conf ────────────┤      what a rule looks at, each with its place
//! zone files ────────────┘
//! ```
//!
//! A rule ([`RULES`], one file each in `rules/`) knows facts, not files, so that it judges the site file and foreign
//! files alike. What dnsdist's own rules would do is not guessed from their text: `gather/ask` runs queries through
//! them. A file that cannot be read at all is a [`Diagnostic`], not a finding.

mod facts;
mod finding;
mod gather;
mod kind;
mod rules;
#[cfg(test)]
mod tests;

use weir_policy::Netmask;

pub use finding::{Finding, Level, summary};
pub use kind::Kind;
pub use rules::{RULES, Rule};

use crate::diagnostics::{Diagnostic, Place};
use crate::dialects::keepalived::Files;

/// A file to check.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name, as the operator gave it.
    name: String,
    text: String,
    kind: Kind,
    /// Whose it is, as far as its name says so.
    node: Option<String>,
}

impl File {
    /// A file of the kind that it looks like, or else of the kind `otherwise`.
    ///
    /// # Errors
    /// When it looks like nothing.
    pub fn new(name: &str, text: String, otherwise: Option<Kind>) -> Result<Self, Diagnostic> {
        let Some(kind) = Kind::of(name, &text).or(otherwise) else {
            let kinds: Vec<_> = Kind::names().collect();
            let why = "neither its name nor its content tells what it is";
            let help = format!("say so with --as {}", kinds.join("|"));
            return Err(Diagnostic::error(Place::new(name, 0), why).help(help));
        };
        Ok(Self {
            node: kind::node(name, kind),
            name: name.to_owned(),
            text,
            kind,
        })
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its name, as the operator gave it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What the operator says besides the files.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Where subscribers ask from.
    pub subscribers: Vec<Netmask>,
    /// Networks whose addresses stand for many homes each.
    pub cgnat: Vec<Netmask>,
    /// How many subscribers there are.
    pub count: Option<u64>,
    /// The machine that the files are for, when it is this one.
    pub local: Option<Local>,
}

/// This machine.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name.
    pub host: String,
    /// The names of its interfaces.
    pub interfaces: Vec<String>,
}

/// What all rules find in `files`, by file and line. `disk` has the files that they include.
///
/// # Errors
/// What is wrong with the files that cannot be read.
pub fn check(files: &[File], given: &Given, disk: &dyn Files) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    Ok(rules::apply(&gather::gather(files, given, disk)?))
}
