//! A network of nodes in one virtual clock, with a client that sends a query every 5 ms to whoever announced last.
//!
//! Wires lose, delay, double and block packets, each direction by itself. Machines lose power, stand still and go on,
//! with or without a clock that noticed. The client is the worst that there is: it believes every announcement, and
//! never asks again by itself. Two rules are watched all the time, as long as packets flow both ways: there are not
//! two masters, and not none, for longer than one master-down interval.

use std::collections::BTreeMap;

use super::*;
use crate::election::master_down;

/// Between two queries.
const QUERY: Duration = Duration::from_millis(5);
/// The longest that the front end takes for a reply, during which the address has to stay.
const SERVICE_MS: u64 = 50;

/// Splitmix64: the same everywhere, so that a seed says everything.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn delay(&mut self, most: Duration) -> Duration {
        Duration::from_nanos(100_000 + self.below(most.as_nanos() as u64))
    }
}

/// How a machine stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Only `weir vip` is stopped: the address is there, packets wait in its sockets.
    Process,
    /// The whole machine is paused, packets are lost, and its clock shows it afterwards.
    Machine,
    /// The same, and its clock has stood still as well.
    Suspended,
}

#[derive(Debug)]
struct Machine {
    settings: NodeSettings,
    /// None while it has no power.
    node: Option<Node>,
    paused: Option<(Pause, Timestamp)>,
    /// So much its clock is behind.
    behind: Duration,
    holds: bool,
    /// What waits in its sockets.
    inbox: Vec<Packet>,
}

#[derive(Clone, Debug)]
enum Packet {
    Advert(usize, Vec<u8>),
    Claim,
}

#[derive(Clone, Debug)]
enum Event {
    Arrives {
        to: usize,
        packet: Packet,
    },
    /// The client learns where the address is.
    Learns(usize),
    /// A query arrives at a node.
    Asked(usize),
    /// The reply is ready there.
    Replies(usize, Timestamp),
}

/// Machines, wires, and a client with the number after the last machine.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) now: Timestamp,
    machines: Vec<Machine>,
    /// Blocked wires: from, to.
    blocked: Vec<(usize, usize)>,
    /// Percent of all packets between nodes that are lost, and that come twice.
    pub(super) loss: u64,
    pub(super) doubled: u64,
    pub(super) delay: Duration,
    random: Random,
    events: BTreeMap<(Timestamp, u64), Event>,
    sequence: u64,
    next_query: Timestamp,
    /// Where the client sends its queries.
    pub(super) entry: Option<usize>,
    pub(super) asked: u64,
    /// When a query was lost.
    pub(super) lost: Vec<Timestamp>,
    bound: Duration,
    two_since: Option<Timestamp>,
    none_since: Option<Timestamp>,
    /// Times that a node became master.
    pub(super) takeovers: u64,
}

impl Network {
    /// Every node has power, and waits.
    pub(super) fn new(seed: u64, nodes: Vec<NodeSettings>) -> Self {
        let now = Timestamp::from_secs(1000);
        let down = |settings: &NodeSettings| {
            let (router, _) = &settings.routers[0];
            master_down(router, router.interval, 1)
        };
        let bound = nodes.iter().map(down).max().unwrap() + Duration::from_millis(20);
        let machines = nodes.into_iter().map(|settings| Machine {
            settings,
            node: None,
            paused: None,
            behind: Duration::ZERO,
            holds: false,
            inbox: Vec::new(),
        });
        let mut network = Self {
            now,
            machines: machines.collect(),
            blocked: Vec::new(),
            loss: 0,
            doubled: 0,
            delay: Duration::from_millis(1),
            random: Random(seed),
            events: BTreeMap::new(),
            sequence: 0,
            next_query: now,
            entry: None,
            asked: 0,
            lost: Vec::new(),
            bound,
            two_since: None,
            none_since: None,
            takeovers: 0,
        };
        for machine in 0..network.machines.len() {
            network.power_on(machine);
        }
        network
    }

    pub(super) fn client(&self) -> usize {
        self.machines.len()
    }

    pub(super) fn power_on(&mut self, machine: usize) {
        let (settings, now) = (self.machines[machine].settings.clone(), self.local(machine));
        let trackers = settings.trackers.len();
        self.machines[machine].node = Some(Node::new(settings, now));
        self.with(machine, |node, now| {
            node.on_link(now, 0, Some(address(machine as u8 + 1)));
            for tracker in 0..trackers {
                node.on_tracker(now, tracker, Condition::Holds);
            }
        });
    }

    /// Everything is gone at once, the address as well.
    pub(super) fn power_off(&mut self, machine: usize) {
        let machine = &mut self.machines[machine];
        (machine.node, machine.paused, machine.holds) = (None, None, false);
        machine.inbox.clear();
    }

    pub(super) fn pause(&mut self, machine: usize, pause: Pause) {
        let now = self.now;
        self.machines[machine].paused.get_or_insert((pause, now));
    }

    /// Goes on as the driver does: says how long it stood still, reads its sockets, then looks at its timers.
    pub(super) fn go_on(&mut self, machine: usize) {
        let Some((pause, since)) = self.machines[machine].paused.take() else {
            return;
        };
        let length = self.now.since(since);
        if pause == Pause::Suspended {
            self.machines[machine].behind += length;
        } else {
            self.with(machine, |node, now| node.on_stall(now, length));
        }
        for packet in std::mem::take(&mut self.machines[machine].inbox) {
            self.deliver(machine, packet);
        }
        self.with(machine, |node, now| node.on_deadline(now));
    }

    /// Gives the node an input, unless it has no power or stands still.
    pub(super) fn with(&mut self, machine: usize, input: impl FnOnce(&mut Node, Timestamp)) {
        let now = self.local(machine);
        if self.machines[machine].paused.is_some() {
            return;
        }
        let Some(node) = &mut self.machines[machine].node else {
            return;
        };
        input(node, now);
        let effects: Vec<Effect> = std::iter::from_fn(|| node.next_effect()).collect();
        for effect in effects {
            self.perform(machine, effect);
        }
    }

    pub(super) fn block(&mut self, from: usize, to: usize) {
        self.blocked.push((from, to));
    }

    pub(super) fn unblock(&mut self, from: usize, to: usize) {
        self.blocked.retain(|wire| *wire != (from, to));
    }

    /// Every wire is whole again; machines stay as they are.
    pub(super) fn heal(&mut self) {
        (self.loss, self.doubled) = (0, 0);
        self.blocked.clear();
    }

    pub(super) fn state(&self, machine: usize) -> Option<RouterState> {
        let node = self.machines[machine].node.as_ref()?;
        node.status(0).map(|status| status.state)
    }

    pub(super) fn is_stopped(&self, machine: usize) -> bool {
        self.machines[machine].node.as_ref().is_some_and(Node::is_stopped)
    }

    /// Who has the address.
    pub(super) fn holders(&self) -> Vec<usize> {
        let all = 0..self.machines.len();
        all.filter(|machine| self.machines[*machine].holds).collect()
    }

    /// The longest time without an answer, seen by the client.
    pub(super) fn outage(&self) -> Duration {
        let mut longest = Duration::ZERO;
        let mut start: Option<(Timestamp, Timestamp)> = None;
        for lost in &self.lost {
            let run = match start {
                Some((first, last)) if lost.since(last) <= QUERY => (first, *lost),
                _ => (*lost, *lost),
            };
            longest = longest.max(run.1.since(run.0) + QUERY);
            start = Some(run);
        }
        longest
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let deadlines = (0..self.machines.len()).filter_map(|machine| self.deadline(machine));
            let next = deadlines.chain(event).chain([self.next_query]).min().unwrap();
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.step();
            self.watch();
        }
        self.now = end;
    }

    /// What is due now.
    fn step(&mut self) {
        while let Some(entry) = self
            .events
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let event = entry.remove();
            self.happen(event);
        }
        for machine in 0..self.machines.len() {
            if self.deadline(machine).is_some_and(|at| at <= self.now) {
                self.with(machine, |node, now| node.on_deadline(now));
            }
        }
        if self.next_query <= self.now {
            self.next_query = self.now + QUERY;
            self.asked += 1;
            match self.entry.filter(|entry| self.is_open(self.client(), *entry)) {
                Some(entry) => {
                    let delay = self.random.delay(self.delay);
                    self.schedule(delay, Event::Asked(entry));
                }
                None => self.lost.push(self.now),
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrives { to, packet } => match self.machines[to].paused {
                None => self.deliver(to, packet),
                Some((Pause::Process, _)) => self.machines[to].inbox.push(packet),
                Some((Pause::Machine | Pause::Suspended, _)) => {}
            },
            Event::Learns(machine) => self.entry = Some(machine),
            Event::Asked(machine) if self.answers(machine) => {
                let service = Duration::from_millis(self.random.below(SERVICE_MS));
                self.schedule(service, Event::Replies(machine, self.now));
            }
            Event::Asked(_) => self.lost.push(self.now),
            Event::Replies(machine, asked) => {
                if !self.answers(machine) || !self.is_open(machine, self.client()) {
                    self.lost.push(asked);
                }
            }
        }
    }

    fn deliver(&mut self, to: usize, packet: Packet) {
        self.with(to, |node, now| match packet {
            Packet::Advert(from, message) => {
                let received = Received {
                    source: address(from as u8 + 1),
                    destination: GROUP,
                    hops: 255,
                    message: &message,
                };
                node.on_packet(now, 0, &received);
            }
            Packet::Claim => node.on_claim(now, 0, FLOATING),
        });
    }

    fn perform(&mut self, machine: usize, effect: Effect) {
        match effect {
            Effect::Send { message, .. } => self.broadcast(machine, &Packet::Advert(machine, message)),
            Effect::Hold { .. } => {
                self.takeovers += u64::from(!self.machines[machine].holds);
                self.machines[machine].holds = true;
            }
            Effect::Release { .. } => self.machines[machine].holds = false,
            Effect::Announce { times, .. } => {
                assert!(self.machines[machine].holds, "announces what it does not hold");
                for _ in 0..times {
                    self.broadcast(machine, &Packet::Claim);
                    if self.is_open(machine, self.client()) {
                        let delay = self.random.delay(self.delay);
                        self.schedule(delay, Event::Learns(machine));
                    }
                }
            }
            Effect::Notify { .. } | Effect::NotifyGroup { .. } | Effect::Log(_) => {}
        }
    }

    fn broadcast(&mut self, from: usize, packet: &Packet) {
        for to in 0..self.machines.len() {
            if to == from || !self.is_open(from, to) || self.random.percent(self.loss) {
                continue;
            }
            let copies = 1 + u32::from(self.random.percent(self.doubled));
            for _ in 0..copies {
                let delay = self.random.delay(self.delay);
                let packet = packet.clone();
                self.schedule(delay, Event::Arrives { to, packet });
            }
        }
    }

    fn schedule(&mut self, delay: Duration, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + delay, self.sequence), event);
    }

    fn is_open(&self, from: usize, to: usize) -> bool {
        !self.blocked.contains(&(from, to))
    }

    fn answers(&self, machine: usize) -> bool {
        let machine = &self.machines[machine];
        let runs = matches!(machine.paused, None | Some((Pause::Process, _)));
        machine.node.is_some() && runs && machine.holds
    }

    /// The time on the machine's own clock.
    fn local(&self, machine: usize) -> Timestamp {
        Timestamp::ZERO + (self.now.since(Timestamp::ZERO) - self.machines[machine].behind)
    }

    fn deadline(&self, machine: usize) -> Option<Timestamp> {
        let machine = &self.machines[machine];
        let node = machine.node.as_ref().filter(|_| machine.paused.is_none())?;
        node.next_deadline().map(|at| at + machine.behind)
    }

    /// The two rules.
    fn watch(&mut self) {
        let between = |wire: &(usize, usize)| wire.0 != self.client() && wire.1 != self.client();
        let whole = self.loss == 0 && !self.blocked.iter().any(between);
        let running = self.machines.iter().filter(|machine| machine.node.is_some());
        let flowing = whole && running.clone().all(|machine| machine.paused.is_none());
        let states =
            running.filter_map(|machine| machine.node.as_ref()?.status(0).map(|status| status.state));
        let (mut masters, mut holding, mut waiting) = (0, 0, 0);
        for state in states {
            masters += u32::from(state == RouterState::Master);
            holding += u32::from(state.holds());
            waiting += u32::from(state == RouterState::Backup);
        }
        let (now, bound) = (self.now, self.bound);
        let since = |start: &mut Option<Timestamp>, broken: bool, rule: &str| {
            *start = broken.then(|| start.unwrap_or(now));
            let lasted = start.map_or(Duration::ZERO, |start| now.since(start));
            assert!(lasted <= bound, "{rule} for {lasted:?}, more than {bound:?}");
        };
        since(&mut self.two_since, flowing && masters > 1, "two masters");
        since(
            &mut self.none_since,
            flowing && holding == 0 && waiting > 0,
            "no master",
        );
    }
}
