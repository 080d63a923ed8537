//! Who waits for a reply, and a query on its way to a backend.

use std::net::SocketAddr;
use std::rc::Rc;

use weir_balance::Flight;
use weir_cache::Key as CacheKey;
use weir_linux::udp::Peer;
use weir_policy::{Ends, PoolId, Transport};
use weir_wire::{HEADER_LEN, Query, QueryError, Timestamp};

use super::uplink::LocalBackend;
use crate::front::journey::Route;
use crate::front::slab::Key;
use crate::front::tcp::transfer::Transfer;

/// A UDP client, and the listener that its query came in by and its reply leaves by.
#[derive(Clone, Debug)]
pub(crate) struct UdpClient {
    pub(crate) listener: Key,
    pub(crate) peer: Peer,
    /// As long as this lives the listener owes a reply, and stays open.
    _owed: Rc<()>,
}

impl UdpClient {
    /// A client that `listener` owes a reply; `owed` is the listener's account of that.
    pub(crate) fn new(listener: Key, peer: Peer, owed: &Rc<()>) -> Self {
        Self {
            listener,
            peer,
            _owed: Rc::clone(owed),
        }
    }
}

/// Where a reply goes.
#[derive(Clone, Debug)]
pub(crate) enum Client {
    /// To a UDP client.
    Udp(UdpClient),
    /// To a TCP client, as long as its connection is there.
    Tcp { connection: Key },
    /// To nobody: it only renews the cache.
    Nobody,
}

/// One query that waits.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) client: Client,
    pub(crate) ends: Ends,
    /// The query as it came.
    pub(crate) packet: Vec<u8>,
    /// Where the question in it ends.
    pub(crate) question_end: usize,
    /// The largest reply that its sender takes.
    pub(crate) payload_limit: u16,
    pub(crate) route: Route,
    pub(crate) since: Timestamp,
}

impl Asker {
    /// The question: name, type and class.
    pub(crate) fn question(&self) -> &[u8] {
        self.packet.get(HEADER_LEN..self.question_end).unwrap_or(&[])
    }

    /// The query again; it was one before.
    pub(crate) fn query(&self) -> Result<Query<'_>, QueryError> {
        Query::parse(&self.packet)
    }

    /// Whether a truncated reply will not do.
    pub(crate) fn wants_all(&self) -> bool {
        self.ends.transport == Transport::Tcp
    }
}

/// What queries in flight are told apart by. The cache's key is a keyed hash; the question is compared again when
/// the reply is handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlightKey {
    pub(crate) key: CacheKey,
    /// Two pools may give two answers.
    pub(crate) place: (PoolId, u32),
    /// A truncated reply to the first asker may be whole for one that takes more, which therefore asks itself.
    pub(crate) payload_limit: u16,
}

/// A query that was sent to a backend.
#[derive(Debug)]
pub(crate) struct Forwarded {
    /// Who asked first.
    pub(crate) asker: Asker,
    /// Who else waits; `None` when nobody can.
    pub(crate) flight: Option<Flight>,
    /// The backend it went to.
    pub(crate) backend: LocalBackend,
    /// When it went there.
    pub(crate) sent: Timestamp,
    /// How it went there.
    pub(crate) over: Transport,
    /// How often it has been sent again: on another backend over UDP, on another connection over TCP.
    pub(crate) retries: u16,
    /// The zone transfer that the reply is, message by message.
    pub(crate) transfer: Option<Transfer>,
}

/// IPv4 clients of an IPv6 socket are IPv4 clients to every rule.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => SocketAddr::new(v6.ip().to_canonical(), v6.port()),
    }
}
