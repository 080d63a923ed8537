//! `weir upgrade`: every role that is this program goes on as a new one, and so does `weir up` itself; no query is lost.
//!
//! A front end's successor starts beside it, and the old one leaves the rest to it (SIGTERM). `weir vip` and `weir up`
//! become the new program in place: their processes stay, with their numbers, addresses and children. Servers that are
//! other programs are left alone. What is next is decided in [`steps`].

mod bequest;
mod check;
mod steps;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use weir_config::site::RoleName;
use weir_linux::child::Ending;
use weir_linux::notify::State as Said;
use weir_wire::Timestamp;

use super::Options;
use super::driver::{Driver, Kind};
use super::process::Process;
use super::programs::Program;
use super::shares::Shares;
use super::supervision::State;
use crate::status_socket::Caller;
use crate::vip;
use steps::{Effect, Plan, Steps};

pub(super) use bequest::Bequest;

/// How long whoever asked for an upgrade is kept: longer than all its steps may take.
const CALLER_TIMEOUT: Duration = Duration::from_secs(120);
/// The last line of an upgrade that went well.
pub(super) const DONE: &str = "done";
/// How long a process that has no role any more may take to end: the old front end finishes what is pending.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(7);
/// What `weir vip` says once it goes on as another program.
const VIP_WENT_ON: &str = "goes on";

/// An upgrade that is under way.
pub(super) struct Upgrade {
    pub(super) steps: Steps,
    caller: Caller,
    binary: PathBuf,
    checked: Receiver<Result<(String, Shares), String>>,
    /// What roles are run with by the new program.
    shares: Option<Shares>,
    heir: Option<Process>,
    /// The front end that has been replaced.
    old: Option<u32>,
    vip: Option<Receiver<Result<(), String>>>,
}

impl Driver {
    /// Begins an upgrade to the program in `binary`; without one, to what is now in the file that this is from.
    pub(super) fn start_upgrade(&mut self, caller: Caller, binary: Option<PathBuf>, now: Timestamp) {
        if let Some(why) = self.upgrade_refusal() {
            tracing::warn!("upgrade: {why}");
            return self.connections.answer(caller, &format!("error: {why}\n"));
        }
        let binary = binary.unwrap_or_else(|| self.options.own.clone());
        tracing::info!("upgrade to {}", binary.display());
        self.say(Said::Reloading);
        self.connections.extend(caller, now + CALLER_TIMEOUT);
        let options = Options {
            own: binary.clone(),
            ..self.options.clone()
        };
        let digest = self.shares.digest.clone();
        self.upgrade = Some(Upgrade {
            steps: Steps::new(Plan {
                front: self.is_ours(RoleName::Front, Program::WeirFront),
                vip: self.is_ours(RoleName::Vip, Program::WeirVip),
            }),
            caller,
            binary,
            checked: self.in_background(move || check::check(&options, &digest)),
            shares: None,
            heir: None,
            old: None,
            vip: None,
        });
    }

    fn upgrade_refusal(&self) -> Option<String> {
        if self.options.is_trial() {
            return Some("a trial is not upgraded".to_owned());
        }
        if let Some(why) = self.is_busy() {
            return Some(why.to_owned());
        }
        let moving = |state: State| match state {
            State::Starting { .. } => Some("starting"),
            State::Ending { .. } => Some("stopping"),
            State::Waiting | State::Up { .. } | State::Resting { .. } | State::Stopped => None,
        };
        let mut wards = self.supervision.wards().iter();
        wards.find_map(|ward| Some(format!("{} is {}", ward.role, moving(ward.state)?)))
    }

    /// Whether a role is this program, and runs.
    fn is_ours(&self, role: RoleName, program: Program) -> bool {
        let is_ours = { self.shares.share(role) }.is_some_and(|share| share.program == program);
        is_ours && matches!(self.supervision.state(role), Some(State::Up { .. }))
    }

    /// A thread has something to tell.
    pub(super) fn on_upgrade_news(&mut self, now: Timestamp) {
        let Some(upgrade) = &mut self.upgrade else { return };
        if let Some(outcome) = news(&upgrade.checked).filter(|_| upgrade.shares.is_none()) {
            let outcome = outcome.map(|(version, shares)| {
                upgrade.shares = Some(shares);
                version
            });
            upgrade.steps.on_checked(now, outcome);
        }
        let Some(outcome) = upgrade.vip.as_ref().and_then(news) else {
            return;
        };
        upgrade.vip = None;
        let share = upgrade
            .shares
            .as_mut()
            .and_then(|shares| shares.take(RoleName::Vip));
        if let (Ok(()), Some(share)) = (&outcome, share) {
            self.shares.replace(share);
            self.supervision.on_replaced(now, RoleName::Vip);
        }
        upgrade.steps.on_vip(now, outcome);
    }

    /// The new front end says something.
    pub(super) fn on_heir_sign(&mut self) {
        if let Some(upgrade) = &mut self.upgrade
            && let Some(heir) = &mut upgrade.heir
        {
            heir.on_sign();
            if heir.is_ready() {
                upgrade.steps.on_heir_ready();
            }
        }
    }

    /// The new front end has ended.
    pub(super) fn on_heir_exit(&mut self) {
        if let Some(upgrade) = &mut self.upgrade
            && let Some(how) = upgrade.heir.as_mut().and_then(Process::ended)
        {
            upgrade.steps.on_heir_exit(&how);
        }
    }

    /// A process that has been replaced, or was to replace one, has ended.
    pub(super) fn on_left(&mut self, now: Timestamp) {
        let ended = { self.leaving.iter_mut() }.position(|(process, _)| process.ended().is_some());
        let Some((process, _)) = ended.map(|at| self.leaving.swap_remove(at)) else {
            return;
        };
        super::leftovers::forget(&self.options, RoleName::Front, process.id());
        if let Some(upgrade) = &mut self.upgrade
            && upgrade.old == Some(process.id())
        {
            upgrade.steps.on_old_exit(now);
        }
    }

    /// What is under way has to give way to something else.
    pub(super) fn interrupt_upgrade(&mut self, why: &str) {
        if let Some(upgrade) = &mut self.upgrade {
            upgrade.steps.on_interruption(why);
        }
    }

    /// Does what is due, and what follows from it.
    pub(super) fn act_on_upgrade(&mut self, now: Timestamp) {
        for (process, force) in &mut self.leaving {
            if *force <= now {
                tracing::warn!("process {} does not end, and is killed", process.id());
                let _ = process.end(Ending::Force);
                *force = now + LEAVE_TIMEOUT;
            }
        }
        let is_quiet = self.supervision.is_quiet() && self.leaving.is_empty();
        if let Some(upgrade) = &mut self.upgrade {
            upgrade.steps.on_deadline(now, is_quiet);
        }
        while let Some(effect) = self
            .upgrade
            .as_mut()
            .and_then(|upgrade| upgrade.steps.next_effect())
        {
            self.perform_upgrade(effect, now);
        }
    }

    fn perform_upgrade(&mut self, effect: Effect, now: Timestamp) {
        let Some(upgrade) = &mut self.upgrade else { return };
        match effect {
            Effect::StartHeir => self.start_heir(now),
            Effect::EndHeir => {
                if let Some(heir) = upgrade.heir.take() {
                    // It cannot be asked: it may be what does not work. One that has ended is reaped by this too.
                    let _ = (
                        heir.end(Ending::Force),
                        heir.watch(Kind::Left, RoleName::Front, &self.poller),
                    );
                    self.leaving.push((heir, now + LEAVE_TIMEOUT));
                }
            }
            Effect::Replace => self.replace_front(now),
            Effect::BecomeVip => {
                let (run, binary) = (self.options.run.clone(), upgrade.binary.clone());
                let asked = self.in_background(move || ask_vip(&run, &binary));
                if let Some(upgrade) = &mut self.upgrade {
                    upgrade.vip = Some(asked);
                }
            }
            Effect::Become => {
                let (caller, binary) = (upgrade.caller, upgrade.binary.clone());
                let error = self.become_program(caller, &binary);
                self.interrupt_upgrade(&format!("weir up: {}: {error}", binary.display()));
            }
            Effect::Say(text) => {
                tracing::info!("upgrade: {text}");
                self.connections.say(upgrade.caller, &format!("{text}\n"));
            }
            Effect::Fail(why) => {
                tracing::error!("upgrade: {why}");
                self.connections
                    .answer(upgrade.caller, &format!("error: {why}\n"));
                self.upgrade = None;
                self.say(Said::Ready);
            }
        }
    }

    fn start_heir(&mut self, now: Timestamp) {
        let Some(upgrade) = &mut self.upgrade else { return };
        let share = upgrade
            .shares
            .as_ref()
            .and_then(|shares| shares.share(RoleName::Front));
        let started = share.map(|share| Process::start_beside(&self.options, share, now, &self.poller));
        match started {
            Some(Ok(heir)) => upgrade.heir = Some(heir),
            Some(Err(error)) => upgrade.steps.on_heir_exit(&error.to_string()),
            None => upgrade.steps.on_heir_exit("the site file has none"),
        }
    }

    /// The new front end takes the place of the old one, which is told to end.
    fn replace_front(&mut self, now: Timestamp) {
        let role = RoleName::Front;
        let Some(upgrade) = &mut self.upgrade else { return };
        let heir = upgrade.heir.take();
        let share = upgrade.shares.as_mut().and_then(|shares| shares.take(role));
        let place = self.processes.iter_mut().find(|(other, _)| *other == role);
        let (Some(heir), Some(share), Some((_, place))) = (heir, share, place) else {
            return;
        };
        let _ = heir.watch(Kind::Child, role, &self.poller);
        let old = std::mem::replace(place, heir);
        let _ = (old.watch(Kind::Left, role, &self.poller), old.end(Ending::Ask));
        upgrade.old = Some(old.id());
        self.leaving.push((old, now + LEAVE_TIMEOUT));
        self.shares.replace(share);
        self.supervision.on_replaced(now, role);
    }
}

/// What a thread has said, if it has; that it died of a bug is a failure.
fn news<T>(receiver: &Receiver<Result<T, String>>) -> Option<Result<T, String>> {
    match receiver.try_recv() {
        Ok(outcome) => Some(outcome),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Disconnected) => Some(Err("it died of a bug".to_owned())),
    }
}

/// Has `weir vip` become another program, and waits until it is that.
fn ask_vip(run: &Path, binary: &Path) -> Result<(), String> {
    let answer = vip::become_program(run, binary).map_err(|error| error.to_string())?;
    if answer.starts_with(VIP_WENT_ON) {
        return Ok(());
    }
    Err(match answer.strip_prefix("error: ") {
        Some(why) => why.trim_end().to_owned(),
        None => "the new program has ended before it went on".to_owned(),
    })
}
