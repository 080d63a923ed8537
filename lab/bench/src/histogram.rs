//! Latencies in buckets whose width grows with the value: 32 to each power of two, so a quantile is at most 3 % off.
//!
//! A fixed table and one increment per reply, because it is filled inside the loop that makes the load.

/// Buckets to each power of two.
const STEPS: u64 = 32;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Up to 2^40 ns, which is 18 minutes; beyond that everything is in the last bucket.
const BUCKETS: usize = (40 - STEP_BITS as usize + 1) * STEPS as usize;

/// Counts of latencies in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
        }
    }

    /// Counts one latency.
    pub(crate) fn record(&mut self, nanoseconds: u64) {
        let last = BUCKETS - 1;
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds).min(last)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// The value that this share of the latencies does not exceed: the upper end of its bucket, in nanoseconds.
    /// `None` when nothing was counted.
    pub(crate) fn quantile(&self, share: f64) -> Option<u64> {
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut below = 0;
        let index = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        index.filter(|_| self.total > 0).map(upper_end)
    }
}

/// Values below [`STEPS`] have a bucket each; above, a value is its power of two and its first bits after that.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (u64::from(shift) * STEPS + (value >> shift)) as usize
}

/// The largest value in the bucket.
fn upper_end(index: usize) -> u64 {
    let index = index as u64;
    let shift = (index / STEPS).saturating_sub(1);
    ((index - shift * STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lies_in_its_bucket_and_close_to_its_end() {
        let mut values: Vec<u64> = (0..5_000).collect();
        values.extend((12..39).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 12_345]));
        for value in values {
            let index = bucket(value);
            assert!(index < BUCKETS, "{value}");
            assert!(upper_end(index) >= value, "{value}");
            assert!(index == 0 || upper_end(index - 1) < value, "{value}");
            assert!(upper_end(index) as f64 <= value as f64 * 1.035 + 1.0, "{value}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::new();
        (1..=10_000).for_each(|value| histogram.record(value * 1_000));
        for (share, exact) in [(0.5, 5_000_000.0), (0.99, 9_900_000.0), (1.0, 10_000_000.0)] {
            let found = histogram.quantile(share).unwrap() as f64;
            assert!(
                (1.0..1.035).contains(&(found / exact)),
                "{share}: {found} {exact}"
            );
        }
        let mut few = Histogram::new();
        (1..=3).for_each(|value| few.record(value));
        assert_eq!(
            [few.quantile(0.0), few.quantile(0.5), few.quantile(0.99)],
            [Some(1), Some(2), Some(3)]
        );
    }

    #[test]
    fn an_empty_one_has_no_quantile_and_a_huge_value_a_place() {
        assert_eq!(Histogram::new().quantile(0.5), None);
        let mut histogram = Histogram::new();
        histogram.record(u64::MAX);
        assert!(histogram.quantile(0.5).unwrap() >= 1 << 39);
    }
}
