//! `DropAction` and `DropResponseAction`: silence.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject};

/// Forgets the query or the reply.
#[derive(Debug)]
pub struct Drop;

impl Action for Drop {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &mut Notes) -> Step<Decision<'_>> {
        Step::Done(Decision::Drop)
    }
}

impl ReplyAction for Drop {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &mut Notes) -> Step<ReplyDecision> {
        Step::Done(ReplyDecision::Drop)
    }
}

impl fmt::Display for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("drop")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn the_chain_ends_in_silence() {
        assert_eq!(apply(&Drop, &packet("a", QType::A)).0, Step::Done(Decision::Drop));
        assert_eq!(Drop.to_string(), "drop");
    }
}
