//! One bucket for everybody: `MaxQPSRule`, `QPSAction`, `QPSPoolAction` and a server's `qps`.

use std::sync::atomic::{AtomicU64, Ordering};

use weir_wire::Timestamp;

/// Time is counted in sixteenths of a nanosecond, so that the interval of a million queries per second is
/// exact to 1 in 16,000; the clock still lasts 36 years.
const TICKS_PER_NANO: u64 = 16;
const TICKS_PER_SEC: u64 = 1_000_000_000 * TICKS_PER_NANO;

/// Two workers can hinder each other's update only so often; then the query is let through uncounted.
const MAX_ATTEMPTS: usize = 64;

/// A rate and how much of it may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    /// Queries per second that may pass for ever. With 0 the burst passes once.
    pub qps: u32,
    /// Queries that may pass at once after a pause. With 0 nothing ever passes.
    pub burst: u32,
}

impl Rate {
    /// `qps` queries per second, a second's worth of which may come at once: what dnsdist takes without a burst.
    pub const fn per_second(qps: u32) -> Self {
        Self { qps, burst: qps }
    }
}

/// Lets a [`Rate`] of queries pass, whoever asks. Workers share it.
#[derive(Debug)]
pub struct RateLimiter {
    rate: Rate,
    /// Ticks between two queries at exactly the rate.
    interval: u64,
    /// A query passes while the bucket would be full again less than this many ticks from now.
    tolerance: u64,
    /// When the bucket is full again, in ticks.
    full_at: AtomicU64,
}

impl RateLimiter {
    /// A limiter whose bucket is full.
    pub fn new(rate: Rate) -> Self {
        let burst = u64::from(rate.burst);
        // At rate 0 the bucket never refills: an interval so long that the burst just fits the clock.
        let longest = u64::MAX / 4 / burst.max(1);
        let interval = match u64::from(rate.qps) {
            0 => longest,
            qps => ((TICKS_PER_SEC + qps / 2) / qps).min(longest),
        };
        Self {
            rate,
            interval,
            tolerance: interval * burst,
            full_at: AtomicU64::new(0),
        }
    }

    /// Whether one more query may pass at `now`; if so it is counted.
    pub fn admit(&self, now: Timestamp) -> bool {
        let now = now.as_nanos().saturating_mul(TICKS_PER_NANO);
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        for _ in 0..MAX_ATTEMPTS {
            let next = full_at.max(now).saturating_add(self.interval);
            if next - now > self.tolerance {
                return false;
            }
            match self
                .full_at
                .compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(current) => full_at = current,
            }
        }
        true
    }

    /// The rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn admitted(limiter: &RateLimiter, now: u64, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(limiter.admit(at(now)))).sum()
    }

    #[test]
    fn a_full_bucket_passes_the_burst_and_refills_at_the_rate() {
        const SEC: u64 = 1_000_000_000;
        for (qps, burst) in [
            (1, 1),
            (3, 3),
            (100, 100),
            (100, 250),
            (1_000, 10),
            (700_000, 700_000),
        ] {
            let limiter = RateLimiter::new(Rate { qps, burst });
            let start = 5 * SEC;
            assert_eq!(
                admitted(&limiter, start, burst + 50),
                burst,
                "{qps}/{burst} at first"
            );
            // Half an interval later there is no token yet; after one and a half there is exactly one.
            let interval = SEC / u64::from(qps);
            assert_eq!(
                admitted(&limiter, start + interval / 2, 5),
                0,
                "{qps}/{burst} half an interval"
            );
            assert_eq!(
                admitted(&limiter, start + interval * 3 / 2, 5),
                1,
                "{qps}/{burst} one interval"
            );
            // A long pause fills the bucket, not more.
            assert_eq!(
                admitted(&limiter, start + 100_000 * SEC, burst + 50),
                burst,
                "{qps}/{burst} after a pause"
            );
        }
    }

    #[test]
    fn a_steady_stream_passes_at_exactly_the_rate() {
        let limiter = RateLimiter::new(Rate::per_second(300));
        let start = 1_000_000_000;
        let mut passed = 0;
        // Ten thousand queries per second for twenty seconds; what is refused costs nothing.
        for number in 0..200_000u64 {
            passed += u32::from(limiter.admit(at(start + number * 100_000)));
        }
        assert_eq!(passed, 300 + 20 * 300 - 1);
    }

    #[test]
    fn zero_means_none() {
        assert_eq!(admitted(&RateLimiter::new(Rate::per_second(0)), 1, 10), 0);
        assert_eq!(admitted(&RateLimiter::new(Rate { qps: 10, burst: 0 }), 1, 10), 0);
        let once = RateLimiter::new(Rate { qps: 0, burst: 4 });
        assert_eq!(admitted(&once, 1, 10), 4);
        assert_eq!(admitted(&once, 86_400_000_000_000, 10), 0);
    }

    #[test]
    fn workers_share_one_bucket() {
        let limiter = RateLimiter::new(Rate::per_second(10_000));
        let passed: u32 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| admitted(&limiter, 77, 10_000)))
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().expect("a worker"))
                .sum()
        });
        assert_eq!(passed, 10_000);
    }
}
