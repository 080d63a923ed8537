//! One worker: one thread with its own sockets, its own pending queries and its own counters.
//!
//! ```text
//!   wait ─▶ listener readable ── receive a batch ─▶ journey ─▶ answers ─┐
//!    ▲      backend readable ─── receive a batch ─▶ match ───▶ answers ─┤
//!    │      connection ready ─── read, write                            │
//!    │      deadline passed ──── retry, give up, send what was delayed  │
//!    └────────────────────── send batches ◀─────────────────────────────┘
//! ```
//!
//! Everything that decides is elsewhere; this is where it is performed. A query stays on the worker that received
//! it. What workers share (snapshot, caches, backends' state) they read, or lock for the copy of one entry.

pub(crate) mod asker;
mod forward;
mod later;
mod replies;
mod streams;
mod udp;
mod uplink;
mod upstream;

use std::io;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use weir_balance::{CoalesceLimits, Coalescer, Pending, PendingLimits};
use weir_config::Snapshot;
use weir_control::counters::Counter;
use weir_linux::poll::{Event, Events, Interest, Poller, Waker};
use weir_linux::poll_set::PollSet;
use weir_linux::udp::{Batch, DEFAULT_BATCH};
use weir_wire::{MAX_MESSAGE_LEN, Timestamp};

use asker::{Asker, FlightKey, Forwarded, UdpClient};
use later::Later;
use streams::TcpFrontend;
use udp::UdpFrontend;
use uplink::Uplink;
use upstream::Upstream;

use super::journey::{Desk, MAX_UDP_REPLY};
use super::site::{Change, Site};
use super::slab::{Key, Slab};
use super::tcp::client::{ClientConnection, Ending};
use crate::clock::{self, Random};

/// The largest UDP query that is taken; dnsdist's limit. Longer ones are cut by the kernel and dropped as such.
const MAX_UDP_QUERY: usize = 4096;

/// Batches that one socket may fill before the others have their turn.
const BATCHES_PER_TURN: usize = 8;

/// Events taken per wait; the rest is reported by the next.
const MAX_EVENTS: usize = 256;

/// Buffers for the queries of future askers that are kept.
const MAX_SPARE_BUFFERS: usize = 1024;

/// How long pending queries may finish once the program is asked to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(4);
/// How long it stays at least: for packets that the kernel was about to queue.
const LINGER: Duration = Duration::from_millis(100);
/// How long it waits for the first query of connections that were made at the last moment.
const FIRST_QUERY: Duration = Duration::from_secs(1);

/// Things to do at a given time.
enum Due {
    /// Send a reply that a rule held back.
    Reply { to: UdpClient, reply: Vec<u8> },
    /// Look whether a client's connection has lasted long enough.
    Client(Key),
    /// Look whether a backend's connection has.
    Upstream(Key),
    /// Answer a query from the past, unless its reply has come (RFC 8767 §5: client response timer).
    Stale { socket: u32, id: u16, sent: Timestamp },
    /// Accept connections again after running out of descriptors.
    Accept(Key),
}

/// What the poller's tokens stand for: a kind in the upper four bits, a key below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Wake,
    /// The poller itself, among the sleeper's descriptors.
    Others,
    UdpFrontend(Key),
    TcpFrontend(Key),
    Client(Key),
    Uplink {
        uplink: Key,
        socket: usize,
    },
    Upstream(Key),
}

/// The worker's state.
pub(crate) struct Worker {
    site: Arc<Site>,
    /// The snapshot that this worker has seen last. Lending it to a closure counts in the worker's own memory, not
    /// in the line that all workers share.
    #[expect(
        clippy::redundant_allocation,
        reason = "the inner count is shared, the outer one is not"
    )]
    snapshot: Rc<Arc<Snapshot>>,
    desk: Desk,
    random: Random,
    poller: Poller,
    udp_frontends: Slab<UdpFrontend>,
    /// Those of them that get no new queries and close when they owe no reply any more.
    retired: Vec<Key>,
    tcp_frontends: Slab<TcpFrontend>,
    clients: Slab<ClientConnection>,
    uplinks: Slab<Uplink, { Token::UPLINK_GENERATION_BITS }>,
    upstreams: Slab<Upstream>,
    /// Per pool and position in it: the uplink.
    routes: Vec<Vec<Key>>,
    pending: Pending<Forwarded>,
    coalescer: Coalescer<FlightKey, Asker>,
    later: Later<Due>,
    /// The UDP sockets, and the poller for everything else.
    sleeper: PollSet,
    ready: Vec<u64>,
    /// TCP clients whose next query has been read and may be taken now.
    resumed: Vec<Key>,
    /// Numbers handed out to sockets towards backends.
    sockets: u32,
    queries: Option<Batch>,
    replies: Option<Batch>,
    scratch: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl Token {
    const KIND_SHIFT: u32 = 60;
    /// Sockets of one uplink share its key; their position takes the generation's upper bits.
    const SOCKET_SHIFT: u32 = 44;
    /// What is left of them for an uplink.
    const UPLINK_GENERATION_BITS: u32 = Self::SOCKET_SHIFT - 32;

    fn to_bits(self) -> u64 {
        let (kind, key) = match self {
            Self::Wake => (0, 0),
            Self::UdpFrontend(key) => (1, key.to_bits()),
            Self::TcpFrontend(key) => (2, key.to_bits()),
            Self::Client(key) => (3, key.to_bits()),
            Self::Uplink { uplink, socket } => (4, (socket as u64) << Self::SOCKET_SHIFT | uplink.to_bits()),
            Self::Upstream(key) => (5, key.to_bits()),
            Self::Others => (6, 0),
        };
        kind << Self::KIND_SHIFT | key
    }

    fn from_bits(bits: u64) -> Self {
        let key = bits & ((1 << Self::KIND_SHIFT) - 1);
        match bits >> Self::KIND_SHIFT {
            1 => Self::UdpFrontend(Key::from_bits(key)),
            2 => Self::TcpFrontend(Key::from_bits(key)),
            3 => Self::Client(Key::from_bits(key)),
            4 => Self::Uplink {
                uplink: Key::from_bits(key & ((1 << Self::SOCKET_SHIFT) - 1)),
                socket: (key >> Self::SOCKET_SHIFT) as usize,
            },
            5 => Self::Upstream(Key::from_bits(key)),
            6 => Self::Others,
            _ => Self::Wake,
        }
    }
}

impl Worker {
    /// A worker without sockets; [`super::site::Door`] brings them.
    ///
    /// # Errors
    /// When the kernel has no more descriptors.
    pub(crate) fn new(site: Arc<Site>, desk: Desk) -> io::Result<Self> {
        let snapshot = Rc::new(site.snapshot.load_full());
        let queries = NonZeroU32::new(snapshot.udp.max_outstanding.into()).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            poller: Poller::new()?,
            random: Random::from_kernel()?,
            desk,
            udp_frontends: Slab::default(),
            retired: Vec::new(),
            tcp_frontends: Slab::default(),
            clients: Slab::default(),
            uplinks: Slab::default(),
            upstreams: Slab::default(),
            routes: Vec::new(),
            pending: Pending::new(PendingLimits { queries }),
            coalescer: Coalescer::new(CoalesceLimits::default()),
            later: Later::default(),
            sleeper: PollSet::default(),
            ready: Vec::new(),
            resumed: Vec::new(),
            sockets: 0,
            queries: Some(Batch::new(DEFAULT_BATCH, MAX_UDP_QUERY)),
            replies: Some(Batch::new(DEFAULT_BATCH, MAX_UDP_REPLY)),
            scratch: vec![0; MAX_MESSAGE_LEN],
            spare: Vec::new(),
            snapshot,
            site,
        })
    }

    /// Serves until the site stops and nothing is pending any more.
    ///
    /// # Errors
    /// When the poller fails, which it does only on a broken kernel.
    pub(crate) fn run(mut self, waker: &Waker) -> io::Result<()> {
        self.poller.add(waker, Token::Wake.to_bits(), Interest::Read)?;
        self.sleeper.add(&self.poller, Token::Others.to_bits());
        self.follow_snapshot(true);
        self.take_sockets();
        let mut events = Events::new(MAX_EVENTS);
        let mut stopping_since = None;
        loop {
            let now = clock::now();
            self.act(now);
            self.flush();
            self.close_retired();
            if self.site.is_stopping() {
                if stopping_since.is_none() {
                    self.stop_listening();
                }
                let since = *stopping_since.get_or_insert(now);
                if now >= since + self.linger() && self.is_idle() && self.has_read_everything() {
                    return Ok(());
                }
                if now >= since + GRACE {
                    self.release_held();
                    return Ok(());
                }
            }
            let stop_by = stopping_since.map(|since| {
                let linger = since + self.linger();
                if now < linger { linger } else { since + GRACE }
            });
            self.sleeper.wait(self.patience(now, stop_by))?;
            let mut ready = std::mem::take(&mut self.ready);
            ready.extend(self.sleeper.ready());
            for token in ready.drain(..) {
                match Token::from_bits(token) {
                    Token::UdpFrontend(key) => {
                        self.serve_udp(key);
                    }
                    Token::Uplink { uplink, socket } => self.receive_replies(uplink, socket),
                    _ => self.serve_others(&mut events, waker)?,
                }
            }
            self.ready = ready;
        }
    }

    /// Leaves new queries to a successor that listens beside us, if there is one. What has arrived is answered.
    fn stop_listening(&mut self) {
        for frontend in self.udp_frontends.values_mut() {
            frontend.retire();
        }
        let numbers: Vec<_> = { self.tcp_frontends.iter() }
            .map(|(_, frontend)| frontend.number())
            .collect();
        for number in numbers {
            self.close_tcp(number);
        }
    }

    /// How long it stays once it is asked to stop, though nothing is pending.
    fn linger(&self) -> Duration {
        if self.clients.iter().any(|(_, client)| client.is_new()) {
            FIRST_QUERY
        } else {
            LINGER
        }
    }

    /// Reads what is left at the UDP sockets; whether there was nothing, and nobody waits for a reply either.
    fn has_read_everything(&mut self) -> bool {
        let keys: Vec<Key> = self.udp_frontends.iter().map(|(key, _)| key).collect();
        let mut is_done = true;
        for key in keys {
            is_done &= self.serve_udp(key) == udp::Left::Nothing;
        }
        is_done && self.is_idle()
    }

    /// Everything but UDP.
    fn serve_others(&mut self, events: &mut Events, waker: &Waker) -> io::Result<()> {
        self.poller.wait(events, Some(Duration::ZERO))?;
        for event in events.iter() {
            self.on_event(event, waker);
        }
        Ok(())
    }

    /// How long to wait for events.
    fn patience(&self, now: Timestamp, stop_by: Option<Timestamp>) -> Option<Duration> {
        if !self.resumed.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadlines = [self.pending.next_deadline(), self.later.next_deadline(), stop_by];
        deadlines.into_iter().flatten().min().map(|at| at.since(now))
    }

    fn on_event(&mut self, event: Event, waker: &Waker) {
        match Token::from_bits(event.token) {
            Token::Wake => {
                waker.drain();
                self.follow_snapshot(false);
                self.take_sockets();
            }
            Token::TcpFrontend(key) => self.accept(key),
            Token::Client(key) => self.on_client(key, event),
            Token::Upstream(key) => self.on_upstream(key, event),
            // The sleeper's own.
            Token::UdpFrontend(_) | Token::Uplink { .. } | Token::Others => {}
        }
    }

    /// Does what is due.
    fn act(&mut self, now: Timestamp) {
        self.resume_clients(now);
        // Bounded, so that a mass of timeouts does not keep queries waiting; the rest is due in the next turn.
        for _ in 0..DEFAULT_BATCH * BATCHES_PER_TURN {
            let Some(taken) = self.pending.pop_expired(now) else {
                break;
            };
            self.on_timeout(taken, now);
        }
        for _ in 0..DEFAULT_BATCH * BATCHES_PER_TURN {
            let Some(due) = self.later.take_due(now) else {
                break;
            };
            match due {
                Due::Reply { to, reply } => self.send_delayed(&to, &reply),
                Due::Client(key) => self.review_client(key, now),
                Due::Upstream(key) => self.review_upstream(key, now),
                Due::Stale { socket, id, sent } => self.answer_stale(socket, id, sent, now),
                Due::Accept(key) => self.listen_again(key),
            }
        }
    }

    /// Sends the replies that a rule holds back for longer than the program lives: early is better than never.
    fn release_held(&mut self) {
        while let Some(due) = self.later.take_due(Timestamp::MAX) {
            if let Due::Reply { to, reply } = due {
                self.send_delayed(&to, &reply);
            }
        }
        self.flush();
    }

    /// Whether nobody waits for anything.
    fn is_idle(&self) -> bool {
        !self.udp_frontends.iter().any(|(_, frontend)| frontend.owes())
            && !self.clients.iter().any(|(_, client)| client.is_busy())
    }

    /// Takes over a new snapshot: backends that stay keep their sockets, new ones get theirs.
    fn follow_snapshot(&mut self, is_first: bool) {
        let latest = self.site.snapshot.load_full();
        if Arc::ptr_eq(&latest, &*self.snapshot) && !is_first {
            return;
        }
        self.desk.follow(&self.snapshot, &latest);
        self.snapshot = Rc::new(latest);
        self.desk
            .logs
            .follow(&self.snapshot.log_targets, &self.site.log_files);
        self.close_unused_uplinks();
        let snapshot = Rc::clone(&self.snapshot);
        self.routes = snapshot
            .pools
            .iter()
            .map(|pool| {
                pool.servers
                    .backends()
                    .iter()
                    .map(|backend| self.uplink_for(backend))
                    .collect()
            })
            .collect();
    }

    /// Takes the listening sockets that the main thread has left at the door, and closes those it wants closed.
    fn take_sockets(&mut self) {
        for change in self.site.take_changes(self.desk.worker) {
            self.change_frontends(change);
        }
    }

    fn change_frontends(&mut self, change: Change) {
        let opened = match change {
            Change::OpenUdp {
                number,
                listener,
                counters,
            } => {
                self.open_udp(UdpFrontend::new(number, listener, counters));
                Ok(())
            }
            Change::OpenTcp {
                number,
                listener,
                counters,
                max_in_flight,
                max_connections,
                open,
            } => self.open_tcp(TcpFrontend::new(
                (number, listener),
                counters,
                max_in_flight,
                (max_connections, open),
            )),
            Change::Close(number) => {
                self.retire_udp(number);
                self.close_tcp(number);
                Ok(())
            }
        };
        if let Err(error) = opened {
            tracing::error!("Cannot watch a listening socket: {error}");
        }
    }

    /// Sends everything that is queued.
    fn flush(&mut self) {
        self.desk.logs.flush();
        self.flush_frontends();
        self.flush_uplinks();
    }

    /// An empty buffer for a query that will wait.
    fn spare_buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Keeps an asker's buffer for the next one.
    fn recycle(&mut self, asker: Asker) {
        if self.spare.len() < MAX_SPARE_BUFFERS && asker.packet.capacity() <= MAX_UDP_QUERY {
            let mut buffer = asker.packet;
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Notes something for later. What finds no room is not forgotten: a reply goes out at once, a connection
    /// that nobody would look after ends.
    fn remind(&mut self, at: Timestamp, due: Due) {
        let Err(due) = self.later.put(at, due) else { return };
        self.desk.counters.add(Counter::PendingFull, 1);
        match due {
            Due::Reply { to, reply } => self.send_delayed(&to, &reply),
            Due::Client(key) => self.end_client(key, Ending::TimedOut),
            Due::Upstream(key) => self.end_upstream(key, at),
            Due::Accept(key) => self.listen_again(key),
            Due::Stale { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        let mut slab: Slab<_> = Slab::default();
        let key = slab.insert(());
        let uplink = Token::Uplink {
            uplink: key,
            socket: 65_535,
        };
        for token in [
            Token::Wake,
            Token::Others,
            Token::UdpFrontend(key),
            Token::Client(key),
            uplink,
            Token::Upstream(key),
        ] {
            assert_eq!(Token::from_bits(token.to_bits()), token);
        }
    }
}
