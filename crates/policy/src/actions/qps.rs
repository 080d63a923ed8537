//! `QPSAction`: a limit that drops.

use std::fmt;
use std::sync::Arc;

use crate::{Action, Decision, Moment, Notes, RateLimiter, Step, Subject};

/// Drops queries above a rate; those below it pass on to the next rule.
#[derive(Debug)]
pub struct Qps {
    limiter: Arc<RateLimiter>,
}

impl Qps {
    /// Drops what `limiter` does not let pass.
    pub fn new(limiter: Arc<RateLimiter>) -> Self {
        Self { limiter }
    }
}

impl Action for Qps {
    fn apply(&self, _subject: &Subject<'_>, moment: &Moment<'_>, _notes: &mut Notes) -> Step<Decision<'_>> {
        if self.limiter.admit(moment.now) {
            Step::Continue
        } else {
            Step::Done(Decision::Drop)
        }
    }
}

impl fmt::Display for Qps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "qps limit to {}", self.limiter.rate().qps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;
    use crate::testing::{apply, packet};
    use weir_wire::QType;

    #[test]
    fn what_exceeds_the_rate_is_dropped() {
        let action = Qps::new(Arc::new(RateLimiter::new(Rate::per_second(2))));
        let packet = packet("a", QType::A);
        let steps = [(); 3].map(|()| apply(&action, &packet).0);
        assert_eq!(
            steps,
            [Step::Continue, Step::Continue, Step::Done(Decision::Drop)]
        );
        assert_eq!(action.to_string(), "qps limit to 2");
    }
}
