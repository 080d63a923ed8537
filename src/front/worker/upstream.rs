//! TCP towards backends: connections that are used again, pipelined as far as the backend's settings allow.
//!
//! A connection counts as a socket of the pending table, so that replies match by connection and identifier just
//! as over UDP. A query whose connection breaks is sent again on another one, as often as `retries` says.

use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use weir_balance::{Counter as BackendCounter, SocketIndex};
use weir_linux::poll::{Event, Interest};
use weir_linux::tcp::{ConnectOptions, connect};
use weir_wire::{Reply, Timestamp, patch};

use super::asker::{Client, Forwarded};
use super::forward::{Asked, Failure, clear_rd};
use super::uplink::LocalBackend;
use super::{Due, Token, Worker};
use crate::front::clock;
use crate::front::slab::Key;
use crate::front::tcp::frames::{Filled, FrameReader, FrameWriter};
use crate::front::tcp::transfer::Transfer;

/// Connections that one worker keeps towards one backend; more queries are given up. dnsdist keeps ten idle ones
/// and opens any number.
const MAX_PER_BACKEND: usize = 256;

/// How long a connection without queries is kept (`setOutgoingTCP…`: dnsdist's `max_idle_time`).
const MAX_IDLE: Duration = Duration::from_secs(300);

/// How long a zone transfer may take; one that stalls is ended by its connection's deadline long before.
const MAX_TRANSFER: Duration = Duration::from_secs(3600);

/// Reads from one connection before others have their turn.
const READS_PER_TURN: usize = 64;

/// One connection to a backend.
pub(crate) struct Upstream {
    stream: TcpStream,
    backend: LocalBackend,
    uplink: Key,
    /// Its number among the worker's sockets.
    number: u32,
    reader: FrameReader,
    writer: FrameWriter,
    /// Identifiers of the queries that wait for a reply on it.
    waiting: Vec<u16>,
    is_connecting: bool,
    /// A zone transfer has the connection to itself.
    is_transfer: bool,
    /// The transfer's client has not taken yet what it was sent: nothing is read meanwhile.
    is_paused: bool,
    queries: u32,
    opened: Timestamp,
    active: Timestamp,
}

impl Upstream {
    /// Whether one more query may be sent on it.
    fn has_room(&self, wants_transfer: bool) -> bool {
        let limit = usize::from(self.backend.settings().tcp.max_in_flight.get());
        let limit = if wants_transfer { 1 } else { limit };
        !self.is_transfer && self.waiting.len() < limit
    }

    /// When it has to have moved on, or ends.
    fn deadline(&self) -> Timestamp {
        let tcp = &self.backend.settings().tcp;
        if self.is_connecting {
            self.opened + tcp.connect_timeout
        } else if !self.writer.is_empty() {
            self.active + tcp.send_timeout
        } else if self.waiting.is_empty() {
            self.active + MAX_IDLE
        } else {
            self.active + tcp.receive_timeout
        }
    }
}

impl Worker {
    /// Sends a query over a connection to its backend.
    pub(super) fn send_tcp(&mut self, uplink: Key, forwarded: Forwarded, now: Timestamp) {
        let wants_transfer = forwarded.transfer.is_some();
        let open = self
            .upstreams
            .iter()
            .find(|(_, upstream)| upstream.uplink == uplink && upstream.has_room(wants_transfer))
            .map(|(key, _)| key);
        if open.is_some() {
            forwarded
                .backend
                .count(self.desk.worker, BackendCounter::TcpReusedConnections);
        }
        match open.or_else(|| self.open_upstream(uplink, &forwarded.backend, now)) {
            Some(key) => self.send_on(key, forwarded, now),
            None => self.give_up(forwarded.into(), Failure::NoAnswer, now),
        }
    }

    fn open_upstream(&mut self, uplink: Key, backend: &LocalBackend, now: Timestamp) -> Option<Key> {
        let held = self
            .upstreams
            .iter()
            .filter(|(_, upstream)| upstream.uplink == uplink)
            .count();
        if held >= MAX_PER_BACKEND || !backend.try_connect(self.desk.worker) {
            return None;
        }
        let settings = backend.settings();
        let mut options = ConnectOptions::new(settings.address);
        options.source = settings.source.address;
        options.interface = settings.source.interface.clone();
        let stream = connect(&options);
        let Ok(stream) = stream else {
            backend.on_disconnect(self.desk.worker, 0, Duration::ZERO);
            backend.count(self.desk.worker, BackendCounter::TcpGaveUp);
            return None;
        };
        self.sockets = self.sockets.wrapping_add(1);
        let key = self.upstreams.insert(Upstream {
            stream,
            backend: Rc::clone(backend),
            uplink,
            number: self.sockets,
            reader: FrameReader::default(),
            writer: FrameWriter::default(),
            waiting: Vec::new(),
            is_connecting: true,
            is_transfer: false,
            is_paused: false,
            queries: 0,
            opened: now,
            active: now,
        });
        let upstream = self.upstreams.get(key)?;
        if self
            .poller
            .add(
                &upstream.stream,
                Token::Upstream(key).to_bits(),
                Interest::ReadWrite,
            )
            .is_err()
        {
            self.end_upstream(key, now);
            return None;
        }
        self.remind(now + settings.tcp.connect_timeout, Due::Upstream(key));
        Some(key)
    }

    fn send_on(&mut self, key: Key, forwarded: Forwarded, now: Timestamp) {
        let worker = self.desk.worker;
        let backend = Rc::clone(&forwarded.backend);
        let tcp = &backend.settings().tcp;
        // A connection that is not made, or breaks, is noticed by its own deadline, which is shorter.
        let patience = match forwarded.transfer {
            Some(_) => MAX_TRANSFER,
            None => tcp.receive_timeout + tcp.connect_timeout,
        };
        let mut message = forwarded.asker.packet.clone();
        if forwarded.asker.route.no_recurse {
            clear_rd(&mut message);
        }
        let is_transfer = forwarded.transfer.is_some();
        let Some(upstream) = self.upstreams.get_mut(key) else {
            return self.give_up(forwarded.into(), Failure::NoAnswer, now);
        };
        let socket = SocketIndex(upstream.number);
        let random = || self.random.next_u64();
        match self.pending.insert(socket, now, patience, random, forwarded) {
            Ok(id) => {
                backend.on_sent(worker);
                patch::set_id(&mut message, id);
                // Sending proves nothing: a peer that is gone would otherwise look alive as long as we ask it.
                let is_first = upstream.waiting.is_empty();
                upstream.waiting.push(id);
                upstream.queries += 1;
                upstream.is_transfer = is_transfer;
                if is_first {
                    upstream.active = now;
                }
                if upstream.writer.push(&message).is_err() {
                    return self.end_upstream(key, now);
                }
                self.write_upstream(key, now);
            }
            Err(weir_balance::Refused::Full(back) | weir_balance::Refused::NoId(back)) => {
                self.give_up(back.into(), Failure::NoAnswer, now);
            }
        }
    }

    /// Something happened to a connection.
    pub(super) fn on_upstream(&mut self, key: Key, event: Event) {
        let now = clock::now();
        let Some(upstream) = self.upstreams.get_mut(key) else {
            return;
        };
        if upstream.is_connecting && event.is_writable() {
            if !matches!(upstream.stream.take_error(), Ok(None)) {
                return self.end_upstream(key, now);
            }
            upstream.is_connecting = false;
            upstream.active = now;
        }
        if event.is_writable() {
            self.write_upstream(key, now);
        }
        if event.is_readable() {
            self.read_upstream(key, now);
        }
    }

    fn write_upstream(&mut self, key: Key, now: Timestamp) {
        let Some(upstream) = self
            .upstreams
            .get_mut(key)
            .filter(|upstream| !upstream.is_connecting)
        else {
            return;
        };
        let interest = match upstream.writer.flush(&mut upstream.stream) {
            Ok(true) => Interest::Read,
            Ok(false) => Interest::ReadWrite,
            Err(_) => {
                upstream
                    .backend
                    .count(self.desk.worker, BackendCounter::TcpDiedSendingQuery);
                return self.end_upstream(key, now);
            }
        };
        if self
            .poller
            .modify(&upstream.stream, Token::Upstream(key).to_bits(), interest)
            .is_err()
        {
            self.end_upstream(key, now);
        }
    }

    fn read_upstream(&mut self, key: Key, now: Timestamp) {
        for _ in 0..READS_PER_TURN {
            let upstream = self.upstreams.get_mut(key).filter(|upstream| !upstream.is_paused);
            let Some(upstream) = upstream else {
                return;
            };
            match upstream.reader.fill(&mut upstream.stream) {
                Ok(Filled::Bytes) => {
                    upstream.active = now;
                    self.take_replies(key, now);
                }
                Ok(Filled::Blocked) => return,
                Ok(Filled::Closed) | Err(_) => {
                    if !upstream.waiting.is_empty() {
                        upstream
                            .backend
                            .count(self.desk.worker, BackendCounter::TcpDiedReadingResponse);
                    }
                    return self.end_upstream(key, now);
                }
            }
        }
    }

    fn take_replies(&mut self, key: Key, now: Timestamp) {
        loop {
            let upstream = self.upstreams.get_mut(key).filter(|upstream| !upstream.is_paused);
            let Some(upstream) = upstream else {
                return;
            };
            let Some(message) = upstream.reader.next() else {
                return;
            };
            let message = message.to_vec();
            self.on_stream_reply(key, &message, now);
        }
    }

    fn on_stream_reply(&mut self, key: Key, message: &[u8], now: Timestamp) {
        let worker = self.desk.worker;
        let Some(upstream) = self.upstreams.get_mut(key) else {
            return;
        };
        let socket = SocketIndex(upstream.number);
        let Ok(reply) = Reply::parse(message) else {
            upstream
                .backend
                .count(worker, BackendCounter::NonCompliantResponses);
            return self.end_upstream(key, now);
        };
        let id = reply.header.id;
        if upstream.is_transfer && self.relay_part(key, &reply, now) {
            return;
        }
        let is_it = |waiting: &Forwarded| {
            // Only the first message of a transfer must repeat the question (RFC 5936 §2.2.1).
            waiting.transfer.is_some() || reply.answers(waiting.asker.question())
        };
        let taken = self.pending.take_if(socket, id, is_it);
        let Some(upstream) = self.upstreams.get_mut(key) else {
            return;
        };
        match taken {
            Some(taken) => {
                upstream.waiting.retain(|waiting| *waiting != id);
                upstream.is_transfer = false;
                self.on_reply(taken, &reply, now);
            }
            None => upstream
                .backend
                .count(worker, BackendCounter::NonCompliantResponses),
        }
    }

    /// Passes a message of a zone transfer on; false when it is the last one, which ends the query.
    fn relay_part(&mut self, key: Key, reply: &Reply<'_>, now: Timestamp) -> bool {
        let Some(upstream) = self.upstreams.get(key) else {
            return false;
        };
        let Some(waiting) = self
            .pending
            .get_mut(SocketIndex(upstream.number), reply.header.id)
        else {
            return false;
        };
        let Some(transfer) = &mut waiting.transfer else {
            return false;
        };
        if transfer.on_message(reply) {
            return false;
        }
        let Client::Tcp { connection } = waiting.asker.client else {
            return false;
        };
        let mut message = reply.packet().to_vec();
        if let Ok(query) = waiting.asker.query() {
            patch::set_id(&mut message, query.header.id);
        }
        self.send_part(connection, &message, now);
        match self.clients.get_mut(connection) {
            // Nobody takes the rest of the zone.
            None => self.end_upstream(key, now),
            Some(client) if client.has_output() => {
                client.feeder = Some(key);
                self.pause_upstream(key);
            }
            Some(_) => {}
        }
        true
    }

    fn pause_upstream(&mut self, key: Key) {
        if let Some(upstream) = self.upstreams.get_mut(key).filter(|upstream| !upstream.is_paused) {
            upstream.is_paused = true;
            let _ = self.poller.remove(&upstream.stream);
        }
    }

    /// Goes on with a zone transfer whose client has taken what it was sent.
    pub(super) fn resume_upstream(&mut self, key: Key, now: Timestamp) {
        let Some(upstream) = self.upstreams.get_mut(key).filter(|upstream| upstream.is_paused) else {
            return;
        };
        upstream.is_paused = false;
        upstream.active = now;
        let token = Token::Upstream(key).to_bits();
        if self.poller.add(&upstream.stream, token, Interest::Read).is_err() {
            return self.end_upstream(key, now);
        }
        self.take_replies(key, now);
    }

    /// A pending query, perhaps of a connection, has timed out or made room: it waits there no more. A connection
    /// on which nothing has come since it was sent is as good as gone.
    pub(super) fn drop_from_upstream(
        &mut self,
        socket: SocketIndex,
        id: u16,
        sent: Timestamp,
        now: Timestamp,
    ) {
        let found = self
            .upstreams
            .iter()
            .find(|(_, upstream)| upstream.number == socket.0)
            .map(|(key, _)| key);
        let Some((key, upstream)) = found.and_then(|key| Some((key, self.upstreams.get_mut(key)?))) else {
            return;
        };
        upstream.waiting.retain(|waiting| *waiting != id);
        if upstream.active <= sent {
            self.end_upstream(key, now);
        }
    }

    /// A connection's deadline as it was: end it, or look again when it is now.
    pub(super) fn review_upstream(&mut self, key: Key, now: Timestamp) {
        let Some(upstream) = self.upstreams.get(key) else {
            return;
        };
        let deadline = upstream.deadline();
        if deadline > now {
            return self.remind(deadline, Due::Upstream(key));
        }
        let counter = match (upstream.is_connecting, upstream.writer.is_empty()) {
            (true, _) => Some(BackendCounter::TcpConnectTimeouts),
            (false, false) => Some(BackendCounter::TcpWriteTimeouts),
            (false, true) if upstream.waiting.is_empty() => None,
            (false, true) => Some(BackendCounter::TcpReadTimeouts),
        };
        if let Some(counter) = counter {
            upstream.backend.count(self.desk.worker, counter);
        }
        self.end_upstream(key, now);
    }

    /// Closes a connection; what waited on it is sent again elsewhere, or given up.
    pub(super) fn end_upstream(&mut self, key: Key, now: Timestamp) {
        let worker = self.desk.worker;
        let Some(upstream) = self.upstreams.remove(key) else {
            return;
        };
        upstream
            .backend
            .on_disconnect(worker, upstream.queries, now.since(upstream.opened));
        for id in upstream.waiting {
            let Some(taken) = self.pending.take(SocketIndex(upstream.number), id) else {
                continue;
            };
            let mut asked = Asked::from(taken.value);
            let may_retry = asked.retries < upstream.backend.settings().tcp.retries
                && !asked.transfer.as_ref().is_some_and(Transfer::has_begun);
            upstream.backend.on_abandoned(worker, BackendCounter::TcpGaveUp);
            if may_retry {
                asked.retries += 1;
                self.dispatch(asked, None, now);
            } else {
                self.give_up(asked, Failure::NoAnswer, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, UdpSocket};
    use std::path::Path;
    use std::sync::Arc;

    use weir_config::dialects::dnsdist::{Carry, Overrides, Session};
    use weir_config::{Seeds, Snapshot};
    use weir_control::counters::Counters;
    use weir_policy::{Ends, Transport};
    use weir_wire::hash::Seed;

    use super::*;
    use crate::front::journey::{Desk, Next};
    use crate::front::site::Site;

    const START: Timestamp = Timestamp::from_secs(1000);

    /// A worker without listeners that serves everyone by `config`.
    fn worker(config: &str) -> Worker {
        let seed = Seed::new([1, 2]);
        let source = format!("setACL('0.0.0.0/0')\n{config}");
        let file = Path::new("test.conf");
        let loaded = Session::load(&source, file, &Overrides::default(), Carry::new(seed)).unwrap();
        let seeds = Seeds {
            cache: seed,
            perturbation: 0,
        };
        let built = Snapshot::build(&loaded.session.spec(), None, seeds, 1).unwrap();
        let mut counters = Counters::default();
        let desk = Desk::new(0, counters.register());
        let own = counters.register();
        let site = Site::new(built.snapshot, counters, own, 1).unwrap();
        let mut worker = Worker::new(Arc::new(site), desk).unwrap();
        worker.follow_snapshot(true);
        worker
    }

    fn ends() -> Ends {
        let client: SocketAddr = "192.0.2.1:4000".parse().unwrap();
        Ends {
            client,
            local: client,
            transport: Transport::Udp,
        }
    }

    /// A query for `label`.test.
    fn query(label: u8) -> Vec<u8> {
        let mut packet = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01".to_vec();
        packet.push(label);
        packet.extend(b"\x04test\x00\x00\x01\x00\x01");
        packet
    }

    /// Asks for `label`.test, which has to be forwarded, on behalf of nobody.
    fn ask(worker: &mut Worker, label: u8) {
        let (packet, mut out) = (query(label), vec![0; 512]);
        let next = worker
            .desk
            .on_query(&worker.snapshot, &packet, ends(), (START, 7), &mut out);
        let Next::Forward(route) = next else {
            panic!("{next:?}")
        };
        worker.forward_packet(&packet, Client::Nobody, ends(), route, START);
    }

    #[test]
    fn a_query_that_makes_room_for_another_waits_on_no_connection() {
        let (tcp, udp) = (
            TcpListener::bind("127.0.0.1:0").unwrap(),
            UdpSocket::bind("127.0.0.1:0").unwrap(),
        );
        let mut worker = worker(&format!(
            "setMaxUDPOutstanding(1)
             newServer{{address='{}', pool='tcp', tcpOnly=true, healthCheckMode='up'}}
             newServer{{address='{}', pool='udp', healthCheckMode='up'}}
             addAction('t.test.', PoolAction('tcp')) addAction('u.test.', PoolAction('udp'))",
            tcp.local_addr().unwrap(),
            udp.local_addr().unwrap(),
        ));
        let waiting = |worker: &Worker| -> Vec<usize> {
            let upstreams = worker.upstreams.iter();
            upstreams.map(|(_, upstream)| upstream.waiting.len()).collect()
        };
        ask(&mut worker, b't');
        assert_eq!(waiting(&worker), [1]);
        ask(&mut worker, b'u');
        assert_eq!(waiting(&worker), [0]);
    }

    #[test]
    fn a_query_whose_connection_is_gone_lets_go_of_those_who_joined_it() {
        let backend = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut worker = worker(&format!(
            "newServer{{address='{}', tcpOnly=true, healthCheckMode='up'}}
             getPool(''):setCache(newPacketCache(100))",
            backend.local_addr().unwrap()
        ));
        ask(&mut worker, b'a');
        let (key, _) = worker.upstreams.iter().next().unwrap();
        let id = worker.upstreams.get(key).unwrap().waiting[0];
        let number = SocketIndex(worker.upstreams.get(key).unwrap().number);
        let forwarded = worker.pending.take(number, id).unwrap().value;
        assert_eq!(worker.coalescer.flights(), 1);
        worker.upstreams.remove(key);
        worker.send_on(key, forwarded, START);
        assert_eq!(worker.coalescer.flights(), 0);
    }
}
