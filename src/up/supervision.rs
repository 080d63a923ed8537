//! When a node's roles start, end and start again. Pure: what happens comes in with its time, what is to be done comes
//! out as [`Effect`]s.
//!
//! ```text
//!            the tiers before          answers
//!   Waiting ───────────────▶ Starting ─────────▶ Up
//!                             ▲  │ ends           │ ends
//!                      a pause│  ▼                │
//!                            Resting ◀────────────┘      Ending: told to, from Starting and Up
//! ```
//!
//! A role that an operator stops is `Stopped`, whatever the site file says, until an operator starts it.
//!
//! Roles start from the servers to the address and end the other way round, so that nobody holds the address in front of
//! nothing. The order holds for the first start: what ends by itself starts again after its own pause, whatever the
//! others do.

use std::collections::VecDeque;
use std::time::Duration;

use weir_config::site::RoleName;
use weir_wire::Timestamp;

/// The first pause before a role that ended is started again; each further one is twice as long.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A role that was up for so long has been well: its next pause is the first one again.
pub(super) const WELL: Duration = Duration::from_secs(30);
/// How long a role waits for one before it. A front end without one of its servers is better than none.
pub(super) const ORDER_PATIENCE: Duration = Duration::from_secs(10);
/// How long a role may take until it answers; a server reads large zones meanwhile.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a killed process may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// What starts together: in this order, and ends in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Servers,
    Front,
    Address,
}

impl Tier {
    const fn of(role: RoleName) -> Self {
        match role {
            RoleName::Auth | RoleName::Resolve => Self::Servers,
            RoleName::Front => Self::Front,
            RoleName::Vip => Self::Address,
        }
    }

    /// How long one may take to end when it is told to: as long as the other node needs to take over, as long as the
    /// last queries need, as long as a server needs to write its journals.
    const fn ending_timeout(self) -> Duration {
        match self {
            Self::Address | Self::Servers => Duration::from_secs(10),
            Self::Front => Duration::from_secs(7),
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Start a process; report with [`Supervision::on_ready`] or [`Supervision::on_exit`].
    Start(RoleName),
    /// Have it read its configuration again.
    Reload(RoleName),
    /// Tell it to end.
    Ask(RoleName),
    /// Kill it.
    Force(RoleName),
    /// It is no role of this node any more, and its process has ended.
    Forget(RoleName),
}

/// What another site file means for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    Keep,
    /// It reads its configuration again.
    Reload,
    /// It ends and starts again: what has changed is nothing that it reads again.
    Restart,
}

/// Where a role is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Waits until those before it answer.
    Waiting,
    /// Started, but does not answer yet.
    Starting { since: Timestamp },
    /// Answers.
    Up { since: Timestamp },
    /// Has ended, and starts again then.
    Resting { until: Timestamp },
    /// Has ended, as an operator wanted.
    Stopped,
    /// Told to end; killed then.
    Ending { force: Timestamp, then: Then },
}

/// What follows the end that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: it leaves.
    Leave,
    /// Nothing either, and it was killed; this time it is given up.
    Abandon,
    /// It starts at once.
    Start,
    /// It starts after a pause.
    Rest,
    /// It stays, stopped.
    Stop,
}

/// Whether the roles after one may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// It has not been started yet.
    Closed,
    /// Then, or when it answers.
    Opens(Timestamp),
    Open,
}

/// One role under supervision.
#[derive(Clone, Debug)]
pub(super) struct Ward {
    pub(super) role: RoleName,
    pub(super) state: State,
    /// How often it has ended without being told to.
    pub(super) failures: u64,
    /// How the last of these came about.
    pub(super) reason: Option<String>,
    pause: Duration,
    gate: Gate,
    reload_is_due: bool,
    leaves: bool,
}

impl Ward {
    const fn new(role: RoleName) -> Self {
        Self {
            role,
            state: State::Waiting,
            failures: 0,
            reason: None,
            pause: FIRST_PAUSE,
            gate: Gate::Closed,
            reload_is_due: false,
            leaves: false,
        }
    }

    const fn tier(&self) -> Tier {
        Tier::of(self.role)
    }

    /// Whether those after it need not wait for it.
    fn lets_pass(&self) -> bool {
        self.leaves || self.gate == Gate::Open || self.state == State::Stopped
    }

    fn rest(&mut self, now: Timestamp) {
        self.state = State::Resting {
            until: now + self.pause,
        };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting | State::Up { .. } | State::Stopped => None,
            State::Starting { since } => Some(since + START_TIMEOUT),
            State::Resting { until } => Some(until),
            State::Ending { force, .. } => Some(force),
        }
    }
}

/// All roles of a node.
#[derive(Debug, Default)]
pub(super) struct Supervision {
    /// At most one per role, in the order of starting.
    wards: Vec<Ward>,
    is_stopping: bool,
    effects: VecDeque<Effect>,
}

impl Supervision {
    /// From now on the node has these roles.
    pub(super) fn on_roles(&mut self, now: Timestamp, wanted: &[(RoleName, Change)]) {
        if self.is_stopping {
            return;
        }
        for ward in &mut self.wards {
            ward.leaves = !wanted.iter().any(|(role, _)| *role == ward.role);
        }
        for (role, change) in wanted {
            match self.wards.iter().position(|ward| ward.role == *role) {
                Some(index) => self.change(now, index, *change),
                None => self.wards.push(Ward::new(*role)),
            }
        }
        self.wards.sort_by_key(|ward| (ward.tier(), ward.role));
        self.advance(now);
    }

    /// The process answers.
    pub(super) fn on_ready(&mut self, now: Timestamp, role: RoleName) {
        if let Some(ward) = self.ward_mut(role)
            && matches!(ward.state, State::Starting { .. })
        {
            ward.state = State::Up { since: now };
            ward.gate = Gate::Open;
            if std::mem::take(&mut ward.reload_is_due) {
                self.effects.push_back(Effect::Reload(role));
            }
        }
        self.advance(now);
    }

    /// The process has ended, or could not be started.
    pub(super) fn on_exit(&mut self, now: Timestamp, role: RoleName, how: &str) {
        let Some(ward) = self.ward_mut(role) else { return };
        match ward.state {
            State::Waiting | State::Resting { .. } | State::Stopped => {}
            State::Starting { .. } | State::Up { .. } => {
                if let State::Up { since } = ward.state
                    && now.since(since) >= WELL
                {
                    ward.pause = FIRST_PAUSE;
                }
                ward.failures += 1;
                ward.reason = Some(how.to_owned());
                ward.rest(now);
            }
            State::Ending { then: Then::Rest, .. } => ward.rest(now),
            State::Ending { then: Then::Stop, .. } => ward.state = State::Stopped,
            State::Ending {
                then: Then::Start, ..
            } => self.start(now, role),
            State::Ending {
                then: Then::Leave | Then::Abandon,
                ..
            } => self.forget(role),
        }
        self.advance(now);
    }

    /// A role is as another program has left it; to be told before anything else of it.
    pub(super) fn inherit(&mut self, role: RoleName, state: State, failures: u64, reason: Option<String>) {
        self.wards.push(Ward {
            state,
            failures,
            reason,
            gate: Gate::Open,
            ..Ward::new(role)
        });
    }

    /// Another process has taken the place of the one that answered.
    pub(super) fn on_replaced(&mut self, now: Timestamp, role: RoleName) {
        if let Some(ward) = self.ward_mut(role)
            && let State::Up { since } = &mut ward.state
        {
            *since = now;
        }
    }

    /// An operator wants this role to end, and to stay so.
    pub(super) fn on_order_to_stop(&mut self, now: Timestamp, role: RoleName) {
        let Some(ward) = self.ward_mut(role) else { return };
        match &mut ward.state {
            State::Waiting | State::Resting { .. } => ward.state = State::Stopped,
            State::Starting { .. } | State::Up { .. } => self.end(now, role, Then::Stop),
            State::Ending { then, .. } => match then {
                Then::Start | Then::Rest => *then = Then::Stop,
                Then::Stop | Then::Leave | Then::Abandon => {}
            },
            State::Stopped => {}
        }
        self.advance(now);
    }

    /// An operator wants this role to run.
    pub(super) fn on_order_to_start(&mut self, now: Timestamp, role: RoleName) {
        let Some(ward) = self.ward_mut(role) else { return };
        match &mut ward.state {
            State::Stopped | State::Resting { .. } => {
                ward.pause = FIRST_PAUSE;
                ward.state = State::Waiting;
            }
            State::Ending { then, .. } if *then == Then::Stop => *then = Then::Start,
            State::Waiting | State::Starting { .. } | State::Up { .. } | State::Ending { .. } => {}
        }
        self.advance(now);
    }

    /// Everything is to end.
    pub(super) fn on_stop(&mut self, now: Timestamp) {
        self.is_stopping = true;
        for ward in &mut self.wards {
            ward.leaves = true;
        }
        self.advance(now);
    }

    /// Does what is due.
    pub(super) fn on_deadline(&mut self, now: Timestamp) {
        for ward in &mut self.wards {
            if matches!(ward.gate, Gate::Opens(at) if at <= now) {
                ward.gate = Gate::Open;
            }
        }
        let due: Vec<RoleName> = { self.wards.iter() }
            .filter(|ward| ward.deadline().is_some_and(|at| at <= now))
            .map(|ward| ward.role)
            .collect();
        for role in due {
            let Some(ward) = self.ward_mut(role) else { continue };
            match ward.state {
                State::Waiting | State::Up { .. } | State::Stopped => {}
                State::Resting { .. } => self.start(now, role),
                State::Starting { .. } => {
                    ward.failures += 1;
                    ward.reason = Some(format!("no answer in {} s", START_TIMEOUT.as_secs()));
                    self.end(now, role, Then::Rest);
                }
                State::Ending {
                    then: Then::Abandon, ..
                } => self.forget(role),
                State::Ending { then, .. } => {
                    let then = if then == Then::Leave { Then::Abandon } else { then };
                    ward.state = State::Ending {
                        force: now + KILL_TIMEOUT,
                        then,
                    };
                    self.effects.push_back(Effect::Force(role));
                }
            }
        }
        self.advance(now);
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let gates = self.wards.iter().filter_map(|ward| match ward.gate {
            Gate::Opens(at) => Some(at),
            Gate::Closed | Gate::Open => None,
        });
        self.wards.iter().filter_map(Ward::deadline).chain(gates).min()
    }

    /// The next thing to do.
    pub(super) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The roles, in the order of starting.
    pub(super) fn wards(&self) -> &[Ward] {
        &self.wards
    }

    /// The state of a role, if the node has it.
    pub(super) fn state(&self, role: RoleName) -> Option<State> {
        let mut wards = self.wards.iter();
        wards.find(|ward| ward.role == role).map(|ward| ward.state)
    }

    /// Whether no role is starting or ending.
    pub(super) fn is_quiet(&self) -> bool {
        let moves = |ward: &Ward| matches!(ward.state, State::Starting { .. } | State::Ending { .. });
        !self.wards.iter().any(moves)
    }

    /// Whether every role answers, or has had its time for that.
    pub(super) fn is_settled(&self) -> bool {
        self.wards.iter().all(Ward::lets_pass)
    }

    /// Whether it was told to stop and everything has ended.
    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopping && self.wards.is_empty()
    }

    /// Whether it was told to stop.
    pub(super) const fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// A role that stays gets another configuration.
    fn change(&mut self, now: Timestamp, index: usize, change: Change) {
        let Some(ward) = self.wards.get_mut(index) else {
            return;
        };
        let role = ward.role;
        match (ward.state, change) {
            // It was leaving, and comes back.
            (
                State::Ending {
                    force,
                    then: Then::Leave | Then::Abandon,
                },
                _,
            ) => {
                ward.state = State::Ending {
                    force,
                    then: Then::Start,
                };
            }
            // What starts later starts with the new configuration.
            (State::Waiting | State::Resting { .. } | State::Ending { .. } | State::Stopped, _)
            | (_, Change::Keep) => {}
            (State::Starting { .. }, Change::Reload) => ward.reload_is_due = true,
            (State::Up { .. }, Change::Reload) => self.effects.push_back(Effect::Reload(role)),
            (State::Starting { .. } | State::Up { .. }, Change::Restart) => self.end(now, role, Then::Start),
        }
    }

    /// Starts what has waited long enough, ends what is to leave and has nobody in front of it.
    fn advance(&mut self, now: Timestamp) {
        let is_idle = |ward: &&Ward| {
            matches!(
                ward.state,
                State::Waiting | State::Resting { .. } | State::Stopped
            )
        };
        let idle = self.wards.iter().filter(|ward| ward.leaves).filter(is_idle);
        for role in idle.map(|ward| ward.role).collect::<Vec<_>>() {
            self.forget(role);
        }
        let leaving = self.wards.iter().filter(|ward| ward.leaves);
        let front_most = leaving.map(Ward::tier).max();
        let blocking = self.wards.iter().filter(|ward| !ward.lets_pass());
        let blocker = blocking.map(Ward::tier).min();
        for index in 0..self.wards.len() {
            let Some(ward) = self.wards.get_mut(index) else {
                continue;
            };
            let (role, tier) = (ward.role, ward.tier());
            match &mut ward.state {
                State::Waiting if blocker.is_none_or(|blocker| tier <= blocker) => self.start(now, role),
                State::Starting { .. } | State::Up { .. } if ward.leaves && Some(tier) == front_most => {
                    self.end(now, role, Then::Leave);
                }
                State::Ending { then, .. } if ward.leaves && *then != Then::Abandon => *then = Then::Leave,
                State::Waiting
                | State::Starting { .. }
                | State::Up { .. }
                | State::Resting { .. }
                | State::Ending { .. }
                | State::Stopped => {}
            }
        }
    }

    fn start(&mut self, now: Timestamp, role: RoleName) {
        if let Some(ward) = self.ward_mut(role) {
            ward.state = State::Starting { since: now };
            ward.reload_is_due = false;
            if ward.gate == Gate::Closed {
                ward.gate = Gate::Opens(now + ORDER_PATIENCE);
            }
            self.effects.push_back(Effect::Start(role));
        }
    }

    fn end(&mut self, now: Timestamp, role: RoleName, then: Then) {
        let force = now + Tier::of(role).ending_timeout();
        if let Some(ward) = self.ward_mut(role) {
            ward.state = State::Ending { force, then };
            self.effects.push_back(Effect::Ask(role));
        }
    }

    fn forget(&mut self, role: RoleName) {
        self.wards.retain(|ward| ward.role != role);
        self.effects.push_back(Effect::Forget(role));
    }

    fn ward_mut(&mut self, role: RoleName) -> Option<&mut Ward> {
        self.wards.iter_mut().find(|ward| ward.role == role)
    }
}

#[cfg(test)]
mod tests;
