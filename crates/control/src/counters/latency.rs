//! How long clients wait: moving averages over windows of four lengths.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many of the last answers an average covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The last 100.
    Last100,
    /// The last 1000.
    Last1000,
    /// The last 10,000.
    Last10000,
    /// The last 1,000,000.
    Last1000000,
}

/// Length of each [`Window`], in order of declaration.
const LENGTHS: [u64; 4] = [100, 1000, 10_000, 1_000_000];

/// An average below this, in microseconds, is zero. Answers from the cache count as zero and would otherwise make it
/// ever smaller, down to the numbers with which a processor is slow.
const NEGLIGIBLE_US: f64 = 1e-9;

/// One thread's latencies over one transport; a single thread writes.
#[derive(Debug, Default)]
pub(super) struct Latency {
    samples: AtomicU64,
    sum_us: AtomicU64,
    /// The bits of an `f64` per window.
    averages: [AtomicU64; LENGTHS.len()],
}

impl Latency {
    pub(super) fn record(&self, us: u32) {
        super::increase(&self.samples, 1);
        super::increase(&self.sum_us, u64::from(us));
        let samples = self.samples.load(Relaxed);
        for (average, length) in self.averages.iter().zip(LENGTHS) {
            let old = f64::from_bits(average.load(Relaxed));
            if us == 0 && old == 0.0 {
                continue;
            }
            let new = old + (f64::from(us) - old) / samples.min(length) as f64;
            let new = if new < NEGLIGIBLE_US { 0.0 } else { new };
            average.store(new.to_bits(), Relaxed);
        }
    }

    pub(super) fn sum_us(&self) -> u64 {
        self.sum_us.load(Relaxed)
    }

    /// The average and how many samples it covers.
    pub(super) fn mean(&self, window: Window) -> (f64, u64) {
        let average = f64::from_bits(self.averages[window as usize].load(Relaxed));
        (average, self.samples.load(Relaxed).min(LENGTHS[window as usize]))
    }
}

/// The mean of several averages, each weighted with the samples it covers; zero without any.
pub(super) fn combine(means: impl Iterator<Item = (f64, u64)>) -> f64 {
    let (sum, samples) = means.fold((0.0, 0), |(sum, total), (mean, samples)| {
        (sum + mean * samples as f64, total + samples)
    });
    if samples == 0 { 0.0 } else { sum / samples as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_of_nothing_but_cached_answers_becomes_zero() {
        let latency = Latency::default();
        latency.record(1_000_000);
        (0..5000).for_each(|_| latency.record(0));
        let [short, long] = [Window::Last100, Window::Last10000].map(|window| latency.mean(window).0);
        assert_eq!(short, 0.0);
        assert!((199.0..200.0).contains(&long), "{long}");
        (0..100).for_each(|_| latency.record(7));
        assert!((4.0..5.0).contains(&latency.mean(Window::Last100).0));
    }
}
