//! One client's TCP connection: what is read, what waits to be written, and when it has lasted long enough.

use std::io;
use std::net::{SocketAddr, TcpStream};
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
    /// The listener that it came in by.
    pub(crate) frontend: Key,
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
    /// No more queries are taken; replies still go out.
    pub(crate) is_closing: bool,
}

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
    pub(crate) fn new(accepted: Accepted, (frontend, max_in_flight): (Key, u32), now: Timestamp) -> Self {
        Self {
            stream: accepted.stream,
            client: accepted.peer,
            local: accepted.local,
            frontend,
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
            is_closing: false,
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
            Filled::Closed if self.reader.is_partial() => return Err(Ending::DiedReading),
            Filled::Closed => self.is_closing = true,
            Filled::Blocked => {}
        }
        Ok(filled)
    }

    /// Moves the next whole query into `query`, unless as many are in flight as allowed; false when there is none.
    pub(crate) fn next_query(&mut self, limits: &TcpLimits, query: &mut Vec<u8>) -> bool {
        let most = limits.max_queries_per_connection;
        if most > 0 && self.queries >= most {
            self.is_closing = true;
        }
        if self.is_full() || most > 0 && self.queries >= most {
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

    /// Whether no further query is taken until a reply has gone out.
    fn is_full(&self) -> bool {
        self.in_flight >= self.max_in_flight.max(1)
    }

    /// Whether a query has been read that was not taken.
    pub(crate) fn has_query(&self) -> bool {
        self.reader.is_partial()
    }

    /// Whether a reply is owed or on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight > 0 || !self.writer.is_empty()
    }

    /// What to watch for: queries unless enough are in flight, room for replies if some wait.
    pub(crate) fn interest(&self) -> Option<Interest> {
        let reads = !self.is_closing && !self.is_full();
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

    /// Whether everything that was asked is answered and nothing more will be taken.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_closing && !self.is_busy()
    }

    /// For the accounts: queries read, age in milliseconds, and reads.
    pub(crate) fn account(&self, now: Timestamp) -> (u32, u32, u32) {
        let age_ms = now.since(self.opened).as_millis().try_into().unwrap_or(u32::MAX);
        (self.queries, age_ms, self.all_reads)
    }

    /// When this connection has to have moved on, or ends.
    pub(crate) fn deadline(&self, limits: &TcpLimits) -> Timestamp {
        let patience = if !self.writer.is_empty() {
            limits.send_timeout
        } else if self.in_flight > 0 {
            // The backend's own deadline answers for the query; this only catches what that one misses.
            limits.receive_timeout + Duration::from_secs(30)
        } else {
            limits.receive_timeout
        };
        let idle = self.active + patience;
        match limits.max_connection_duration {
            Duration::ZERO => idle,
            longest => idle.min(self.opened + longest),
        }
    }
}
