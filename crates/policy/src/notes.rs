//! What the rules that did not decide have left behind for one query.

use std::sync::Arc;
use std::time::Duration;

use weir_wire::QType;

use crate::{LogId, PoolId};

/// Most tags that one query carries; more are dropped.
pub const MAX_TAGS: usize = 16;
/// Most log targets that one query goes to; more are dropped.
pub const MAX_LOGS: usize = 8;
/// Most changes of one reply's TTLs; more are dropped.
pub const MAX_TTL_EDITS: usize = 8;

/// One change of a reply's TTLs, before it is cached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TtlEdit {
    /// Raises what is below `min` and lowers what is above `max`, in seconds.
    Clamp {
        /// The lowest TTL that stays.
        min: u32,
        /// The highest TTL that stays.
        max: u32,
        /// The types of record whose TTLs are changed; `None` is all.
        types: Option<Arc<[QType]>>,
    },
    /// Keeps this percentage, rounded down.
    Percentage(u8),
}

/// The effects of one query's journey through the chains.
///
/// Each worker keeps one and empties it per query; its lists are allocated once, at their largest size. For a
/// query that waits for a backend the caller saves what the reply still needs and puts it back.
#[derive(Debug)]
pub struct Notes {
    /// The pool that the query goes to when it is forwarded.
    pub pool: PoolId,
    /// Neither look into the packet cache nor put the reply there.
    pub skip_cache: bool,
    /// Forward the query with RD cleared; rules that follow see it so.
    pub no_recurse: bool,
    /// Hold a UDP reply back this long; zero sends it at once.
    pub delay: Duration,
    /// How long a SERVFAIL or REFUSED reply may be cached, in seconds, instead of the cache's own setting.
    pub temporary_failure_ttl: Option<u32>,
    /// The highest TTL that the client is told, in seconds; the cache keeps the real one.
    pub max_returned_ttl: Option<u32>,
    /// Position in its chain of the rule that decided; `None` when the chain ran to its end.
    pub decided_by: Option<usize>,
    tags: Vec<(Arc<str>, Arc<str>)>,
    logs: Vec<LogId>,
    ttl_edits: Vec<TtlEdit>,
}

impl Default for Notes {
    fn default() -> Self {
        Self {
            pool: PoolId::DEFAULT,
            skip_cache: false,
            no_recurse: false,
            delay: Duration::ZERO,
            temporary_failure_ttl: None,
            max_returned_ttl: None,
            decided_by: None,
            tags: Vec::with_capacity(MAX_TAGS),
            logs: Vec::with_capacity(MAX_LOGS),
            ttl_edits: Vec::with_capacity(MAX_TTL_EDITS),
        }
    }
}

impl Notes {
    /// Empties the notes for the next query, keeping their memory.
    pub fn reset(&mut self) {
        self.pool = PoolId::DEFAULT;
        self.skip_cache = false;
        self.no_recurse = false;
        self.delay = Duration::ZERO;
        self.temporary_failure_ttl = None;
        self.max_returned_ttl = None;
        self.decided_by = None;
        self.tags.clear();
        self.logs.clear();
        self.ttl_edits.clear();
    }

    /// Sets the tag `name`, replacing the value it had.
    pub fn set_tag(&mut self, name: &Arc<str>, value: &Arc<str>) {
        if let Some((_, old)) = self.tags.iter_mut().find(|(known, _)| known == name) {
            *old = Arc::clone(value);
        } else if self.tags.len() < MAX_TAGS {
            self.tags.push((Arc::clone(name), Arc::clone(value)));
        }
    }

    /// The value of the tag `name`, if it is set.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(known, _)| &**known == name);
        found.map(|(_, value)| &**value)
    }

    /// All tags, in the order in which they were first set.
    pub fn tags(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.tags
    }

    /// Logs the query to `target`, once for each rule that says so.
    pub fn log_to(&mut self, target: LogId) {
        if self.logs.len() < MAX_LOGS {
            self.logs.push(target);
        }
    }

    /// The targets that the query is logged to.
    pub fn logs(&self) -> &[LogId] {
        &self.logs
    }

    /// Adds a change of the reply's TTLs, made after those that are already noted.
    pub fn edit_ttls(&mut self, edit: TtlEdit) {
        if self.ttl_edits.len() < MAX_TTL_EDITS {
            self.ttl_edits.push(edit);
        }
    }

    /// Whether the reply's TTLs have to be changed before it is cached and sent.
    pub fn edits_ttls(&self) -> bool {
        !self.ttl_edits.is_empty()
    }

    /// What becomes of the TTL of a record of this type, in seconds.
    pub fn edited_ttl(&self, qtype: QType, ttl: u32) -> u32 {
        self.ttl_edits.iter().fold(ttl, |ttl, edit| match edit {
            TtlEdit::Clamp {
                types: Some(types), ..
            } if !types.contains(&qtype) => ttl,
            TtlEdit::Clamp { min, max, .. } => ttl.max(*min).min(*max),
            TtlEdit::Percentage(share) => (u64::from(ttl) * u64::from(*share) / 100) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stay_within_the_memory_they_were_given() {
        let mut notes = Notes::default();
        let value: Arc<str> = Arc::from("v");
        for number in 0..100 {
            notes.set_tag(&Arc::from(number.to_string()), &value);
            notes.log_to(crate::testing::log_id());
            notes.edit_ttls(TtlEdit::Percentage(50));
        }
        assert_eq!(notes.tags().len(), MAX_TAGS);
        assert_eq!(notes.tags.capacity(), MAX_TAGS);
        assert_eq!(notes.logs.capacity(), MAX_LOGS);
        assert_eq!(notes.ttl_edits.capacity(), MAX_TTL_EDITS);
        notes.reset();
        assert_eq!(notes.tag("0"), None);
        assert_eq!((notes.logs().len(), notes.edits_ttls()), (0, false));
        assert_eq!(notes.tags.capacity(), MAX_TAGS);
    }

    #[test]
    fn a_tag_that_is_set_again_has_the_last_value() {
        let mut notes = Notes::default();
        let name: Arc<str> = Arc::from("list");
        notes.set_tag(&name, &Arc::from("grey"));
        notes.set_tag(&name, &Arc::from("black"));
        assert_eq!(notes.tag("list"), Some("black"));
        assert_eq!(notes.tags().len(), 1);
    }

    #[test]
    fn ttl_edits_apply_in_order() {
        let mut notes = Notes::default();
        let edited = |notes: &Notes, ttl| notes.edited_ttl(QType::A, ttl);
        assert_eq!(edited(&notes, 7), 7);
        notes.edit_ttls(TtlEdit::Percentage(50));
        notes.edit_ttls(TtlEdit::Clamp {
            min: 60,
            max: 3600,
            types: None,
        });
        for (ttl, expected) in [(100, 60), (600, 300), (u32::MAX, 3600)] {
            assert_eq!(edited(&notes, ttl), expected);
        }
    }
}
