//! `SetMaxReturnedTTLAction` and its response form: what clients may keep.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject};

/// Lowers the TTLs that the client is told; the packet cache keeps the real ones.
#[derive(Debug)]
pub struct SetMaxReturnedTtl {
    max: u32,
}

impl SetMaxReturnedTtl {
    /// Tells clients at most `max` seconds.
    pub fn new(max: u32) -> Self {
        Self { max }
    }
}

impl Action for SetMaxReturnedTtl {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        notes.max_returned_ttl = Some(self.max);
        Step::Continue
    }
}

impl ReplyAction for SetMaxReturnedTtl {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        notes.max_returned_ttl = Some(self.max);
        Step::Continue
    }
}

impl fmt::Display for SetMaxReturnedTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set max returned ttl to {}", self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn it_is_noted_and_the_next_rule_asked() {
        let action = SetMaxReturnedTtl::new(30);
        let (step, notes) = apply(&action, &packet("a", QType::A));
        assert_eq!((step, notes.max_returned_ttl), (Step::Continue, Some(30)));
    }
}
