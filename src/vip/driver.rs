//! The loop: what happens goes into the pure [`Node`], what it wants done comes out and is done.
//!
//! One thread does all of it, and its order is the point: packets are read before deadlines are looked at, so that a
//! loop that stood still believes what came in meanwhile, not its own expired timers; and the guard knows of an
//! address before the interface does.

use std::io;
use std::time::Duration;

use weir_config::vip::VipSettings;
use weir_linux::poll::{Events, Interest, Poller};
use weir_linux::signals::{Signal, Signals};
use weir_linux::vrrp;
use weir_linux::vrrp::Reception;
use weir_vrrp::{Effect, LogEvent, Node, Received, RouterState, vrid_of};
use weir_wire::Timestamp;

use crate::clock;
use crate::status_socket::{Caller, Connections};

use super::arguments::Run;
use super::front::Front;
use super::guard::{Guard, Will};
use super::load::LoadWatch;
use super::network::Network;
use super::notify::Notifier;
use super::place::Place;
use super::reload;
use super::report;
use super::requests::Request;
use super::scripts::Scripts;
use super::tokens::{self, Kind, token};
use super::trackers::Trackers;

/// Adverts read from one interface per wake-up; the rest waits for the next.
const MAX_ADVERTS_PER_WAKE: usize = 256;
/// How often the guard hears that the loop runs.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// A loop that is so much late stood still.
const STALL: Duration = Duration::from_millis(50);
/// The least that the guard waits for a heartbeat.
const MIN_PATIENCE: Duration = Duration::from_millis(500);
/// How long a connection may wait for the end of a handover.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(9);

/// Everything that the loop owns.
pub(super) struct Driver {
    pub(super) run: Run,
    pub(super) settings: VipSettings,
    pub(super) node: Node,
    pub(super) network: Network,
    pub(super) guard: Guard,
    pub(super) trackers: Trackers,
    pub(super) scripts: Scripts,
    pub(super) notifier: Notifier,
    pub(super) front: Option<Front>,
    load: LoadWatch,
    pub(super) connections: Connections,
    pub(super) place: Place,
    /// The connection that waits for a handover to end.
    handover: Option<Caller>,
    pub(super) poller: Poller,
    signals: Signals,
    buffer: Box<[u8]>,
    beat: Timestamp,
    renew: Timestamp,
    /// When the loop last went to sleep, and when it wanted to wake up.
    slept: Timestamp,
    due: Timestamp,
}

/// What the loop is made of; see [`Driver`].
pub(super) struct Parts {
    pub(super) run: Run,
    pub(super) settings: VipSettings,
    pub(super) trackers: Trackers,
    pub(super) network: Network,
    pub(super) guard: Guard,
    pub(super) front: Option<Front>,
    pub(super) load: LoadWatch,
    pub(super) connections: Connections,
    pub(super) place: Place,
    pub(super) poller: Poller,
    pub(super) signals: Signals,
}

impl Driver {
    /// A loop that has not run yet.
    ///
    /// # Errors
    /// Out of descriptors, or without the right to do what it does.
    pub(super) fn new(parts: Parts) -> io::Result<Self> {
        let now = clock::now();
        parts
            .poller
            .add(&parts.signals, token(Kind::Signals, 0), Interest::Read)?;
        Ok(Self {
            node: Node::new(parts.settings.node.clone(), now),
            scripts: Scripts::new(&parts.settings, now),
            notifier: Notifier::new(&parts.settings, &parts.poller)?,
            run: parts.run,
            settings: parts.settings,
            network: parts.network,
            guard: parts.guard,
            trackers: parts.trackers,
            front: parts.front,
            load: parts.load,
            connections: parts.connections,
            place: parts.place,
            handover: None,
            poller: parts.poller,
            signals: parts.signals,
            buffer: vec![0; vrrp::BUFFER_BYTES].into(),
            beat: now,
            renew: now,
            slept: now,
            due: now,
        })
    }

    /// Runs until a signal ends it and every address is gone.
    ///
    /// # Errors
    /// Those of a kernel that is out of memory.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::new(64);
        while !self.node.is_stopped() {
            self.act(clock::now());
            self.slept = clock::now();
            self.due = self.next_deadline();
            self.poller.wait(&mut events, Some(self.due.since(self.slept)))?;
            let now = clock::now();
            self.note_lateness(now);
            self.read_adverts(now);
            for event in events.iter() {
                if let Some((kind, index)) = tokens::parse(event.token) {
                    self.on_ready(kind, index, now)?;
                }
            }
        }
        self.perform();
        if let Some(front) = &mut self.front {
            front.stop();
        }
        self.notifier.close();
        self.guard.dismiss();
        Ok(())
    }

    /// Does what is due, and what follows from it.
    fn act(&mut self, now: Timestamp) {
        self.node.on_deadline(now);
        self.scripts.on_deadline(now, &self.poller);
        self.connections.on_deadline(now);
        if let Some(front) = &mut self.front {
            front.on_deadline(now, &self.poller);
        }
        self.load.on_deadline(now);
        self.trackers.on_deadline(now, &self.poller);
        self.track(now);
        if self.renew <= now {
            self.renew_addresses();
            self.renew = now + self.network.renewal();
        }
        self.perform();
        if self.beat <= now {
            self.guard.beat(&self.poller);
            self.beat = now + HEARTBEAT;
        }
        self.end_handover();
    }

    fn next_deadline(&self) -> Timestamp {
        let front = self.front.as_ref().and_then(Front::next_deadline);
        let others = [
            self.node.next_deadline(),
            self.scripts.next_deadline(),
            self.connections.next_deadline(),
            front,
            Some(self.load.next_deadline()),
            self.trackers.next_deadline(),
        ];
        let own = self.beat.min(self.renew);
        others.into_iter().flatten().fold(own, Timestamp::min)
    }

    /// How long the loop was away for longer than it wanted to be, asleep or at work.
    fn note_lateness(&mut self, now: Timestamp) {
        let late = now.since(self.due.max(self.slept));
        self.load.on_delay(now, late);
        if late >= STALL {
            self.node.on_stall(now, late);
        }
    }

    fn on_ready(&mut self, kind: Kind, index: usize, now: Timestamp) -> io::Result<()> {
        match kind {
            Kind::Signals => self.on_signal(now)?,
            Kind::Monitor => self.on_changes(now)?,
            // Read before everything else, whether they were ready or not.
            Kind::Adverts => {}
            Kind::Neighbours => {
                for (router, address) in self.network.claims(index) {
                    self.node.on_claim(now, router, address);
                }
            }
            Kind::GuardLine => self.guard.on_ready(),
            Kind::Script => self.scripts.on_exit(index, now),
            Kind::Notify => self.notifier.on_exit(index),
            Kind::FrontProcess | Kind::Question => {
                if let Some(front) = &mut self.front {
                    front.on_ready(kind, index, now, &self.poller);
                }
            }
            Kind::TrackedProcess => self.trackers.on_exit(now),
            Kind::StatusListener => self.connections.accept(now, &self.poller),
            Kind::StatusConnection => {
                if let Some((caller, request)) = self.connections.read(index) {
                    self.on_request(caller, request, now);
                }
            }
        }
        Ok(())
    }

    fn on_signal(&mut self, now: Timestamp) -> io::Result<()> {
        while let Some(signal) = self.signals.next()? {
            match signal {
                Signal::Terminate | Signal::Interrupt => self.node.on_stop(now),
                Signal::Hangup => reload::on_hangup(self),
                Signal::User1 => {}
            }
        }
        Ok(())
    }

    fn on_changes(&mut self, now: Timestamp) -> io::Result<()> {
        let changes = self.network.changes()?;
        for (router, address) in changes.lost {
            self.node.on_address_lost(now, router, address);
        }
        if changes.links {
            self.look_at_links()?;
        }
        Ok(())
    }

    /// Tells routers and trackers which interfaces are there.
    pub(super) fn look_at_links(&mut self) -> io::Result<()> {
        self.network.refresh(&self.settings, &self.poller)?;
        let now = clock::now();
        for router in 0..self.settings.routers.len() {
            self.node.on_link(now, router, self.network.source(router));
        }
        self.trackers.on_links(&self.settings.trackers, &mut self.network);
        Ok(())
    }

    fn read_adverts(&mut self, now: Timestamp) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for segment in 0..self.network.segments() {
            for _ in 0..MAX_ADVERTS_PER_WAKE {
                match self.network.receive(segment, &mut buffer) {
                    Reception::Empty => break,
                    Reception::Malformed(reason) => tracing::debug!("not an advert: {reason}"),
                    Reception::Advert(datagram) => {
                        let received = Received {
                            source: datagram.source,
                            destination: datagram.destination,
                            hops: datagram.hops,
                            message: datagram.message,
                        };
                        if let Some(router) = self.addressee(segment, datagram.message) {
                            self.node.on_packet(now, router, &received);
                        }
                    }
                }
            }
        }
        self.buffer = buffer;
    }

    /// The router of this segment that has the advert's number; adverts of other virtual routers are not for us.
    fn addressee(&self, segment: usize, message: &[u8]) -> Option<usize> {
        let vrid = vrid_of(message)?;
        let mut routers = self.settings.node.routers.iter().enumerate();
        let found =
            routers.find(|(number, (router, _))| router.vrid == vrid && self.network.is_on(*number, segment));
        found.map(|(number, _)| number)
    }

    /// Lets the node know what has been learnt about what it tracks.
    fn track(&mut self, now: Timestamp) {
        let learnt = self.scripts.learnt().collect::<Vec<_>>();
        for (tracker, condition) in learnt {
            self.trackers.set(tracker, condition);
        }
        if let Some((front_end, backend)) = self.front.as_mut().and_then(Front::learnt) {
            self.trackers.set_front(front_end, backend);
        }
        self.trackers.set_load(self.load.condition(now));
        for (tracker, condition) in self.trackers.conditions() {
            self.node.on_tracker(now, tracker, condition);
        }
    }

    pub(super) fn perform(&mut self) {
        while let Some(effect) = self.node.next_effect() {
            match effect {
                Effect::Send {
                    router,
                    destination,
                    message,
                } => {
                    if let Err(error) = self.network.send(router, destination, &message) {
                        tracing::debug!("{}: advert to {destination}: {error}", self.name(router));
                    }
                }
                Effect::Hold { router } => {
                    self.network.take(router);
                    self.make_will();
                    if let Err(error) = self.network.renew(router) {
                        tracing::error!("{}: cannot hold its addresses: {error}", self.name(router));
                    }
                }
                Effect::Release { router } => {
                    if let Err(error) = self.network.release(router) {
                        tracing::error!("{}: cannot release its addresses: {error}", self.name(router));
                    }
                    self.make_will();
                }
                Effect::Announce { router, times } => self.network.announce(router, times),
                Effect::Notify {
                    router,
                    state,
                    priority,
                } => {
                    self.notifier
                        .router(&self.settings, router, state, priority, &self.poller);
                }
                Effect::NotifyGroup {
                    group,
                    state,
                    priority,
                } => {
                    self.notifier
                        .group(&self.settings, group, state, priority, &self.poller);
                }
                Effect::Log(event) => self.log(&event),
            }
        }
    }

    fn log(&self, event: &LogEvent) {
        let router = event.router.map_or("node", |router| self.name(router));
        let text = report::describe(event, &self.settings.node);
        if event.what.is_warning() {
            tracing::warn!(router, "{router}: {text}");
        } else {
            tracing::info!(router, "{router}: {text}");
        }
    }

    /// Tells the guard what this process has on the node's interfaces.
    fn make_will(&mut self) {
        let mut will = Will {
            patience: self.patience(),
            addresses: self.network.held(),
            farewells: Vec::new(),
        };
        for router in 0..self.settings.routers.len() {
            self.network
                .bequeath(router, self.node.farewell(router), &mut will);
        }
        self.guard.keep(will, &self.poller);
    }

    /// How long the guard bears silence: twice what the other node does.
    fn patience(&self) -> Duration {
        let routers = self.settings.node.routers.iter();
        let waits =
            routers.map(|(router, _)| router.interval.duration() * u32::from(router.down_adverts.get()));
        (waits.min().unwrap_or_default() * 2).max(MIN_PATIENCE)
    }

    fn renew_addresses(&mut self) {
        for router in 0..self.settings.routers.len() {
            if let Err(error) = self.network.renew(router) {
                tracing::debug!("{}: cannot renew its addresses: {error}", self.name(router));
            }
        }
    }

    fn on_request(&mut self, caller: Caller, request: Request, now: Timestamp) {
        match request {
            Request::Status => {
                let text = report::json(self, now).to_string();
                self.connections.answer(caller, &text);
            }
            Request::Metrics => {
                let text = report::metrics(self, now);
                self.connections.answer(caller, &text);
            }
            Request::Handover if self.handover.is_some() => {
                self.connections
                    .answer(caller, "error: a handover is under way\n");
            }
            Request::Handover if !self.holds_anything() => {
                let text = "error: this node holds no address; run it on the one that does\n";
                self.connections.answer(caller, text);
            }
            Request::Handover => {
                self.node.on_handover(now);
                self.connections.extend(caller, now + HANDOVER_TIMEOUT);
                self.handover = Some(caller);
            }
            Request::Become(path) => self.become_program(caller, &path),
            Request::Resume => {
                self.node.on_resume(now);
                self.connections
                    .answer(caller, "competes with its full priority again\n");
            }
        }
    }

    /// Answers whoever asked for a handover, once it is over one way or the other.
    fn end_handover(&mut self) {
        let Some(caller) = self.handover else { return };
        let states = (0..self.settings.routers.len()).filter_map(|router| self.node.status(router));
        let states: Vec<RouterState> = states.map(|status| status.state).collect();
        let moving = |state: &RouterState| matches!(state, RouterState::Offering | RouterState::Yielding);
        if states.iter().any(moving) {
            return;
        }
        self.handover = None;
        let text = if states.contains(&RouterState::Master) {
            "error: nobody took over; this node keeps the address\n"
        } else {
            "handed over; `weir vip resume` takes part in the election again\n"
        };
        self.connections.answer(caller, text);
    }

    fn holds_anything(&self) -> bool {
        (0..self.settings.routers.len()).any(|router| self.network.holds(router))
    }

    /// A router's name.
    fn name(&self, router: usize) -> &str {
        let routers = &self.settings.node.routers;
        routers
            .get(router)
            .map_or("?", |(settings, _)| settings.name.as_str())
    }
}
