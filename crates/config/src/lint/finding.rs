//! What a rule found: for people, and for programs.

use std::fmt;

use super::rules::Rule;
use crate::diagnostics::Place;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something does not work, or stands open.
    Error,
    /// It works until the bad day.
    Warning,
    /// Worth a look; nothing may be wrong.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One finding. `Display` is the text for people, without an end of line.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// How much it matters: the rule's level, unless the rule knows better.
    pub level: Level,
    /// Where.
    pub place: Place,
    /// What is there, one sentence without a full stop.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            level,
            place,
            what,
            fix,
        } = self;
        write!(f, "{place}: {level}[{}]: {what}", rule.id)?;
        write!(f, "\n    on the bad day: {}\n    fix: {fix}", rule.bad_day)
    }
}

/// How many findings there are, as the last line for people.
pub fn summary(findings: &[Finding]) -> String {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let counted = [Level::Error, Level::Warning, Level::Note].map(|level| (count(level), level));
    let parts: Vec<_> = { counted.into_iter() }
        .filter(|(count, _)| *count > 0)
        .map(|(count, level)| format!("{count} {level}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if parts.is_empty() {
        "nothing found".to_owned()
    } else {
        parts.join(", ")
    }
}
