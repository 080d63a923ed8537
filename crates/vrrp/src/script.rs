//! A check that is a program (`vrrp_script`): when it runs, when it is killed, what its results mean.
//!
//! Runs never overlap. One that does not end in time counts as failed then, is terminated, and killed when that does
//! not help; until it has ended, no other is started.

use std::collections::VecDeque;
use std::num::NonZeroU8;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::settings::Condition;

/// Between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a script is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptSettings {
    /// The time between two starts.
    pub interval: Duration,
    /// A run that takes longer has failed.
    pub timeout: Duration,
    /// So many successes in a row after a failure.
    pub rise: NonZeroU8,
    /// So many failures in a row after a success.
    pub fall: NonZeroU8,
    /// What it is taken for before its first run has ended: [`Condition::Unknown`], or [`Condition::Fails`] with
    /// `init_fail`.
    pub initially: Condition,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit status 0.
    Success,
    /// Anything else; it could not be started, for one.
    Failure,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptEffect {
    /// Start it.
    Start,
    /// Send SIGTERM to it and its children.
    Terminate,
    /// Send SIGKILL.
    Kill,
    /// The condition is this now.
    Learnt(Condition),
}

/// One script.
#[derive(Debug)]
pub struct Script {
    settings: ScriptSettings,
    condition: Condition,
    /// A run has been counted.
    tried: bool,
    /// Results in a row that contradict the condition.
    against: u8,
    run: Run,
    effects: VecDeque<ScriptEffect>,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    /// Not running; starts then.
    Rests(Timestamp),
    /// Was started then and may still succeed.
    Runs(Timestamp),
    /// Was started then, has been counted as failed, and is killed at the second time.
    Terminated(Timestamp, Timestamp),
    /// Was started then and is as good as dead.
    Killed(Timestamp),
}

impl Script {
    /// A script that runs at once.
    pub fn new(settings: ScriptSettings, now: Timestamp) -> Self {
        Self {
            settings,
            condition: settings.initially,
            tried: false,
            against: 0,
            run: Run::Rests(now),
            effects: VecDeque::new(),
        }
    }

    /// The run has ended.
    pub fn on_exit(&mut self, now: Timestamp, outcome: Outcome) {
        let started = match self.run {
            Run::Rests(_) => return,
            Run::Runs(started) => {
                self.count(outcome);
                started
            }
            Run::Terminated(started, _) | Run::Killed(started) => started,
        };
        self.run = Run::Rests((started + self.settings.interval).max(now));
    }

    /// Performs what is due. Runs that have ended are to be told first.
    pub fn on_deadline(&mut self, now: Timestamp) {
        if self.next_deadline().is_none_or(|at| at > now) {
            return;
        }
        match self.run {
            Run::Rests(_) => {
                self.run = Run::Runs(now);
                self.effects.push_back(ScriptEffect::Start);
            }
            Run::Runs(started) => {
                self.run = Run::Terminated(started, now + PATIENCE);
                self.effects.push_back(ScriptEffect::Terminate);
                self.count(Outcome::Failure);
            }
            Run::Terminated(started, _) => {
                self.run = Run::Killed(started);
                self.effects.push_back(ScriptEffect::Kill);
            }
            Run::Killed(_) => {}
        }
    }

    /// When [`Self::on_deadline`] is to be called; `None` until the run has ended.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self.run {
            Run::Rests(until) | Run::Terminated(_, until) => Some(until),
            Run::Runs(started) => Some(started + self.settings.timeout),
            Run::Killed(_) => None,
        }
    }

    /// What is to be done next.
    pub fn next_effect(&mut self) -> Option<ScriptEffect> {
        self.effects.pop_front()
    }

    /// The first result decides, whatever rise and fall say (as keepalived).
    fn count(&mut self, outcome: Outcome) {
        let (shown, needed) = match outcome {
            Outcome::Success => (Condition::Holds, self.settings.rise.get()),
            Outcome::Failure => (Condition::Fails, self.settings.fall.get()),
        };
        let first = !std::mem::replace(&mut self.tried, true);
        if shown == self.condition {
            self.against = 0;
            return;
        }
        self.against = self.against.saturating_add(1);
        if first || self.against >= needed {
            (self.condition, self.against) = (shown, 0);
            self.effects.push_back(ScriptEffect::Learnt(shown));
        }
    }
}

#[cfg(test)]
mod tests;
