//! One client's TCP connection: what is read, what waits to be written, and when it has lasted long enough.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use weir_config::TcpLimits;
use weir_linux::poll::Interest;
use weir_linux::tcp::Accepted;
use weir_wire::Timestamp;

use crate::front::slab::Key;

use super::frames::{Filled, FrameReader, FrameWriter};

/// A connection and its accounts.
#[derive(Debug)]
pub(crate) struct ClientConnection {
    pub(crate) stream: TcpStream,
    pub(crate) client: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Whose account it is counted on.
    pub(crate) owner: IpAddr,
    /// The listener that it came in by.
    pub(crate) frontend: Key,
    /// The backend's connection that waits for this client to take what it was sent of a zone.
    pub(crate) feeder: Option<Key>,
    /// What the poller watches it for.
    pub(crate) watched: Option<Interest>,
    max_in_flight: u32,
    reader: FrameReader,
    writer: FrameWriter,
    /// Queries read whose replies have not been queued.
    pub(crate) in_flight: u32,
    /// Queries read in all.
    queries: u32,
    /// Reads since the last whole query (`setTCPMaxReadIOsPerQuery`).
    reads: u32,
    all_reads: u32,
    opened: Timestamp,
    /// The last time a byte moved, or a reply was queued.
    active: Timestamp,
    /// Nothing more is read; what has been read is answered.
    pub(crate) has_ended: bool,
    /// A query stayed without a reply: no other is taken.
    is_let_down: bool,
    admission: Admission,
}

/// How a connection is treated, decided when it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// As the configuration says.
    Usual,
    /// Connections are running out (`setTCPConnectionsOverloadThreshold`): one query and little time.
    Restricted,
}

/// Bytes waiting for the client above which no further query is taken: it has to read first.
const MAX_BACKLOG: usize = 1 << 16;

/// How long a restricted connection may be silent, and last; dnsdist's numbers.
const RESTRICTED_TIMEOUT: Duration = Duration::from_millis(500);
const RESTRICTED_DURATION: Duration = Duration::from_secs(5);

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client closed it, between queries.
    Finished,
    /// The client went away in the middle of a query.
    DiedReading,
    /// It went away, or stopped reading, with replies in the queue.
    DiedWriting,
    /// It was idle, or open, for too long.
    TimedOut,
    /// It sent a query in more pieces than allowed.
    TooManyReads,
}

impl ClientConnection {
    /// A connection that came in by `frontend`, which allows `max_in_flight` queries at once.
    pub(crate) fn new(
        accepted: Accepted,
        (frontend, max_in_flight): (Key, u32),
        (admission, owner): (Admission, IpAddr),
        now: Timestamp,
    ) -> Self {
        Self {
            stream: accepted.stream,
            client: accepted.peer,
            local: accepted.local,
            owner,
            frontend,
            feeder: None,
            watched: None,
            max_in_flight,
            reader: FrameReader::default(),
            writer: FrameWriter::default(),
            in_flight: 0,
            queries: 0,
            reads: 0,
            all_reads: 0,
            opened: now,
            active: now,
            has_ended: false,
            is_let_down: false,
            admission,
        }
    }

    /// Reads once.
    pub(crate) fn fill(&mut self, now: Timestamp, limits: &TcpLimits) -> Result<Filled, Ending> {
        let filled = self
            .reader
            .fill(&mut self.stream)
            .map_err(|_| Ending::DiedReading)?;
        match filled {
            Filled::Bytes => {
                self.active = now;
                self.reads += 1;
                self.all_reads = self.all_reads.saturating_add(1);
                let limit = limits.max_read_ios_per_query;
                if limit > 0 && self.reads > limit {
                    return Err(Ending::TooManyReads);
                }
            }
            // Queries that have been read are still answered: a client may close its half early (RFC 7766 §6.2.4).
            Filled::Closed => self.has_ended = true,
            Filled::Blocked => {}
        }
        Ok(filled)
    }

    /// Moves the next whole query into `query`, unless as many are in flight as allowed; false when there is none.
    pub(crate) fn next_query(&mut self, limits: &TcpLimits, query: &mut Vec<u8>) -> bool {
        let most = match self.admission {
            Admission::Usual => limits.max_queries_per_connection,
            Admission::Restricted => 1,
        };
        if most > 0 && self.queries >= most {
            self.has_ended = true;
            return false;
        }
        if self.is_let_down || self.is_full() {
            return false;
        }
        let Some(message) = self.reader.next() else {
            return false;
        };
        query.extend_from_slice(message);
        self.reads = 0;
        self.queries += 1;
        self.in_flight += 1;
        true
    }

    /// A query ends without a reply. A client that waits for one cannot tell that from a slow server, so the connection
    /// ends, as it does in dnsdist; replies that are still owed go out before.
    pub(crate) fn let_down(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.is_let_down = true;
        self.has_ended = true;
    }

    /// Whether no further query is taken until a reply has gone out.
    pub(crate) fn is_full(&self) -> bool {
        self.in_flight >= self.max_in_flight.max(1) || self.writer.backlog() > MAX_BACKLOG
    }

    /// Whether a query has been read that was not taken.
    pub(crate) fn has_query(&self) -> bool {
        self.reader.has_whole()
    }

    /// Whether bytes wait for the client to take them.
    pub(crate) fn has_output(&self) -> bool {
        !self.writer.is_empty()
    }

    /// Whether a reply is owed or on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight > 0 || !self.writer.is_empty()
    }

    /// Whether nothing has been asked yet.
    pub(crate) const fn is_new(&self) -> bool {
        self.queries == 0 && !self.has_ended
    }

    /// What to watch for: queries unless enough are in flight, room for replies if some wait.
    pub(crate) fn interest(&self) -> Option<Interest> {
        let reads = !self.has_ended && !self.is_full();
        match (reads, !self.writer.is_empty()) {
            (true, true) => Some(Interest::ReadWrite),
            (true, false) => Some(Interest::Read),
            (false, true) => Some(Interest::Write),
            (false, false) => None,
        }
    }

    /// Queues a reply and writes as much as the client takes.
    pub(crate) fn send(&mut self, reply: &[u8], now: Timestamp) -> Result<(), Ending> {
        self.active = now;
        self.writer.push(reply).map_err(|_| Ending::DiedWriting)?;
        self.flush(now)
    }

    /// Writes as much as the client takes.
    pub(crate) fn flush(&mut self, now: Timestamp) -> Result<(), Ending> {
        if !self.writer.is_empty() {
            self.active = now;
        }
        match self.writer.flush(&mut self.stream) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Ending::DiedWriting),
        }
    }

    /// How a connection ends that has nothing left to do; `None` while it has.
    pub(crate) fn finished(&self, limits: &TcpLimits) -> Option<Ending> {
        if !self.has_ended || self.is_busy() {
            return None;
        }
        let is_used_up = limits.max_queries_per_connection > 0 || self.admission == Admission::Restricted;
        if self.is_let_down {
            return Some(Ending::Finished);
        }
        match (self.reader.has_whole(), self.reader.is_partial()) {
            (true, _) if !is_used_up => None,
            (false, true) => Some(Ending::DiedReading),
            _ => Some(Ending::Finished),
        }
    }

    /// For the accounts: queries read, age in milliseconds, and reads.
    pub(crate) fn account(&self, now: Timestamp) -> (u32, u32, u32) {
        let age_ms = now.since(self.opened).as_millis().try_into().unwrap_or(u32::MAX);
        (self.queries, age_ms, self.all_reads)
    }

    /// When this connection has to have moved on, or ends.
    pub(crate) fn deadline(&self, limits: &TcpLimits) -> Timestamp {
        let (receive_timeout, longest) = match self.admission {
            Admission::Usual => (limits.receive_timeout, limits.max_connection_duration),
            Admission::Restricted => (RESTRICTED_TIMEOUT, RESTRICTED_DURATION),
        };
        let patience = if !self.writer.is_empty() {
            limits.send_timeout
        } else if self.in_flight > 0 {
            // The backend's own deadline answers for the query; this only catches what that one misses.
            receive_timeout + Duration::from_secs(30)
        } else {
            receive_timeout
        };
        let idle = self.active + patience;
        match longest {
            Duration::ZERO => idle,
            longest => idle.min(self.opened + longest),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Shutdown, TcpListener};

    use super::*;
    use crate::front::slab::Slab;

    const START: Timestamp = Timestamp::from_secs(1000);
    /// A frame with a message of three bytes.
    const FRAME: &[u8] = b"\0\x03abc";

    /// A connection over loopback, and the client's end of it.
    fn connected(max_in_flight: u32, admission: Admission) -> (ClientConnection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let local = stream.local_addr().unwrap();
        let accepted = Accepted { stream, peer, local };
        let frontend = <Slab<()>>::default().insert(());
        let owner = accepted.peer.ip();
        let connection =
            ClientConnection::new(accepted, (frontend, max_in_flight), (admission, owner), START);
        (connection, client)
    }

    fn after(ms: u64) -> Timestamp {
        START + Duration::from_millis(ms)
    }

    /// Takes one query, if one may be taken.
    fn take(connection: &mut ClientConnection, limits: &TcpLimits) -> Option<Vec<u8>> {
        let mut query = Vec::new();
        connection.next_query(limits, &mut query).then_some(query)
    }

    #[test]
    fn a_query_too_many_waits_and_nothing_more_is_read() {
        let limits = TcpLimits::default();
        let (mut connection, mut client) = connected(1, Admission::Usual);
        assert_eq!(connection.interest(), Some(Interest::Read));
        client.write_all(&[FRAME, FRAME].concat()).unwrap();
        assert_eq!(connection.fill(START, &limits), Ok(Filled::Bytes));
        assert_eq!(take(&mut connection, &limits).unwrap(), b"abc");
        assert_eq!(take(&mut connection, &limits), None);
        assert!(connection.is_full() && connection.has_query() && connection.is_busy());
        assert_eq!(connection.interest(), None);
        connection.in_flight -= 1;
        assert_eq!(take(&mut connection, &limits).unwrap(), b"abc");
        assert_eq!(connection.account(after(7)), (2, 7, 1));
    }

    #[test]
    fn after_the_last_query_allowed_it_ends_when_that_is_answered() {
        let once = TcpLimits {
            max_queries_per_connection: 1,
            ..TcpLimits::default()
        };
        for (admission, limits) in [
            (Admission::Usual, once),
            (Admission::Restricted, TcpLimits::default()),
        ] {
            let (mut connection, mut client) = connected(10, admission);
            client.write_all(&[FRAME, FRAME].concat()).unwrap();
            connection.fill(START, &limits).unwrap();
            assert!(take(&mut connection, &limits).is_some());
            assert_eq!(connection.finished(&limits), None);
            assert_eq!(take(&mut connection, &limits), None);
            assert_eq!(connection.finished(&limits), None, "a reply is owed");
            connection.in_flight -= 1;
            assert_eq!(connection.finished(&limits), Some(Ending::Finished));
        }
    }

    #[test]
    fn a_client_that_closes_its_half_gets_its_replies() {
        let limits = TcpLimits::default();
        for (sent, ending) in [
            (FRAME.to_vec(), Ending::Finished),
            ([FRAME, b"\0\x09x"].concat(), Ending::DiedReading),
        ] {
            let (mut connection, mut client) = connected(10, Admission::Usual);
            client.write_all(&sent).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            connection.fill(START, &limits).unwrap();
            assert!(take(&mut connection, &limits).is_some());
            assert_eq!(connection.fill(START, &limits), Ok(Filled::Closed));
            assert_eq!(
                (connection.finished(&limits), connection.interest()),
                (None, None)
            );
            connection.in_flight -= 1;
            connection.send(b"reply", START).unwrap();
            assert_eq!(connection.finished(&limits), Some(ending));
        }
    }

    #[test]
    fn a_client_that_is_let_down_gets_what_it_is_owed_and_no_more() {
        let limits = TcpLimits::default();
        let (mut connection, mut client) = connected(2, Admission::Usual);
        client.write_all(&[FRAME, FRAME, FRAME].concat()).unwrap();
        connection.fill(START, &limits).unwrap();
        assert!(take(&mut connection, &limits).is_some() && take(&mut connection, &limits).is_some());
        connection.let_down();
        assert_eq!(take(&mut connection, &limits), None);
        assert_eq!(connection.finished(&limits), None, "a reply is owed");
        connection.in_flight -= 1;
        assert_eq!(connection.finished(&limits), Some(Ending::Finished));
    }

    #[test]
    fn a_query_in_too_many_pieces_ends_it_and_whole_queries_do_not() {
        let limits = TcpLimits {
            max_read_ios_per_query: 2,
            ..TcpLimits::default()
        };
        let (mut connection, mut client) = connected(10, Admission::Usual);
        for _ in 0..5 {
            client.write_all(FRAME).unwrap();
            assert_eq!(connection.fill(START, &limits), Ok(Filled::Bytes));
            assert!(take(&mut connection, &limits).is_some());
        }
        let mut piece = |byte| {
            client.write_all(&[byte]).unwrap();
            connection.fill(START, &limits)
        };
        let fills = [0, 3, 97].map(&mut piece);
        assert_eq!(
            fills,
            [Ok(Filled::Bytes), Ok(Filled::Bytes), Err(Ending::TooManyReads)]
        );
    }

    #[test]
    fn patience_depends_on_who_is_waited_for() {
        let limits = TcpLimits {
            receive_timeout: Duration::from_secs(2),
            ..TcpLimits::default()
        };
        let (mut connection, mut client) = connected(10, Admission::Usual);
        assert_eq!(connection.deadline(&limits), after(2_000), "for a query");
        client.write_all(FRAME).unwrap();
        connection.fill(after(500), &limits).unwrap();
        take(&mut connection, &limits).unwrap();
        assert_eq!(connection.deadline(&limits), after(32_500), "for a backend");
        connection.in_flight -= 1;
        connection.send(b"reply", after(700)).unwrap();
        assert_eq!(connection.deadline(&limits), after(2_700), "for the next query");
        let short = TcpLimits {
            max_connection_duration: Duration::from_secs(1),
            ..limits.clone()
        };
        assert_eq!(connection.deadline(&short), after(1_000), "open for too long");

        let (mut connection, mut client) = connected(10, Admission::Restricted);
        assert_eq!(connection.deadline(&limits), after(500));
        client.write_all(FRAME).unwrap();
        connection.fill(START, &limits).unwrap();
        take(&mut connection, &limits).unwrap();
        assert_eq!(connection.deadline(&limits), after(5_000));
    }
}
