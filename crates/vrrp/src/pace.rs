//! How often something is done that others can provoke.

use std::time::Duration;

use weir_wire::Timestamp;

/// One per period, and a burst of so many (the generic cell rate algorithm).
#[derive(Debug)]
pub(crate) struct Pace {
    period: Duration,
    burst: u32,
    /// When the bucket would be full again.
    full_at: Timestamp,
}

impl Pace {
    pub(crate) fn new(period: Duration, burst: u32) -> Self {
        Self {
            period,
            burst,
            full_at: Timestamp::ZERO,
        }
    }

    /// Takes one, or says when there will be one.
    pub(crate) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let after = self.full_at.max(now) + self.period;
        let most = self.period * self.burst;
        if after.since(now) > most {
            return Err(now + (after.since(now) - most));
        }
        self.full_at = after;
        Ok(())
    }
}

/// Lets the journal have a few of a kind and counts the rest.
#[derive(Debug)]
pub(crate) struct Quiet {
    pace: Pace,
    withheld: u64,
}

impl Quiet {
    pub(crate) fn new(period: Duration, burst: u32) -> Self {
        Self {
            pace: Pace::new(period, burst),
            withheld: 0,
        }
    }

    /// Whether to say it, and how many were not said since the last time.
    pub(crate) fn speak(&mut self, now: Timestamp) -> Option<u64> {
        if self.pace.take(now).is_err() {
            self.withheld += 1;
            return None;
        }
        Some(std::mem::take(&mut self.withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_per_period() {
        let mut pace = Pace::new(Duration::from_millis(100), 3);
        let start = Timestamp::from_secs(1);
        let passed = (0..1000)
            .filter(|ms| pace.take(start + Duration::from_millis(*ms)).is_ok())
            .count();
        assert_eq!(passed, 3 + 9);
    }

    #[test]
    fn what_is_refused_says_when() {
        let mut pace = Pace::new(Duration::from_millis(100), 1);
        let start = Timestamp::from_secs(1);
        assert_eq!(pace.take(start), Ok(()));
        let later = start + Duration::from_millis(30);
        let allowed = pace.take(later).unwrap_err();
        assert_eq!(allowed, start + Duration::from_millis(100));
        assert_eq!(pace.take(allowed), Ok(()));
    }

    #[test]
    fn what_was_not_said_is_counted() {
        let mut quiet = Quiet::new(Duration::from_secs(10), 1);
        let start = Timestamp::from_secs(1);
        assert_eq!(quiet.speak(start), Some(0));
        assert_eq!(quiet.speak(start), None);
        assert_eq!(quiet.speak(start), None);
        assert_eq!(quiet.speak(start + Duration::from_secs(10)), Some(2));
    }
}
