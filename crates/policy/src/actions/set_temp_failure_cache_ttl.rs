//! `SetTempFailureCacheTTLAction`: how long failures are cached.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, Step, Subject};

/// Sets how long a SERVFAIL or REFUSED reply to this query may be cached.
#[derive(Debug)]
pub struct SetTempFailureCacheTtl {
    ttl: u32,
}

impl SetTempFailureCacheTtl {
    /// Caches failures for `ttl` seconds; 0 does not cache them.
    pub fn new(ttl: u32) -> Self {
        Self { ttl }
    }
}

impl Action for SetTempFailureCacheTtl {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        notes.temporary_failure_ttl = Some(self.ttl);
        Step::Continue
    }
}

impl fmt::Display for SetTempFailureCacheTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set tempfailure cache ttl to {}", self.ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn it_is_noted_and_the_next_rule_asked() {
        let action = SetTempFailureCacheTtl::new(10);
        let (step, notes) = apply(&action, &packet("a", QType::A));
        assert_eq!((step, notes.temporary_failure_ttl), (Step::Continue, Some(10)));
        assert_eq!(action.to_string(), "set tempfailure cache ttl to 10");
    }
}
