//! TCP clients: accept, read queries, write replies in the order in which they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use weir_config::TcpLimits;
use weir_control::counters::{Counter, FrontendCounter, FrontendCounters};
use weir_linux::poll::{Event, Interest};
use weir_linux::tcp::{Accepted, Listener};
use weir_policy::{Ends, Transport};
use weir_wire::Timestamp;

use super::asker::{Client, canonical};
use super::{Due, Token, Worker};
use crate::clock;
use crate::front::journey::{Next, Written};
use crate::front::site::ListenNumber;
use crate::front::slab::Key;
use crate::front::tcp::client::{Admission, ClientConnection, Ending};
use crate::front::tcp::frames::Filled;

/// Connections accepted before others have their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// Reads from one connection before others have their turn.
const READS_PER_TURN: usize = 16;

/// Queries of one connection in flight when the configuration does not say (`maxInFlight`). dnsdist then takes one
/// after the other; RFC 7766 §6.2.1.1 wants them taken as they come.
const DEFAULT_MAX_IN_FLIGHT: u32 = 100;

/// How long to leave a listener alone that cannot accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening TCP socket.
pub(crate) struct TcpFrontend {
    number: ListenNumber,
    /// `None` once it is closed: the accounts stay for the connections that came in by it.
    listener: Option<Listener>,
    counters: Arc<FrontendCounters>,
    /// Queries in flight per connection.
    max_in_flight: u32,
    /// Connections at once, over all workers; 0 is no limit.
    max_connections: u32,
    /// Connections of all workers. Two that accept at the same moment may both take the last place.
    open: Arc<AtomicU32>,
}

impl TcpFrontend {
    /// `max_in_flight` and `max_connections` as the configuration has them: 0 is the default, or no limit.
    pub(crate) fn new(
        (number, listener): (ListenNumber, Listener),
        counters: Arc<FrontendCounters>,
        max_in_flight: u32,
        (max_connections, open): (u32, Arc<AtomicU32>),
    ) -> Self {
        let max_in_flight = if max_in_flight == 0 {
            DEFAULT_MAX_IN_FLIGHT
        } else {
            max_in_flight
        };
        Self {
            number,
            listener: Some(listener),
            counters,
            max_in_flight,
            max_connections,
            open,
        }
    }

    pub(super) const fn number(&self) -> ListenNumber {
        self.number
    }

    /// How one more connection would be treated; `None` when there may be no more.
    fn admission(&self, limits: &TcpLimits) -> Option<Admission> {
        let (open, most) = (self.open.load(Relaxed), self.max_connections);
        if most == 0 {
            return Some(Admission::Usual);
        }
        let is_crowded = u64::from(open) * 100 >= u64::from(most) * u64::from(limits.overload_threshold);
        let admission = match is_crowded && limits.overload_threshold > 0 {
            true => Admission::Restricted,
            false => Admission::Usual,
        };
        (open < most).then_some(admission)
    }
}

impl Worker {
    /// Starts to accept from a socket.
    pub(super) fn open_tcp(&mut self, frontend: TcpFrontend) -> std::io::Result<()> {
        let key = self.tcp_frontends.insert(frontend);
        self.watch_listener(key)
    }

    fn watch_listener(&self, key: Key) -> std::io::Result<()> {
        let listener = self
            .tcp_frontends
            .get(key)
            .and_then(|frontend| frontend.listener.as_ref());
        let token = Token::TcpFrontend(key).to_bits();
        listener.map_or(Ok(()), |listener| {
            self.poller.add(listener, token, Interest::Read)
        })
    }

    /// Stops accepting at a socket: connections that have been made stay.
    pub(super) fn close_tcp(&mut self, number: ListenNumber) {
        let frontends = self.tcp_frontends.iter();
        let found = frontends.filter(|(_, frontend)| frontend.number == number);
        let keys: Vec<Key> = found.map(|(key, _)| key).collect();
        for key in keys {
            self.accept(key);
            if let Some(frontend) = self.tcp_frontends.get_mut(key) {
                frontend.listener = None;
            }
        }
    }

    /// Accepts what waits, a bounded number.
    pub(super) fn accept(&mut self, key: Key) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self
                .tcp_frontends
                .get(key)
                .and_then(|frontend| frontend.listener.as_ref())
            else {
                return;
            };
            match listener.accept() {
                Ok(Some(accepted)) => self.admit(key, accepted),
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!("Cannot accept a TCP connection: {error}");
                    if is_exhausted(&error) {
                        let _ = self.poller.remove(listener);
                        self.remind(clock::now() + ACCEPT_PAUSE, Due::Accept(key));
                        return;
                    }
                }
            }
        }
    }

    /// Accepts again after a pause.
    pub(super) fn listen_again(&mut self, key: Key) {
        if let Err(error) = self.watch_listener(key) {
            tracing::error!("Cannot watch a listening socket: {error}");
        }
    }

    fn admit(&mut self, key: Key, accepted: Accepted) {
        let Some(frontend) = self.tcp_frontends.get_mut(key) else {
            return;
        };
        let client = canonical(accepted.peer).ip();
        if !self.snapshot.acl.allows(client) {
            self.desk.counters.add(Counter::AclDrops, 1);
            return;
        }
        let now = clock::now();
        let admission = frontend.admission(&self.snapshot.tcp);
        let owner = admission.and_then(|_| self.site.tcp_clients.admit(client, now, &self.snapshot.tcp));
        let (Some(admission), Some(owner)) = (admission, owner) else {
            self.desk.counters.add(Counter::TcpLimitsHit, 1);
            return;
        };
        frontend.open.fetch_add(1, Relaxed);
        frontend.counters.connection_opened();
        let max_in_flight = frontend.max_in_flight;
        let connection = ClientConnection::new(accepted, (key, max_in_flight), (admission, owner), now);
        let deadline = connection.deadline(&self.snapshot.tcp);
        let key = self.clients.insert(connection);
        self.watch_client(key);
        self.remind(deadline, Due::Client(key));
    }

    /// Something happened to a connection.
    pub(super) fn on_client(&mut self, key: Key, event: Event) {
        let now = clock::now();
        if event.is_writable() {
            self.with_client(key, |client| client.flush(now));
            self.resume_client(key);
            let client = self.clients.get_mut(key).filter(|client| !client.has_output());
            if let Some(upstream) = client.and_then(|client| client.feeder.take()) {
                self.resume_upstream(upstream, now);
            }
        }
        if event.is_readable() {
            self.read_client(key, now);
        }
        self.watch_client(key);
    }

    /// Reads and takes queries until there is nothing more, or enough for now.
    fn read_client(&mut self, key: Key, now: Timestamp) {
        for _ in 0..READS_PER_TURN {
            let Some(client) = self
                .clients
                .get_mut(key)
                .filter(|client| !client.has_ended && !client.is_full())
            else {
                return;
            };
            match client.fill(now, &self.snapshot.tcp) {
                Ok(Filled::Bytes) => self.take_queries(key, now),
                Ok(Filled::Closed | Filled::Blocked) => return,
                Err(ending) => return self.end_client(key, ending),
            }
        }
    }

    /// Takes the whole queries that have been read, as many as may be in flight.
    fn take_queries(&mut self, key: Key, now: Timestamp) {
        loop {
            let mut query = self.spare_buffer();
            let Some(client) = self.clients.get_mut(key) else {
                return;
            };
            if !client.next_query(&self.snapshot.tcp, &mut query) {
                self.spare.push(query);
                return;
            }
            let ends = Ends {
                client: canonical(client.client),
                local: canonical(client.local),
                transport: Transport::Tcp,
            };
            self.on_stream_query(key, &query, ends, now);
            query.clear();
            self.spare.push(query);
        }
    }

    fn on_stream_query(&mut self, key: Key, query: &[u8], ends: Ends, now: Timestamp) {
        let mut out = std::mem::take(&mut self.scratch);
        let random = self.random.next_u64();
        self.count_frontend(key, FrontendCounter::Queries);
        let next = self
            .desk
            .on_query(&self.snapshot, query, ends, (now, random), &mut out);
        let client = Client::Tcp { connection: key };
        match next {
            Next::Drop => self.on_unanswered(key),
            Next::Reply(written) => {
                self.send_to_client(key, out.get(..written.len).unwrap_or(&[]), now);
                self.desk.counters.observe_latency(Transport::Tcp, 0);
            }
            Next::ReplyAndRefresh(written, route) => {
                self.send_to_client(key, out.get(..written.len).unwrap_or(&[]), now);
                self.scratch = std::mem::take(&mut out);
                return self.forward_packet(query, Client::Nobody, ends, route, now);
            }
            Next::Forward(route) => {
                self.scratch = std::mem::take(&mut out);
                return self.forward_packet(query, client, ends, route, now);
            }
        }
        self.scratch = out;
    }

    /// Writes an answer with `write`, which gets the place and says what it wrote there.
    pub(super) fn answer_tcp(
        &mut self,
        key: Key,
        now: Timestamp,
        write: impl FnOnce(&mut Self, &mut [u8]) -> Option<Written>,
    ) {
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(written) = write(self, &mut scratch) {
            self.send_to_client(key, scratch.get(..written.len).unwrap_or(&[]), now);
            self.resume_client(key);
        }
        self.scratch = scratch;
    }

    /// Sends one message of a zone transfer; more will follow.
    pub(super) fn send_part(&mut self, key: Key, message: &[u8], now: Timestamp) {
        self.with_client(key, |client| client.send(message, now));
        self.watch_client(key);
    }

    fn count_frontend(&self, key: Key, counter: FrontendCounter) {
        let frontend = self
            .clients
            .get(key)
            .and_then(|client| self.tcp_frontends.get(client.frontend));
        if let Some(frontend) = frontend {
            frontend.counters.add(counter, 1);
        }
    }

    fn send_to_client(&mut self, key: Key, reply: &[u8], now: Timestamp) {
        self.count_frontend(key, FrontendCounter::Responses);
        self.with_client(key, |client| {
            client.in_flight = client.in_flight.saturating_sub(1);
            client.send(reply, now)
        });
    }

    /// A query of a connection ended without a reply.
    pub(super) fn on_unanswered(&mut self, key: Key) {
        if let Some(client) = self.clients.get_mut(key) {
            client.let_down();
        }
        self.watch_client(key);
    }

    /// Room for another query of this connection, which may have been read already.
    fn resume_client(&mut self, key: Key) {
        if self.clients.get(key).is_some_and(ClientConnection::has_query) {
            // Not at once: the caller is in the middle of something.
            self.resumed.push(key);
        }
        self.watch_client(key);
    }

    /// Takes the queries that had been read while too many were in flight.
    pub(super) fn resume_clients(&mut self, now: Timestamp) {
        for key in std::mem::take(&mut self.resumed) {
            self.take_queries(key, now);
            self.watch_client(key);
        }
    }

    /// A connection's deadline as it was: end it, or look again when it is now.
    pub(super) fn review_client(&mut self, key: Key, now: Timestamp) {
        let Some(client) = self.clients.get(key) else {
            return;
        };
        let deadline = client.deadline(&self.snapshot.tcp);
        if deadline <= now {
            self.end_client(key, Ending::TimedOut);
        } else {
            // Sooner than a deadline that waits for a backend, which may answer any time and leave the client idle.
            let look = deadline.min(now + self.snapshot.tcp.receive_timeout);
            self.remind(look, Due::Client(key));
        }
    }

    fn with_client(&mut self, key: Key, act: impl FnOnce(&mut ClientConnection) -> Result<(), Ending>) {
        let Some(client) = self.clients.get_mut(key) else {
            return;
        };
        if let Err(ending) = act(client) {
            self.end_client(key, ending);
        }
    }

    /// Brings what the poller watches in line with what the connection waits for; ends one that is done.
    fn watch_client(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(key) else {
            return;
        };
        if let Some(ending) = client.finished(&self.snapshot.tcp) {
            return self.end_client(key, ending);
        }
        let wanted = client.interest();
        let token = Token::Client(key).to_bits();
        let changed = match (client.watched, wanted) {
            (before, after) if before == after => Ok(()),
            (None, Some(interest)) => self.poller.add(&client.stream, token, interest),
            (Some(_), Some(interest)) => self.poller.modify(&client.stream, token, interest),
            (Some(_), None) => self.poller.remove(&client.stream),
            (None, None) => Ok(()),
        };
        client.watched = wanted;
        if changed.is_err() {
            self.end_client(key, Ending::DiedWriting);
        }
    }

    /// Closes a connection and gives back its places.
    pub(super) fn end_client(&mut self, key: Key, ending: Ending) {
        let Some(client) = self.clients.remove(key) else {
            return;
        };
        if let Some(upstream) = client.feeder {
            self.end_upstream(upstream, clock::now());
        }
        if let Some(frontend) = self.tcp_frontends.get_mut(client.frontend) {
            frontend.open.fetch_sub(1, Relaxed);
            let (queries, duration_ms, reads) = client.account(clock::now());
            frontend.counters.connection_closed(queries, duration_ms, reads);
            let counter = match ending {
                Ending::Finished => None,
                Ending::DiedReading | Ending::TooManyReads => Some(FrontendCounter::TcpDiedReadingQuery),
                Ending::DiedWriting => Some(FrontendCounter::TcpDiedSendingResponse),
                Ending::TimedOut if client.is_busy() => Some(FrontendCounter::TcpDownstreamTimeouts),
                Ending::TimedOut => Some(FrontendCounter::TcpClientTimeouts),
            };
            if let Some(counter) = counter {
                frontend.counters.add(counter, 1);
            }
        }
        self.site.tcp_clients.release(client.owner);
        if ending == Ending::TooManyReads {
            self.desk.counters.add(Counter::TcpLimitsHit, 1);
            let until = clock::now() + self.snapshot.tcp.ban_for_read_ios;
            self.site.tcp_clients.ban(client.owner, until);
        }
    }
}

/// Whether an error of `accept` is about us and not about one connection.
fn is_exhausted(error: &std::io::Error) -> bool {
    const EMFILE_ENFILE_ENOBUFS_ENOMEM: [i32; 4] = [24, 23, 105, 12];
    error
        .raw_os_error()
        .is_some_and(|number| EMFILE_ENFILE_ENOBUFS_ENOMEM.contains(&number))
}
