//! Whether a backend is up: one machine per backend, driven by one thread for all of them.
//!
//! ```text
//!             first probe passes                max_failures failed in a row
//!   Unknown ─────────────────────▶ Up ────────────────────────────────────────▶ Down
//!      └── first probe fails ▶ Down ◀── timeouts in a row (a worker ejects) ───  │
//!                                  Up ◀──────────── rise passed in a row ────────┘
//!
//!   lazy:  Idle ── enough queries failed ──▶ Suspect ── max_failures failed in a row ──▶ Down
//!            ▲                                  │ rise passed in a row                    │ rise passed
//!            └──────────────────────────────────┴─────────────────────────────────────────┘
//!
//!   any ── the operator sets up, down or drain ──▶ Forced ── auto, lazy ──▶ what was last known
//! ```
//!
//! The driver asks [`Health::next_deadline`], calls [`Health::on_deadline`] then, sends the probe it is told to
//! send and hands back what arrives. The machine publishes up and down in the [`Backend`] itself; what it returns
//! is for the log. Workers and console do not call it: they leave marks in the backend's atomics and wake the
//! driver, and `next_deadline` is then in the past.
//!
//! Unlike dnsdist's, probes do not align (±10 % of the interval), one that is slow delays only its own successor,
//! and a reply with a wrong identifier is counted but does not fail the check: it may be a forgery, and the
//! right one may still come.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::backend::{Backend, Reported};
use crate::check::{self, CheckFailure};
use crate::settings::{BackendSettings, Mode};

/// Health of one backend.
#[derive(Debug)]
pub struct Health {
    backend: Arc<Backend>,
    /// The mode that `state` belongs to.
    mode: Mode,
    state: State,
    probe: Option<Probe>,
    /// When to probe next; while a probe is out, not before its end.
    next_probe: Option<Timestamp>,
}

/// What the driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing until [`Health::next_deadline`].
    Wait,
    /// Send the probe with this identifier ([`crate::probe_packet`]), over a fresh socket. An earlier socket of
    /// this backend can be closed.
    SendProbe {
        /// Identifier of the query.
        id: u16,
    },
    /// Something was learnt; the probe's socket, if any, can be closed. Ask for the next deadline again.
    Learnt(Finding),
}

/// What was learnt about a backend, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How the probe ended; of interest with dnsdist's `setVerboseHealthChecks`.
    pub evidence: Evidence,
    /// The backend went up or down by it. Always worth a line.
    pub change: Option<HealthChange>,
}

/// Why a backend is taken to be up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A probe was answered after this time.
    Passed(Duration),
    /// A probe failed.
    Failed(CheckFailure),
    /// So many queries in a row were not answered in time.
    TimeoutsInARow(u32),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(latency) => {
                write!(f, "health check passed in {:.1} ms", latency.as_secs_f64() * 1e3)
            }
            Self::Failed(failure) => write!(f, "health check failed: {failure}"),
            Self::TimeoutsInARow(count) => write!(f, "{count} queries in a row timed out"),
        }
    }
}

/// A backend went up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// It takes queries from now on.
    Up,
    /// It takes none.
    Down,
}

impl fmt::Display for HealthChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Never probed; the first probe decides, whatever rise and max_failures say (as dnsdist).
    Unknown,
    Up {
        failed: u8,
    },
    /// Lazy and healthy: not probed.
    Idle,
    /// Lazy, still up, probed: dnsdist's PotentialFailure.
    Suspect {
        failed: u8,
        passed: u8,
    },
    /// `failed` is what lazy back-off doubles by.
    Down {
        passed: u8,
        failed: u32,
    },
    /// The operator decides.
    Forced,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    id: u16,
    sent: Timestamp,
    deadline: Timestamp,
    /// Random bits for the time of the next probe.
    jitter: u16,
}

impl Health {
    /// The machine of `backend`; probes at once where the mode wants probes.
    pub fn new(backend: Arc<Backend>, now: Timestamp) -> Self {
        let mode = backend.mode();
        let mut health = Self {
            backend,
            mode,
            state: State::Unknown,
            probe: None,
            next_probe: None,
        };
        health.adopt(now);
        health
    }

    /// Goes on under new settings after a reload. `backend` has inherited the state of the one before.
    pub fn reconfigure(&mut self, backend: Arc<Backend>) {
        self.backend = backend;
    }

    /// The backend that this is about.
    pub fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    /// When to call [`Self::on_deadline`] next, in the past when it is due; `None` when only a mark in the
    /// backend can change anything.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.is_marked() {
            return Some(Timestamp::ZERO);
        }
        self.probe.map(|probe| probe.deadline).or(self.next_probe)
    }

    /// Does the one thing that is due first. `random` is 64 fresh random bits.
    pub fn on_deadline(&mut self, now: Timestamp, random: u64) -> Effect {
        if self.is_marked()
            && let Some(finding) = self.adopt(now)
        {
            return Effect::Learnt(finding);
        }
        if let Some(probe) = self.probe {
            if now < probe.deadline {
                return Effect::Wait;
            }
            return Effect::Learnt(self.conclude(now, probe, Err(CheckFailure::Timeout)));
        }
        match self.next_probe {
            Some(due) if due <= now => self.send_probe(now, random),
            Some(_) | None => Effect::Wait,
        }
    }

    /// A packet came in answer to the probe. `None` when it changes nothing: late, or not the probe's.
    pub fn on_packet(&mut self, now: Timestamp, packet: &[u8]) -> Option<Finding> {
        let probe = self.probe?;
        let verdict = check::judge(&self.settings().check, probe.id, packet);
        if verdict == Err(CheckFailure::Mismatch) {
            self.backend.count_check_failure(CheckFailure::Mismatch.kind());
            return None;
        }
        Some(self.conclude(now, probe, verdict))
    }

    /// The probe could not be sent, or the network reported an error instead of a reply.
    pub fn on_network_error(&mut self, now: Timestamp) -> Option<Finding> {
        let probe = self.probe?;
        Some(self.conclude(now, probe, Err(CheckFailure::Network)))
    }

    fn send_probe(&mut self, now: Timestamp, random: u64) -> Effect {
        let [id, jitter] = [random as u16, (random >> 16) as u16];
        let deadline = now + self.settings().check.timeout();
        self.probe = Some(Probe {
            id,
            sent: now,
            deadline,
            jitter,
        });
        Effect::SendProbe { id }
    }

    /// The probe has ended: next state, next probe, numbers.
    fn conclude(&mut self, now: Timestamp, probe: Probe, verdict: Result<(), CheckFailure>) -> Finding {
        self.probe = None;
        let evidence = match verdict {
            Ok(()) => {
                self.backend.on_check_passed(now.since(probe.sent));
                Evidence::Passed(now.since(probe.sent))
            }
            Err(failure) => {
                self.backend.count_failed_check();
                self.backend.count_check_failure(failure.kind());
                Evidence::Failed(failure)
            }
        };
        let before = self.state;
        self.state = if verdict.is_ok() {
            self.after_pass()
        } else {
            self.after_failure()
        };
        self.next_probe = self
            .interval()
            .map(|interval| (probe.sent + jittered(interval, probe.jitter)).max(now));
        if self.state == State::Idle {
            self.backend.clear_suspicion();
        }
        Finding {
            evidence,
            change: self.publish(before),
        }
    }

    fn after_pass(&self) -> State {
        let rise = self.settings().check.rise.get();
        let healthy = if self.mode == Mode::Lazy {
            State::Idle
        } else {
            State::Up { failed: 0 }
        };
        match self.state {
            State::Unknown | State::Up { .. } => healthy,
            State::Suspect { passed, .. } | State::Down { passed, .. }
                if passed.saturating_add(1) >= rise =>
            {
                healthy
            }
            State::Suspect { passed, .. } => State::Suspect {
                failed: 0,
                passed: passed + 1,
            },
            State::Down { passed, failed } => State::Down {
                passed: passed + 1,
                failed,
            },
            state @ (State::Idle | State::Forced) => state,
        }
    }

    fn after_failure(&self) -> State {
        let most = self.settings().check.max_failures.get();
        match self.state {
            State::Unknown => State::Down { passed: 0, failed: 1 },
            State::Up { failed } | State::Suspect { failed, .. } if failed.saturating_add(1) >= most => {
                State::Down { passed: 0, failed: 1 }
            }
            State::Up { failed } => State::Up { failed: failed + 1 },
            State::Suspect { failed, .. } => State::Suspect {
                failed: failed + 1,
                passed: 0,
            },
            State::Down { failed, .. } => State::Down {
                passed: 0,
                failed: failed.saturating_add(1),
            },
            state @ (State::Idle | State::Forced) => state,
        }
    }

    /// Time to the next probe in this state; `None` when there is none.
    fn interval(&self) -> Option<Duration> {
        let settings = self.settings();
        match self.state {
            State::Idle | State::Forced => None,
            // One that is coming back is probed at the ordinary pace, or `rise` would take minutes.
            State::Down { passed: 0, failed } if self.mode == Mode::Lazy => {
                let lazy = &settings.lazy;
                let base = lazy.failed_interval_secs.get();
                let doublings = if lazy.exponential_backoff {
                    failed.saturating_sub(1).min(31)
                } else {
                    0
                };
                let secs =
                    (u64::from(base) << doublings).min(u64::from(lazy.max_backoff_secs.get().max(base)));
                Some(Duration::from_secs(secs))
            }
            State::Unknown | State::Up { .. } | State::Suspect { .. } | State::Down { .. } => {
                Some(settings.check.interval())
            }
        }
    }

    /// Makes the backend show what the state says; the change if it differs from `before`.
    fn publish(&self, before: State) -> Option<HealthChange> {
        let shown = self.state.shown()?;
        if before.shown() == Some(shown) {
            return None;
        }
        self.backend.report(shown);
        Some(if shown == Reported::Up {
            HealthChange::Up
        } else {
            HealthChange::Down
        })
    }

    /// Whether console or workers left a mark that the state does not show yet.
    fn is_marked(&self) -> bool {
        self.backend.mode() != self.mode
            || self
                .state
                .shown()
                .is_some_and(|shown| shown != self.backend.reported())
            || self.state == State::Idle && self.backend.is_suspect()
    }

    /// Takes over what console and workers left in the backend. Anything learnt by a probe that is still out
    /// would be about the time before, so the probe is dropped.
    fn adopt(&mut self, now: Timestamp) -> Option<Finding> {
        self.probe = None;
        self.mode = self.backend.mode();
        let reported = self.backend.reported();
        self.state = match (self.mode, reported) {
            (Mode::Up | Mode::Down | Mode::Drain, _) => State::Forced,
            (Mode::Auto, Reported::Unknown) => State::Unknown,
            (Mode::Auto, Reported::Up) => State::Up { failed: 0 },
            (Mode::Lazy, Reported::Unknown | Reported::Up) if self.backend.is_suspect() => {
                State::Suspect { failed: 0, passed: 0 }
            }
            (Mode::Lazy, Reported::Unknown | Reported::Up) => State::Idle,
            (Mode::Auto | Mode::Lazy, Reported::Down | Reported::Ejected) => {
                State::Down { passed: 0, failed: 0 }
            }
        };
        if let Some(shown) = self.state.shown().filter(|shown| *shown != reported) {
            self.backend.report(shown);
        }
        self.next_probe = self.interval().map(|_| now);
        let limit = self.settings().consecutive_timeouts.map_or(0, NonZeroU32::get);
        (reported == Reported::Ejected && self.state != State::Forced).then_some(Finding {
            evidence: Evidence::TimeoutsInARow(limit),
            change: Some(HealthChange::Down),
        })
    }

    fn settings(&self) -> &BackendSettings {
        self.backend.settings()
    }
}

impl State {
    /// What the backend shows in this state; `None` when that does not matter.
    fn shown(self) -> Option<Reported> {
        match self {
            Self::Unknown => Some(Reported::Unknown),
            Self::Up { .. } | Self::Idle | Self::Suspect { .. } => Some(Reported::Up),
            Self::Down { .. } => Some(Reported::Down),
            Self::Forced => None,
        }
    }
}

/// `interval` ± 10 %, so that the probes of many backends, and of many front ends, do not align.
fn jittered(interval: Duration, random: u16) -> Duration {
    let permille = 900 + u32::from(random) * 200 / u32::from(u16::MAX);
    interval * permille / 1000
}

#[cfg(test)]
mod tests;
