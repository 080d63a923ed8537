//! What routers depend on, gathered: one condition per tracker, whoever learns it.
//!
//! Scripts, the front end and the load have machines of their own; interfaces, processes and files are looked at here.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use weir_config::vip::{ProcessMatch, Tracker, VipSettings};
use weir_linux::pidfd::Pidfd;
use weir_linux::poll::{Interest, Poller};
use weir_linux::processes::{self, Running};
use weir_vrrp::{Condition, TrackerSettings, Tracking, Weight};
use weir_wire::Timestamp;

use super::network::Network;
use super::tokens::{Kind, token};

/// How often files and processes are looked at; the end of a process is seen at once.
const LOOK: Duration = Duration::from_millis(250);
/// Processes of one tracker whose end is watched.
const MAX_WATCHED: usize = 64;
/// The name of the tracker that every router must have when a front end is watched.
const FRONT_END: &str = "front end";
const LIVE_BACKEND: &str = "live backend";
const LOAD: &str = "load";

/// The conditions of everything that is tracked.
pub(super) struct Trackers {
    conditions: Vec<Condition>,
    files: Vec<(usize, PathBuf)>,
    processes: Vec<ProcessTracker>,
    front_end: Option<usize>,
    live_backend: Option<usize>,
    load: usize,
    look: Timestamp,
}

struct ProcessTracker {
    tracker: usize,
    wanted: ProcessMatch,
    /// The processes that matched, to be told of their end.
    watched: Vec<(u32, Pidfd)>,
    /// A condition that does not count yet, and when it does (`delay`).
    pending: Option<(Condition, Timestamp)>,
}

/// Whether a front end is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrontEnd {
    Watched,
    NotWatched,
}

impl Trackers {
    /// The trackers of a configuration and, for every router of it, those that no configuration has to name.
    pub(super) fn new(settings: &mut VipSettings, front_end: FrontEnd) -> Self {
        let mut add = |name: &str, weight, initially| {
            settings.node.trackers.push(TrackerSettings {
                name: name.to_owned(),
                initially,
            });
            let tracker = settings.node.trackers.len() - 1;
            for (_, tracking) in &mut settings.node.routers {
                tracking.push(Tracking {
                    tracker,
                    weight,
                    reverse: false,
                });
            }
            tracker
        };
        let load = add(LOAD, Weight::Eighth, Condition::Holds);
        let (front_end, live_backend) = match front_end {
            FrontEnd::NotWatched => (None, None),
            FrontEnd::Watched => (
                Some(add(FRONT_END, Weight::Fault, Condition::Unknown)),
                Some(add(LIVE_BACKEND, Weight::Eighth, Condition::Unknown)),
            ),
        };
        let mut files = Vec::new();
        let mut processes = Vec::new();
        for (tracker, how) in settings.trackers.iter().enumerate() {
            match how {
                Tracker::File(path) => files.push((tracker, path.clone())),
                Tracker::Process(wanted) => processes.push(ProcessTracker {
                    tracker,
                    wanted: wanted.clone(),
                    watched: Vec::new(),
                    pending: None,
                }),
                Tracker::Script(_) | Tracker::Interface(_) => {}
            }
        }
        let initially = settings.node.trackers.iter().map(|tracker| tracker.initially);
        Self {
            conditions: initially.collect(),
            files,
            processes,
            front_end,
            live_backend,
            load,
            look: Timestamp::ZERO,
        }
    }

    /// Takes over what is known of the trackers that no configuration names.
    pub(super) fn inherit(&mut self, old: &Self) {
        let own = |trackers: &Self| [Some(trackers.load), trackers.front_end, trackers.live_backend];
        for (new, old_at) in own(self).into_iter().zip(own(old)) {
            let condition = old_at.and_then(|at| old.conditions.get(at)).copied();
            if let (Some(new), Some(condition)) = (new, condition) {
                self.set(new, condition);
            }
        }
    }

    /// What is known of each tracker.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (usize, Condition)> {
        self.conditions.iter().copied().enumerate()
    }

    /// Takes note of a tracker's condition.
    pub(super) fn set(&mut self, tracker: usize, condition: Condition) {
        if let Some(known) = self.conditions.get_mut(tracker) {
            *known = condition;
        }
    }

    /// What is known of the front end, if one is watched: whether it answers, and through a live backend.
    pub(super) fn front(&self) -> Option<(Condition, Condition)> {
        let condition = |tracker: Option<usize>| self.conditions.get(tracker?).copied();
        Some((condition(self.front_end)?, condition(self.live_backend)?))
    }

    /// Takes note of what the front end's watch has learnt.
    pub(super) fn set_front(&mut self, front_end: Condition, backend: Condition) {
        for (tracker, condition) in [(self.front_end, front_end), (self.live_backend, backend)] {
            if let Some(tracker) = tracker {
                self.set(tracker, condition);
            }
        }
    }

    /// Takes note of the machine's load.
    pub(super) fn set_load(&mut self, condition: Condition) {
        self.set(self.load, condition);
    }

    /// Looks which tracked interfaces are up.
    pub(super) fn on_links(&mut self, trackers: &[Tracker], network: &mut Network) {
        for (number, tracker) in trackers.iter().enumerate() {
            if let Tracker::Interface(interface) = tracker {
                self.set(number, holds_if(network.is_up(interface)));
            }
        }
    }

    /// A tracked process has ended: look at once.
    pub(super) const fn on_exit(&mut self, now: Timestamp) {
        self.look = now;
    }

    /// Looks at files and processes.
    pub(super) fn on_deadline(&mut self, now: Timestamp, poller: &Poller) {
        if self.look > now {
            return;
        }
        self.look = now + LOOK;
        for (tracker, path) in &self.files {
            if let Some(known) = self.conditions.get_mut(*tracker) {
                *known = number_in(path);
            }
        }
        if self.processes.is_empty() {
            return;
        }
        let Ok(running) = processes::list() else { return };
        for tracked in &mut self.processes {
            let known = self.conditions.get_mut(tracked.tracker);
            if let Some(known) = known {
                *known = tracked.look(&running, *known, now, poller);
            }
        }
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        (!self.files.is_empty() || !self.processes.is_empty()).then_some(self.look)
    }
}

impl ProcessTracker {
    /// The condition that counts now, when `known` counted until now.
    fn look(&mut self, running: &[Running], known: Condition, now: Timestamp, poller: &Poller) -> Condition {
        let matching: Vec<u32> = running
            .iter()
            .filter(|process| self.is_wanted(process))
            .map(|process| process.pid)
            .collect();
        self.watch(&matching, poller);
        let count = u32::try_from(matching.len()).unwrap_or(u32::MAX);
        let enough = count >= self.wanted.quorum && self.wanted.quorum_max.is_none_or(|most| count <= most);
        let seen = holds_if(enough);
        if seen == known {
            self.pending = None;
            return known;
        }
        let (_, since) = *self.pending.get_or_insert((seen, now + self.wanted.delay));
        if since > now {
            return known;
        }
        self.pending = None;
        seen
    }

    fn is_wanted(&self, process: &Running) -> bool {
        if self.wanted.full_command {
            return process.words == self.wanted.words;
        }
        let program = self.wanted.words.first().map(Path::new).and_then(Path::file_name);
        let named = process.words.first().map(Path::new).and_then(Path::file_name);
        program.is_some()
            && (program == named || program.and_then(|name| name.to_str()) == Some(&process.name))
    }

    /// Has the end of these processes told.
    fn watch(&mut self, matching: &[u32], poller: &Poller) {
        self.watched.retain(|(pid, _)| matching.contains(pid));
        for pid in matching.iter().take(MAX_WATCHED) {
            if self.watched.iter().any(|(watched, _)| watched == pid) {
                continue;
            }
            // One that has ended already is missed by the next look.
            let Ok(pidfd) = Pidfd::open(*pid) else { continue };
            if poller
                .add(&pidfd, token(Kind::TrackedProcess, 0), Interest::Read)
                .is_ok()
            {
                self.watched.push((*pid, pidfd));
            }
        }
    }
}

const fn holds_if(good: bool) -> Condition {
    if good { Condition::Holds } else { Condition::Fails }
}

/// The number in a tracked file; what is not there or not a number is zero, as keepalived has it.
fn number_in(path: &Path) -> Condition {
    let text = fs::read_to_string(path).unwrap_or_default();
    Condition::Number(text.trim().parse().unwrap_or(0))
}
