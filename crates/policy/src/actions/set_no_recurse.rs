//! `SetNoRecurseAction`: RD cleared towards the backend.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, Step, Subject};

/// Clears RD in what is forwarded.
#[derive(Debug)]
pub struct SetNoRecurse;

impl Action for SetNoRecurse {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        notes.no_recurse = true;
        Step::Continue
    }
}

impl fmt::Display for SetNoRecurse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("set rd=0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn it_is_noted_and_the_next_rule_asked() {
        let (step, notes) = apply(&SetNoRecurse, &packet("a", QType::A));
        assert_eq!((step, notes.no_recurse), (Step::Continue, true));
        assert_eq!(SetNoRecurse.to_string(), "set rd=0");
    }
}
