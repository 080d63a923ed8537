//! Check scripts (`vrrp_script`): runs what the pure [`Script`] wants run.

use std::num::NonZeroU8;

use weir_config::vip::{self, Tracker, VipSettings};
use weir_linux::child::{Child, Ending};
use weir_linux::poll::{Interest, Poller};
use weir_vrrp::{Condition, Outcome, Script, ScriptEffect, ScriptSettings};
use weir_wire::Timestamp;

use super::programs::{self, Fate};
use super::tokens::{Kind, token};

/// All check scripts.
pub(super) struct Scripts {
    checks: Vec<Check>,
    /// Runs of scripts that are gone; they end, and are reaped.
    dying: Vec<Child>,
}

struct Check {
    tracker: usize,
    name: String,
    how: vip::Script,
    script: Script,
    running: Option<Child>,
    learnt: Option<Condition>,
}

impl Scripts {
    /// The scripts of a configuration, each about to run.
    pub(super) fn new(settings: &VipSettings, now: Timestamp) -> Self {
        let trackers = settings.trackers.iter().zip(&settings.node.trackers).enumerate();
        let checks = trackers.filter_map(|(tracker, (how, described))| match how {
            Tracker::Script(how) => Some(Check {
                tracker,
                name: described.name.clone(),
                script: Script::new(pace(how, described.initially), now),
                how: how.clone(),
                running: None,
                learnt: None,
            }),
            Tracker::Interface(_) | Tracker::Process(_) | Tracker::File(_) => None,
        });
        Self {
            checks: checks.collect(),
            dying: Vec::new(),
        }
    }

    /// Goes on with the scripts of another configuration. One that is in both keeps its machine and its run.
    pub(super) fn reconfigure(&mut self, settings: &VipSettings, now: Timestamp, poller: &Poller) {
        let mut old = std::mem::replace(self, Self::new(settings, now));
        for (index, check) in self.checks.iter_mut().enumerate() {
            let same = |other: &Check| other.name == check.name && other.how == check.how;
            let Some(at) = old.checks.iter().position(same) else {
                continue;
            };
            let survivor = old.checks.swap_remove(at);
            *check = Check {
                tracker: check.tracker,
                ..survivor
            };
            if let Some(child) = &check.running {
                // It is in the set under its old number.
                let _ = poller.modify(child, token(Kind::Script, index), Interest::Read);
            }
        }
        let left = old.checks.into_iter().filter_map(|check| check.running);
        for child in left {
            let _ = (poller.remove(&child), child.end(Ending::Force));
            old.dying.push(child);
        }
        self.dying = old.dying;
    }

    /// The run of this script has ended.
    pub(super) fn on_exit(&mut self, index: usize, now: Timestamp) {
        if let Some(check) = self.checks.get_mut(index) {
            check.on_exit(now);
        }
    }

    /// Starts and ends what is due.
    pub(super) fn on_deadline(&mut self, now: Timestamp, poller: &Poller) {
        self.dying
            .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        for (index, check) in self.checks.iter_mut().enumerate() {
            check.script.on_deadline(now);
            while let Some(effect) = check.script.next_effect() {
                check.perform(effect, index, now, poller);
            }
        }
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.checks
            .iter()
            .filter_map(|check| check.script.next_deadline())
            .min()
    }

    /// What has been learnt since the last call, by tracker.
    pub(super) fn learnt(&mut self) -> impl Iterator<Item = (usize, Condition)> {
        self.checks
            .iter_mut()
            .filter_map(|check| Some((check.tracker, check.learnt.take()?)))
    }
}

impl Check {
    fn perform(&mut self, effect: ScriptEffect, index: usize, now: Timestamp, poller: &Poller) {
        match effect {
            ScriptEffect::Start => {
                let started = programs::start(&self.how.program, &[], Fate::EndsWithUs).and_then(|child| {
                    poller.add(&child, token(Kind::Script, index), Interest::Read)?;
                    Ok(child)
                });
                match started {
                    Ok(child) => self.running = Some(child),
                    Err(error) => {
                        tracing::warn!("check {}: {error}", self.name);
                        self.script.on_exit(now, Outcome::Failure);
                    }
                }
            }
            ScriptEffect::Terminate => {
                tracing::warn!(
                    "check {} did not end in {:?}: terminated, counts as failed",
                    self.name,
                    self.how.timeout
                );
                self.end(Ending::Ask);
            }
            ScriptEffect::Kill => self.end(Ending::Force),
            ScriptEffect::Learnt(condition) => self.learnt = Some(condition),
        }
    }

    fn end(&self, how: Ending) {
        if let Some(child) = &self.running {
            // It has ended by itself meanwhile.
            let _ = child.end(how);
        }
    }

    fn on_exit(&mut self, now: Timestamp) {
        let Some(child) = &mut self.running else { return };
        let Ok(Some(status)) = child.try_wait() else {
            return;
        };
        if let Some(error) = child.refusal() {
            tracing::warn!("check {}: {error}", self.name);
        }
        // What it started and left behind is not for the next run to meet; reaped, it has no group any more.
        self.running = None;
        let outcome = if status.success() {
            Outcome::Success
        } else {
            Outcome::Failure
        };
        self.script.on_exit(now, outcome);
        while let Some(effect) = self.script.next_effect() {
            if let ScriptEffect::Learnt(condition) = effect {
                self.learnt = Some(condition);
            }
        }
    }
}

fn pace(how: &vip::Script, initially: Condition) -> ScriptSettings {
    let times = |times: u32| NonZeroU8::new(times.min(255) as u8).unwrap_or(NonZeroU8::MIN);
    ScriptSettings {
        interval: how.interval,
        timeout: how.timeout,
        rise: times(how.rise),
        fall: times(how.fall),
        initially,
    }
}
