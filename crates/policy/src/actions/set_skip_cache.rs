//! `SetSkipCacheAction` and `SetSkipCacheResponseAction`: no packet cache.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject};

/// Keeps the query out of the packet cache, or the reply from being stored there.
#[derive(Debug)]
pub struct SetSkipCache;

impl Action for SetSkipCache {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        notes.skip_cache = true;
        Step::Continue
    }
}

impl ReplyAction for SetSkipCache {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        notes.skip_cache = true;
        Step::Continue
    }
}

impl fmt::Display for SetSkipCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("skip cache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn it_is_noted_and_the_next_rule_asked() {
        let (step, notes) = apply(&SetSkipCache, &packet("a", QType::A));
        assert_eq!((step, notes.skip_cache), (Step::Continue, true));
        assert_eq!(SetSkipCache.to_string(), "skip cache");
    }
}
