//! What the front end counts, under dnsdist's names.
//!
//! Every worker counts in a block of its own and is its only writer, so that a count is a plain load and a plain
//! store. Whoever reads adds the blocks up. Nothing is ever reset.
//!
//! Latency: each worker keeps, per transport, the mean of its last 100 to 1,000,000 answers as a moving average.
//! [`Counters::reading`] combines the workers' averages, each weighted with how many answers it covers so far; a
//! worker's average is the plain mean until its window has filled once. (dnsdist's averages start at zero and
//! creep up from there.)

mod frontend;
mod latency;
mod statistics;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use weir_policy::Transport;
use weir_wire::QueryError;

pub use frontend::FrontendCounters;
pub use latency::Window;
pub use statistics::{Statistic, Value};
pub use table::{Counter, FrontendCounter, Kind, Metric, Reading, Unused};

use latency::Latency;

/// The blocks of all threads that count.
#[derive(Debug, Default)]
pub struct Counters {
    blocks: Vec<Arc<WorkerCounters>>,
}

impl Counters {
    /// A block for one more thread. Only that thread may write to it.
    pub fn register(&mut self) -> Arc<WorkerCounters> {
        let block = Arc::new(WorkerCounters::default());
        self.blocks.push(Arc::clone(&block));
        block
    }

    /// The sum over all threads.
    pub fn sum(&self, counter: Counter) -> u64 {
        self.total(|block| block.count(counter))
    }

    /// How many packets were malformed in each way, in the order of [`QueryError::LABELS`].
    pub fn malformed(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let reasons = QueryError::LABELS.into_iter().enumerate();
        reasons.map(|(at, label)| (label, self.total(|block| block.malformed[at].load(Relaxed))))
    }

    /// Answers whose latency was measured.
    pub fn latency_count(&self) -> u64 {
        let bounded = LATENCY_BUCKETS.into_iter().map(|(_, bucket)| self.sum(bucket));
        bounded.sum::<u64>() + self.sum(Counter::LatencySlow)
    }

    /// All latencies added up, in microseconds.
    pub fn latency_sum_us(&self) -> u64 {
        self.total(|block| block.latency.iter().map(Latency::sum_us).sum())
    }

    /// Mean latency of the last answers over `transport`, in microseconds; zero before the first.
    pub fn mean_latency_us(&self, transport: Transport, window: Window) -> f64 {
        let blocks = self.blocks.iter().map(|block| block.latency(transport));
        latency::combine(blocks.map(|latency| latency.mean(window)))
    }

    fn total(&self, of: impl Fn(&WorkerCounters) -> u64) -> u64 {
        self.blocks
            .iter()
            .map(|block| of(block))
            .fold(0, u64::wrapping_add)
    }
}

/// The histogram: upper bounds in milliseconds, exclusive, and the counter of the answers below each that are not
/// below the one before. What is above all bounds is [`Counter::LatencySlow`].
pub const LATENCY_BUCKETS: [(u32, Counter); 5] = [
    (1, Counter::Latency0To1),
    (10, Counter::Latency1To10),
    (50, Counter::Latency10To50),
    (100, Counter::Latency50To100),
    (1000, Counter::Latency100To1000),
];

/// What one thread counts. 128 bytes are the unit that neighbouring cores prefetch together.
///
/// Only the thread that [registered](Counters::register) the block may write: of two writers at the same time one
/// count would be lost.
#[derive(Debug)]
#[repr(align(128))]
pub struct WorkerCounters {
    counts: [AtomicU64; Counter::ALL.len()],
    malformed: [AtomicU64; QueryError::LABELS.len()],
    latency: [Latency; 2],
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; _],
            malformed: [const { AtomicU64::new(0) }; _],
            latency: Default::default(),
        }
    }
}

impl WorkerCounters {
    /// Counts `amount` more.
    pub fn add(&self, counter: Counter, amount: u64) {
        increase(&self.counts[counter as usize], amount);
    }

    /// Counts one malformed query, by reason and in [`Counter::NoncompliantQueries`].
    pub fn add_malformed(&self, reason: QueryError) {
        increase(&self.malformed[reason.index()], 1);
        self.add(Counter::NoncompliantQueries, 1);
    }

    /// Notes how long a client waited for its answer.
    pub fn observe_latency(&self, transport: Transport, us: u32) {
        let ms = us / 1000;
        let bucket = LATENCY_BUCKETS.into_iter().find(|(bound, _)| ms < *bound);
        self.add(bucket.map_or(Counter::LatencySlow, |(_, counter)| counter), 1);
        self.latency(transport).record(us);
    }

    fn count(&self, counter: Counter) -> u64 {
        self.counts[counter as usize].load(Relaxed)
    }

    fn latency(&self, transport: Transport) -> &Latency {
        let [udp, tcp] = &self.latency;
        match transport {
            Transport::Udp => udp,
            Transport::Tcp => tcp,
        }
    }
}

/// Adds without a locked instruction: the caller is the cell's only writer.
fn increase(cell: &AtomicU64, amount: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(amount), Relaxed);
}

#[cfg(test)]
mod tests;
