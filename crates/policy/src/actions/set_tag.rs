//! `SetTagAction` and `SetTagResponseAction`: a note for later rules.

use std::fmt;
use std::sync::Arc;

use crate::{Action, Decision, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject};

/// Sets a tag, replacing the value it had.
#[derive(Debug)]
pub struct SetTag {
    name: Arc<str>,
    value: Arc<str>,
}

impl SetTag {
    /// Sets the tag `name` to `value`.
    pub fn new(name: &str, value: &str) -> Self {
        Self {
            name: Arc::from(name),
            value: Arc::from(value),
        }
    }
}

impl Action for SetTag {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        notes.set_tag(&self.name, &self.value);
        Step::Continue
    }
}

impl ReplyAction for SetTag {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        notes.set_tag(&self.name, &self.value);
        Step::Continue
    }
}

impl fmt::Display for SetTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set tag '{}' to value '{}'", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn the_tag_is_noted_and_the_next_rule_asked() {
        let action = SetTag::new("k", "v");
        let (step, notes) = apply(&action, &packet("a", QType::A));
        assert_eq!((step, notes.tag("k")), (Step::Continue, Some("v")));
        assert_eq!(action.to_string(), "set tag 'k' to value 'v'");
    }
}
