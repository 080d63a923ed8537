//! `PoolAction`: which servers are asked.

use std::fmt;

use crate::{Action, Decision, Moment, Notes, PoolName, Step, Subject};

/// Whether an action that chooses a pool ends the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// No further rule is asked.
    #[default]
    Stop,
    /// Further rules are asked and may choose another pool.
    Continue,
}

impl Then {
    /// What follows once the pool is chosen.
    pub(super) fn step<'p>(self) -> Step<Decision<'p>> {
        match self {
            Self::Stop => Step::Done(Decision::Forward),
            Self::Continue => Step::Continue,
        }
    }
}

/// Sends the query to a pool.
#[derive(Debug)]
pub struct Pool {
    pool: PoolName,
    then: Then,
}

impl Pool {
    /// Sends queries to `pool`.
    pub fn new(pool: PoolName, then: Then) -> Self {
        Self { pool, then }
    }
}

impl Action for Pool {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        notes.pool = self.pool.id();
        self.then.step()
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to pool {}", self.pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PoolNames;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn the_pool_is_noted_and_the_chain_ends_unless_told_otherwise() {
        let rec = PoolNames::default().intern("rec").expect("there is room");
        for (then, expected) in [
            (Then::Stop, Step::Done(Decision::Forward)),
            (Then::Continue, Step::Continue),
        ] {
            let action = Pool::new(rec.clone(), then);
            let (step, notes) = apply(&action, &packet("a", QType::A));
            assert_eq!((step, notes.pool), (expected, rec.id()));
            assert_eq!(action.to_string(), "to pool rec");
        }
    }
}
