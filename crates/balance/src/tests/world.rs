//! A worker, its backends and the network between them, in virtual time.
//!
//! The worker does what the front end's does, with the same parts in the same order; servers and network are
//! a few numbers each. Everything follows from the seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use weir_wire::{NameBuf, Rcode, Timestamp};

use crate::policies::POLICIES;
use crate::{
    AfterTimeout, Attempt, Backend, BackendSettings, CoalesceLimits, Coalescer, Counter, Effect, Flight,
    Health, HealthChange, Joined, PROBE_MAX_LEN, Pending, PendingLimits, PickInput, PolicySettings, Pool,
    Refused, RetrySettings, SocketIndex, Transport, probe_packet,
};

/// Expired queries handled per wake-up, as a worker bounds them.
const EXPIRED_PER_WAKE: usize = 16;

/// How a server and the way to it behave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) is_alive: bool,
    /// Share of packets lost, both ways together, in permille.
    pub(super) loss: u64,
    /// Share of replies that arrive twice, in permille.
    pub(super) duplication: u64,
    /// Shortest and longest time to a reply, in milliseconds.
    pub(super) delay_ms: (u64, u64),
}

pub(super) const GOOD: Server = Server {
    is_alive: true,
    loss: 0,
    duplication: 0,
    delay_ms: (1, 3),
};

/// How a client's query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    TimedOut,
    Evicted,
    NoServer,
    Refused,
}

/// What the test plans for a later moment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    Query {
        question: u32,
    },
    /// Server number n behaves so from now on.
    Become(usize, Server),
    /// New settings for every backend, `servers` of them remain.
    Reload {
        servers: usize,
    },
}

enum Event {
    Planned(Plan),
    Reply {
        socket: SocketIndex,
        id: u16,
        question: u32,
    },
    ProbeReply {
        server: usize,
        packet: Vec<u8>,
    },
}

/// What waits in [`Pending`]: the client, what it asked, and who waits with it.
#[derive(Debug)]
struct Forwarded {
    client: usize,
    question: u32,
    flight: Option<Flight>,
    backend: Arc<Backend>,
    attempt: Attempt,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) outcomes: Vec<Vec<(Timestamp, Outcome)>>,
    pub(super) changes: Vec<(Timestamp, usize, HealthChange)>,
    pub(super) health: Vec<Health>,
    servers: Vec<Server>,
    pool: Pool,
    pending: Pending<Forwarded>,
    coalescer: Coalescer<u32, usize>,
    retry: RetrySettings,
    udp_timeout: Duration,
    events: BTreeMap<(Timestamp, u64), Event>,
    random_state: u64,
}

impl World {
    pub(super) fn new(
        seed: u64,
        backends: Vec<BackendSettings>,
        (pending, coalesce): (PendingLimits, CoalesceLimits),
        retry: RetrySettings,
    ) -> Self {
        let now = Timestamp::from_secs(50);
        let backends: Vec<_> = backends
            .into_iter()
            .map(|settings| Arc::new(Backend::new(settings, 1)))
            .collect();
        Self {
            now,
            outcomes: Vec::new(),
            changes: Vec::new(),
            health: backends
                .iter()
                .map(|backend| Health::new(Arc::clone(backend), now))
                .collect(),
            servers: vec![GOOD; backends.len()],
            pool: Pool::new(backends, &POLICIES[0], &PolicySettings::new(1), 1),
            pending: Pending::new(pending),
            coalescer: Coalescer::new(coalesce),
            retry,
            udp_timeout: Duration::from_secs(2),
            events: BTreeMap::new(),
            random_state: seed,
        }
    }

    pub(super) fn plan(&mut self, at: Duration, plan: Plan) {
        let start = Timestamp::from_secs(50);
        self.schedule(start + at, Event::Planned(plan));
    }

    /// Runs until nothing is planned and nobody waits, or `most` steps have been made.
    pub(super) fn run(&mut self, most: usize) {
        for _ in 0..most {
            let event = self.events.keys().next().map(|(at, _)| *at);
            let timeout = self.pending.next_deadline();
            if event.is_none() && timeout.is_none() {
                return;
            }
            let probe = self.health.iter().filter_map(Health::next_deadline).min();
            let next = [event, timeout, probe]
                .into_iter()
                .flatten()
                .min()
                .expect("one is planned");
            self.now = self.now.max(next);
            self.expire();
            self.check_health();
            while let Some(entry) = self
                .events
                .first_entry()
                .filter(|entry| entry.key().0 <= self.now)
            {
                let event = entry.remove();
                self.handle(event);
            }
        }
        panic!("still busy after {most} steps");
    }

    /// Every query ended exactly once, and nothing is left behind.
    pub(super) fn assert_settled(&self) {
        for (client, outcomes) in self.outcomes.iter().enumerate() {
            assert_eq!(outcomes.len(), 1, "client {client}: {outcomes:?}");
        }
        assert_eq!(
            (
                self.pending.len(),
                self.coalescer.flights(),
                self.coalescer.waiting()
            ),
            (0, 0, 0)
        );
        assert!(
            self.health
                .iter()
                .all(|health| health.backend().outstanding() == 0)
        );
    }

    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.outcomes
            .iter()
            .flatten()
            .filter(|(_, found)| *found == outcome)
            .count()
    }

    pub(super) fn total(&self, server: usize, counter: Counter) -> u64 {
        self.health[server].backend().total(counter)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Planned(Plan::Query { question }) => self.on_query(question),
            Event::Planned(Plan::Become(server, behaviour)) => self.servers[server] = behaviour,
            Event::Planned(Plan::Reload { servers }) => self.reload(servers),
            Event::Reply { socket, id, question } => self.on_reply(socket, id, question),
            Event::ProbeReply { server, packet } => {
                let finding = self.health[server].on_packet(self.now, &packet);
                let change = finding.and_then(|finding| finding.change);
                self.changes
                    .extend(change.map(|change| (self.now, server, change)));
            }
        }
    }

    fn on_query(&mut self, question: u32) {
        let client = self.outcomes.len();
        self.outcomes.push(Vec::new());
        // Few distinct hashes, so that different questions meet in the table.
        let hash = u64::from(question % 4) << 60;
        let flight = match self
            .coalescer
            .join(hash, |key| *key == question, || question, client)
        {
            Joined::First(flight, _) => Some(flight),
            Joined::Alone(_) => None,
            Joined::Waiting => return,
        };
        self.forward(client, question, flight, None);
    }

    fn forward(&mut self, client: usize, question: u32, flight: Option<Flight>, failed: Option<&Backend>) {
        let qname: NameBuf = format!("q{question}.example").parse().expect("a name");
        let random = self.random();
        let input = PickInput {
            worker: 0,
            now: self.now,
            qname: qname.as_name(),
            random,
            failed,
        };
        let Some(index) = self.pool.pick(&input) else {
            return self.finish(client, flight, Outcome::NoServer);
        };
        let backend = Arc::clone(&self.pool.backends()[index]);
        // A backend's port is its server's number; its one socket has the same number.
        let server = usize::from(backend.settings().address.port());
        let socket = SocketIndex(server as u32);
        let attempt = if failed.is_some() {
            Attempt::Retry
        } else {
            Attempt::First
        };
        let mut forwarded = Forwarded {
            client,
            question,
            flight,
            backend: Arc::clone(&backend),
            attempt,
        };
        for _ in 0..2 {
            let mut state = self.random();
            let random = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                state.rotate_left(29)
            };
            match self
                .pending
                .insert(socket, self.now, self.udp_timeout, random, forwarded)
            {
                Ok(id) => {
                    backend.on_sent(0);
                    return self.transmit(server, socket, id, question);
                }
                Err(Refused::NoId(refused)) => return self.finish(client, refused.flight, Outcome::Refused),
                Err(Refused::Full(refused)) => {
                    forwarded = refused;
                    let oldest = self.pending.pop_oldest().expect("it is full").value;
                    oldest.backend.on_abandoned(0, Counter::Reused);
                    self.finish(oldest.client, oldest.flight, Outcome::Evicted);
                }
            }
        }
        panic!("an eviction makes room");
    }

    /// The network: loses, delays, repeats.
    fn transmit(&mut self, server: usize, socket: SocketIndex, id: u16, question: u32) {
        for at in self.arrivals(server) {
            self.schedule(at, Event::Reply { socket, id, question });
        }
    }

    fn arrivals(&mut self, server: usize) -> Vec<Timestamp> {
        let Server {
            is_alive,
            loss,
            duplication,
            delay_ms: (shortest, longest),
        } = self.servers[server];
        if !is_alive || self.random() % 1000 < loss {
            return Vec::new();
        }
        let copies = if self.random() % 1000 < duplication { 2 } else { 1 };
        (0..copies)
            .map(|_| self.now + Duration::from_millis(shortest + self.random() % (longest - shortest + 1)))
            .collect()
    }

    fn on_reply(&mut self, socket: SocketIndex, id: u16, question: u32) {
        let is_answered = |forwarded: &Forwarded| forwarded.question == question;
        let Some(taken) = self.pending.take_if(socket, id, is_answered) else {
            let server = socket.0 as usize;
            return self.health[server]
                .backend()
                .count(0, Counter::NonCompliantResponses);
        };
        let Forwarded {
            client,
            flight,
            backend,
            ..
        } = taken.value;
        let _ = backend.on_reply(0, Transport::Udp, self.now.since(taken.sent), Rcode::NOERROR);
        self.finish(client, flight, Outcome::Answered);
    }

    fn expire(&mut self) {
        for _ in 0..EXPIRED_PER_WAKE {
            let Some(expired) = self.pending.pop_expired(self.now) else {
                return;
            };
            let Forwarded {
                client,
                question,
                flight,
                backend,
                attempt,
            } = expired.value;
            assert_eq!(self.now.since(expired.sent), self.udp_timeout, "exactly then");
            let _ = backend.on_timeout(0);
            match self.retry.after_timeout(attempt) {
                AfterTimeout::Retry => self.forward(client, question, flight, Some(&backend)),
                AfterTimeout::GiveUp(_) => self.finish(client, flight, Outcome::TimedOut),
            }
        }
    }

    fn finish(&mut self, client: usize, flight: Option<Flight>, outcome: Outcome) {
        self.outcomes[client].push((self.now, outcome));
        if let Some(flight) = flight {
            for waiter in self.coalescer.land(flight) {
                self.outcomes[waiter].push((self.now, outcome));
            }
        }
    }

    fn check_health(&mut self) {
        for server in 0..self.health.len() {
            while self.health[server]
                .next_deadline()
                .is_some_and(|deadline| deadline <= self.now)
            {
                let random = self.random();
                match self.health[server].on_deadline(self.now, random) {
                    Effect::Wait => break,
                    Effect::SendProbe { id } => self.answer_probe(server, id),
                    Effect::Learnt(finding) => {
                        self.changes
                            .extend(finding.change.map(|change| (self.now, server, change)));
                    }
                }
            }
        }
    }

    fn answer_probe(&mut self, server: usize, id: u16) {
        let mut packet = [0; PROBE_MAX_LEN];
        let len = probe_packet(&self.health[server].backend().settings().check, id, &mut packet);
        packet[2] |= 0x80;
        for at in self.arrivals(server) {
            self.schedule(
                at,
                Event::ProbeReply {
                    server,
                    packet: packet[..len].to_vec(),
                },
            );
        }
    }

    /// Same backends, other order and weight; those beyond `servers` are no longer in the pool, but what is
    /// pending on them may finish.
    fn reload(&mut self, servers: usize) {
        let random = self.random();
        for health in &mut self.health {
            let old = Arc::clone(health.backend());
            let settings = BackendSettings {
                order: (random % 3) as i32,
                ..old.settings().clone()
            };
            health.reconfigure(Arc::new(Backend::inherit(settings, &old)));
        }
        let kept = self
            .health
            .iter()
            .take(servers)
            .map(|health| Arc::clone(health.backend()));
        let kind = &POLICIES[random as usize % POLICIES.len()];
        self.pool = Pool::new(kept.collect(), kind, &PolicySettings::new(1), 1);
    }

    fn schedule(&mut self, at: Timestamp, event: Event) {
        let sequence = self.random();
        self.events.insert((at, sequence), event);
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.random_state = self.random_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random_state ^ self.random_state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
