//! A backend as all threads see it: settings that never change, and state in atomics that outlives a reload.
//!
//! A reload makes a new [`Backend`] from new settings and, when the identity is the same, the old state
//! ([`Backend::inherit`]); queries that are pending on the old one are accounted on the new one by that. Nothing
//! here probes or waits: workers report what became of their queries, the [`Health`](crate::Health) machine
//! publishes up or down, the console sets the [`Mode`]; everyone reads.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use weir_wire::{Rcode, Timestamp};

use crate::check::FailureKind;
use crate::gate::Gate;
use crate::settings::{BackendSettings, LazyTrigger, Mode};
use crate::share::{Counter, Ewma, Share};

/// A server that the front end forwards to.
///
/// `worker` is everywhere the worker's number, below the count given to [`Backend::new`]; each number belongs to
/// one thread.
#[derive(Debug)]
pub struct Backend {
    settings: BackendSettings,
    state: Arc<State>,
}

/// Which transport a reply came over; their latencies are averaged apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A stream.
    Tcp,
}

#[derive(Debug)]
struct State {
    /// 0, or a [`Mode`] set at runtime together with the mode it overrides, see [`pack`].
    override_mode: AtomicU8,
    /// A [`Reported`].
    health: AtomicU8,
    /// Lazy checks: enough queries failed, probe.
    suspect: AtomicBool,
    /// Lazy checks: samples of an older epoch no longer count.
    window_epoch: AtomicU32,
    timeouts_in_a_row: AtomicU32,
    gate: Gate,
    tcp_connections: AtomicU32,
    tcp_most_connections: AtomicU32,
    failed_checks: AtomicU64,
    check_failures: [AtomicU64; FailureKind::ALL.len()],
    check_latency: Ewma<1>,
    shares: Box<[Share]>,
}

/// What probes and timeouts say about a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// Not probed yet: not used.
    Unknown,
    Up,
    Down,
    /// Taken out by a worker after timeouts in a row; the health machine has not looked yet.
    Ejected,
}

impl Reported {
    const ALL: [Self; 4] = [Self::Unknown, Self::Up, Self::Down, Self::Ejected];
}

impl Backend {
    /// A backend without a past, for workers 0 to `workers` - 1.
    pub fn new(settings: BackendSettings, workers: usize) -> Self {
        // A lazy backend is innocent until queries fail; any other waits for its first probe, as dnsdist's.
        let health = if settings.mode == Mode::Lazy {
            Reported::Up
        } else {
            Reported::Unknown
        };
        let state = State {
            override_mode: AtomicU8::new(0),
            health: AtomicU8::new(health as u8),
            suspect: AtomicBool::new(false),
            window_epoch: AtomicU32::new(0),
            timeouts_in_a_row: AtomicU32::new(0),
            gate: Gate::default(),
            tcp_connections: AtomicU32::new(0),
            tcp_most_connections: AtomicU32::new(0),
            failed_checks: AtomicU64::new(0),
            check_failures: Default::default(),
            check_latency: Ewma::default(),
            shares: std::iter::repeat_with(Share::default).take(workers).collect(),
        };
        Self {
            settings,
            state: Arc::new(state),
        }
    }

    /// The same backend under new settings: shares its state with `old`, which stays usable.
    ///
    /// Changes nothing that `old` shows, so a reload may still be abandoned. A mode set at runtime stays in force
    /// as long as the configured mode is the one that it overrode.
    #[must_use]
    pub fn inherit(settings: BackendSettings, old: &Self) -> Self {
        Self {
            settings,
            state: Arc::clone(&old.state),
        }
    }

    /// What the operator configured.
    pub fn settings(&self) -> &BackendSettings {
        &self.settings
    }

    /// Whether both share one state: the same backend, perhaps under settings of different age.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    // ---- up or down

    /// Who decides now: the mode set at runtime, or else the configured one.
    pub fn mode(&self) -> Mode {
        let configured = self.settings.mode;
        match self.state.override_mode.load(Relaxed) {
            0 => configured,
            packed => {
                let mut modes = Mode::ALL.into_iter().map(|(mode, ..)| mode);
                modes
                    .find(|mode| packed == pack(configured, *mode))
                    .unwrap_or(configured)
            }
        }
    }

    /// Sets who decides from now on: dnsdist's `setUp`, `setDown`, `setAuto`, `setLazyAuto`, and drain.
    pub fn set_mode(&self, mode: Mode) {
        let packed = if mode == self.settings.mode {
            0
        } else {
            pack(self.settings.mode, mode)
        };
        self.state.override_mode.store(packed, Relaxed);
    }

    /// Takes the backend as up from now on until a probe says otherwise (`setAuto(true)`).
    pub fn assume_up(&self) {
        self.report(Reported::Up);
    }

    /// Takes the backend as down from now on until a probe says otherwise (`setAuto(false)`).
    pub fn assume_down(&self) {
        self.report(Reported::Down);
    }

    /// Whether new queries may be sent, as `isUp` of dnsdist; [`Self::is_usable`] looks at limits too.
    pub fn is_up(&self) -> bool {
        match self.mode() {
            Mode::Up => true,
            Mode::Down | Mode::Drain => false,
            Mode::Auto | Mode::Lazy => self.reported() == Reported::Up,
        }
    }

    /// Whether policies may pick this backend: up, and below its limit of outstanding queries.
    pub fn is_usable(&self) -> bool {
        self.is_up()
            && self
                .settings
                .max_outstanding
                .is_none_or(|limit| self.outstanding() < limit.get())
    }

    /// Whether nobody knows anything about it yet: probes decide, and none has ended.
    pub fn is_unproven(&self) -> bool {
        self.mode() == Mode::Auto && self.reported() == Reported::Unknown
    }

    /// Queries that timed out since the last reply or change of health.
    pub fn timeouts_in_a_row(&self) -> u32 {
        self.state.timeouts_in_a_row.load(Relaxed)
    }

    /// The state for people, in dnsdist's words.
    pub fn status(&self) -> Status {
        match self.mode() {
            Mode::Up => Status::ForcedUp,
            Mode::Down => Status::ForcedDown,
            Mode::Drain => Status::Drain,
            Mode::Auto | Mode::Lazy if self.is_up() => Status::Up,
            Mode::Auto | Mode::Lazy => Status::Down,
        }
    }

    /// Takes one token of the `qps` limit; always succeeds without one.
    pub(crate) fn admit(&self, now: Timestamp) -> bool {
        self.settings
            .qps
            .is_none_or(|rate| self.state.gate.admit(rate, now))
    }

    pub(crate) fn reported(&self) -> Reported {
        let index = usize::from(self.state.health.load(Relaxed));
        Reported::ALL.get(index).copied().unwrap_or(Reported::Unknown)
    }

    pub(crate) fn report(&self, health: Reported) {
        self.state.timeouts_in_a_row.store(0, Relaxed);
        self.state.health.store(health as u8, Relaxed);
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.state.suspect.load(Relaxed)
    }

    /// Ends suspicion; the samples that led to it are forgotten, or the next failure would start it again.
    pub(crate) fn clear_suspicion(&self) {
        self.state.window_epoch.fetch_add(1, Relaxed);
        self.state.suspect.store(false, Relaxed);
    }

    // ---- what became of queries

    /// A query was sent.
    pub fn on_sent(&self, worker: usize) {
        let share = self.share(worker);
        share.count(Counter::Queries);
        share.begin();
    }

    /// The reply to a pending query came after `latency`. Returns whether the health thread should look now.
    #[must_use]
    pub fn on_reply(&self, worker: usize, transport: Transport, latency: Duration, rcode: Rcode) -> bool {
        let share = self.share(worker);
        share.count(Counter::Responses);
        share.end();
        let micros = latency.as_nanos() as f64 / 1000.0;
        match transport {
            Transport::Udp => share.latency.record(micros),
            Transport::Tcp => share.tcp_latency.record(micros),
        }
        // Read first: the usual zero is then never written, and the line stays shared between workers.
        if self.state.timeouts_in_a_row.load(Relaxed) != 0 {
            self.state.timeouts_in_a_row.store(0, Relaxed);
        }
        let failed = rcode == Rcode::SERVFAIL && self.settings.lazy.trigger == LazyTrigger::TimeoutOrServFail;
        self.sample(share, failed)
    }

    /// A pending query timed out. Returns whether the health thread should look now: this timeout took the
    /// backend out, or made a lazy one suspect.
    #[must_use]
    pub fn on_timeout(&self, worker: usize) -> bool {
        let share = self.share(worker);
        share.count(Counter::Timeouts);
        share.end();
        let in_a_row = self
            .state
            .timeouts_in_a_row
            .fetch_add(1, Relaxed)
            .saturating_add(1);
        let eject = self
            .settings
            .consecutive_timeouts
            .is_some_and(|limit| in_a_row >= limit.get())
            && matches!(self.mode(), Mode::Auto | Mode::Lazy);
        let (up, ejected) = (Reported::Up as u8, Reported::Ejected as u8);
        let ejected = eject
            && self
                .state
                .health
                .compare_exchange(up, ejected, Relaxed, Relaxed)
                .is_ok();
        self.sample(share, true) || ejected
    }

    /// A pending query ended without a verdict on the backend: evicted, given up, or lost with its connection.
    /// `why` is counted.
    pub fn on_abandoned(&self, worker: usize, why: Counter) {
        let share = self.share(worker);
        share.count(why);
        share.end();
    }

    /// Counts what has no method of its own.
    pub fn count(&self, worker: usize, counter: Counter) {
        self.share(worker).count(counter);
    }

    /// Takes a place under the limit of TCP connections and counts the connection as new; `false`, and counted
    /// as such, when none is left.
    #[must_use]
    pub fn try_connect(&self, worker: usize) -> bool {
        let limit = self
            .settings
            .tcp
            .max_connections
            .map_or(u32::MAX, std::num::NonZeroU32::get);
        let open = &self.state.tcp_connections;
        let taken = open.fetch_update(Relaxed, Relaxed, |open| (open < limit).then_some(open + 1));
        match taken {
            Ok(before) => {
                self.state.tcp_most_connections.fetch_max(before + 1, Relaxed);
                self.count(worker, Counter::TcpNewConnections);
                true
            }
            Err(_) => {
                self.count(worker, Counter::TcpTooManyConnections);
                false
            }
        }
    }

    /// A connection that [`Self::try_connect`] allowed is gone, after `queries` queries and `age`.
    pub fn on_disconnect(&self, worker: usize, queries: u32, age: Duration) {
        let share = self.share(worker);
        share.tcp_queries.record(f64::from(queries));
        share.tcp_duration.record(age.as_millis() as f64);
        let open = &self.state.tcp_connections;
        let _ = open.fetch_update(Relaxed, Relaxed, |open| open.checked_sub(1));
    }

    /// Feeds the window of lazy checks; true when this sample starts suspicion.
    fn sample(&self, share: &Share, failed: bool) -> bool {
        if self.mode() != Mode::Lazy || self.is_suspect() {
            return false;
        }
        share.window.record(self.state.window_epoch.load(Relaxed), failed);
        failed && share.window.is_alarming(&self.settings.lazy) && !self.state.suspect.swap(true, Relaxed)
    }

    /// # Panics
    /// When `worker` is not below the count given to [`Backend::new`]: the caller's threads are numbered wrongly.
    fn share(&self, worker: usize) -> &Share {
        &self.state.shares[worker]
    }

    // ---- health checks

    /// Counts one finding of a probe; see [`Self::failed_checks`] for those that failed the check.
    pub(crate) fn count_check_failure(&self, kind: FailureKind) {
        self.state.check_failures[kind as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn count_failed_check(&self) {
        self.state.failed_checks.fetch_add(1, Relaxed);
    }

    /// A probe was answered well: as good as the reply to a query.
    pub(crate) fn on_check_passed(&self, latency: Duration) {
        self.state.timeouts_in_a_row.store(0, Relaxed);
        self.state.check_latency.record(latency.as_nanos() as f64 / 1e6);
    }

    // ---- numbers for pages and policies

    /// Queries of `worker` that wait for a reply of this backend.
    pub fn outstanding_of(&self, worker: usize) -> u32 {
        self.share(worker).outstanding()
    }

    /// Average latency that `worker` saw over UDP, in microseconds; over TCP for a TCP-only backend.
    pub fn latency_of(&self, worker: usize) -> f64 {
        let share = self.share(worker);
        if self.settings.tcp_only {
            share.tcp_latency.average()
        } else {
            share.latency.average()
        }
    }

    /// Queries of all workers that wait for a reply.
    pub fn outstanding(&self) -> u32 {
        self.state.shares.iter().map(Share::outstanding).sum()
    }

    /// A counter, summed over the workers.
    pub fn total(&self, counter: Counter) -> u64 {
        self.state.shares.iter().map(|share| share.counted(counter)).sum()
    }

    /// Average UDP latency in microseconds: the workers' averages, each weighted by its replies.
    pub fn latency_us(&self) -> f64 {
        self.mean(Counter::Responses, |share| share.latency.average())
    }

    /// Average TCP latency in microseconds, weighted as [`Self::latency_us`].
    pub fn tcp_latency_us(&self) -> f64 {
        self.mean(Counter::Responses, |share| share.tcp_latency.average())
    }

    /// Average number of queries on a TCP connection.
    pub fn tcp_queries_per_connection(&self) -> f64 {
        self.mean(Counter::TcpNewConnections, |share| share.tcp_queries.average())
    }

    /// Average life of a TCP connection in milliseconds.
    pub fn tcp_connection_ms(&self) -> f64 {
        self.mean(Counter::TcpNewConnections, |share| share.tcp_duration.average())
    }

    /// TCP connections open now.
    pub fn tcp_connections(&self) -> u32 {
        self.state.tcp_connections.load(Relaxed)
    }

    /// Most TCP connections ever open at once.
    pub fn tcp_most_connections(&self) -> u32 {
        self.state.tcp_most_connections.load(Relaxed)
    }

    /// Health checks that failed.
    pub fn failed_checks(&self) -> u64 {
        self.state.failed_checks.load(Relaxed)
    }

    /// Findings of one kind in health checks.
    pub fn check_failures(&self, kind: FailureKind) -> u64 {
        self.state.check_failures[kind as usize].load(Relaxed)
    }

    /// Latency of the last successful health check in milliseconds.
    pub fn check_latency_ms(&self) -> f64 {
        self.state.check_latency.average()
    }

    fn mean(&self, weight: Counter, value: impl Fn(&Share) -> f64) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for share in &self.state.shares {
            let weight = share.counted(weight) as f64;
            sum += value(share) * weight;
            weights += weight;
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }
}

/// A backend's state for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Probes say up.
    Up,
    /// Probes say down, or have not said anything yet.
    Down,
    /// The operator says up.
    ForcedUp,
    /// The operator says down.
    ForcedDown,
    /// The operator lets pending queries finish.
    Drain,
}

impl fmt::Display for Status {
    /// As dnsdist's `showServers`: capitals are the operator's word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::ForcedUp => "UP",
            Self::ForcedDown => "DOWN",
            Self::Drain => "DRAIN",
        })
    }
}

/// Both modes in one byte, never 0.
const fn pack(configured: Mode, runtime: Mode) -> u8 {
    ((configured as u8) << 4) + runtime as u8 + 1
}

#[cfg(test)]
mod tests;
