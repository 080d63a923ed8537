//! `MaxQPSRule`: traffic below a limit.

use std::fmt;
use std::sync::Arc;

use crate::{Moment, Notes, RateLimiter, Selector, Subject};

/// Matches while all traffic that reaches it is **below** the limit, as in dnsdist: `MaxQpsIp` has the opposite
/// sense.
#[derive(Debug)]
pub struct MaxQps {
    limiter: Arc<RateLimiter>,
}

impl MaxQps {
    /// Matches what `limiter` lets pass.
    pub fn new(limiter: Arc<RateLimiter>) -> Self {
        Self { limiter }
    }
}

impl Selector for MaxQps {
    fn matches(&self, _subject: &Subject<'_>, moment: &Moment<'_>, _notes: &Notes) -> bool {
        self.limiter.admit(moment.now)
    }
}

impl fmt::Display for MaxQps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Max {} qps", self.limiter.rate().qps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;
    use crate::testing::{matches, packet};
    use weir_wire::QType;

    #[test]
    fn it_matches_below_the_limit() {
        let selector = MaxQps::new(Arc::new(RateLimiter::new(Rate { qps: 100, burst: 3 })));
        let packet = packet("example.com", QType::A);
        let matched: Vec<bool> = (0..5).map(|_| matches(&selector, &packet)).collect();
        assert_eq!(matched, [true, true, true, false, false]);
        assert_eq!(selector.to_string(), "Max 100 qps");
    }
}
