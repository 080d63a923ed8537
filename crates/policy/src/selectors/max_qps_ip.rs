//! `MaxQPSIPRule`: clients above a limit.

use std::fmt;
use std::sync::Arc;

use crate::{AddressLimit, AddressRateLimiter, Mode, Moment, Notes, Selector, Subject};

/// Matches the queries of clients that are **above** the limit, as in dnsdist: `MaxQps` has the opposite sense.
#[derive(Debug)]
pub struct MaxQpsIp {
    limiter: Arc<AddressRateLimiter>,
}

impl MaxQpsIp {
    /// Matches what exceeds `limiter`. dnsdist's `expiration`, `cleanupDelay`, `scanFraction` and `shards` describe a
    /// table that grows; this one has a fixed size and nothing to clean, so the dialect takes and ignores them.
    pub fn new(limiter: Arc<AddressRateLimiter>) -> Self {
        Self { limiter }
    }

    /// The table, for its counters.
    pub fn limiter(&self) -> &Arc<AddressRateLimiter> {
        &self.limiter
    }
}

impl Selector for MaxQpsIp {
    fn matches(&self, subject: &Subject<'_>, moment: &Moment<'_>, _notes: &Notes) -> bool {
        self.limiter.exceeds(subject.ends.client.ip(), moment.now)
    }
}

impl fmt::Display for MaxQpsIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AddressLimit {
            rate, prefixes, mode, ..
        } = self.limiter.limit();
        let (v4, v6) = (prefixes.v4, prefixes.v6);
        write!(
            f,
            "IP (/{v4}, /{v6}) match for QPS over {} burst {}",
            rate.qps, rate.burst
        )?;
        match mode {
            Mode::Enforce => Ok(()),
            Mode::DryRun => f.write_str(" (dry run)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use crate::{PrefixLengths, Rate};
    use weir_wire::{QType, hash::Seed};

    fn selector(mode: Mode) -> MaxQpsIp {
        let limit = AddressLimit {
            rate: Rate { qps: 100, burst: 2 },
            prefixes: PrefixLengths { v4: 24, v6: 56 },
            mode,
            buckets: 64,
        };
        MaxQpsIp::new(Arc::new(
            AddressRateLimiter::new(limit, Seed::new([1, 2])).expect("a table"),
        ))
    }

    #[test]
    fn it_matches_above_the_limit() {
        let selector = selector(Mode::Enforce);
        let packet = packet("example.com", QType::A);
        let matched: Vec<bool> = (0..4).map(|_| matches(&selector, &packet)).collect();
        assert_eq!(matched, [false, false, true, true]);
        assert_eq!(
            selector.to_string(),
            "IP (/24, /56) match for QPS over 100 burst 2"
        );
    }

    #[test]
    fn a_dry_run_only_counts() {
        let selector = selector(Mode::DryRun);
        let packet = packet("example.com", QType::A);
        assert!((0..5).all(|_| !matches(&selector, &packet)));
        assert_eq!(selector.limiter().counts().exceeded, 3);
        assert!(selector.to_string().ends_with(" (dry run)"));
    }
}
