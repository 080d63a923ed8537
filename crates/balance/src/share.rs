//! One worker's share of a backend's numbers, on cache lines of its own.
//!
//! Only that worker writes here, everyone may read. A single writer needs no locked instruction: a counter is a
//! plain load and a plain store, and no other worker ever waits for the line.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::settings::{LazySettings, MAX_SAMPLE_SIZE};

/// What is counted per worker and backend, and summed at scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// Queries sent.
    Queries,
    /// Replies that matched a pending query.
    Responses,
    /// Queries that timed out.
    Timeouts,
    /// Queries that could not be sent.
    SendErrors,
    /// Pending queries that had to make room for new ones.
    Reused,
    /// Replies that matched no pending query, or not its question.
    NonCompliantResponses,
    /// Queries forwarded to answer a client whose first query had timed out on another backend.
    Retries,
    /// TCP connections that broke while a query was sent.
    TcpDiedSendingQuery,
    /// TCP connections that broke while a reply was awaited.
    TcpDiedReadingResponse,
    /// Queries given up after every retry over TCP.
    TcpGaveUp,
    /// Timeouts while connecting.
    TcpConnectTimeouts,
    /// Timeouts while a reply was awaited.
    TcpReadTimeouts,
    /// Timeouts while a query was sent.
    TcpWriteTimeouts,
    /// Connections not opened because the limit was reached.
    TcpTooManyConnections,
    /// Connections opened.
    TcpNewConnections,
    /// Queries that found an open connection.
    TcpReusedConnections,
}

impl Counter {
    /// Every counter in declaration order, with the ending of dnsdist's `server_*` metric and what it counts.
    pub const ALL: [(Self, &'static str, &'static str); 16] = [
        (Self::Queries, "queries", "Queries sent to this backend"),
        (Self::Responses, "responses", "Replies received from this backend"),
        (
            Self::Timeouts,
            "drops",
            "Queries that this backend did not answer in time",
        ),
        (
            Self::SendErrors,
            "senderrors",
            "Network errors while sending queries",
        ),
        (
            Self::Reused,
            "reused",
            "Pending queries evicted to make room for new ones",
        ),
        (
            Self::NonCompliantResponses,
            "noncompliantresponses",
            "Replies that matched no pending query",
        ),
        (
            Self::Retries,
            "retries",
            "Queries sent here after another backend did not answer",
        ),
        (
            Self::TcpDiedSendingQuery,
            "tcpdiedsendingquery",
            "TCP connections that died while sending",
        ),
        (
            Self::TcpDiedReadingResponse,
            "tcpdiedreadingresponse",
            "TCP connections that died while reading",
        ),
        (
            Self::TcpGaveUp,
            "tcpgaveup",
            "Queries given up after too many TCP attempts",
        ),
        (
            Self::TcpConnectTimeouts,
            "tcpconnecttimeouts",
            "TCP connect timeouts",
        ),
        (Self::TcpReadTimeouts, "tcpreadtimeouts", "TCP read timeouts"),
        (Self::TcpWriteTimeouts, "tcpwritetimeouts", "TCP write timeouts"),
        (
            Self::TcpTooManyConnections,
            "tcptoomanyconcurrentconnections",
            "TCP connections refused by the limit",
        ),
        (
            Self::TcpNewConnections,
            "tcpnewconnections",
            "TCP connections opened",
        ),
        (
            Self::TcpReusedConnections,
            "tcpreusedconnections",
            "TCP connections used again",
        ),
    ];
}

/// One worker's numbers about one backend. 128 bytes are the unit that neighbouring cores prefetch together.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Share {
    counts: [AtomicU64; Counter::ALL.len()],
    outstanding: AtomicU32,
    /// UDP, in microseconds.
    pub(crate) latency: Ewma<128>,
    /// TCP, in microseconds.
    pub(crate) tcp_latency: Ewma<128>,
    /// Queries per closed TCP connection.
    pub(crate) tcp_queries: Ewma<100>,
    /// Life of a closed TCP connection, in milliseconds.
    pub(crate) tcp_duration: Ewma<100>,
    pub(crate) window: Window,
}

impl Share {
    pub(crate) fn count(&self, counter: Counter) {
        add(&self.counts[counter as usize], 1);
    }

    pub(crate) fn counted(&self, counter: Counter) -> u64 {
        self.counts[counter as usize].load(Relaxed)
    }

    pub(crate) fn begin(&self) {
        self.outstanding
            .store(self.outstanding().saturating_add(1), Relaxed);
    }

    pub(crate) fn end(&self) {
        self.outstanding
            .store(self.outstanding().saturating_sub(1), Relaxed);
    }

    /// Queries of this worker that wait for a reply of the backend.
    pub(crate) fn outstanding(&self) -> u32 {
        self.outstanding.load(Relaxed)
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

/// An exponentially weighted moving average that starts at zero, as dnsdist's: each sample counts 1/`N`.
#[derive(Debug, Default)]
pub(crate) struct Ewma<const N: u16> {
    /// The bits of an `f64`.
    value: AtomicU64,
}

impl<const N: u16> Ewma<N> {
    pub(crate) fn record(&self, sample: f64) {
        let one = 1.0 / f64::from(N);
        self.value
            .store((self.average() * (1.0 - one) + sample * one).to_bits(), Relaxed);
    }

    pub(crate) fn average(&self) -> f64 {
        f64::from_bits(self.value.load(Relaxed))
    }
}

/// Which of the last queries failed, one bit each, for lazy health checks.
#[derive(Debug, Default)]
pub(crate) struct Window {
    failed: [AtomicU64; MAX_SAMPLE_SIZE as usize / 64],
    /// Where the next sample goes.
    next: AtomicU32,
    filled: AtomicU32,
    epoch: AtomicU32,
}

impl Window {
    /// Notes one query. Samples of another `epoch` are forgotten first.
    pub(crate) fn record(&self, epoch: u32, failed: bool) {
        if self.epoch.swap(epoch, Relaxed) != epoch {
            self.filled.store(0, Relaxed);
        }
        let at = self.next.load(Relaxed) % u32::from(MAX_SAMPLE_SIZE);
        let (word, bit) = (&self.failed[at as usize / 64], 1 << (at % 64));
        let others = word.load(Relaxed) & !bit;
        word.store(if failed { others | bit } else { others }, Relaxed);
        self.next.store(at + 1, Relaxed);
        self.filled.store(
            (self.filled.load(Relaxed) + 1).min(u32::from(MAX_SAMPLE_SIZE)),
            Relaxed,
        );
    }

    /// Whether enough of the last queries failed for probing to start.
    pub(crate) fn is_alarming(&self, lazy: &LazySettings) -> bool {
        let size = self
            .filled
            .load(Relaxed)
            .min(u32::from(lazy.sample_size.samples()));
        if size == 0 || size < u32::from(lazy.min_samples) {
            return false;
        }
        let next = self.next.load(Relaxed) + u32::from(MAX_SAMPLE_SIZE);
        let failed = (1..=size).filter(|back| self.has_failed((next - back) % u32::from(MAX_SAMPLE_SIZE)));
        lazy.threshold.is_reached_by(failed.count() as u32, size)
    }

    fn has_failed(&self, at: u32) -> bool {
        self.failed[at as usize / 64].load(Relaxed) >> (at % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Percent, SampleSize};

    #[test]
    fn counters_are_declared_in_order_and_independent() {
        let share = Share::default();
        for (index, (counter, ..)) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index);
            for _ in 0..=index {
                share.count(counter);
            }
        }
        for (index, (counter, ..)) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(share.counted(counter), index as u64 + 1);
        }
    }

    #[test]
    fn ewma_weighs_a_sample_by_one_in_n() {
        let average = Ewma::<128>::default();
        average.record(1280.0);
        assert!((average.average() - 10.0).abs() < 1e-9);
        for _ in 0..5000 {
            average.record(300.0);
        }
        assert!((average.average() - 300.0).abs() < 0.01);
    }

    #[test]
    fn window_looks_at_the_last_samples_only() {
        let lazy = LazySettings {
            threshold: Percent::new(20).expect("in range"),
            sample_size: SampleSize::new(10).expect("in range"),
            min_samples: 5,
            ..LazySettings::default()
        };
        let window = Window::default();
        for _ in 0..4 {
            window.record(0, true);
        }
        assert!(!window.is_alarming(&lazy), "fewer than min_samples");
        window.record(0, false);
        assert!(window.is_alarming(&lazy), "four of five");
        for _ in 0..7 {
            window.record(0, false);
        }
        assert!(window.is_alarming(&lazy), "two of ten");
        window.record(0, false);
        assert!(!window.is_alarming(&lazy), "one of ten");
        for _ in 0..5000 {
            window.record(0, true);
        }
        assert!(window.is_alarming(&lazy));
        window.record(1, true);
        assert!(!window.is_alarming(&lazy), "a new epoch starts empty");
    }
}
