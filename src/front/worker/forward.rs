//! From a query that nobody here can answer to a backend: coalesce, pick, send; and what happens when none can.

use std::rc::Rc;
use std::sync::Arc;

use weir_balance::{Backend, Counter as BackendCounter, Joined, PickInput, Refused, SocketIndex};
use weir_control::counters::Counter;
use weir_policy::Transport;
use weir_wire::{Flags, Header, Timestamp, patch};

use super::asker::{Asker, Client, FlightKey, Forwarded};
use super::uplink::{LocalBackend, Uplink};
use super::{Due, Token, Worker};
use crate::front::slab::Key;
use crate::front::tcp::transfer::Transfer;

/// Sockets tried before a backend counts as full.
const SOCKET_ATTEMPTS: usize = 3;

impl Worker {
    /// Sends a query to a backend, or lets it wait for one that asks the same.
    pub(super) fn forward(&mut self, asker: Asker, now: Timestamp) {
        match self.join(asker) {
            Joined::First(flight, asker) => self.dispatch_new(asker, Some(flight), now),
            Joined::Waiting => {}
            Joined::Alone(asker) => self.dispatch_new(asker, None, now),
        }
    }

    /// Asks for the whole of a reply that came truncated, unless somebody does so already.
    pub(super) fn forward_over_tcp(&mut self, asker: Asker, backend: &LocalBackend, now: Timestamp) {
        let (flight, asker) = match self.join(asker) {
            Joined::First(flight, asker) => (Some(flight), asker),
            Joined::Waiting => return,
            Joined::Alone(asker) => (None, asker),
        };
        let asked = Asked {
            asker,
            flight,
            over: Transport::Tcp,
            retries: 0,
            transfer: None,
        };
        self.ask_again(asked, backend, now);
    }

    /// Lets a query wait for one that asks the same.
    fn join(&mut self, asker: Asker) -> Joined<Asker> {
        let Some(key) = asker.route.key.filter(|_| self.snapshot.coalesce) else {
            return Joined::Alone(asker);
        };
        let own = FlightKey {
            key,
            place: asker.route.place(),
            payload_limit: asker.payload_limit,
        };
        let wants_all = asker.wants_all();
        let is_same = |other: &FlightKey| {
            (other.key, other.place) == (own.key, own.place)
                && (wants_all || own.payload_limit <= other.payload_limit)
        };
        let joined = self.coalescer.join(key.hash(), is_same, || own, asker);
        if matches!(joined, Joined::Waiting) {
            self.desk.counters.add(Counter::CoalescedQueries, 1);
        }
        joined
    }

    fn dispatch_new(&mut self, asker: Asker, flight: Option<weir_balance::Flight>, now: Timestamp) {
        let transfer = asker
            .query()
            .ok()
            .filter(|query| query.is_transfer() && asker.wants_all());
        let transfer = transfer.map(|query| Transfer::new(&query));
        let over = if transfer.is_some() {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        self.dispatch(
            Asked {
                asker,
                flight,
                over,
                retries: 0,
                transfer,
            },
            None,
            now,
        );
    }

    /// Picks a backend and sends. `failed` is the one that has just not answered.
    pub(super) fn dispatch(&mut self, asked: Asked, failed: Option<&Backend>, now: Timestamp) {
        let Some((backend, uplink)) = self.pick(&asked.asker, failed, now) else {
            self.desk.counters.add(Counter::NoPolicy, 1);
            return self.give_up(asked, Failure::NoServer, now);
        };
        if asked.over == Transport::Tcp || backend.settings().tcp_only {
            self.send_tcp(uplink, asked.sent_to(backend, Transport::Tcp, now), now);
        } else {
            self.send_udp(uplink, asked.sent_to(backend, Transport::Udp, now), now);
        }
    }

    /// Asks a backend over TCP that has been asked before, whatever a reload has made of its pools since; another one
    /// when it is not usable any more.
    pub(super) fn ask_again(&mut self, asked: Asked, backend: &LocalBackend, now: Timestamp) {
        let over = Transport::Tcp;
        let is_it = |(_, uplink): &(Key, &Uplink)| uplink.backend.is(backend);
        let found = self.uplinks.iter().find(is_it).map(|(key, _)| key);
        match found.filter(|_| backend.is_usable()) {
            Some(uplink) => self.send_tcp(uplink, asked.sent_to(Rc::clone(backend), over, now), now),
            None => self.dispatch(Asked { over, ..asked }, None, now),
        }
    }

    fn pick(
        &mut self,
        asker: &Asker,
        failed: Option<&Backend>,
        now: Timestamp,
    ) -> Option<(LocalBackend, Key)> {
        let servers = &self.desk.pool(&self.snapshot, &asker.route)?.servers;
        let query = asker.query().ok()?;
        let input = PickInput {
            worker: self.desk.worker,
            now,
            qname: query.qname,
            random: self.random.next_u64(),
            failed,
        };
        let position = servers.pick(&input)?;
        let uplink = *self.routes.get(asker.route.pool.index())?.get(position)?;
        Some((Rc::clone(&self.uplinks.get(uplink)?.backend), uplink))
    }

    /// Queues a query on one of the backend's sockets.
    fn send_udp(&mut self, uplink: Key, mut forwarded: Forwarded, now: Timestamp) {
        self.reopen_uplink(uplink, now);
        for _ in 0..SOCKET_ATTEMPTS {
            match self.try_send_udp(uplink, forwarded, now) {
                Ok(()) => return,
                Err(Refused::NoId(back)) => forwarded = back,
                Err(Refused::Full(back)) => {
                    forwarded = back;
                    if let Some(oldest) = self.pending.pop_oldest() {
                        oldest
                            .value
                            .backend
                            .on_abandoned(self.desk.worker, BackendCounter::Reused);
                        self.drop_from_upstream(oldest.socket, oldest.id, Timestamp::ZERO, now);
                        self.give_up(oldest.value.into(), Failure::NoAnswer, now);
                    }
                }
            }
        }
        self.desk.counters.add(Counter::PendingFull, 1);
        self.give_up(forwarded.into(), Failure::NoAnswer, now);
    }

    #[expect(
        clippy::result_large_err,
        reason = "a refused query comes back whole, to be tried elsewhere"
    )]
    fn try_send_udp(
        &mut self,
        uplink: Key,
        forwarded: Forwarded,
        now: Timestamp,
    ) -> Result<(), Refused<Forwarded>> {
        let worker = self.desk.worker;
        let Some(uplink) = self.uplinks.get_mut(uplink) else {
            return Err(Refused::NoId(forwarded));
        };
        let backend = Rc::clone(&forwarded.backend);
        let timeout = backend
            .settings()
            .udp_timeout
            .unwrap_or(self.snapshot.udp.timeout);
        let Some(socket) = uplink.next_socket() else {
            return Err(Refused::NoId(forwarded));
        };
        let number = socket.number;
        let has_stale = forwarded.asker.route.has_stale;
        let no_recurse = forwarded.asker.route.no_recurse;
        let message = socket.queue(&forwarded.asker.packet);
        if no_recurse {
            clear_rd(message);
        }
        let random = || self.random.next_u64();
        match self
            .pending
            .insert(SocketIndex(number), now, timeout, random, forwarded)
        {
            Ok(id) => {
                socket.set_last_id(id);
                backend.on_sent(worker);
                if socket.is_full() {
                    self.desk
                        .counters
                        .add(Counter::DownstreamSendErrors, failures(&socket.flush()));
                }
                if let (true, Some(patience)) = (has_stale, self.snapshot.stale.answer_after) {
                    self.remind(
                        now + patience,
                        Due::Stale {
                            socket: number,
                            id,
                            sent: now,
                        },
                    );
                }
                Ok(())
            }
            Err(refused) => {
                socket.unqueue();
                Err(refused)
            }
        }
    }

    /// Tells everyone who waits that there will be no reply: from the past where there is one, else as the
    /// configuration says.
    pub(super) fn give_up(&mut self, asked: Asked, failure: Failure, now: Timestamp) {
        let mut askers = vec![asked.asker];
        if let Some(flight) = asked.flight {
            askers.extend(self.coalescer.land(flight));
        }
        if let Some(first) = askers.first()
            && let Ok(query) = first.query()
        {
            self.desk
                .refresh_failed(&self.snapshot, &query, &first.route, now);
        }
        for asker in askers {
            self.fail(&asker, failure, now);
            self.recycle(asker);
        }
    }

    fn fail(&mut self, asker: &Asker, failure: Failure, now: Timestamp) {
        if matches!(asker.client, Client::Nobody) {
            return;
        }
        let snapshot = Rc::clone(&self.snapshot);
        let with_servfail = match failure {
            Failure::NoServer => snapshot.servfail_when_no_server,
            Failure::NoAnswer => false,
        };
        let written = self.answer(asker, now, |worker, out| {
            let query = asker.query().ok()?;
            let subject = (&query, &asker.route, asker.ends.transport);
            let stale = worker.desk.stale(&snapshot, subject, now, out);
            if stale.is_some() || !with_servfail {
                return stale;
            }
            worker.desk.servfail(&snapshot, &query, out)
        });
        if !written {
            self.forget(asker);
        }
    }

    /// Ends an asker's wait without a reply.
    pub(super) fn forget(&mut self, asker: &Asker) {
        if let Client::Tcp { connection } = asker.client {
            self.on_unanswered(connection);
        }
    }

    /// Answers everyone from the past while a query is still out; its reply will renew the cache.
    pub(super) fn answer_stale(&mut self, socket: u32, id: u16, sent: Timestamp, now: Timestamp) {
        let waiting = self.pending.get_mut(SocketIndex(socket), id);
        let Some(waiting) = waiting.filter(|waiting| waiting.sent == sent) else {
            return;
        };
        let nobody = Asker {
            client: Client::Nobody,
            ..waiting.asker.clone()
        };
        let first = std::mem::replace(&mut waiting.asker, nobody);
        if !self.answer_from_past(&first, now) {
            // Evicted meanwhile: the reply is all there will be.
            if let Some(waiting) = self.pending.get_mut(SocketIndex(socket), id) {
                waiting.asker = first;
            }
            return;
        }
        if let Ok(query) = first.query() {
            self.desk
                .refresh_failed(&self.snapshot, &query, &first.route, now);
        }
        self.recycle(first);
        let waiting = self.pending.get_mut(SocketIndex(socket), id);
        let Some(flight) = waiting.and_then(|waiting| waiting.flight.take()) else {
            return;
        };
        let joined: Vec<Asker> = self.coalescer.land(flight).collect();
        for asker in joined {
            self.fail(&asker, Failure::NoAnswer, now);
            self.recycle(asker);
        }
    }

    fn answer_from_past(&mut self, asker: &Asker, now: Timestamp) -> bool {
        let snapshot = Rc::clone(&self.snapshot);
        self.answer(asker, now, |worker, out| {
            let query = asker.query().ok()?;
            worker
                .desk
                .stale(&snapshot, (&query, &asker.route, asker.ends.transport), now, out)
        })
    }

    // ---- uplinks

    /// The uplink to a backend, opened if there is none. A backend whose socket cannot be opened now keeps an
    /// uplink without sockets, and its queries fail until a reload tries again.
    pub(super) fn uplink_for(&mut self, backend: &Arc<Backend>) -> Key {
        let known = self
            .uplinks
            .iter()
            .find(|(_, uplink)| uplink.serves(backend))
            .map(|(key, _)| key);
        if let Some(key) = known {
            if let Some(uplink) = self.uplinks.get_mut(key) {
                uplink.backend = Rc::new(Arc::clone(backend));
            }
            return key;
        }
        let sockets = &mut self.sockets;
        let numbers = || {
            *sockets = sockets.wrapping_add(1);
            *sockets
        };
        let uplink = Uplink::open(backend, numbers).unwrap_or_else(|error| {
            let address = backend.settings().address;
            tracing::error!("Cannot open a socket to backend {address}: {error}");
            Uplink::closed(backend)
        });
        let key = self.uplinks.insert(uplink);
        if let Some(uplink) = self.uplinks.get(key) {
            for (position, socket) in uplink.sockets.iter().enumerate() {
                self.sleeper.add(&socket.udp, uplink_token(key, position));
            }
        }
        key
    }

    /// Tries again to open sockets that could not be opened: a route or a source address may be there by now.
    fn reopen_uplink(&mut self, key: Key, now: Timestamp) {
        let sockets = &mut self.sockets;
        let numbers = || {
            *sockets = sockets.wrapping_add(1);
            *sockets
        };
        let Some(uplink) = self.uplinks.get_mut(key) else {
            return;
        };
        if uplink.reopen(numbers, now) {
            for (position, socket) in uplink.sockets.iter().enumerate() {
                self.sleeper.add(&socket.udp, uplink_token(key, position));
            }
        }
    }

    /// Closes the uplinks of backends that the snapshot no longer has, unless replies may still come.
    pub(super) fn close_unused_uplinks(&mut self) {
        let worker = self.desk.worker;
        let unused: Vec<Key> = self
            .uplinks
            .iter()
            .filter(|(_, uplink)| {
                !self
                    .snapshot
                    .backends
                    .iter()
                    .any(|backend| uplink.serves(backend))
            })
            .filter(|(_, uplink)| uplink.backend.outstanding_of(worker) == 0)
            .map(|(key, _)| key)
            .collect();
        for key in unused {
            let uplink = self.uplinks.remove(key);
            for position in 0..uplink.map_or(0, |uplink| uplink.sockets.len()) {
                self.sleeper.remove(uplink_token(key, position));
            }
        }
    }

    /// Sends the queries that wait to leave.
    pub(super) fn flush_uplinks(&mut self) {
        for uplink in self.uplinks.values_mut() {
            for socket in uplink.sockets.iter_mut().filter(|socket| socket.has_queued()) {
                self.desk
                    .counters
                    .add(Counter::DownstreamSendErrors, failures(&socket.flush()));
            }
        }
    }
}

/// A query that no backend has yet.
pub(crate) struct Asked {
    pub(crate) asker: Asker,
    pub(crate) flight: Option<weir_balance::Flight>,
    pub(crate) over: Transport,
    pub(crate) retries: u16,
    pub(crate) transfer: Option<Transfer>,
}

impl Asked {
    pub(crate) fn sent_to(self, backend: LocalBackend, over: Transport, sent: Timestamp) -> Forwarded {
        let Self {
            asker,
            flight,
            retries,
            transfer,
            ..
        } = self;
        Forwarded {
            asker,
            flight,
            backend,
            sent,
            over,
            retries,
            transfer,
        }
    }
}

impl From<Forwarded> for Asked {
    fn from(forwarded: Forwarded) -> Self {
        let Forwarded {
            asker,
            flight,
            over,
            retries,
            transfer,
            ..
        } = forwarded;
        Self {
            asker,
            flight,
            over,
            retries,
            transfer,
        }
    }
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No backend of the pool is usable.
    NoServer,
    /// The backend did not answer in time, or could not be asked.
    NoAnswer,
}

/// Clears RD in a query.
pub(super) fn clear_rd(message: &mut [u8]) {
    if let Some(header) = Header::parse(message) {
        patch::set_flags(message, header.flags.without(Flags::RD));
    }
}

fn uplink_token(uplink: Key, socket: usize) -> u64 {
    Token::Uplink { uplink, socket }.to_bits()
}

fn failures(sent: &weir_linux::udp::Sent) -> u64 {
    (sent.dropped + sent.failed) as u64
}
