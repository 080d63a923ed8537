//! The loop: what happens goes into the pure [`Supervision`], what it wants done comes out and is done.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use weir_config::site::RoleName;
use weir_linux::child::Ending;
use weir_linux::notify::{self, State as Said};
use weir_linux::poll::{Events, Interest, Poller, Waker};
use weir_linux::signals::{Signal, Signals};
use weir_wire::Timestamp;

use super::orders::{self, Order, Pending};
use super::process::Process;
use super::report::{self, Request};
use super::shares::{ROLES, Shares};
use super::supervision::{Change, Effect, State, Supervision};
use super::upgrade::Upgrade;
use super::{Options, leftovers, socket, trial};
use crate::clock::now;
use crate::site_file;
use crate::status_socket::{Caller, Connections, Tokens};

/// How long a connection may wait for the end of a reload.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(9);
/// A connection is kept for so long after it is to be answered.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What a descriptor is; see [`token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Signals,
    /// A reload has been prepared.
    Prepared,
    /// A role's process has ended.
    Child,
    /// A role's process says something.
    Sign,
    /// A process that is to take over a role has ended.
    Heir,
    /// It says something.
    HeirSign,
    /// A process that has no role any more has ended.
    Left,
    StatusListener,
    StatusConnection,
}

const KINDS: [Kind; 9] = [
    Kind::Signals,
    Kind::Prepared,
    Kind::Child,
    Kind::Sign,
    Kind::Heir,
    Kind::HeirSign,
    Kind::Left,
    Kind::StatusListener,
    Kind::StatusConnection,
];
const TOKENS: Tokens = Tokens {
    listener: (Kind::StatusListener as u64) << 32,
    first: (Kind::StatusConnection as u64) << 32,
};

/// The number under which a role's descriptor of this kind is waited for.
pub(super) const fn token(kind: Kind, role: RoleName) -> u64 {
    (kind as u64) << 32 | role as u64
}

/// Everything that the loop owns.
pub(super) struct Driver {
    pub(super) options: Options,
    pub(super) shares: Shares,
    pub(super) supervision: Supervision,
    /// Processes that run, by role.
    pub(super) processes: Vec<(RoleName, Process)>,
    /// Processes that are on their way out and have no role; killed then.
    pub(super) leaving: Vec<(Process, Timestamp)>,
    pub(super) poller: Poller,
    signals: Signals,
    pub(super) connections: Connections,
    waker: Arc<Waker>,
    reload: Option<Reload>,
    pub(super) upgrade: Option<Upgrade>,
    orders: Vec<Pending>,
    supervisor: Option<OsString>,
    watchdog: Option<Watchdog>,
    pub(super) started: Timestamp,
    is_announced: bool,
}

/// A reload that is being prepared.
struct Reload {
    outcome: Receiver<Result<Shares, String>>,
    /// Who waits for it.
    caller: Option<Caller>,
}

/// The supervisor wants to hear regularly that the loop runs.
struct Watchdog {
    interval: Duration,
    due: Timestamp,
}

impl Driver {
    /// A loop that has not run yet; the files of `shares` are in place.
    ///
    /// # Errors
    /// Out of descriptors, or no right to open the status socket.
    pub(super) fn new(
        options: Options,
        shares: Shares,
        signals: Signals,
        poller: Poller,
    ) -> io::Result<Self> {
        let connections = Connections::listen(&socket(&options.run), TOKENS, &poller)?;
        let waker = Arc::new(Waker::new()?);
        poller.add(&signals, (Kind::Signals as u64) << 32, Interest::Read)?;
        poller.add(&*waker, (Kind::Prepared as u64) << 32, Interest::Read)?;
        let now = now();
        Ok(Self {
            options,
            shares,
            supervision: Supervision::default(),
            processes: Vec::new(),
            leaving: Vec::new(),
            poller,
            signals,
            connections,
            waker,
            reload: None,
            upgrade: None,
            orders: Vec::new(),
            supervisor: std::env::var_os("NOTIFY_SOCKET"),
            watchdog: Watchdog::of_environment(now),
            started: now,
            is_announced: false,
        })
    }

    /// Runs until a signal, and then until everything has ended.
    ///
    /// # Errors
    /// Those of a kernel that is out of memory; in a trial, a front end that does not start.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::new(32);
        let shares = self.shares.shares.iter();
        let roles: Vec<_> = shares.map(|share| (share.role, Change::Keep)).collect();
        self.supervision.on_roles(now(), &roles);
        while !self.supervision.is_stopped() || !self.leaving.is_empty() {
            let now = now();
            self.act(now);
            self.announce()?;
            let wait = self.next_deadline().map(|at| at.since(now));
            self.poller.wait(&mut events, wait)?;
            for event in events.iter() {
                let kind = usize::try_from(event.token >> 32)
                    .ok()
                    .and_then(|kind| KINDS.get(kind));
                if let Some(kind) = kind {
                    self.on_ready(*kind, (event.token & 0xffff_ffff) as usize)?;
                }
            }
        }
        let _ = fs::remove_file(socket(&self.options.run));
        Ok(())
    }

    /// Does what is due, and what follows from it.
    fn act(&mut self, now: Timestamp) {
        for (_, process) in &mut self.processes {
            process.on_deadline(now);
        }
        self.act_on_upgrade(now);
        self.connections.on_deadline(now);
        if let Some(watchdog) = &mut self.watchdog
            && watchdog.due <= now
        {
            watchdog.due = now + watchdog.interval;
            self.say(Said::Watchdog);
        }
        self.supervision.on_deadline(now);
        while let Some(effect) = self.supervision.next_effect() {
            self.perform(effect);
        }
        self.settle_orders(now);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let processes = self
            .processes
            .iter()
            .filter_map(|(_, process)| process.next_deadline());
        let others = [
            self.supervision.next_deadline(),
            self.connections.next_deadline(),
            self.watchdog.as_ref().map(|watchdog| watchdog.due),
            self.orders.iter().map(|pending| pending.until).min(),
            self.leaving.iter().map(|(_, force)| *force).min(),
            self.upgrade
                .as_ref()
                .and_then(|upgrade| upgrade.steps.next_deadline()),
        ];
        processes.chain(others.into_iter().flatten()).min()
    }

    fn on_ready(&mut self, kind: Kind, index: usize) -> io::Result<()> {
        let now = now();
        let role = ROLES.into_iter().find(|role| *role as usize == index);
        match kind {
            Kind::Signals => self.on_signal(now)?,
            Kind::Prepared => {
                self.waker.drain();
                self.on_prepared(now);
                self.on_upgrade_news(now);
            }
            Kind::Child => {
                if let Some(role) = role {
                    self.on_exit(role, now);
                }
            }
            Kind::Sign => {
                if let Some(role) = role {
                    self.on_sign(role, now);
                }
            }
            Kind::Heir => self.on_heir_exit(),
            Kind::HeirSign => self.on_heir_sign(),
            Kind::Left => self.on_left(now),
            Kind::StatusListener => self.connections.accept(now, &self.poller),
            Kind::StatusConnection => {
                if let Some((caller, request)) = self.connections.read(index) {
                    self.on_request(caller, request, now);
                }
            }
        }
        Ok(())
    }

    fn on_request(&mut self, caller: Caller, request: Request, now: Timestamp) {
        match request {
            Request::Status => {
                let text = report::json(self, now).to_string();
                self.connections.answer(caller, &text);
            }
            Request::Reload => self.start_reload(Some(caller), now),
            Request::Order(order, role) => self.on_order(caller, order, role, now),
            Request::Upgrade(binary) => self.start_upgrade(caller, binary, now),
        }
    }

    fn on_order(&mut self, caller: Caller, order: Order, role: RoleName, now: Timestamp) {
        if self.supervision.state(role).is_none() {
            let text = orders::refusal(role, self.supervision.wards());
            return self.connections.answer(caller, &text);
        }
        if self.upgrade.is_some() {
            return self
                .connections
                .answer(caller, "error: an upgrade is under way\n");
        }
        tracing::info!("{role}: {order:?} ordered");
        match order {
            Order::Stop => self.supervision.on_order_to_stop(now, role),
            Order::Start => self.supervision.on_order_to_start(now, role),
        }
        let pending = Pending::new(caller, role, order, now);
        self.connections.extend(caller, pending.until + LAST_WORD);
        self.orders.push(pending);
    }

    /// Answers whoever waits for an order that has been carried out, or cannot be.
    fn settle_orders(&mut self, now: Timestamp) {
        let (supervision, connections) = (&self.supervision, &mut self.connections);
        self.orders.retain(|pending| {
            let mut wards = supervision.wards().iter();
            let ward = wards.find(|ward| ward.role == pending.role);
            let Some(text) = pending.outcome(ward, now) else {
                return true;
            };
            connections.answer(pending.caller, &text);
            false
        });
    }

    fn on_signal(&mut self, now: Timestamp) -> io::Result<()> {
        while let Some(signal) = self.signals.next()? {
            match signal {
                Signal::Terminate | Signal::Interrupt => {
                    self.interrupt_upgrade("everything is being stopped");
                    self.say(Said::Stopping);
                    self.supervision.on_stop(now);
                }
                Signal::Hangup => self.start_reload(None, now),
                Signal::User1 => {}
            }
        }
        Ok(())
    }

    fn on_exit(&mut self, role: RoleName, now: Timestamp) {
        if let Some(how) = self.process(role).and_then(Process::ended) {
            if let Some(pid) = self.pid(role) {
                leftovers::forget(&self.options, role, pid);
            }
            self.processes.retain(|(other, _)| *other != role);
            if matches!(role, RoleName::Front | RoleName::Vip) {
                self.interrupt_upgrade(&format!("{role}: has ended meanwhile, and starts again"));
            }
            self.note_exit(role, &how, now);
        }
    }

    fn on_sign(&mut self, role: RoleName, now: Timestamp) {
        if let Some(process) = self.process(role) {
            process.on_sign();
            if process.is_ready() {
                self.note_ready(role, now);
            }
        }
    }

    fn note_ready(&mut self, role: RoleName, now: Timestamp) {
        self.supervision.on_ready(now, role);
        tracing::info!("{role}: up");
    }

    fn note_exit(&mut self, role: RoleName, how: &str, now: Timestamp) {
        self.supervision.on_exit(now, role, how);
        match self.supervision.state(role) {
            Some(State::Resting { until }) => {
                let pause = until.since(now).as_secs_f64();
                tracing::warn!("{role}: {how}; starts again in {pause:.1} s");
            }
            _ => tracing::info!("{role}: ended, {how}"),
        }
    }

    fn process(&mut self, role: RoleName) -> Option<&mut Process> {
        let mut processes = self.processes.iter_mut();
        processes
            .find(|(other, _)| *other == role)
            .map(|(_, process)| process)
    }

    /// A running process' number.
    pub(super) fn pid(&self, role: RoleName) -> Option<u32> {
        let mut processes = self.processes.iter();
        processes
            .find(|(other, _)| *other == role)
            .map(|(_, process)| process.id())
    }

    fn perform(&mut self, effect: Effect) {
        let (role, outcome) = match effect {
            Effect::Start(role) => return self.start(role),
            Effect::Forget(role) => return self.forget(role),
            Effect::Reload(role) => (role, self.process(role).map(|process| process.hang_up())),
            Effect::Ask(role) => (role, self.process(role).map(|process| process.end(Ending::Ask))),
            Effect::Force(role) => {
                tracing::warn!("{role}: does not end, and is killed");
                (role, self.process(role).map(|process| process.end(Ending::Force)))
            }
        };
        if let Some(Err(error)) = outcome {
            tracing::warn!("{role}: {effect:?}: {error}");
        }
    }

    fn forget(&mut self, role: RoleName) {
        self.processes.retain(|(other, _)| *other != role);
        // Passwords are in there.
        let _ = fs::remove_dir_all(self.options.folder(role));
    }

    fn start(&mut self, role: RoleName) {
        let now = now();
        let Some(share) = self.shares.share(role) else {
            return;
        };
        match Process::start(&self.options, share, now, &self.poller) {
            Ok(process) => {
                tracing::info!(
                    "{role}: {} started as process {}",
                    share.program.name(),
                    process.id()
                );
                let is_ready = process.is_ready();
                self.processes.push((role, process));
                if is_ready {
                    self.note_ready(role, now);
                }
            }
            Err(error) => self.note_exit(role, &error.to_string(), now),
        }
    }

    /// Tells the supervisor, and whoever tries this out, once everything is up.
    fn announce(&mut self) -> io::Result<()> {
        if self.is_announced || self.supervision.is_stopping() {
            return Ok(());
        }
        if self.options.is_trial() && self.supervision.wards().iter().any(|ward| ward.failures > 0) {
            return Err(io::Error::other("the front end does not start: see above"));
        }
        if self.supervision.is_settled() {
            self.is_announced = true;
            self.say(Said::Ready);
            if let super::Source::Trial(address) = self.options.source {
                site_file::say(&trial::welcome(address));
            }
        }
        Ok(())
    }

    /// Why nothing else can be begun now, if so.
    pub(super) fn is_busy(&self) -> Option<&'static str> {
        match (&self.reload, &self.upgrade, self.supervision.is_stopping()) {
            (None, None, false) => None,
            (_, _, true) => Some("everything is being stopped"),
            (Some(_), _, _) => Some("a reload is under way"),
            (_, Some(_), _) => Some("an upgrade is under way"),
        }
    }

    /// Begins to read the site file again.
    fn start_reload(&mut self, caller: Option<Caller>, now: Timestamp) {
        if let Some(why) = self.is_busy() {
            tracing::warn!("reload: {why}");
            if let Some(caller) = caller {
                self.connections.answer(caller, &format!("error: {why}\n"));
            }
            return;
        }
        self.say(Said::Reloading);
        let options = self.options.clone();
        let outcome = self.in_background(move || Shares::prepare(&options));
        if let Some(caller) = caller {
            self.connections.extend(caller, now + RELOAD_TIMEOUT);
        }
        self.reload = Some(Reload { outcome, caller });
    }

    /// Has a thread do what takes long, and wakes the loop when it is done.
    pub(super) fn in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Receiver<T> {
        let (sender, receiver) = channel();
        let waker = Arc::clone(&self.waker);
        thread::spawn(move || {
            // When nobody receives it, the loop has ended.
            let _ = sender.send(work());
            waker.wake();
        });
        receiver
    }

    fn on_prepared(&mut self, now: Timestamp) {
        let Some(reload) = self.reload.take() else { return };
        let outcome = match reload.outcome.try_recv() {
            Ok(outcome) => outcome,
            Err(TryRecvError::Empty) => {
                self.reload = Some(reload);
                return;
            }
            Err(TryRecvError::Disconnected) => Err("it died of a bug".to_owned()),
        };
        let text = match outcome.and_then(|shares| self.change_to(shares, now)) {
            Ok(()) => {
                tracing::info!("reloaded: site file {}", self.shares.digest);
                format!("reloaded: site file {}\n", self.shares.digest)
            }
            Err(why) => {
                tracing::error!("not reloaded, nothing has changed: {why}");
                format!("error: not reloaded, nothing has changed: {why}\n")
            }
        };
        self.say(Said::Ready);
        if let Some(caller) = reload.caller {
            self.connections.answer(caller, &text);
        }
    }

    /// Goes on with other shares.
    fn change_to(&mut self, shares: Shares, now: Timestamp) -> Result<(), String> {
        if self.supervision.is_stopping() {
            return Err("everything is being stopped".to_owned());
        }
        shares.install(&self.options).map_err(|error| error.to_string())?;
        let changes = shares.changes(&self.shares);
        self.shares = shares;
        self.supervision.on_roles(now, &changes);
        Ok(())
    }

    /// Says to systemd how we are; that it does not listen is no reason not to run.
    pub(super) fn say(&self, state: Said) {
        if let Some(path) = &self.supervisor {
            let _ = notify::notify(path, state);
        }
    }
}

impl Watchdog {
    /// What `sd_watchdog_enabled(3)` says, at half its interval.
    fn of_environment(now: Timestamp) -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let interval = number("WATCHDOG_USEC").filter(|usec| is_ours && *usec > 0)?;
        Some(Self {
            interval: Duration::from_micros(interval) / 2,
            due: now,
        })
    }
}
