//! Where `LogAction` writes: targets by number, opened and written by the caller.

use crate::Invalid;

/// Most log targets of one snapshot; each is an open file.
const MAX_LOG_TARGETS: usize = 64;

/// How one query looks in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// dnsdist's own binary records: seconds, identifier, type, client, name.
    Binary,
    /// One line of text.
    Text,
}

/// One place that queries are logged to, as `LogAction`'s arguments describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// The file; empty for the program's own log.
    pub path: String,
    /// How each query is written.
    pub format: LogFormat,
    /// Whether an existing file is continued instead of emptied.
    pub append: bool,
    /// Whether writes are gathered before they reach the file.
    pub buffered: bool,
    /// Without a file: whether queries are logged only when the program is verbose.
    pub verbose_only: bool,
    /// Whether each line begins with the time.
    pub timestamp: bool,
}

/// A log target of this snapshot: an index into its [`LogTargets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(u8);

impl LogId {
    /// Position in the snapshot's list of targets.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The log targets that one configuration names.
#[derive(Clone, Debug, Default)]
pub struct LogTargets {
    targets: Vec<LogTarget>,
}

impl LogTargets {
    /// The number of `target`; rules with the same arguments share one.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn intern(&mut self, target: &LogTarget) -> Result<LogId, Invalid> {
        let known = self.targets.iter().position(|known| known == target);
        let index = known.unwrap_or(self.targets.len());
        let id = u8::try_from(index).ok().filter(|_| index < MAX_LOG_TARGETS);
        let id =
            id.ok_or_else(|| Invalid::new(format!("more than {MAX_LOG_TARGETS} different log targets")))?;
        if known.is_none() {
            self.targets.push(target.clone());
        }
        Ok(LogId(id))
    }

    /// All targets; the position of each is its `LogId::index`.
    pub fn as_slice(&self) -> &[LogTarget] {
        &self.targets
    }
}
