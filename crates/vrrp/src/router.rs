//! One virtual router: what it does in which state, and when.
//!
//! ```text
//!                     ready                     silence, farewell, preemption
//!   Initialize ─────────────────▶ Backup ─────────────────────────────────────▶ Master
//!       │ fails      ready ▲ │ fails  ▲ ▲                                      │  │  │ stood still
//!       ▼                  │ ▼        │ │   linger over                        │  │  ▼
//!     Fault ◀──── any ──── Fault      │ └────────────── Yielding ◀── a higher ─┘  │ Stalled ─▶ Master, when the
//!                                     │                    ▲                      │    │      socket was empty
//!                        superseded ──┘     a successor is │                      │    └─▶ Backup, when not
//!                                             heard or seen│      handover, stop  │
//!                                                          └─────── Offering ◀────┘ ─▶ Master, when nobody comes
//!   any ── stop ──▶ Stopped, by way of Offering and Yielding when it holds the address
//! ```
//!
//! The transitions are one match in [`Router::on_event`]; what each of them does is in `transitions.rs`.
//!
//! **Stalls.** A master whose node stood still (a paused machine, a stopped process) may have been replaced. It then
//! believes nothing that has expired, announces nothing, and looks at what has come in: an advert or an announcement
//! of another means that it was replaced, and it gives the address up in silence.

use std::net::IpAddr;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::announce::Announcer;
use crate::effect::{Effect, Happening, NotifyState};
use crate::election::Standing;
use crate::group::Verdict;
use crate::journal::Journal;
use crate::node::{Legacy, Received};
use crate::pace::Pace;
use crate::packet::Advert;
use crate::reject::Reject;
use crate::settings::{Destination, RouterSettings};
use crate::status::{Counters, MasterSeen, Reason, RouterState, RouterStatus};
use crate::timers::{Timer, Timers};

/// Masters of lower priority are answered at this pace, whoever sends how many adverts.
const ANSWER: Duration = Duration::from_millis(100);
const ANSWERS_AT_ONCE: u32 = 5;

/// What can happen to a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Everything that it needs holds.
    Eligible,
    /// Something that it needs does not.
    Ineligible(Reason),
    /// An advert was heard and believed.
    Heard(Standing, MasterSeen),
    /// A timer has run out.
    Due(Timer),
    /// Another station says that it has the address.
    Claimed(IpAddr),
    /// Somebody has removed the address from this node.
    AddressLost(IpAddr),
    /// The node stood still for so long.
    Stall(Duration),
    /// Somebody decides for it.
    Command(Command),
}

/// What a router is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// The operator wants the address to move.
    Handover,
    /// The operator is content with where it is.
    Resume,
    /// The program ends.
    Stop,
    /// This other member of its group has become master.
    GroupMaster(usize),
    /// This other member of its group has yielded.
    GroupYields(usize),
}

/// One virtual router of this node.
#[derive(Debug)]
pub(crate) struct Router {
    pub(super) index: usize,
    pub(super) settings: RouterSettings,
    pub(super) state: RouterState,
    pub(super) since: Timestamp,
    pub(super) reason: Reason,
    /// The address that adverts come from, `None` while the interface is of no use; nothing before the first word
    /// about it.
    pub(super) link: Option<Option<IpAddr>>,
    /// The effective priority.
    pub(super) priority: u8,
    pub(super) timers: Timers,
    pub(super) announcer: Announcer,
    /// The master that was heard last; none while the router is master itself.
    pub(super) master: Option<MasterSeen>,
    /// When the last advert went out.
    pub(super) sent: Timestamp,
    /// `preempt_delay`: until then a lower master is left alone.
    pub(super) patient_until: Timestamp,
    /// It has handed over: a lower master is left alone until it is gone.
    pub(super) held_back: bool,
    pub(super) stopping: bool,
    /// Another program of this node was master until it became this one.
    pub(super) was_master: bool,
    /// An address that another station claims, and how often, as long as it may be a better master that takes over.
    pub(super) claimed: Option<(IpAddr, u64)>,
    /// Repetitions of priority zero that are left.
    pub(super) farewells: u8,
    /// What notify scripts were told last.
    pub(super) notified: Option<NotifyState>,
    pub(super) last_failover: Option<Duration>,
    /// Answers to masters of lower priority.
    pub(super) answers: Pace,
    pub(super) journal: Journal,
    pub(super) counters: Counters,
    pub(super) effects: Vec<Effect>,
}

impl Router {
    /// A router that knows neither its interface nor what it tracks.
    pub(crate) fn new(index: usize, settings: RouterSettings, now: Timestamp) -> Self {
        Self {
            index,
            state: RouterState::Initialize,
            since: now,
            reason: Reason::Started,
            link: None,
            priority: settings.priority.0.get(),
            timers: Timers::default(),
            announcer: Announcer::new(settings.announcing),
            master: None,
            sent: now,
            patient_until: now,
            held_back: false,
            stopping: false,
            was_master: false,
            claimed: None,
            farewells: 0,
            notified: None,
            last_failover: None,
            answers: Pace::new(ANSWER, ANSWERS_AT_ONCE),
            journal: Journal::new(index),
            counters: Counters::default(),
            effects: Vec::new(),
            settings,
        }
    }

    /// Goes on where another program was.
    pub(crate) const fn inherit(&mut self, legacy: Legacy) {
        match legacy {
            Legacy::Master => (self.was_master, self.notified) = (true, Some(NotifyState::Master)),
            Legacy::HeldBack => self.held_back = true,
        }
    }

    /// Goes on with other settings, under another number. What it holds may be other addresses now.
    pub(crate) fn adopt(&mut self, now: Timestamp, index: usize, settings: RouterSettings) {
        self.index = index;
        self.journal.renumber(index);
        self.announcer.adopt(settings.announcing);
        self.settings = settings;
        if self.state.holds() {
            self.effects.push(Effect::Hold { router: index });
        }
        if self.state == RouterState::Master {
            self.announce(1);
            self.advertise(now);
        }
    }

    /// The interface has come up with this address, or has become useless. As master, whatever was announced before
    /// may not have been heard.
    pub(crate) fn on_link(&mut self, now: Timestamp, source: Option<IpAddr>) {
        self.link = Some(source);
        if self.state == RouterState::Master && source.is_some() {
            self.announcer.change(now);
            self.announce(1);
            self.advertise(now);
        }
    }

    /// It may be master, or may not.
    pub(crate) fn on_verdict(&mut self, now: Timestamp, verdict: Verdict) {
        match verdict {
            Verdict::Eligible(priority) => {
                self.adopt_priority(now, priority);
                self.on_event(now, Event::Eligible);
            }
            // What is not known yet is no fault at the start, only no reason to begin.
            Verdict::Waiting(cause) if self.state == RouterState::Initialize => self.reason = cause,
            Verdict::Waiting(cause) | Verdict::Faulty(cause) => {
                self.on_event(now, Event::Ineligible(cause));
            }
        }
    }

    /// A master says at once that its priority is another; a backup that waits does so by the new one.
    fn adopt_priority(&mut self, now: Timestamp, priority: u8) {
        let from = std::mem::replace(&mut self.priority, priority);
        if from == priority {
            return;
        }
        self.log(now, Happening::Priority { from, to: priority });
        if self.state == RouterState::Master {
            self.advertise(now);
        }
        self.shift_wait(from);
    }

    /// An advert has come in on its interface.
    pub(crate) fn on_packet(&mut self, now: Timestamp, received: &Received<'_>) {
        let Some(own) = self.source() else { return };
        let advert = match Advert::parse(received, &self.settings) {
            Ok(advert) if advert.source != own => advert,
            Ok(_) => return self.reject(now, received.source, Reject::Echo),
            Err(reject) => return self.reject(now, received.source, reject),
        };
        self.counters.adverts_received += 1;
        self.compare(now, &advert);
        let seen = MasterSeen {
            address: advert.source,
            priority: advert.priority,
            interval: advert.interval,
            heard: now,
        };
        let standing = Standing::of((advert.priority, advert.source), (self.priority, own));
        if standing == Standing::Leaving {
            self.counters.priority_zero_received += 1;
        }
        self.on_event(now, Event::Heard(standing, seen));
    }

    /// The next timer that has run out, or an announcement that is due.
    pub(crate) fn on_deadline(&mut self, now: Timestamp) {
        let times = self.announcer.on_deadline(now);
        self.announce(times);
        if let Some(timer) = self.timers.take_due(now) {
            self.on_event(now, Event::Due(timer));
        }
    }

    /// The one place where it is decided what happens in which state.
    pub(crate) fn on_event(&mut self, now: Timestamp, event: Event) {
        use Event as E;
        use RouterState as S;
        use Standing as T;
        match (self.state, event) {
            (S::Initialize | S::Fault, E::Eligible) => self.join(now),
            (S::Initialize | S::Backup, E::Ineligible(cause)) => self.fail(now, cause),
            (S::Fault, E::Ineligible(cause)) => self.reason = cause,
            (S::Master | S::Stalled | S::Offering, E::Ineligible(cause)) => self.drop_address(now, cause),
            (S::Yielding, E::Ineligible(cause)) => self.drop_lingering(now, cause),
            (S::Stopped, E::Eligible | E::Ineligible(_)) => {}
            (S::Backup | S::Master | S::Stalled | S::Offering | S::Yielding, E::Eligible) => {}

            (S::Backup | S::Yielding, E::Heard(T::Leaving, seen)) => self.hurry(now, seen),
            (S::Backup | S::Yielding, E::Heard(T::Lower, seen)) => self.bear(now, seen),
            (S::Backup | S::Yielding, E::Heard(T::EqualBelow | T::EqualAbove | T::Higher, seen)) => {
                self.follow(now, seen);
            }
            (S::Master, E::Heard(T::Leaving, _)) => self.answer_leaving(now),
            (S::Master, E::Heard(T::Lower | T::EqualBelow, seen)) => self.answer_lower(now, seen),
            (S::Master, E::Heard(T::EqualAbove | T::Higher, seen)) => self.yield_to(now, seen),
            (S::Stalled, E::Heard(T::Lower | T::EqualBelow | T::EqualAbove | T::Higher, seen)) => {
                self.step_down(now, Some(seen));
            }
            (S::Offering, E::Heard(T::Lower | T::EqualBelow | T::EqualAbove | T::Higher, seen)) => {
                self.yield_offered(now, Some(seen));
            }
            // Whoever goes as well is no successor.
            (S::Stalled | S::Offering, E::Heard(T::Leaving, _)) => {}
            (S::Initialize | S::Fault | S::Stopped, E::Heard(_, _)) => {}

            (S::Backup | S::Yielding, E::Due(Timer::MasterDown)) => self.take_over(now),
            (S::Master | S::Yielding, E::Due(Timer::Advert)) => self.advertise(now),
            (S::Master, E::Due(Timer::Answer)) => self.answer_claims(now),
            (S::Stalled, E::Due(Timer::Advert)) => self.reassert(now, Reason::StoodStill),
            (S::Offering, E::Due(Timer::Farewell)) => self.repeat_farewell(now),
            (S::Offering, E::Due(Timer::Offer)) => self.end_offer(now),
            (S::Yielding, E::Due(Timer::Linger)) => self.end_linger(now),
            // Every state stops the timers of the one before, and starts no others.
            (S::Initialize | S::Fault | S::Stopped, E::Due(_))
            | (S::Backup | S::Stalled | S::Offering, E::Due(Timer::Answer))
            | (S::Backup | S::Offering, E::Due(Timer::Advert))
            | (S::Backup | S::Master | S::Stalled, E::Due(Timer::Farewell | Timer::Offer | Timer::Linger))
            | (S::Master | S::Stalled | S::Offering, E::Due(Timer::MasterDown))
            | (S::Offering, E::Due(Timer::Linger))
            | (S::Yielding, E::Due(Timer::Answer | Timer::Farewell | Timer::Offer)) => {}

            (S::Master, E::Claimed(address)) => self.note_claim(now, address),
            (S::Stalled, E::Claimed(_)) => self.step_down(now, None),
            (S::Offering, E::Claimed(_)) => self.yield_offered(now, None),
            (S::Yielding, E::Claimed(_)) => self.linger(now),
            (S::Initialize | S::Fault | S::Backup | S::Stopped, E::Claimed(_)) => {}

            (S::Master, E::AddressLost(address)) => self.restore_announced(now, address),
            (S::Stalled | S::Offering | S::Yielding, E::AddressLost(address)) => self.restore(now, address),
            (S::Initialize | S::Fault | S::Backup | S::Stopped, E::AddressLost(_)) => {}

            (S::Master, E::Stall(_)) => self.doubt(now),
            (S::Backup, E::Stall(length)) => self.listen_first(now, length),
            (S::Initialize | S::Fault | S::Stalled | S::Offering | S::Yielding | S::Stopped, E::Stall(_)) => {
            }

            (state, E::Command(command)) => self.on_command(now, state, command),
        }
    }

    fn on_command(&mut self, now: Timestamp, state: RouterState, command: Command) {
        use Command as C;
        use RouterState as S;
        match (state, command) {
            (S::Master | S::Stalled, C::Handover) => self.offer(now, Reason::Handover),
            (S::Initialize | S::Fault | S::Backup | S::Offering | S::Yielding | S::Stopped, C::Handover) => {}

            (S::Initialize | S::Fault | S::Backup, C::Stop) => self.finish(now),
            (S::Master | S::Stalled, C::Stop) => {
                self.stopping = true;
                self.offer(now, Reason::Stopping);
            }
            // Asked a second time: no more patience.
            (S::Offering | S::Yielding, C::Stop) if self.stopping => self.finish(now),
            (S::Offering | S::Yielding, C::Stop) => self.finish_when_gone(now),
            (S::Stopped, C::Stop) => {}

            (S::Offering, C::Resume) => self.recall(now),
            (
                S::Initialize | S::Fault | S::Backup | S::Master | S::Stalled | S::Yielding | S::Stopped,
                C::Resume,
            ) => self.held_back = false,

            (S::Backup | S::Offering | S::Yielding, C::GroupMaster(member)) => self.come_along(now, member),
            (S::Initialize | S::Fault | S::Master | S::Stalled | S::Stopped, C::GroupMaster(_)) => {}
            (S::Master, C::GroupYields(member)) => self.yield_with(now, member),
            (S::Stalled, C::GroupYields(_)) => self.step_down(now, None),
            (
                S::Initialize | S::Fault | S::Backup | S::Offering | S::Yielding | S::Stopped,
                C::GroupYields(_),
            ) => {}
        }
    }

    /// When [`Self::on_deadline`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        [self.timers.next(), self.announcer.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes what it wants done.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The adverts of this priority, one per destination, as long as there is an address to send from.
    pub(crate) fn messages(&self, priority: u8) -> Vec<(IpAddr, Vec<u8>)> {
        let Some(source) = self.source() else {
            return Vec::new();
        };
        let message = |destination| Advert::emit(&self.settings, priority, source, destination);
        match &self.settings.destination {
            Destination::Multicast(group) => vec![(*group, message(*group))],
            Destination::Unicast { peers, .. } => {
                let addresses = peers.iter().map(|peer| peer.address);
                addresses.map(|address| (address, message(address))).collect()
            }
        }
    }

    pub(crate) const fn link(&self) -> Option<Option<IpAddr>> {
        self.link
    }

    pub(crate) const fn notified(&self) -> Option<NotifyState> {
        self.notified
    }

    const fn source(&self) -> Option<IpAddr> {
        match self.link {
            Some(source) => source,
            None => None,
        }
    }

    pub(crate) const fn state(&self) -> RouterState {
        self.state
    }

    pub(crate) const fn settings(&self) -> &RouterSettings {
        &self.settings
    }

    /// What it shows of itself.
    pub(crate) const fn status(&self) -> RouterStatus<'_> {
        RouterStatus {
            settings: &self.settings,
            state: self.state,
            since: self.since,
            reason: self.reason,
            source: self.source(),
            priority: self.priority,
            master: self.master,
            held_back: self.held_back,
            last_failover: self.last_failover,
            counters: &self.counters,
        }
    }
}

#[cfg(test)]
mod tests;
mod transitions;
