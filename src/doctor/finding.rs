//! What a question brought to light: for people, and for programs.

use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing may be wrong.
    Note,
    /// It works, until the bad day.
    Warn,
    /// It does not work.
    Fail,
}

impl Level {
    /// All of them, the worst first.
    pub(super) const ALL: [Self; 4] = [Self::Fail, Self::Warn, Self::Note, Self::Ok];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// How much it matters.
    pub(super) level: Level,
    /// What is the case, in one line without a full stop.
    pub(super) what: String,
    /// The next command to run, unless all is well.
    pub(super) next: Option<String>,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(what: impl Into<String>) -> Self {
        Self {
            level: Level::Ok,
            what: what.into(),
            next: None,
        }
    }

    /// Something is to be looked at, with this command.
    pub(super) fn new(level: Level, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            level,
            what: what.into(),
            next: Some(next.into()),
        }
    }
}
