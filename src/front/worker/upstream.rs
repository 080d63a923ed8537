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
use crate::clock;
use crate::front::slab::Key;
use crate::front::tcp::frames::{Filled, FrameReader, FrameWriter};
use crate::front::tcp::transfer::Transfer;

/// Connections that one worker opens to one backend; more queries are given up. dnsdist opens any number.
const MAX_PER_BACKEND: usize = 256;

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
    has_answered: bool,
    opened: Timestamp,
    active: Timestamp,
    /// When its deadline is looked at next.
    review_at: Timestamp,
}

/// What a query that has timed out speaks against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection, which has worked before and over which nothing has come since: a peer that restarted does not
    /// know it any more.
    Connection,
    Backend,
}

impl Upstream {
    /// Whether one more query may be sent on it.
    fn has_room(&self, wants_transfer: bool) -> bool {
        let limit = usize::from(self.backend.settings().tcp.max_in_flight.get());
        let limit = if wants_transfer { 1 } else { limit };
        !self.is_transfer && self.waiting.len() < limit
    }

    /// When it has to have moved on, or ends.
    fn deadline(&self, max_idle: Duration) -> Timestamp {
        let tcp = &self.backend.settings().tcp;
        if self.is_connecting {
            self.opened + tcp.connect_timeout
        } else if !self.writer.is_empty() {
            self.active + tcp.send_timeout
        } else if self.waiting.is_empty() {
            self.active + max_idle
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
            has_answered: false,
            opened: now,
            active: now,
            review_at: Timestamp::MAX,
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
        self.watch_deadline(key);
        Some(key)
    }

    fn send_on(&mut self, key: Key, forwarded: Forwarded, now: Timestamp) {
        let worker = self.desk.worker;
        let backend = Rc::clone(&forwarded.backend);
        let tcp = &backend.settings().tcp;
        let mut message = forwarded.asker.packet.clone();
        if forwarded.asker.route.no_recurse {
            clear_rd(&mut message);
        }
        let is_transfer = forwarded.transfer.is_some();
        let Some(upstream) = self.upstreams.get_mut(key) else {
            return self.give_up(forwarded.into(), Failure::NoAnswer, now);
        };
        let patience = match (&forwarded.transfer, upstream.is_connecting) {
            (Some(_), _) => MAX_TRANSFER,
            // One that is not made is noticed by its own deadline, which is shorter.
            (None, true) => tcp.connect_timeout + tcp.receive_timeout,
            (None, false) => tcp.receive_timeout,
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
                upstream.has_answered = true;
                if upstream.waiting.is_empty() {
                    let (uplink, keep) = (upstream.uplink, self.snapshot.tcp.backend_max_idle);
                    self.close_idle(uplink, keep, now);
                    self.watch_deadline(key);
                }
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
    ) -> Fault {
        let found = self
            .upstreams
            .iter()
            .find(|(_, upstream)| upstream.number == socket.0)
            .map(|(key, _)| key);
        let Some((key, upstream)) = found.and_then(|key| Some((key, self.upstreams.get_mut(key)?))) else {
            return Fault::Backend;
        };
        upstream.waiting.retain(|waiting| *waiting != id);
        if upstream.active > sent {
            return Fault::Backend;
        }
        let (uplink, has_answered) = (upstream.uplink, upstream.has_answered);
        self.end_upstream(key, now);
        if !has_answered {
            return Fault::Backend;
        }
        // Those that were made to the same peer and are not in use are no better.
        self.close_idle(uplink, 0, now);
        Fault::Connection
    }

    /// Closes what a backend's connections without queries are more than `keep`, the oldest first.
    fn close_idle(&mut self, uplink: Key, keep: usize, now: Timestamp) {
        let of_uplink = self
            .upstreams
            .iter()
            .filter(|(_, upstream)| upstream.uplink == uplink);
        let mut idle: Vec<_> = of_uplink
            .filter(|(_, upstream)| upstream.waiting.is_empty())
            .map(|(key, upstream)| (upstream.opened, key))
            .collect();
        idle.sort_by_key(|(opened, _)| *opened);
        let surplus = idle.len().saturating_sub(keep);
        for (_, key) in idle.into_iter().take(surplus) {
            self.end_upstream(key, now);
        }
    }

    /// Has a connection looked at when its deadline is, or before.
    fn watch_deadline(&mut self, key: Key) {
        let Some(upstream) = self.upstreams.get_mut(key) else {
            return;
        };
        let deadline = upstream.deadline(self.snapshot.tcp.backend_max_idle_time);
        if deadline < upstream.review_at {
            upstream.review_at = deadline;
            self.remind(deadline, Due::Upstream(key));
        }
    }

    /// A connection's deadline as it was: end it, or look again when it is now.
    pub(super) fn review_upstream(&mut self, key: Key, now: Timestamp) {
        let reviewed = self
            .upstreams
            .get_mut(key)
            .filter(|upstream| upstream.review_at <= now);
        let Some(upstream) = reviewed else {
            return;
        };
        upstream.review_at = Timestamp::MAX;
        if upstream.deadline(self.snapshot.tcp.backend_max_idle_time) > now {
            return self.watch_deadline(key);
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
                if upstream.has_answered {
                    self.ask_again(asked, &upstream.backend, now);
                } else {
                    self.dispatch(asked, None, now);
                }
            } else {
                self.give_up(asked, Failure::NoAnswer, now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
