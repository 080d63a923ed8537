//! `NoneAction`: only the rule's counter moves.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, Step, Subject};

/// Does nothing; the rule counts what its selector matches.
#[derive(Debug)]
pub struct None;

impl Action for None {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &mut Notes) -> Step<Decision<'_>> {
        Step::Continue
    }
}

impl fmt::Display for None {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no op")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn the_next_rule_is_asked() {
        assert_eq!(apply(&None, &packet("a", QType::A)).0, Step::Continue);
        assert_eq!(None.to_string(), "no op");
    }
}
