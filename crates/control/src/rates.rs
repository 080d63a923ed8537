//! Queries and timeouts per second of each backend, as pages show them: the difference between two looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use weir_balance::{Backend, Counter};

/// The least time between two looks; dnsdist's.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// What one backend did per second between the last two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Queries sent.
    pub queries: f64,
    /// Queries not answered in time.
    pub drops: f64,
}

/// The rates of all backends.
#[derive(Debug, Default)]
pub struct Rates(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    backend: Arc<Backend>,
    at: Instant,
    totals: [u64; 2],
    rate: Rate,
}

impl Rates {
    /// Looks at `backends` at the time `now`. Those that are not among them any more are forgotten.
    pub fn look(&mut self, backends: &[Arc<Backend>], now: Instant) {
        let entries = backends.iter().map(|backend| {
            let totals = [Counter::Queries, Counter::Timeouts].map(|counter| backend.total(counter));
            let before = self.0.iter().find(|entry| entry.backend.is(backend));
            let rate = before.map_or_else(Rate::default, |before| {
                let secs = now
                    .saturating_duration_since(before.at)
                    .max(Duration::from_millis(1))
                    .as_secs_f64();
                let per_second = |at: usize| totals[at].saturating_sub(before.totals[at]) as f64 / secs;
                Rate {
                    queries: per_second(0),
                    drops: per_second(1),
                }
            });
            Entry {
                backend: Arc::clone(backend),
                at: now,
                totals,
                rate,
            }
        });
        self.0 = entries.collect();
    }

    /// What `backend` did at the last look; zeros before the second.
    pub fn of(&self, backend: &Backend) -> Rate {
        self.0
            .iter()
            .find(|entry| entry.backend.is(backend))
            .map_or_else(Rate::default, |entry| entry.rate)
    }
}

#[cfg(test)]
mod tests {
    use weir_balance::BackendSettings;

    use super::*;

    #[test]
    fn a_rate_is_the_difference_between_two_looks() {
        let backend = |port| {
            Arc::new(Backend::new(
                BackendSettings::new(([192, 0, 2, 1], port).into()),
                1,
            ))
        };
        let (busy, calm) = (backend(53), backend(54));
        let mut rates = Rates::default();
        let start = Instant::now();
        (0..5).for_each(|_| busy.on_sent(0));
        rates.look(&[Arc::clone(&busy), Arc::clone(&calm)], start);
        assert_eq!(rates.of(&busy), Rate::default());
        (0..10).for_each(|_| busy.on_sent(0));
        (0..8).for_each(|_| calm.on_sent(0));
        let _ = busy.on_timeout(0);
        rates.look(
            &[Arc::clone(&busy), Arc::clone(&calm)],
            start + Duration::from_secs(2),
        );
        assert_eq!(
            rates.of(&busy),
            Rate {
                queries: 5.0,
                drops: 0.5
            }
        );
        assert_eq!(
            rates.of(&calm),
            Rate {
                queries: 4.0,
                drops: 0.0
            }
        );
        rates.look(&[calm], start + Duration::from_secs(3));
        assert_eq!(rates.of(&busy), Rate::default());
    }
}
