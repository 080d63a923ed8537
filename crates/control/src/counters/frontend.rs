//! What one listening socket of one worker counts.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use weir_policy::Transport;

use super::table::FrontendCounter;

/// The numbers of one listening socket. Only the worker that owns the socket may write.
#[derive(Debug)]
#[repr(align(128))]
pub struct FrontendCounters {
    /// The address as configured.
    pub address: SocketAddr,
    /// What it listens for.
    pub transport: Transport,
    /// Which worker owns the socket.
    pub worker: usize,
    counts: [AtomicU64; FrontendCounter::ALL.len()],
    averages: [Average; 3],
}

impl FrontendCounters {
    /// Zeros for a new socket.
    pub fn new(address: SocketAddr, transport: Transport, worker: usize) -> Self {
        Self {
            address,
            transport,
            worker,
            counts: [const { AtomicU64::new(0) }; _],
            averages: Default::default(),
        }
    }

    /// Counts `amount` more.
    pub fn add(&self, counter: FrontendCounter, amount: u64) {
        super::increase(&self.counts[counter as usize], amount);
    }

    /// Notes a TCP connection that was accepted.
    pub fn connection_opened(&self) {
        self.add(FrontendCounter::TcpCurrentConnections, 1);
        let current = self.count(FrontendCounter::TcpCurrentConnections);
        let most = &self.counts[FrontendCounter::TcpMaxConcurrentConnections as usize];
        most.store(most.load(Relaxed).max(current), Relaxed);
    }

    /// Notes the end of a TCP connection: the queries it carried, how long it was open, and how often it was read
    /// per query.
    pub fn connection_closed(&self, queries: u32, duration_ms: u32, reads: u32) {
        let current = &self.counts[FrontendCounter::TcpCurrentConnections as usize];
        current.store(current.load(Relaxed).saturating_sub(1), Relaxed);
        let [per_connection, duration, per_query] = &self.averages;
        per_connection.record(f64::from(queries));
        duration.record(f64::from(duration_ms));
        if queries > 0 {
            per_query.record(f64::from(reads) / f64::from(queries));
        }
    }

    /// What was counted.
    pub fn count(&self, counter: FrontendCounter) -> u64 {
        self.counts[counter as usize].load(Relaxed)
    }

    /// Moving averages over closed TCP connections: queries per connection, duration in milliseconds, reads per
    /// query.
    pub fn averages(&self) -> [f64; 3] {
        self.averages.each_ref().map(Average::value)
    }
}

/// A moving average that begins with its first sample; each later one counts 1/100.
#[derive(Debug, Default)]
struct Average {
    /// The bits of an `f64`; zero is "no sample yet", which an average of zero may be taken for.
    bits: AtomicU64,
}

impl Average {
    fn record(&self, sample: f64) {
        let old = self.value();
        let new = if old == 0.0 {
            sample
        } else {
            old + (sample - old) / 100.0
        };
        self.bits.store(new.to_bits(), Relaxed);
    }

    fn value(&self) -> f64 {
        f64::from_bits(self.bits.load(Relaxed))
    }
}
