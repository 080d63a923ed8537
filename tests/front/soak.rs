//! A million packets that nobody would send, through the whole path and back: no crash, no leak.
//!
//! Random bytes and mutated queries go in at the front. Those that are queries after all reach a backend that answers
//! with mutated replies. After every few packets an honest query has to be answered, which also keeps the kernel's
//! buffers from overflowing: all packets really arrive. The seed is printed; `WEIR_TEST_SEED` repeats a run.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use weir_lab::{Ask, Responder};

use crate::stage::{Stage, a};

/// Packets to send in all.
const PACKETS: u32 = 1_000_000;
/// Packets between two honest queries; they fit into any socket buffer.
const BURST: u32 = 64;
/// Enough to have touched every buffer and filled the cache: memory is compared from here on.
const WARM: u32 = PACKETS / 5;
/// What memory may grow after that, for the allocator's sake.
const GROWTH_BYTES: u64 = 8 << 20;
/// The whole test's time limit, on two busy processors.
const LIMIT: Duration = Duration::from_secs(120);

/// A small generator (splitmix64): the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// A few changes of the kinds that break parsers.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.extend((0..self.below(40)).map(|_| 0)),
                2 if !bytes.is_empty() => bytes[at] = [0, 0xff, 0xc0, 0x3f, 0x80][self.below(5)],
                3 if bytes.len() > 12 => bytes[4 + self.below(8)] = u8::try_from(self.below(256)).unwrap(),
                4 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most))
            .map(|_| u8::try_from(self.next() & 0xff).unwrap())
            .collect()
    }
}

/// Queries that are right, to begin mutations with.
fn seeds() -> Vec<Vec<u8>> {
    let asks = [
        a("www.hostile.example"),
        a("www.hostile.example").edns(1232),
        Ask::new("a.b.c.d.e.f.hostile.example", "TXT").unwrap().edns(4096),
        Ask::new("hostile.example", "ANY").unwrap(),
        Ask::new("version.bind", "TXT").unwrap().chaos(),
        Ask::new(&format!("{0}.{0}.{0}.hostile.example", "x".repeat(63)), "AAAA").unwrap(),
    ];
    asks.iter().map(|ask| ask.to_bytes().unwrap()).collect()
}

/// Answers every query with a mutated reply until told to stop.
fn hostile_backend(socket: &UdpSocket, seed: u64, stop: &AtomicBool) {
    let mut random = Random(seed);
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let mut reply = buffer[..length].to_vec();
        if length > 12 {
            reply[2] |= 0x80;
            reply[7] = 1;
            // An address record whose owner points to the question.
            reply.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01");
        }
        random.mutate(&mut reply);
        let _ = socket.send_to(&reply, from);
    }
}

fn start_front(honest: &Responder, hostile: &UdpSocket) -> Stage {
    // How many queries wait for mutated replies depends on the machine; their memory would look like a leak.
    Stage::start(&format!(
        "setMaxUDPOutstanding(1000)\n\
         newServer({{address=\"{}\", pool=\"honest\"}})\n\
         newServer({{address=\"{}\", pool=\"hostile\", healthCheckMode=\"up\", udpTimeout=1}})\n\
         addAction(MaxQPSIPRule(100000000), DropAction())\n\
         addAction(AndRule({{QClassRule(DNSClass.CHAOS), QTypeRule(DNSQType.TXT)}}), DropAction())\n\
         addAction(RegexRule(\"^x+[.]\"), NoneAction())\n\
         getPool(\"honest\"):setCache(newPacketCache(1000))\ngetPool(\"hostile\"):setCache(newPacketCache(1000))\n\
         addAction(SuffixMatchNodeRule(newSuffixMatchNode()), DropAction())\n\
         addAction(QNameRule(\"honest.example.\"), PoolAction(\"honest\"))\n\
         addAction(QNameRule(\"ready.stage.example.\"), PoolAction(\"honest\"))\n\
         addAction(AllRule(), PoolAction(\"hostile\"))\n",
        honest.address(),
        hostile.local_addr().unwrap()
    ))
}

/// Sends all packets; the program's resident bytes when it was warm.
fn send_all(front: &Stage, random: &mut Random) -> u64 {
    let (seeds, began) = (seeds(), Instant::now());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(front.address).unwrap();
    let mut warm = 0;
    for number in 0..PACKETS {
        let packet = if random.below(4) == 0 {
            random.bytes(120)
        } else {
            let mut packet = seeds[random.below(seeds.len())].clone();
            random.mutate(&mut packet);
            packet
        };
        // A full buffer refuses a packet; the next honest query lets it drain.
        let _ = socket.send(&packet);
        if number % BURST == 0 {
            let answer = front.resolve("honest.example");
            assert!(answer.is_ok(), "no answer after {number} packets: {answer:?}");
            assert!(began.elapsed() < LIMIT, "only {number} packets in {LIMIT:?}");
        }
        if number == WARM {
            warm = front.front.resident_bytes().unwrap();
        }
    }
    warm
}

/// The same over TCP: lengths that lie, connections that end anywhere.
fn abuse_connections(front: &Stage, random: &mut Random) {
    let seeds = seeds();
    for _ in 0..500 {
        let Ok(mut session) = front.client().patience(Duration::from_millis(2)).connect() else {
            continue;
        };
        for _ in 0..random.below(4) {
            let mut packet = seeds[random.below(seeds.len())].clone();
            random.mutate(&mut packet);
            let _ = if random.below(3) == 0 {
                session.send_raw(&packet)
            } else {
                session.send_bytes(&packet)
            };
        }
        let _ = session.receive();
    }
}

#[test]
fn a_million_mutated_packets_neither_crash_nor_leak() {
    let seed = std::env::var("WEIR_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_260_214);
    eprintln!("WEIR_TEST_SEED={seed}");
    let honest = Responder::start().unwrap();
    let hostile = UdpSocket::bind("127.0.0.1:0").unwrap();
    hostile.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut front = start_front(&honest, &hostile);
    let stop = AtomicBool::new(false);
    let mut random = Random(seed);
    let warm = std::thread::scope(|scope| {
        scope.spawn(|| hostile_backend(&hostile, !seed, &stop));
        let warm = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| send_all(&front, &mut random)));
        stop.store(true, Ordering::Relaxed);
        warm.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let end = front.front.resident_bytes().unwrap();
    abuse_connections(&front, &mut random);
    front.client().tcp(&a("honest.example")).unwrap();
    assert!(front.front.is_running());
    eprintln!("resident: {} KiB warm, {} KiB at the end", warm >> 10, end >> 10);
    assert!(end < warm + GROWTH_BYTES, "from {warm} to {end} bytes");
}
