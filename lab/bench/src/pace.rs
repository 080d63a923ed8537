//! When the next query is due. Pure: time is an argument.

/// The shortest stretch of delay that is made up for, in nanoseconds.
const CATCH_UP_NS: f64 = 1_000_000.0;
/// Queries that are made up for however slow the rate.
const CATCH_UP_QUERIES: u64 = 64;

/// How queries are spread over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// So many per second, evenly, whatever the server does: an open loop.
    Rate(f64),
    /// So many outstanding, always: a closed loop, which finds what the server can carry.
    Window(u64),
}

/// How many queries are due at a moment.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    start_ns: u64,
    released: u64,
    skipped: u64,
}

impl Pacer {
    /// The first query is due at `start_ns`.
    pub(crate) fn new(pace: Pace, start_ns: u64) -> Self {
        Self {
            pace,
            start_ns,
            released: 0,
            skipped: 0,
        }
    }

    /// Queries to send now. In an open loop, a sender that was held up for longer than a millisecond leaves out what
    /// it missed, and counts it: a burst would measure the sender, not the server.
    pub(crate) fn due(&mut self, now_ns: u64, outstanding: u64) -> u64 {
        match self.pace {
            Pace::Window(size) => size.saturating_sub(outstanding),
            Pace::Rate(per_second) => {
                let elapsed_ns = now_ns.saturating_sub(self.start_ns) as f64;
                let planned = (elapsed_ns * per_second / 1e9) as u64 + 1;
                let behind = planned.saturating_sub(self.released + self.skipped);
                let limit = ((CATCH_UP_NS * per_second / 1e9) as u64).max(CATCH_UP_QUERIES);
                self.skipped += behind.saturating_sub(limit);
                behind.min(limit)
            }
        }
    }

    /// So many of those that were due have been sent.
    pub(crate) fn release(&mut self, count: u64) {
        self.released += count;
    }

    /// Queries that were left out because the sender could not keep up.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends all that is due at each moment; returns what was sent at each.
    fn drive(pacer: &mut Pacer, moments_ns: &[u64]) -> Vec<u64> {
        let mut send = |&now| {
            let due = pacer.due(now, 0);
            pacer.release(due);
            due
        };
        moments_ns.iter().map(&mut send).collect()
    }

    #[test]
    fn a_rate_is_kept_to_the_query() {
        let mut pacer = Pacer::new(Pace::Rate(50_000.0), 1_000);
        assert_eq!(
            drive(&mut pacer, &[1_000, 10_999, 20_999, 21_000, 21_001, 101_000]),
            [1, 0, 0, 1, 0, 4]
        );
        let moments: Vec<u64> = (0..=1_000_000).map(|tick| 1_000 + tick * 1_000).collect();
        let mut pacer = Pacer::new(Pace::Rate(333_333.0), 1_000);
        assert_eq!(drive(&mut pacer, &moments).iter().sum::<u64>(), 333_334);
        assert_eq!(pacer.skipped(), 0);
    }

    #[test]
    fn what_is_not_released_stays_due() {
        let mut pacer = Pacer::new(Pace::Rate(1_000_000.0), 0);
        assert_eq!(pacer.due(100_000, 0), 101);
        pacer.release(64);
        assert_eq!(pacer.due(100_000, 0), 37);
    }

    #[test]
    fn a_long_pause_is_left_out_and_counted() {
        let mut pacer = Pacer::new(Pace::Rate(200_000.0), 0);
        assert_eq!(drive(&mut pacer, &[0, 10_000_000]), [1, 200]);
        assert_eq!(pacer.skipped(), 1_800);
        assert_eq!(
            drive(&mut pacer, &[10_005_000]),
            [1],
            "and then the rate is kept again"
        );
        let mut slow = Pacer::new(Pace::Rate(100.0), 0);
        assert_eq!(
            drive(&mut slow, &[500_000_000]),
            [51],
            "a few are made up for at any rate"
        );
    }

    #[test]
    fn a_window_is_filled_up() {
        let mut pacer = Pacer::new(Pace::Window(64), 0);
        assert_eq!(
            [
                pacer.due(0, 0),
                pacer.due(0, 60),
                pacer.due(0, 64),
                pacer.due(0, 99)
            ],
            [64, 4, 0, 0]
        );
        assert_eq!(pacer.skipped(), 0);
    }
}
