//! What the packet cache costs: nanoseconds per hit, miss and insert, bytes per entry.
//!
//! `cargo bench -p weir-cache` prints one line per number. A hit is everything between a parsed query and the
//! reply in the buffer: key, lookup, copy, patches.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a program for people, not a library"
)]

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use weir_cache::{Accept, Cache, Inserted, Lookup, Settings};
use weir_wire::hash::Seed;
use weir_wire::{NameBuf, Query, Timestamp};

const ENTRIES: usize = 500_000;
/// Few enough for entries, index and queries to stay in a CPU's second-level cache.
const FEW: usize = 2_000;
const ROUNDS: usize = 2_000_000;
const NOW: Timestamp = Timestamp::from_secs(1_000);

fn main() {
    // Each in a process of its own: memory that an earlier measurement gave back would be used again.
    if let Some(answers) = std::env::args().find_map(|argument| argument.parse().ok()) {
        return measure(answers);
    }
    for answers in ["1", "4"] {
        let exe = std::env::current_exe().expect("this program");
        let status = Command::new(exe).arg(answers).status().expect("a child");
        assert!(status.success(), "{answers} answers");
    }
}

fn measure(answers: usize) {
    let packets = Packets::new(ENTRIES, answers);
    println!("reply of {} bytes:", packets.reply_to(packets.query(0)).len());
    measure_inserts(&packets);
    measure_hits(&packets);
    measure_cold_lookups(&packets);
}

fn measure_inserts(packets: &Packets) {
    let before = resident_bytes();
    let cache = cache(ENTRIES * 21 / 20);
    let filling = time(ENTRIES, |at| packets.insert(&cache, at));
    let entries = cache.len();
    let bytes = (resident_bytes() - before) / entries;
    let evicting = time(ENTRIES, |at| packets.insert_as(&cache, at, b'x'));
    println!("  {bytes:6} bytes per entry at {entries} entries (resident memory)");
    println!("  {filling:6.1} ns per insert into a cache that fills, making the reply included");
    println!("  {evicting:6.1} ns per insert that evicts, making the reply included");
}

fn measure_hits(packets: &Packets) {
    let cache = cache(FEW * 2);
    (0..FEW).for_each(|at| packets.insert(&cache, at));
    let mut out = [0; 4096];
    let parse = time(ROUNDS, |round| {
        black_box(Query::parse(packets.query(round * 7 % FEW)).expect("a query"));
    });
    let key = time(ROUNDS, |round| {
        let query = Query::parse(packets.query(round * 7 % FEW)).expect("a query");
        black_box(cache.key(&query));
    });
    let hit = time(ROUNDS, |round| {
        packets.expect_hit(&cache, round * 7 % FEW, &mut out)
    });
    println!("  {:6.1} ns per hit among {FEW} entries", hit - parse);
    println!("  {:6.1} ns of it for the key", key - parse);
    for (text, names) in [("names", FEW), ("name", 1)] {
        let shared = time_shared(|round| packets.expect_hit(&cache, round * 7 % names, &mut [0; 512]));
        println!(
            "  {:6.1} ns per hit by each of two threads among {names} {text}",
            shared - parse
        );
    }
}

fn measure_cold_lookups(packets: &Packets) {
    let cache = cache(ENTRIES * 21 / 20);
    (0..ENTRIES).for_each(|at| packets.insert(&cache, at));
    let mut out = [0; 4096];
    let hit = time(ROUNDS, |round| {
        packets.expect_hit(&cache, round * 7919 % ENTRIES, &mut out)
    });
    let miss = time(ROUNDS, |round| {
        packets.expect_miss(&cache, round * 7919 % ENTRIES, &mut out)
    });
    println!(
        "  {hit:6.1} ns per hit among {ENTRIES} entries in turn, reading and parsing the query included"
    );
    println!("  {miss:6.1} ns per miss beside {ENTRIES} entries, reading and parsing the query included");
}

/// Nanoseconds per call in each of two threads.
fn time_shared(call: impl Fn(usize) + Sync) -> f64 {
    std::thread::scope(|scope| {
        let threads = [0, 1].map(|_| scope.spawn(|| time(ROUNDS, &call)));
        threads
            .map(|thread| thread.join().expect("a thread"))
            .iter()
            .sum::<f64>()
            / 2.0
    })
}

/// Nanoseconds per call.
fn time(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(&mut call);
    start.elapsed().as_nanos() as f64 / calls as f64
}

/// A cache that takes `entries`; those that are to stay are fewer, since shards fill unevenly.
fn cache(entries: usize) -> Cache {
    let checked = Settings::new(entries).check().expect("good settings");
    Cache::new(checked, Seed::new([3, 4]))
}

/// Queries of equal length for numbered names, and their replies, made before the clock runs.
struct Packets {
    queries: Vec<u8>,
    query_len: usize,
    answers: usize,
}

impl Packets {
    fn new(count: usize, answers: usize) -> Self {
        let query = |at: usize| {
            let name: NameBuf = format!("www.site{at:06}.example.com").parse().expect("a name");
            let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
            let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
            [&header, name.as_name().wire(), &[0, 1, 0, 1], &opt].concat()
        };
        Self {
            queries: (0..count).flat_map(query).collect(),
            query_len: query(0).len(),
            answers,
        }
    }

    fn query(&self, at: usize) -> &[u8] {
        &self.queries[at * self.query_len..][..self.query_len]
    }

    fn reply_to(&self, query: &[u8]) -> Vec<u8> {
        let (question, opt) = query.split_at(query.len() - 11);
        let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1];
        let mut reply = [question, &answer.repeat(self.answers), opt].concat();
        reply[2] |= 0x80;
        reply[7] = self.answers as u8;
        reply
    }

    fn insert(&self, cache: &Cache, at: usize) {
        self.insert_query(cache, self.query(at));
    }

    /// As `insert`, for a name whose first letter is `letter` instead of `w`.
    fn insert_as(&self, cache: &Cache, at: usize, letter: u8) {
        let mut query = self.query(at).to_vec();
        query[13] = letter;
        self.insert_query(cache, &query);
    }

    fn insert_query(&self, cache: &Cache, packet: &[u8]) {
        let query = Query::parse(packet).expect("a query");
        let key = cache.key(&query).expect("a usual query");
        let inserted = cache.insert(&query, &key, &self.reply_to(packet), NOW, None);
        assert_eq!(inserted, Inserted::Stored);
    }

    fn expect_hit(&self, cache: &Cache, at: usize, out: &mut [u8]) {
        assert!(matches!(lookup(cache, self.query(at), out), Lookup::Hit(_)));
    }

    /// Asks for a name that is in no cache.
    fn expect_miss(&self, cache: &Cache, at: usize, out: &mut [u8]) {
        let mut query = [0; 64];
        let packet = self.query(at);
        let query = &mut query[..packet.len()];
        query.copy_from_slice(packet);
        query[13] = b'y';
        assert!(matches!(lookup(cache, query, out), Lookup::Miss { .. }));
    }
}

fn lookup(cache: &Cache, packet: &[u8], out: &mut [u8]) -> Lookup {
    let query = Query::parse(packet).expect("a query");
    let key = cache.key(&query).expect("a usual query");
    let now = Timestamp::from_secs(1_010);
    black_box(cache.lookup(&query, &key, now, Accept::Truncated, black_box(out)))
}

/// The process's resident memory in bytes.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .expect("a number");
    pages * 4096
}
