//! `AllowAction` and `AllowResponseAction`: no further rule is asked.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject};

/// Forwards the query, or sends the reply, whatever later rules would say.
#[derive(Debug)]
pub struct Allow;

impl Action for Allow {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &mut Notes) -> Step<Decision<'_>> {
        Step::Done(Decision::Forward)
    }
}

impl ReplyAction for Allow {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &mut Notes) -> Step<ReplyDecision> {
        Step::Done(ReplyDecision::Send)
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("allow")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn the_chain_ends_and_the_query_goes_on() {
        assert_eq!(
            apply(&Allow, &packet("a", QType::A)).0,
            Step::Done(Decision::Forward)
        );
    }
}
