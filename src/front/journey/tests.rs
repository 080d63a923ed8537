//! A query's journey in simulated time: configurations as text, queries as bytes, and what the worker is told.

use std::net::SocketAddr;
use std::path::Path;

use weir_config::dialects::dnsdist::{Carry, Overrides, Session};
use weir_config::{Seeds, Snapshot};
use weir_control::counters::{Counter, Counters};
use weir_wire::hash::Seed;
use weir_wire::{NameBuf, QType};

use super::*;

mod stages;

/// The rules of the blueprint's front end, with an authoritative and a recursive pool that are up.
const BLUEPRINT: &str = r#"
    setACL("10.10.2.0/24")
    pc = newPacketCache(1000, {maxTTL=300})
    getPool("rec"):setCache(pc)
    addAction(QTypeRule(DNSQType.ANY), DropAction())
    newServer({address="10.10.2.163:53", pool="auth", healthCheckMode="up"})
    newServer({address="10.10.2.164:53", pool="rec", healthCheckMode="up"})
    local suffixes = newSuffixMatchNode()
    suffixes:add(newDNSName("zaibdns.lab."))
    addAction(SuffixMatchNodeRule(suffixes), PoolAction("auth"))
    addAction(AllRule(), PoolAction("rec"))
"#;

const START: Timestamp = Timestamp::from_secs(1000);

/// A front end without sockets.
struct Front {
    snapshot: Snapshot,
    desk: Desk,
    counters: Counters,
    out: Vec<u8>,
}

impl Front {
    fn new(config: &str) -> Self {
        let mut counters = Counters::default();
        let desk = Desk::new(0, counters.register());
        Self {
            snapshot: snapshot(config),
            desk,
            counters,
            out: vec![0; MAX_UDP_REPLY],
        }
    }

    fn ask_over(&mut self, packet: &[u8], transport: Transport, now: Timestamp) -> Next {
        self.desk.on_query(
            &self.snapshot,
            packet,
            ends("10.10.2.166:4000", transport),
            (now, 7),
            &mut self.out,
        )
    }

    fn ask(&mut self, packet: &[u8]) -> Next {
        self.ask_over(packet, Transport::Udp, START)
    }

    /// The reply to a query that is answered here.
    fn answer(&mut self, packet: &[u8]) -> Vec<u8> {
        match self.ask(packet) {
            Next::Reply(written) => self.out[..written.len].to_vec(),
            next => panic!("expected an answer, not {next:?}"),
        }
    }

    /// The route of a query that is forwarded.
    fn route(&mut self, packet: &[u8]) -> Route {
        match self.ask(packet) {
            Next::Forward(route) => route,
            next => panic!("expected a route, not {next:?}"),
        }
    }

    /// Forwards a query and takes `reply` for it; what the client gets.
    fn reply(&mut self, packet: &[u8], reply: &[u8], now: Timestamp) -> Option<Vec<u8>> {
        let route = self.route(packet);
        let query = Query::parse(packet).unwrap();
        let mut out = reply.to_vec();
        let subject = (&query, &route, ends("10.10.2.166:4000", Transport::Udp));
        let written = self.desk.on_reply(&self.snapshot, subject, (now, 7), &mut out)?;
        self.desk.count_answer(&out);
        Some(out[..written.len].to_vec())
    }

    fn count(&self, counter: Counter) -> u64 {
        self.counters.sum(counter)
    }
}

fn snapshot(config: &str) -> Snapshot {
    let seed = Seed::new([1, 2]);
    let loaded = Session::load(
        config,
        Path::new("test.conf"),
        &Overrides::default(),
        Carry::new(seed),
    )
    .unwrap();
    let seeds = Seeds {
        cache: seed,
        perturbation: 0,
    };
    Snapshot::build(&loaded.session.spec(), None, seeds, 1)
        .unwrap()
        .snapshot
}

fn ends(client: &str, transport: Transport) -> Ends {
    let local: SocketAddr = "10.10.2.160:53".parse().unwrap();
    Ends {
        client: client.parse().unwrap(),
        local,
        transport,
    }
}

/// A query with RD set, without EDNS.
fn query(name: &str, qtype: QType) -> Vec<u8> {
    let name: NameBuf = name.parse().unwrap();
    let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    packet.extend(name.as_name().wire());
    packet.extend(qtype.0.to_be_bytes());
    packet.extend([0, 1]);
    packet
}

/// A backend's reply to `packet`: `records` A records with TTL 100.
fn reply_to(packet: &[u8], records: u8) -> Vec<u8> {
    let query = Query::parse(packet).unwrap();
    let mut buffer = vec![0; MAX_UDP_REPLY];
    let mut builder = Builder::new(&mut buffer, &query, Flags(Flags::RD | Flags::RA)).unwrap();
    for last in 0..records {
        let a = (QType::A, weir_wire::Class::IN);
        builder
            .record(
                weir_wire::Section::Answer,
                query.qname,
                a,
                100,
                &[192, 0, 2, last],
            )
            .unwrap();
    }
    let len = builder.finish();
    buffer.truncate(len);
    buffer
}

fn ttls(message: &[u8]) -> Vec<u32> {
    Reply::parse(message)
        .unwrap()
        .records()
        .map(|record| record.unwrap().ttl)
        .collect()
}

fn rcode(message: &[u8]) -> Rcode {
    Reply::parse(message).unwrap().rcode()
}

#[test]
fn strangers_are_dropped_or_refused() {
    let mut front = Front::new(BLUEPRINT);
    let packet = query("google.com.", QType::A);
    let stranger = ends("192.0.2.9:4000", Transport::Udp);
    let next = front
        .desk
        .on_query(&front.snapshot, &packet, stranger, (START, 7), &mut front.out);
    assert!(matches!(next, Next::Drop));
    assert_eq!(
        (front.count(Counter::AclDrops), front.count(Counter::Queries)),
        (1, 0)
    );
    front.snapshot.acl_refusal = AclRefusal::Refused;
    let next = front
        .desk
        .on_query(&front.snapshot, &packet, stranger, (START, 7), &mut front.out);
    let Next::Reply(written) = next else {
        panic!("{next:?}")
    };
    assert_eq!(rcode(&front.out[..written.len]), Rcode::REFUSED);
}

#[test]
fn malformed_packets_end_at_the_door() {
    let mut front = Front::new(BLUEPRINT);
    let good = query("google.com.", QType::A);
    let mut two_questions = good.clone();
    two_questions[5] = 2;
    let mut no_question = good[..12].to_vec();
    no_question[5] = 0;
    assert!(matches!(front.ask(&good[..11]), Next::Drop));
    assert!(matches!(front.ask(&reply_to(&good, 1)), Next::Drop));
    assert_eq!(rcode(&front.answer(&two_questions)), Rcode::FORMERR);
    assert_eq!(rcode(&front.answer(&no_question)), Rcode::NOTIMP);
    assert_eq!(
        rcode(&front.answer(&[good.as_slice(), &[0]].concat())),
        Rcode::FORMERR
    );
    assert_eq!(front.count(Counter::NoncompliantQueries), 5);
    assert_eq!(
        (front.count(Counter::EmptyQueries), front.count(Counter::Queries)),
        (1, 0)
    );
    front.snapshot.drop_empty_queries = true;
    assert!(matches!(front.ask(&no_question), Next::Drop));
}

#[test]
fn names_choose_the_pool_and_any_is_dropped() {
    let mut front = Front::new(BLUEPRINT);
    let pool =
        |front: &Front, route: &Route| front.desk.pool(&front.snapshot, route).unwrap().name.to_string();
    let auth = front.route(&query("www.ZAIBDNS.lab.", QType::A));
    assert_eq!((pool(&front, &auth), auth.key.is_some()), ("auth".into(), false));
    let rec = front.route(&query("google.com.", QType::A));
    assert_eq!((pool(&front, &rec), rec.key.is_some()), ("rec".into(), true));
    assert!(matches!(front.ask(&query("google.com.", QType::ANY)), Next::Drop));
    assert_eq!(front.count(Counter::RuleDrop), 1);
}

#[test]
fn a_reply_is_cached_and_comes_back_older_and_readdressed() {
    let mut front = Front::new(BLUEPRINT);
    let first = query("google.com.", QType::A);
    let reply = reply_to(&first, 1);
    assert_eq!(front.reply(&first, &reply, START), Some(reply.clone()));
    let mut again = query("GOOGLE.com.", QType::A);
    again[..2].copy_from_slice(&[0xab, 0xcd]);
    let later = START + Duration::from_secs(30);
    let Next::Reply(written) = front.ask_over(&again, Transport::Tcp, later) else {
        panic!("a miss")
    };
    let hit = &front.out[..written.len];
    assert_eq!(ttls(hit), [70]);
    assert_eq!(&hit[..2], &[0xab, 0xcd]);
    assert_eq!(
        Reply::parse(hit).unwrap().question(),
        Query::parse(&again).unwrap().question()
    );
    assert_eq!(
        (front.count(Counter::CacheHits), front.count(Counter::CacheMisses)),
        (1, 1)
    );
    let expired = START + Duration::from_secs(101);
    assert!(matches!(
        front.ask_over(&again, Transport::Udp, expired),
        Next::Forward(_)
    ));
}

#[test]
fn one_entry_is_cut_for_udp_and_whole_for_tcp() {
    let mut front = Front::new(BLUEPRINT);
    let packet = query("large.example.", QType::A);
    let large = reply_to(&packet, 100);
    assert!(large.len() > 512);
    let cut = front.reply(&packet, &large, START).unwrap();
    let header = Reply::parse(&cut).unwrap().header;
    assert!(header.flags.has(Flags::TC) && header.counts == [1, 0, 0, 0]);
    let Next::Reply(written) = front.ask_over(&packet, Transport::Tcp, START) else {
        panic!("a miss")
    };
    assert_eq!(written.len, large.len());
    let over_udp = front.answer(&packet);
    assert!(Reply::parse(&over_udp).unwrap().header.flags.has(Flags::TC));
    assert_eq!(front.count(Counter::EgressTruncated), 2);
}

#[test]
fn rules_answer_in_dnsdists_shape() {
    let rules = r#"
        addAction("spoof.test.", SpoofAction("192.0.2.7", {aa=true, ttl=42}))
        addAction("refused.test.", RCodeAction(DNSRCode.REFUSED))
        addAction("tc.test.", TCAction())
    "#;
    let mut front = Front::new(&format!("setACL('0.0.0.0/0')\n{rules}"));
    let spoofed = front.answer(&query("spoof.test.", QType::A));
    let flags = Reply::parse(&spoofed).unwrap().header.flags;
    assert!(flags.has(Flags::AA | Flags::RD | Flags::RA));
    assert_eq!(ttls(&spoofed), [42]);
    assert_eq!(
        rcode(&front.answer(&query("refused.test.", QType::A))),
        Rcode::REFUSED
    );
    let cut = front.answer(&query("tc.test.", QType::A));
    assert!(Reply::parse(&cut).unwrap().header.flags.has(Flags::TC));
    let over_tcp = front.ask_over(&query("tc.test.", QType::A), Transport::Tcp, START);
    assert!(
        matches!(over_tcp, Next::Forward(_)),
        "over TCP there is nothing to truncate"
    );
    let counters = [
        Counter::SelfAnswered,
        Counter::RuleRefused,
        Counter::RuleTruncated,
    ];
    assert_eq!(counters.map(|counter| front.count(counter)), [3, 1, 1]);
}

#[test]
fn reply_rules_drop_and_change_before_the_cache_sees_it() {
    let rules = r#"
        addResponseAction(RCodeRule(DNSRCode.NXDOMAIN), DropResponseAction())
        addResponseAction(AllRule(), SetMaxTTLResponseAction(50))
    "#;
    let mut front = Front::new(&format!("{BLUEPRINT}\n{rules}"));
    let packet = query("google.com.", QType::A);
    let reply = front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    assert_eq!(ttls(&reply), [50]);
    let late = START + Duration::from_secs(51);
    assert!(
        matches!(front.ask_over(&packet, Transport::Udp, late), Next::Forward(_)),
        "cached for 50 s"
    );
    let other = query("nx.example.", QType::A);
    let mut nxdomain = reply_to(&other, 0);
    nxdomain[3] |= 3;
    assert_eq!(front.reply(&other, &nxdomain, START), None);
}

#[test]
fn effects_of_rules_travel_with_the_query() {
    let rules = r#"
        addAction(AllRule(), DelayAction(100))
        addAction(AllRule(), SetNoRecurseAction())
        addAction(AllRule(), SetSkipCacheAction())
    "#;
    let mut front = Front::new(&format!("{rules}\n{BLUEPRINT}"));
    let packet = query("google.com.", QType::A);
    let route = front.route(&packet);
    assert!(route.no_recurse && route.key.is_none());
    assert_eq!(route.delay, Duration::from_millis(100));
}

#[test]
fn an_expired_answer_serves_while_nobody_answers() {
    let mut front = Front::new(&format!("{BLUEPRINT}\nsetStaleCacheEntriesTTL(600)"));
    let packet = query("google.com.", QType::A);
    front.reply(&packet, &reply_to(&packet, 1), START);
    let later = START + Duration::from_secs(200);
    let Next::Forward(route) = front.ask_over(&packet, Transport::Udp, later) else {
        panic!("not expired")
    };
    assert!(route.has_stale);
    let parsed = Query::parse(&packet).unwrap();
    let subject = (&parsed, &route, Transport::Udp);
    let written = front
        .desk
        .stale(&front.snapshot, subject, later, &mut front.out)
        .expect("a stale answer");
    assert_eq!(ttls(&front.out[..written.len]), [60], "dnsdist's staleTTL");
    front.desk.refresh_failed(&front.snapshot, &parsed, &route, later);
    let next = front.ask_over(&packet, Transport::Udp, later + Duration::from_secs(1));
    assert!(
        matches!(next, Next::Reply(_)),
        "the next client need not wait for the same failure"
    );
}

#[test]
fn servfail_says_so_with_the_clients_edns() {
    let mut front = Front::new(BLUEPRINT);
    let mut packet = query("google.com.", QType::A);
    packet[11] = 1;
    packet.extend(b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00");
    let parsed = Query::parse(&packet).unwrap();
    let written = front
        .desk
        .servfail(&front.snapshot, &parsed, &mut front.out)
        .unwrap();
    let reply = Reply::parse(&front.out[..written.len]).unwrap();
    assert_eq!(
        (reply.rcode(), reply.header.counts),
        (Rcode::SERVFAIL, [1, 0, 0, 1])
    );
    assert!(reply.header.flags.has(Flags::RD | Flags::RA));
}

#[test]
fn a_reload_that_renumbers_pools_keeps_replies_out_of_the_wrong_cache() {
    let mut front = Front::new(BLUEPRINT);
    let packet = query("google.com.", QType::A);
    let route = front.route(&packet);
    let grown = snapshot(&format!(
        "{BLUEPRINT}\nnewServer({{address='10.10.2.165:53', pool='more'}})"
    ));
    front.desk.follow(&front.snapshot, &grown);
    assert!(
        front.desk.pool(&grown, &route).is_some(),
        "pools that come last change no number"
    );
    let other = snapshot(&format!("getPool('first')\n{BLUEPRINT}"));
    front.desk.follow(&grown, &other);
    assert!(front.desk.pool(&other, &route).is_none());
}
