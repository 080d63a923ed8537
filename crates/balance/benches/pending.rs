//! What waiting and picking cost, in nanoseconds per query: `cargo bench -p weir-balance`.

use std::hint::black_box;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use weir_balance::{
    Backend, BackendId, BackendSettings, CoalesceLimits, Coalescer, Joined, Mode, POLICIES, Pending,
    PendingLimits, PickInput, PolicyKind, PolicySettings, Pool, Refused, SocketIndex, Transport,
};
use weir_wire::{NameBuf, Rcode, Timestamp};

const ROUNDS: u32 = 1_000_000;
const TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for in_flight in [100, 10_000, 60_000] {
        writeln!(
            out,
            "insert + take, {in_flight:6} in flight      {:6.1} ns",
            insert_and_take(in_flight)
        )?;
    }
    writeln!(
        out,
        "join + land,    {:6} in flight      {:6.1} ns",
        10_000,
        join_and_land(10_000)
    )?;
    for backends in [3, 30] {
        for kind in POLICIES {
            let cost = pick(kind, backends);
            writeln!(
                out,
                "pick, {:16} {backends:2} backends    {cost:6.1} ns",
                kind.name
            )?;
        }
    }
    writeln!(out, "on_sent + on_reply                   {:6.1} ns", account())
}

/// Replaces a waiting query by a new one, `ROUNDS` times. Payload as large as a front end's: 64 bytes.
fn insert_and_take(in_flight: u16) -> f64 {
    let mut random = SplitMix(1);
    let mut pending = Pending::new(PendingLimits::default());
    let mut insert = |pending: &mut Pending<[u64; 8]>, now: u32| {
        let socket = SocketIndex(now % 4);
        match pending.insert(
            socket,
            Timestamp::from_secs(now),
            TIMEOUT,
            || random.next(),
            [0; 8],
        ) {
            Ok(id) => (socket, id),
            Err(Refused::Full(_) | Refused::NoId(_)) => (socket, 0),
        }
    };
    let mut ids: Vec<_> = (0..u32::from(in_flight))
        .map(|now| insert(&mut pending, now))
        .collect();
    per_round(|round| {
        let at = round.wrapping_mul(0x9e37_79b9) as usize % ids.len();
        let (socket, id) = ids[at];
        black_box(pending.take(socket, id));
        ids[at] = insert(&mut pending, round);
    })
}

fn join_and_land(in_flight: u32) -> f64 {
    let mut coalescer = Coalescer::new(CoalesceLimits::default());
    let start = |coalescer: &mut Coalescer<u32, u64>, key: u32| {
        let hash = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match coalescer.join(hash, |other| *other == key, || key, 0) {
            Joined::First(flight, _) => Some(flight),
            Joined::Waiting | Joined::Alone(_) => None,
        }
    };
    let mut flights: Vec<_> = (0..in_flight).map(|key| start(&mut coalescer, key)).collect();
    per_round(|round| {
        let at = (round % in_flight) as usize;
        if let Some(flight) = flights[at].take() {
            black_box(coalescer.land(flight).count());
        }
        flights[at] = start(&mut coalescer, round.wrapping_add(in_flight));
    })
}

fn pick(kind: &'static PolicyKind, count: u16) -> f64 {
    let backends = (0..count).map(|port| Arc::new(backend(port)));
    let pool = Pool::new(backends.collect(), kind, &PolicySettings::new(1), 1);
    let names: Vec<NameBuf> = (0..1024)
        .filter_map(|n| format!("www.host{n}.example.net").parse().ok())
        .collect();
    let mut random = SplitMix(2);
    per_round(|round| {
        let qname = names[round as usize % names.len()].as_name();
        let now = Timestamp::from_nanos(u64::from(round));
        black_box(pool.pick(&PickInput {
            worker: 0,
            now,
            qname,
            random: random.next(),
            failed: None,
        }));
    })
}

fn account() -> f64 {
    let backend = backend(53);
    per_round(|round| {
        backend.on_sent(0);
        let latency = Duration::from_nanos(u64::from(round));
        black_box(backend.on_reply(0, Transport::Udp, latency, Rcode::NOERROR));
    })
}

fn backend(port: u16) -> Backend {
    let address = ([192, 0, 2, 1], port).into();
    let settings = BackendSettings {
        id: BackendId::derived(address, ""),
        weight: NonZeroU32::new(500).unwrap_or(NonZeroU32::MIN),
        mode: Mode::Up,
        ..BackendSettings::new(address)
    };
    Backend::new(settings, 1)
}

fn per_round(mut round: impl FnMut(u32)) -> f64 {
    for number in 0..ROUNDS / 10 {
        round(number);
    }
    let start = Instant::now();
    for number in 0..ROUNDS {
        round(number);
    }
    start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
