//! All routers of one machine, their groups and trackers.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::effect::{Effect, Happening, LogEvent};
use crate::group::{Group, Verdict, follow};
use crate::pace::Quiet;
use crate::router::{Command, Event, Router};
use crate::settings::{Condition, NodeSettings, Tracking};
use crate::status::{Reason, RouterState, RouterStatus};
use crate::track::{Weighed, weigh};

/// An advert as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// Where to: a group or this node.
    pub destination: IpAddr,
    /// Its TTL or hop limit.
    pub hops: u8,
    /// The VRRP message, and padding.
    pub message: &'a [u8],
}

/// What a router takes over from another program, which was master or stood by on this node until a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    /// It was master, and has left the addresses where they are.
    Master,
    /// It had handed over.
    HeldBack,
}

/// More timers than a router has are not due at once; a bound all the same.
const DUE_AT_ONCE: usize = 16;
/// Changes of trackers are said at this pace.
const TRACKER_LINES: (Duration, u32) = (Duration::from_secs(1), 30);

/// All routers of one machine.
#[derive(Debug)]
pub struct Node {
    routers: Vec<(Router, Vec<Tracking>)>,
    groups: Vec<Group>,
    /// The condition of each tracker.
    conditions: Vec<Condition>,
    tracker_lines: Quiet,
    /// `vrrp_startup_delay`, until it is over.
    starting: Option<Timestamp>,
    effects: VecDeque<Effect>,
}

impl Node {
    /// A node that has just started; every router waits for its interface and its trackers.
    pub fn new(settings: NodeSettings, now: Timestamp) -> Self {
        let routers = settings.routers.into_iter().enumerate();
        Self {
            routers: routers
                .map(|(index, (router, tracking))| (Router::new(index, router, now), tracking))
                .collect(),
            groups: settings.groups.into_iter().map(Group::new).collect(),
            conditions: settings
                .trackers
                .iter()
                .map(|tracker| tracker.initially)
                .collect(),
            tracker_lines: Quiet::new(TRACKER_LINES.0, TRACKER_LINES.1),
            starting: (settings.startup_delay > Duration::ZERO).then(|| now + settings.startup_delay),
            effects: VecDeque::new(),
        }
    }

    /// The node with another configuration: the new router at an index of `kept` that has a number goes on where the
    /// old router of that number was, in its state and with its counters; their versions and families must be the same.
    /// The other new routers start, and the other old ones are gone: taking away what they held is the driver's.
    /// Trackers begin with the condition that `settings` gives them. Effects that were not taken are lost: they count
    /// routers as before.
    #[must_use]
    pub fn reconfigured(self, settings: NodeSettings, kept: &[Option<usize>], now: Timestamp) -> Self {
        let mut node = Self::new(settings, now);
        node.starting = self.starting;
        let mut old: Vec<Option<Router>> = self.routers.into_iter().map(|(router, _)| Some(router)).collect();
        for (index, (router, _)) in node.routers.iter_mut().enumerate() {
            let from = kept.get(index).copied().flatten();
            if let Some(mut survivor) = from.and_then(|from| old.get_mut(from)).and_then(Option::take) {
                survivor.adopt(now, index, router.settings().clone());
                node.effects.extend(survivor.take_effects());
                *router = survivor;
            }
        }
        for index in 0..node.groups.len() {
            // What members were told before is no news to their group.
            let _ = node.group_news(index);
        }
        node.assess(now);
        node
    }

    /// `router` goes on where another program was: to be called before anything has happened. A master is master again as
    /// soon as everything that it needs holds, if that is before others can have noticed; it tells nobody but by its
    /// adverts.
    pub fn inherit(&mut self, router: usize, legacy: Legacy) {
        if let Some((router, _)) = self.routers.get_mut(router) {
            router.inherit(legacy);
        }
        for index in 0..self.groups.len() {
            // Nor is it news to its group.
            let _ = self.group_news(index);
        }
    }

    /// An advert has come in on the interface of `router`.
    pub fn on_packet(&mut self, now: Timestamp, router: usize, received: &Received<'_>) {
        self.apply(now, router, |router| router.on_packet(now, received));
        self.notify_groups();
    }

    /// The interface of `router` has come up with this address of its own (`Some`), or cannot be used (`None`).
    pub fn on_link(&mut self, now: Timestamp, router: usize, source: Option<IpAddr>) {
        self.apply(now, router, |router| router.on_link(now, source));
        self.assess(now);
    }

    /// Something tracked holds, fails, or is not known.
    pub fn on_tracker(&mut self, now: Timestamp, tracker: usize, condition: Condition) {
        let Some(known) = self
            .conditions
            .get_mut(tracker)
            .filter(|known| **known != condition)
        else {
            return;
        };
        *known = condition;
        if let Some(withheld) = self.tracker_lines.speak(now) {
            self.effects.push_back(Effect::Log(LogEvent {
                router: None,
                what: Happening::Tracker { tracker, condition },
                withheld,
            }));
        }
        self.assess(now);
    }

    /// A foreign station says that it has an address of `router` (ARP, neighbour discovery).
    pub fn on_claim(&mut self, now: Timestamp, router: usize, address: IpAddr) {
        self.apply(now, router, |router| {
            router.on_event(now, Event::Claimed(address))
        });
        self.notify_groups();
    }

    /// Somebody else has removed an address of `router` that this node holds.
    pub fn on_address_lost(&mut self, now: Timestamp, router: usize, address: IpAddr) {
        self.apply(now, router, |router| {
            router.on_event(now, Event::AddressLost(address))
        });
    }

    /// The driver's loop stood still for `length`. To be called before the sockets are read; then every packet and
    /// claim that has come in, then [`Self::on_deadline`]: so a master that was replaced learns it before it speaks.
    pub fn on_stall(&mut self, now: Timestamp, length: Duration) {
        self.apply_all(now, |router| router.on_event(now, Event::Stall(length)));
    }

    /// The operator wants the addresses elsewhere. The node answers until another does, and leaves it the addresses
    /// until [`Self::on_resume`] or until it is gone.
    pub fn on_handover(&mut self, now: Timestamp) {
        self.apply_all(now, |router| {
            router.on_event(now, Event::Command(Command::Handover))
        });
    }

    /// Takes a handover back: the node preempts again as configured.
    pub fn on_resume(&mut self, now: Timestamp) {
        self.apply_all(now, |router| {
            router.on_event(now, Event::Command(Command::Resume))
        });
    }

    /// The program is to end: hands over what it holds, and is done when [`Self::is_stopped`]. A second call does not
    /// wait any longer.
    pub fn on_stop(&mut self, now: Timestamp) {
        self.apply_all(now, |router| router.on_event(now, Event::Command(Command::Stop)));
    }

    /// Performs what is due.
    pub fn on_deadline(&mut self, now: Timestamp) {
        if self.starting.take_if(|at| *at <= now).is_some() {
            self.assess(now);
        }
        for index in 0..self.routers.len() {
            for _ in 0..DUE_AT_ONCE {
                let next = self
                    .routers
                    .get(index)
                    .and_then(|(router, _)| router.next_deadline());
                if next.is_none_or(|at| at > now) {
                    break;
                }
                self.apply(now, index, |router| router.on_deadline(now));
            }
        }
        self.notify_groups();
    }

    /// When [`on_deadline`](Self::on_deadline) is to be called; `None` is never.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let routers = self
            .routers
            .iter()
            .filter_map(|(router, _)| router.next_deadline());
        routers.chain(self.starting).min()
    }

    /// What is to be done next.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether every router has finished after [`Self::on_stop`].
    pub fn is_stopped(&self) -> bool {
        let mut routers = self.routers.iter();
        routers.all(|(router, _)| router.state() == RouterState::Stopped)
    }

    /// What `router` shows of itself.
    pub fn status(&self, router: usize) -> Option<RouterStatus<'_>> {
        self.routers.get(router).map(|(router, _)| router.status())
    }

    /// What somebody would have to send in place of `router` if this program died: its destinations and, for each, the
    /// advert of priority zero. Empty while it has no address to send from.
    pub fn farewell(&self, router: usize) -> Vec<(IpAddr, Vec<u8>)> {
        let Some((router, _)) = self.routers.get(router) else {
            return Vec::new();
        };
        router.messages(0)
    }

    /// Lets every router's verdict be known to it.
    fn assess(&mut self, now: Timestamp) {
        let mut verdicts: BTreeMap<usize, Verdict> = self
            .routers
            .iter()
            .map(|(router, tracking)| self.verdict(router, tracking))
            .enumerate()
            .collect();
        for group in &self.groups {
            group.join(&mut verdicts);
        }
        for (index, verdict) in verdicts {
            self.apply(now, index, |router| router.on_verdict(now, verdict));
        }
        self.notify_groups();
    }

    fn verdict(&self, router: &Router, tracking: &[Tracking]) -> Verdict {
        if self.starting.is_some() {
            return Verdict::Waiting(Reason::Started);
        }
        match router.link() {
            None => return Verdict::Waiting(Reason::Started),
            Some(None) => return Verdict::Faulty(Reason::LinkDown),
            Some(Some(_)) => {}
        }
        match weigh(router.settings().priority, tracking, &self.conditions) {
            Weighed::Eligible(priority) => Verdict::Eligible(priority),
            Weighed::Waiting(tracker) => Verdict::Waiting(Reason::TrackerUnknown(tracker)),
            Weighed::Failing(tracker) => Verdict::Faulty(Reason::TrackerFails(tracker)),
        }
    }

    fn apply_all(&mut self, now: Timestamp, input: impl Fn(&mut Router)) {
        for index in 0..self.routers.len() {
            self.apply(now, index, &input);
        }
        self.notify_groups();
    }

    /// Gives one router an input, takes its effects, and lets the others of its group follow. What they do has no
    /// followers: each of them is told once.
    fn apply(&mut self, now: Timestamp, index: usize, input: impl FnOnce(&mut Router)) {
        let Some((router, _)) = self.routers.get_mut(index) else {
            return;
        };
        let before = router.state();
        input(router);
        self.effects.extend(router.take_effects());
        let Some(command) = follow(index, before, router.state()) else {
            return;
        };
        let group = self.groups.iter().find(|group| group.members.contains(&index));
        for member in group.into_iter().flat_map(|group| &group.members) {
            if let Some((router, _)) = self.routers.get_mut(*member).filter(|_| *member != index) {
                router.on_event(now, Event::Command(command));
                self.effects.extend(router.take_effects());
            }
        }
    }

    fn notify_groups(&mut self) {
        for index in 0..self.groups.len() {
            let news = self.group_news(index);
            self.effects.extend(news);
        }
    }

    /// What to tell a group's scripts, if it is new; it is not, from now on.
    fn group_news(&mut self, index: usize) -> Option<Effect> {
        let group = self.groups.get_mut(index)?;
        let members = group
            .members
            .iter()
            .filter_map(|member| self.routers.get(*member));
        let (told, priorities): (Vec<_>, Vec<_>) = members
            .map(|(router, _)| (router.notified(), router.status().priority))
            .unzip();
        Some(Effect::NotifyGroup {
            group: index,
            state: group.notify(&told)?,
            priority: *priorities.first()?,
        })
    }
}
