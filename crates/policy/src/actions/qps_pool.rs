//! `QPSPoolAction`: a pool with a limit.

use std::fmt;
use std::sync::Arc;

use super::Then;
use crate::{Action, Decision, Moment, Notes, PoolName, RateLimiter, Step, Subject};

/// Sends queries below a rate to a pool; those above it pass on to the next rule.
#[derive(Debug)]
pub struct QpsPool {
    limiter: Arc<RateLimiter>,
    pool: PoolName,
    then: Then,
}

impl QpsPool {
    /// Sends what `limiter` lets pass to `pool`.
    pub fn new(limiter: Arc<RateLimiter>, pool: PoolName, then: Then) -> Self {
        Self { limiter, pool, then }
    }
}

impl Action for QpsPool {
    fn apply(&self, _subject: &Subject<'_>, moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        if !self.limiter.admit(moment.now) {
            return Step::Continue;
        }
        notes.pool = self.pool.id();
        self.then.step()
    }
}

impl fmt::Display for QpsPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max {} to pool {}", self.limiter.rate().qps, self.pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet};
    use crate::{PoolId, PoolNames, Rate};
    use weir_wire::QType;

    #[test]
    fn what_exceeds_the_rate_goes_on() {
        let rec = PoolNames::default().intern("rec").expect("there is room");
        let limiter = Arc::new(RateLimiter::new(Rate::per_second(1)));
        let action = QpsPool::new(limiter, rec.clone(), Then::Stop);
        let packet = packet("a", QType::A);
        let [below, above] = [(); 2].map(|()| apply(&action, &packet));
        assert_eq!((below.0, below.1.pool), (Step::Done(Decision::Forward), rec.id()));
        assert_eq!((above.0, above.1.pool), (Step::Continue, PoolId::DEFAULT));
        assert_eq!(action.to_string(), "max 1 to pool rec");
    }
}
