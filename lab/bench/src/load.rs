//! The load generator: one thread that sends, receives and looks after the backend, without ever sleeping.
//!
//! It sends in an open loop at a rate or in a closed loop with a window ([`Pace`]), in batches of what is due, and
//! measures from just before a query is handed to the kernel until its reply was taken out of the socket. It uses one
//! socket: where a run wants many clients, each query leaves from an address of its own in 127.0.0.0/8.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use weir_lab::interrupt;
use weir_linux::Address;
use weir_linux::clock::monotonic_ns;
use weir_linux::udp::{Batch, DEFAULT_BATCH, Listener, ListenerOptions, PacketInfo, Peer, SendBatch};

use crate::backend::Backend;
use crate::histogram::Histogram;
use crate::pace::{Pace, Pacer};
use crate::packets::{Query, Reply, Zone};

const PAYLOAD_BYTES: usize = 512;
/// A query without a reply for this long is lost. Twenty times a scheduler's tick: others may use the CPUs, too.
const PATIENCE_NS: u64 = 100_000_000;
/// Receives between two sends: what came in while a batch was sent.
const RECEIVES: usize = 4;
/// The first of the clients' addresses, 127.1.0.0; all of 127.0.0.0/8 is this machine, so 16 million follow.
const FIRST_CLIENT: u32 = 0x7f01_0000;

/// What to ask whom, how fast and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The server.
    pub(crate) server: SocketAddr,
    /// The zone of the names.
    pub(crate) zone: Zone,
    /// The number in the first name.
    pub(crate) first: u32,
    /// Different names; then from the first again.
    pub(crate) names: u32,
    /// Open or closed loop.
    pub(crate) pace: Pace,
    /// When it has sent enough.
    pub(crate) enough: Enough,
    /// Where queries come from.
    pub(crate) clients: Clients,
}

/// When a run has sent enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Enough {
    /// After this time.
    Time(Duration),
    /// After so many queries.
    Queries(u64),
}

/// Where the queries of a run come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clients {
    /// 127.0.0.1.
    One,
    /// `count` addresses in turn, beginning with number `first`.
    Many {
        /// Number of the first address.
        first: u32,
        /// Different addresses.
        count: u32,
    },
}

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Queries sent.
    pub(crate) sent: u64,
    /// Replies that came in time.
    pub(crate) replies: u64,
    /// Replies among them that are NOERROR with a record.
    pub(crate) answers: u64,
    /// Queries without a reply.
    pub(crate) lost: u64,
    /// Queries that the generator was too slow to send.
    pub(crate) skipped: u64,
    /// From the first query to the last.
    pub(crate) sending: Duration,
    /// From the first query to the last reply: a server that is behind works on what it has queued.
    pub(crate) lasting: Duration,
    /// From query to reply.
    pub(crate) latency: Histogram,
}

impl Outcome {
    /// Replies per second.
    pub(crate) fn rate(&self) -> f64 {
        self.replies as f64 / self.lasting.as_secs_f64().max(1e-9)
    }

    /// Whether the server needed more than a tenth of the time again to answer what was queued at the end: it could
    /// not go on like this.
    pub(crate) fn fell_behind(&self) -> bool {
        self.lasting > self.sending + self.sending / 10
    }

    /// Whether the generator sent at least 90 % of what was asked of it. The rest it may owe to other work on its
    /// CPU; [`rate`](Self::rate) does not count it.
    pub(crate) fn kept_pace(&self) -> bool {
        self.skipped * 10 <= self.sent + self.skipped
    }
}

/// Sends one run: see the module.
pub(crate) fn run(plan: &Run, mut backend: Option<&mut Backend>) -> io::Result<Outcome> {
    interrupt::check()?;
    let mut generator = Generator::bind(plan)?;
    let start = monotonic_ns();
    let mut pacer = Pacer::new(plan.pace, start);
    let mut last_sent = start;
    loop {
        let now = monotonic_ns();
        let left = match plan.enough {
            Enough::Time(time) if Duration::from_nanos(now - start) >= time => 0,
            Enough::Time(_) => u64::MAX,
            Enough::Queries(count) => count.saturating_sub(generator.sent),
        };
        if left == 0 && generator.in_flight.is_empty() {
            break;
        }
        let due = pacer.due(now, generator.in_flight.len()).min(left);
        if due > 0 {
            pacer.release(generator.send(due, now));
            last_sent = now;
        }
        if let Some(backend) = backend.as_deref_mut() {
            backend.serve()?;
        }
        generator.receive()?;
        generator.in_flight.give_up(now);
    }
    generator.in_flight.give_up(u64::MAX);
    Ok(Outcome {
        sent: generator.sent,
        replies: generator.replies,
        answers: generator.answers,
        lost: generator.in_flight.lost,
        skipped: pacer.skipped(),
        sending: Duration::from_nanos(last_sent - start),
        lasting: Duration::from_nanos(generator.last_reply_ns.saturating_sub(start)),
        latency: generator.latency,
    })
}

struct Generator<'a> {
    plan: &'a Run,
    socket: Listener,
    server: Address,
    query: Query,
    queries: SendBatch,
    incoming: Batch,
    in_flight: InFlight,
    sent: u64,
    replies: u64,
    answers: u64,
    last_reply_ns: u64,
    latency: Histogram,
}

impl<'a> Generator<'a> {
    /// A socket of its own for each run: a late reply of the one before goes nowhere.
    fn bind(plan: &'a Run) -> io::Result<Self> {
        let from = match plan.clients {
            Clients::One => Ipv4Addr::LOCALHOST,
            Clients::Many { .. } => Ipv4Addr::UNSPECIFIED,
        };
        Ok(Self {
            plan,
            socket: Listener::bind(&ListenerOptions::new(SocketAddr::from((from, 0))))?,
            server: Address::from(plan.server),
            query: Query::new(plan.zone),
            queries: SendBatch::new(DEFAULT_BATCH, PAYLOAD_BYTES),
            incoming: Batch::new(DEFAULT_BATCH, PAYLOAD_BYTES),
            in_flight: InFlight::new(),
            sent: 0,
            replies: 0,
            answers: 0,
            last_reply_ns: 0,
            latency: Histogram::new(),
        })
    }

    /// Sends up to a batch of `due` queries; returns how many. One that the kernel refuses counts as sent, and is
    /// lost.
    fn send(&mut self, due: u64, now: u64) -> u64 {
        let mut count = 0;
        while count < due {
            let Some(mut slot) = self.queries.slot() else {
                break;
            };
            let Some(id) = self.in_flight.start(now) else {
                break;
            };
            let number = self.plan.first + (self.sent % u64::from(self.plan.names.max(1))) as u32;
            let message = self.query.numbered(id, number);
            slot.buffer()[..message.len()].copy_from_slice(message);
            let peer = Peer {
                address: self.server,
                arrival: source(self.plan.clients, self.sent),
            };
            slot.commit(message.len(), &peer);
            self.sent += 1;
            count += 1;
        }
        self.queries.flush(&self.socket);
        count
    }

    fn receive(&mut self) -> io::Result<()> {
        for _ in 0..RECEIVES {
            let received = self.incoming.recv(&self.socket)?;
            if received == 0 {
                break;
            }
            let now = monotonic_ns();
            for packet in self.incoming.packets() {
                let Some(reply) = Reply::parse(packet.payload) else {
                    continue;
                };
                if let Some(sent) = self.in_flight.finish(reply.id) {
                    self.replies += 1;
                    self.last_reply_ns = now;
                    self.answers += u64::from(reply.is_answer);
                    self.latency.record(now - sent);
                }
            }
            if received < self.incoming.capacity() {
                break;
            }
        }
        Ok(())
    }
}

/// The source of query number `sent`; `None` leaves it to the socket.
fn source(clients: Clients, sent: u64) -> Option<PacketInfo> {
    let Clients::Many { first, count } = clients else {
        return None;
    };
    let number = first.wrapping_add((sent % u64::from(count.max(1))) as u32);
    let address = Ipv4Addr::from(FIRST_CLIENT.wrapping_add(number));
    Some(PacketInfo {
        address: IpAddr::V4(address),
        interface: 0,
    })
}

/// The queries without a reply, by id. Ids are given out in order, so the oldest is at one end.
struct InFlight {
    /// When the query with this id was sent; 0 when there is none.
    sent_ns: Vec<u64>,
    oldest: u64,
    next: u64,
    waiting: u64,
    lost: u64,
}

impl InFlight {
    const IDS: u64 = 1 << 16;

    fn new() -> Self {
        Self {
            sent_ns: vec![0; Self::IDS as usize],
            oldest: 0,
            next: 0,
            waiting: 0,
            lost: 0,
        }
    }

    /// An id for a query that is sent now; `None` when all are in use.
    fn start(&mut self, now: u64) -> Option<u16> {
        if self.next - self.oldest == Self::IDS {
            return None;
        }
        let id = (self.next % Self::IDS) as u16;
        self.sent_ns[usize::from(id)] = now;
        self.next += 1;
        self.waiting += 1;
        Some(id)
    }

    /// When the query with this id was sent. A second reply finds nothing.
    fn finish(&mut self, id: u16) -> Option<u64> {
        let sent = std::mem::take(&mut self.sent_ns[usize::from(id)]);
        if sent == 0 {
            return None;
        }
        self.waiting -= 1;
        Some(sent)
    }

    /// Counts as lost what has waited for too long.
    fn give_up(&mut self, now: u64) {
        while self.oldest < self.next {
            let sent = &mut self.sent_ns[(self.oldest % Self::IDS) as usize];
            if *sent != 0 {
                if now - *sent <= PATIENCE_NS {
                    break;
                }
                *sent = 0;
                self.lost += 1;
                self.waiting -= 1;
            }
            self.oldest += 1;
        }
    }

    fn len(&self) -> u64 {
        self.waiting
    }

    fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_is_left_at_the_end_counts_against_the_server() {
        let mut outcome = Outcome {
            sent: 1_000,
            replies: 1_000,
            answers: 1_000,
            lost: 0,
            skipped: 0,
            sending: Duration::from_millis(100),
            lasting: Duration::from_millis(105),
            latency: Histogram::new(),
        };
        assert!(!outcome.fell_behind());
        outcome.lasting = Duration::from_millis(125);
        assert!(outcome.fell_behind());
        assert_eq!(outcome.rate(), 8_000.0);
    }

    #[test]
    fn a_reply_counts_once_and_what_stays_out_is_lost() {
        let mut in_flight = InFlight::new();
        let ids: Vec<u16> = (1..=3).filter_map(|now| in_flight.start(now)).collect();
        assert_eq!(ids, [0, 1, 2]);
        assert_eq!((in_flight.finish(1), in_flight.finish(1)), (Some(2), None));
        in_flight.give_up(PATIENCE_NS + 2);
        assert_eq!((in_flight.lost, in_flight.len()), (1, 1));
        in_flight.give_up(u64::MAX);
        assert_eq!(
            (in_flight.lost, in_flight.len(), in_flight.finish(2)),
            (2, 0, None)
        );
    }

    #[test]
    fn ids_run_out_and_come_back() {
        let mut in_flight = InFlight::new();
        for _ in 0..InFlight::IDS {
            assert!(in_flight.start(1).is_some());
        }
        assert_eq!(in_flight.start(1), None);
        in_flight.finish(0);
        in_flight.give_up(2);
        assert_eq!(in_flight.start(3), Some(0));
    }

    #[test]
    fn clients_take_turns() {
        let clients = Clients::Many { first: 255, count: 2 };
        let address = |sent| source(clients, sent).map(|info| info.address.to_string());
        assert_eq!(address(0).as_deref(), Some("127.1.0.255"));
        assert_eq!(address(3).as_deref(), Some("127.1.1.0"));
        assert_eq!(source(Clients::One, 3), None);
    }

    #[test]
    fn the_backend_answers_all_that_a_run_asks() {
        let mut backend = Backend::bind().unwrap();
        for (pace, clients) in [
            (Pace::Window(100), Clients::One),
            (Pace::Rate(20_000.0), Clients::Many { first: 0, count: 50 }),
        ] {
            let plan = Run {
                server: backend.address(),
                zone: Zone::Cached,
                first: 0,
                names: 10,
                pace,
                enough: Enough::Queries(2_000),
                clients,
            };
            let outcome = run(&plan, Some(&mut backend)).unwrap();
            assert_eq!(
                (outcome.sent, outcome.answers, outcome.lost),
                (2_000, 2_000, 0),
                "{pace:?}"
            );
            assert!(outcome.latency.quantile(0.5).is_some());
            assert!(outcome.lasting >= Duration::from_nanos(outcome.latency.quantile(0.01).unwrap()) / 2);
        }
    }
}
