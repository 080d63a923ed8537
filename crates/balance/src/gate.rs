//! A backend's `qps` limit: at most so many queries per second, with one second's worth at once.
//!
//! One atomic word shared by all workers, unlike everything else about picking: the limit is the operator's
//! number for the whole backend, and only `firstAvailable` asks for it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use weir_wire::Timestamp;

const SECOND_NS: u64 = 1_000_000_000;

/// When the next query would be due at the exact rate: a token bucket as one number (the virtual scheduling
/// form of ITU-T I.371's leaky bucket).
#[derive(Debug, Default)]
pub(crate) struct Gate {
    due_ns: AtomicU64,
}

impl Gate {
    /// Takes one query's share of `rate` per second, if there is one left.
    pub(crate) fn admit(&self, rate: NonZeroU32, now: Timestamp) -> bool {
        let step = SECOND_NS / u64::from(rate.get());
        let now = now.as_nanos();
        let taken = self.due_ns.fetch_update(Relaxed, Relaxed, |due| {
            let due = due.max(now);
            (due - now <= SECOND_NS - step).then(|| due.saturating_add(step))
        });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_one_second_and_the_rate_holds_after_it() {
        let rate = NonZeroU32::new(100).expect("not zero");
        let gate = Gate::default();
        let start = Timestamp::from_secs(7);
        let admitted = |now| (0..1000).filter(|_| gate.admit(rate, now)).count();
        assert_eq!(admitted(start), 100);
        assert_eq!(admitted(start + Duration::from_millis(50)), 5);
        assert_eq!(admitted(start + Duration::from_secs(3600)), 100);
    }
}
