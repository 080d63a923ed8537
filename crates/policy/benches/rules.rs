//! What deciding costs: `cargo bench -p weir-policy --bench rules`.
//!
//! The chain of a usual front end (ANY dropped, a limit per client, our zones to one pool, the rest to another), and
//! apart from it the tables that it asks: ACL, limits, groups of prefixes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a program for people, not a library"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use weir_policy::actions::{Drop, Pool, Then};
use weir_policy::selectors::{All, MaxQpsIp, QNameSuffix, QType};
use weir_policy::{
    Acl, Action, AddressLimit, AddressRanges, AddressRateLimiter, Chain, Ends, Moment, NetmaskGroup, Notes,
    PoolId, PoolNames, PoolStatus, QueryChain, Rate, RateLimiter, Rule, Selector, Subject, SuffixSet,
    Transport, Uuid,
};
use weir_wire::hash::Seed;
use weir_wire::{NameBuf, Query, Timestamp};

const CALLS: usize = 4_096;
const ROUNDS: usize = 1_000;
const MANY: usize = 1_000_000;
const SEED: Seed = Seed::new([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);
/// A million queries per second.
const NANOS_PER_QUERY: u64 = 1_000;

fn main() {
    chain();
    selectors();
    addresses();
    limits();
}

fn chain() {
    let chain = blueprint();
    let packet = query("www.example.com");
    let query = Query::parse(&packet).unwrap();
    let mut notes = Notes::default();
    println!("chain of four rules");
    for (what, clients) in [
        ("one client", 1),
        ("1,000 clients", 1_000),
        ("a million clients", MANY),
    ] {
        per_call(what, |number| {
            notes.reset();
            let moment = Moment {
                now: Timestamp::from_nanos(number as u64 * NANOS_PER_QUERY),
                random: number as u64,
                worker: 0,
                pools: &AllUp,
            };
            chain.evaluate(
                &Subject::of_query(&query, ends(number % clients)),
                &moment,
                &mut notes,
            );
            notes.pool.index() > 0
        });
    }
}

fn ends(client: usize) -> Ends {
    Ends {
        client: SocketAddr::new(address(client), 4000),
        local: SocketAddr::from(([192, 0, 2, 53], 53)),
        transport: Transport::Udp,
    }
}

fn zones() -> SuffixSet {
    let mut suffixes = SuffixSet::new(SEED);
    for zone in ["zaibdns.lab", "example.net", "2.0.192.in-addr.arpa"] {
        suffixes
            .insert(zone.parse::<NameBuf>().unwrap().as_name())
            .unwrap();
    }
    suffixes
}

/// The rules that most front ends have.
fn blueprint() -> QueryChain {
    let mut pools = PoolNames::default();
    let [auth, rec] = ["auth", "rec"].map(|name| pools.intern(name).unwrap());
    let rules: [(Arc<dyn Selector>, Arc<dyn Action>); 4] = [
        (Arc::new(QType::new(weir_wire::QType::ANY)), Arc::new(Drop)),
        (
            Arc::new(MaxQpsIp::new(Arc::new(per_client(10_000)))),
            Arc::new(Drop),
        ),
        (
            Arc::new(QNameSuffix::new(Arc::new(zones()))),
            Arc::new(Pool::new(auth, Then::Stop)),
        ),
        (Arc::new(All), Arc::new(Pool::new(rec, Then::Stop))),
    ];
    let rules = rules
        .into_iter()
        .enumerate()
        .map(|(number, (selector, action))| Rule {
            name: String::new(),
            uuid: Uuid::from_random([0, number as u64]),
            creation_order: number as u64,
            selector,
            action,
        });
    Chain::new(rules.collect(), 1).unwrap()
}

fn selectors() {
    let packet = query("www.example.com");
    let query = Query::parse(&packet).unwrap();
    let suffixes = zones();
    println!("selectors");
    per_call("subject", |_| {
        black_box(Subject::of_query(black_box(&query), ends(0))).qtype.0 == 1
    });
    per_call("SuffixMatchNode, 3 zones", |_| {
        suffixes.contains(black_box(query.qname))
    });
}

fn addresses() {
    let acl = Acl::default();
    println!("ACL of dnsdist's defaults");
    per_call("lookup", |number| acl.allows(address(number)));
    let mut group = NetmaskGroup::default();
    let start = Instant::now();
    for number in 0..MANY {
        group.add(&format!("{}/32", address(number))).unwrap();
    }
    let ranges = AddressRanges::new(&group);
    println!(
        "NetmaskGroup of {MANY} addresses, loaded in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    per_call("lookup", |number| ranges.contains(address(number)));
}

fn limits() {
    let now = |number: usize| Timestamp::from_nanos(number as u64 * NANOS_PER_QUERY);
    let limiter = RateLimiter::new(Rate::per_second(1_000_000));
    println!("MaxQPSRule");
    per_call("query", |number| limiter.admit(now(number)));
    let table = per_client(20);
    println!("MaxQPSIPRule, a million buckets");
    per_call("one client", |number| table.exceeds(address(0), now(number)));
    per_call("1,000 clients", |number| {
        table.exceeds(address(number % 1_000), now(number))
    });
    per_call("a million clients", |number| {
        table.exceeds(address(number), now(number))
    });
}

fn per_client(qps: u32) -> AddressRateLimiter {
    AddressRateLimiter::new(AddressLimit::new(Rate::per_second(qps)), SEED).unwrap()
}

/// One of a million addresses, in no order.
fn address(number: usize) -> IpAddr {
    Ipv4Addr::from_bits(((number % MANY) as u32).wrapping_mul(2_654_435_761)).into()
}

fn query(qname: &str) -> Vec<u8> {
    let mut packet = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    packet.extend(qname.parse::<NameBuf>().unwrap().as_name().wire());
    packet.extend([0, 1, 0, 1]);
    packet
}

struct AllUp;

impl PoolStatus for AllUp {
    fn is_available(&self, _pool: PoolId) -> bool {
        true
    }
}

/// The tenth percentile of short rounds: the machine may be doing other things.
fn per_call(what: &str, mut call: impl FnMut(usize) -> bool) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let start = Instant::now();
            for number in round * CALLS..(round + 1) * CALLS {
                black_box(call(number));
            }
            start.elapsed().as_nanos() as f64 / CALLS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("  {what:<24} {:>6.1} ns", rounds[ROUNDS / 10]);
}
