//! The stages one by one: what a query becomes, in words, and what is counted for it.

use weir_wire::{Class, Section};

use super::*;

/// Asks `packet` over UDP of a front end with the configuration `rules`; compares what the worker is told, and
/// every counter that is not zero besides those of queries as such.
fn check(rules: &str, packet: &[u8], expected: &str, counts: &str) {
    let mut front = open_to_all(rules);
    let next = front.ask(packet);
    assert_eq!(told(&front, &next), expected, "{rules}");
    assert_eq!(counted(&front), counts, "{rules}");
}

/// A front end that serves everyone.
fn open_to_all(rules: &str) -> Front {
    Front::new(&format!("setACL('0.0.0.0/0')\n{rules}"))
}

/// What the worker is told.
fn told(front: &Front, next: &Next) -> String {
    let answer = |written: &Written| {
        let held = if written.delay.is_zero() {
            String::new()
        } else {
            format!(", held back {:?}", written.delay)
        };
        shown(&front.out[..written.len]) + &held
    };
    match next {
        Next::Drop => "drop".into(),
        Next::Reply(written) => answer(written),
        Next::ReplyAndRefresh(written, _) => answer(written) + ", refresh",
        Next::Forward(route) => {
            let pool = front.desk.pool(&front.snapshot, route).unwrap();
            let cache = if route.key.is_some() { ", cacheable" } else { "" };
            let stale = if route.has_stale { ", stale" } else { "" };
            format!("forward to '{}'{cache}{stale}", pool.name)
        }
    }
}

/// A message: flags, response code, then each record's type and TTL.
fn shown(message: &[u8]) -> String {
    let reply = Reply::parse(message).unwrap();
    let names = [
        ("aa", Flags::AA),
        ("tc", Flags::TC),
        ("rd", Flags::RD),
        ("ra", Flags::RA),
        ("ad", Flags::AD),
        ("cd", Flags::CD),
    ];
    let flags = names.into_iter().filter(|(_, bit)| reply.header.flags.has(*bit));
    let mut words: Vec<String> = flags.map(|(name, _)| name.to_owned()).collect();
    words.push(reply.rcode().to_string());
    for record in reply.records() {
        let record = record.unwrap();
        words.push(match record.qtype {
            QType::OPT => "OPT".into(),
            qtype => format!("{qtype}={}", record.ttl),
        });
    }
    words.join(" ")
}

/// Counters and reasons that are not zero, except how many queries there were.
fn counted(front: &Front) -> String {
    let all = Counter::ALL.into_iter();
    let counters = all.filter(|counter| !matches!(counter, Counter::Queries | Counter::RdQueries));
    let counters = counters.map(|counter| (counter.metric().name, front.count(counter)));
    let seen = counters.chain(front.counters.malformed());
    let seen = seen.filter(|(_, count)| *count > 0);
    let seen: Vec<_> = seen.map(|(name, count)| format!("{name}={count}")).collect();
    seen.join(" ")
}

fn after(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// A message of a header with these counts and whatever follows it.
fn message(flags: u16, counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34];
    packet.extend(flags.to_be_bytes());
    packet.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    packet.extend(rest.concat());
    packet
}

/// Adds an OPT record that announces `size`, with the DO bit.
fn with_edns(mut packet: Vec<u8>, size: u16) -> Vec<u8> {
    packet[11] += 1;
    packet.extend([0, 0, 41]);
    packet.extend(size.to_be_bytes());
    packet.extend([0, 0, 0x80, 0, 0, 0]);
    packet
}

const QUESTION: &[u8] = b"\x01a\x04test\x00\x00\x01\x00\x01";
const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";

#[test]
fn every_class_of_malformed_packet_has_its_answer_and_its_counter() {
    let formerr = "rd FORMERR";
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("short-header", vec![0; 11], "drop"),
        ("is-reply", message(0x8100, [1, 0, 0, 0], &[QUESTION]), "drop"),
        (
            "several-questions",
            message(0x0100, [2, 0, 0, 0], &[QUESTION, QUESTION]),
            formerr,
        ),
        (
            "bad-name",
            message(0x0100, [1, 0, 0, 0], &[b"\xc0\x0c\x00\x01\x00\x01"]),
            "drop",
        ),
        (
            "short-question",
            message(0x0100, [1, 0, 0, 0], &[b"\x01a\x00\x00\x01"]),
            "drop",
        ),
        (
            "bad-record",
            message(0x0100, [1, 0, 0, 1], &[QUESTION, b"\x00\x00\x01"]),
            formerr,
        ),
        (
            "bad-opt",
            message(0x0100, [1, 0, 0, 1], &[QUESTION, b"\x01x", OPT]),
            formerr,
        ),
        (
            "bad-opt",
            message(0x0100, [1, 1, 0, 0], &[QUESTION, OPT]),
            formerr,
        ),
        (
            "several-opt",
            message(0x0100, [1, 0, 0, 2], &[QUESTION, OPT, OPT]),
            formerr,
        ),
        (
            "trailing-data",
            message(0x0100, [1, 0, 0, 0], &[QUESTION, b"\x00"]),
            formerr,
        ),
    ];
    for (label, packet, expected) in cases {
        check(
            "",
            &packet,
            expected,
            &format!("noncompliant-queries=1 {label}=1"),
        );
    }
    let empty = message(0x0100, [0, 0, 0, 0], &[]);
    let counts = "noncompliant-queries=1 empty-queries=1 no-question=1";
    check("", &empty, "rd NOTIMP", counts);
    check("setDropEmptyQueries(true)", &empty, "drop", counts);
    check("", &query("a.test.", QType::A), "forward to ''", "");
}

#[test]
fn a_stranger_who_sends_a_reply_is_not_answered() {
    // Two servers that refuse each other's refusals would never end.
    let mut front = Front::new("setACL('192.0.2.0/24') weir{refusedOutsideACL=true}");
    let next = front.ask(&query("a.test.", QType::A));
    assert_eq!(told(&front, &next), "rd REFUSED");
    let refusal = front.out[..12].to_vec();
    assert!(matches!(front.ask(&refusal), Next::Drop));
    assert!(matches!(front.ask(&[0; 11]), Next::Drop));
    assert_eq!(counted(&front), "acl-drops=3");
}

#[test]
fn rules_answer_with_their_records_flags_and_counters() {
    let packet = query("a.test.", QType::A);
    let noerror = "frontend-noerror=1 self-answered=1";
    let cases = [
        (
            "SpoofAction({'192.0.2.1', '192.0.2.2', '2001:db8::1'})",
            "rd ra NOERROR A=60 A=60",
            noerror,
        ),
        (
            "SpoofAction('192.0.2.1', {aa=true, ad=true, ra=false, ttl=7})",
            "aa rd ad NOERROR A=7",
            noerror,
        ),
        ("SpoofCNAMEAction('b.test.')", "rd ra NOERROR CNAME=60", noerror),
        (
            "SpoofRawAction('\\192\\000\\002\\001')",
            "rd ra NOERROR A=60",
            noerror,
        ),
        (
            "TCAction()",
            "tc rd ra NOERROR",
            "frontend-noerror=1 rule-truncated=1 self-answered=1",
        ),
        (
            "RCodeAction(DNSRCode.REFUSED)",
            "rd ra REFUSED",
            "rule-refused=1 self-answered=1",
        ),
        (
            "RCodeAction(DNSRCode.SERVFAIL)",
            "rd ra SERVFAIL",
            "frontend-servfail=1 rule-servfail=1 self-answered=1",
        ),
        (
            "NegativeAndSOAAction(true, 'test.', 33, 'ns.test.', 'root.test.', 1, 2, 3, 4, 5)",
            "rd ra NXDOMAIN SOA=33",
            "frontend-nxdomain=1 rule-nxdomain=1 self-answered=1",
        ),
        ("DropAction()", "drop", "rule-drop=1"),
    ];
    for (action, expected, counts) in cases {
        check(
            &format!("addAction(AllRule(), {action})"),
            &packet,
            expected,
            counts,
        );
    }
    let edns = with_edns(packet.clone(), 1232);
    let spoof = "addAction(AllRule(), SpoofAction('192.0.2.1'))";
    check(spoof, &edns, "rd ra NOERROR A=60 OPT", noerror);
    let bare = format!("{spoof} setAddEDNSToSelfGeneratedResponses(false)");
    check(&bare, &edns, "rd ra NOERROR A=60", noerror);
    let dropped = format!("{spoof} addSelfAnsweredResponseAction(AllRule(), DropResponseAction())");
    check(&dropped, &packet, "drop", "rule-drop=1 self-answered=1");
}

#[test]
fn an_answer_of_a_rule_is_cut_like_any_other() {
    let addresses: Vec<String> = (0..40).map(|last| format!("'192.0.2.{last}'")).collect();
    let rules = format!("addAction(AllRule(), SpoofAction({{{}}}))", addresses.join(","));
    let packet = query("a.test.", QType::A);
    let counts = "frontend-noerror=1 self-answered=1 weir-egress-truncated=1";
    check(&rules, &packet, "tc rd ra NOERROR", counts);
    let mut front = open_to_all(&rules);
    front.ask_over(&packet, Transport::Tcp, START);
    assert_eq!(counted(&front), "frontend-noerror=1 self-answered=1");
}

/// A front end whose default pool has a cache; `before` comes before the cache is made.
fn cached(before: &str, rules: &str) -> Front {
    open_to_all(&format!(
        "{before} getPool(''):setCache(newPacketCache(1000))\n{rules}"
    ))
}

#[test]
fn rules_for_misses_are_asked_after_a_miss_and_not_after_a_hit() {
    let mut front = cached(
        "",
        "addCacheMissAction('refused.test.', RCodeAction(DNSRCode.REFUSED))
         addCacheMissAction('dropped.test.', DropAction())",
    );
    let kept = query("kept.test.", QType::A);
    front.reply(&kept, &reply_to(&kept, 1), START).unwrap();
    let refused = front.ask(&query("refused.test.", QType::A));
    assert_eq!(told(&front, &refused), "rd ra REFUSED");
    let dropped = front.ask(&query("dropped.test.", QType::A));
    assert_eq!(told(&front, &dropped), "drop");
    assert_eq!(
        counted(&front),
        "frontend-noerror=1 rule-drop=1 rule-refused=1 self-answered=1 cache-misses=3"
    );
    let hit = front.ask(&kept);
    assert_eq!(told(&front, &hit), "rd ra NOERROR A=100");
}

#[test]
fn a_hit_has_the_clients_own_bits_and_bits_that_matter_make_another_entry() {
    let mut front = cached("", "");
    let mut packet = query("a.test.", QType::A);
    packet[3] |= 0x10;
    front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    let next = front.ask(&packet);
    assert_eq!(told(&front, &next), "rd ra cd NOERROR A=100");
    packet[2] &= !1;
    let next = front.ask(&packet);
    assert_eq!(told(&front, &next), "forward to '', cacheable");
}

#[test]
fn one_entry_fits_every_edns_size_as_far_as_it_goes() {
    let mut front = cached("", "");
    let packet = |size| with_edns(query("a.test.", QType::A), size);
    let mut whole = reply_to(&packet(4096), 60);
    whole[11] = 1;
    whole.extend(OPT);
    let len = u16::try_from(whole.len()).unwrap();
    front.reply(&packet(4096), &whole, START).unwrap();
    for (size, is_whole) in [(len, true), (len - 1, false), (0, false), (u16::MAX, true)] {
        let reply = front.answer(&packet(size));
        assert_eq!(reply.len() == whole.len(), is_whole, "{size}");
        if !is_whole {
            assert_eq!(shown(&reply), "tc rd ra NOERROR OPT");
            assert!(reply.len() <= usize::from(size.max(512)));
        }
    }
    assert_eq!(front.count(Counter::EgressTruncated), 2);
}

#[test]
fn what_a_client_that_takes_everything_gets_is_limited_all_the_same() {
    let mut front = open_to_all("");
    let packet = with_edns(query("a.test.", QType::A), u16::MAX);
    let query = Query::parse(&packet).unwrap();
    let route = front.route(&packet);
    let mut large = vec![0; 60_000];
    let mut builder = Builder::new(&mut large, &query, Flags(0)).unwrap();
    for _ in 0..300 {
        let owner = query.qname;
        builder
            .record(Section::Answer, owner, (QType::A, Class::IN), 1, &[1, 2, 3, 4])
            .unwrap();
    }
    let len = builder.finish();
    assert!(len > MAX_UDP_REPLY);
    for (transport, expected) in [(Transport::Tcp, len), (Transport::Udp, 24)] {
        let mut out = large[..len].to_vec();
        let subject = (&query, &route, ends("192.0.2.1:1", transport));
        let written = front
            .desk
            .on_reply(&front.snapshot, subject, (START, 7), &mut out);
        assert_eq!(written.unwrap().len, expected);
    }
}

#[test]
fn a_backends_reply_gets_back_what_the_client_sent() {
    let mut front = open_to_all("addAction(AllRule(), SetNoRecurseAction())");
    let packet = query("a.TEST.", QType::A);
    assert!(front.route(&packet).no_recurse);
    let mut reply = reply_to(&query("A.test.", QType::A), 1);
    reply[..4].copy_from_slice(&[0xff, 0xff, 0x80, 0x90]);
    let reply = front.reply(&packet, &reply, START).unwrap();
    assert_eq!(shown(&reply), "rd ra NOERROR A=100");
    assert_eq!(reply[..2], packet[..2]);
    assert_eq!(reply[12..packet.len()], packet[12..]);
}

#[test]
fn tags_of_a_query_are_there_for_the_rules_for_its_reply() {
    let mut front = open_to_all(
        "addAction('a.test.', SetTagAction('kind', 'bad'))
         addResponseAction(TagRule('kind', 'bad'), DropResponseAction())",
    );
    for (name, is_sent) in [("a.test.", false), ("b.test.", true), ("a.test.", false)] {
        let packet = query(name, QType::A);
        let reply = front.reply(&packet, &reply_to(&packet, 1), START);
        assert_eq!(reply.is_some(), is_sent, "{name}");
    }
}

#[test]
fn rules_may_keep_queries_and_replies_out_of_the_cache() {
    let packet = query("a.test.", QType::A);
    let mut front = cached("", "addAction(AllRule(), SetSkipCacheAction())");
    front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    let next = front.ask(&packet);
    assert_eq!(told(&front, &next), "forward to ''");
    assert_eq!(counted(&front), "frontend-noerror=1", "neither hit nor miss");

    let mut front = cached("", "addResponseAction(AllRule(), SetSkipCacheResponseAction())");
    front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    let next = front.ask(&packet);
    assert_eq!(told(&front, &next), "forward to '', cacheable");
}

#[test]
fn a_reply_that_a_rule_drops_is_neither_sent_nor_cached() {
    let mut front = cached("", "addResponseAction(AllRule(), DropResponseAction())");
    let packet = query("a.test.", QType::A);
    assert_eq!(front.reply(&packet, &reply_to(&packet, 1), START), None);
    let next = front.ask(&packet);
    assert_eq!(told(&front, &next), "forward to '', cacheable");
    assert_eq!(counted(&front), "rule-drop=1 cache-misses=2");
}

#[test]
fn rules_for_hits_see_every_hit_and_change_that_one_alone() {
    let mut front = cached(
        "",
        "addCacheHitResponseAction('a.test.', SetMaxTTLResponseAction(5))",
    );
    for (name, expected) in [("a.test.", [5]), ("b.test.", [100])] {
        let packet = query(name, QType::A);
        let reply = front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
        assert_eq!(ttls(&reply), [100]);
        assert_eq!(ttls(&front.answer(&packet)), expected);
    }
}

#[test]
fn clients_are_told_the_highest_ttl_while_the_cache_keeps_the_real_one() {
    let mut front = cached("", "addAction(AllRule(), SetMaxReturnedTTLAction(10))");
    let packet = query("a.test.", QType::A);
    let reply = front.reply(&packet, &reply_to(&packet, 2), START).unwrap();
    assert_eq!(ttls(&reply), [10, 10]);
    for (seconds, expected) in [(50, "rd ra NOERROR A=10 A=10"), (95, "rd ra NOERROR A=5 A=5")] {
        let next = front.ask_over(&packet, Transport::Udp, after(seconds));
        assert_eq!(told(&front, &next), expected);
    }
}

#[test]
fn a_failure_is_cached_as_long_as_the_rule_for_the_query_says() {
    let rules = "addAction('short.test.', SetTempFailureCacheTTLAction(5))";
    let mut front = cached("", rules);
    for (name, lasts) in [("short.test.", 5), ("usual.test.", 60)] {
        let packet = query(name, QType::A);
        let mut servfail = reply_to(&packet, 0);
        servfail[3] |= 2;
        front.reply(&packet, &servfail, START).unwrap();
        for (seconds, is_hit) in [(lasts - 1, true), (lasts, false)] {
            let next = front.ask_over(&packet, Transport::Udp, after(seconds));
            assert_eq!(matches!(next, Next::Reply(_)), is_hit, "{name} after {seconds} s");
        }
    }
}

#[test]
fn one_of_the_last_hits_of_a_popular_entry_is_told_to_fetch_it_anew() {
    let mut front = cached("weir{prefetch=true}", "");
    let packet = query("a.test.", QType::A);
    front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    let mut asked: Vec<String> = Vec::new();
    for seconds in [1, 2, 3, 91, 92] {
        let next = front.ask_over(&packet, Transport::Udp, after(seconds));
        asked.push(told(&front, &next));
    }
    let ages = ["99", "98", "97", "9", "8"].map(|ttl| format!("rd ra NOERROR A={ttl}"));
    let [one, two, three, refresh, last] = ages;
    assert_eq!(asked, [one, two, three, format!("{refresh}, refresh"), last]);
    assert_eq!(front.count(Counter::Prefetches), 1);

    let mut front = cached("", "");
    front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    for seconds in [1, 2, 3, 91, 92] {
        let next = front.ask_over(&packet, Transport::Udp, after(seconds));
        assert!(matches!(next, Next::Reply(_)), "not asked for");
    }
}

#[test]
fn a_delay_holds_back_answers_of_rules_cache_and_backends() {
    let held = "rd ra NOERROR A=60, held back 100ms";
    check(
        "addAction(AllRule(), DelayAction(100)) addAction(AllRule(), SpoofAction('192.0.2.1'))",
        &query("a.test.", QType::A),
        held,
        "frontend-noerror=1 self-answered=1",
    );
    let mut front = cached("", "addResponseAction('slow.test.', DelayResponseAction(50))");
    for (name, expected) in [("slow.test.", 50), ("fast.test.", 0)] {
        let packet = query(name, QType::A);
        let (parsed, route) = (Query::parse(&packet).unwrap(), front.route(&packet));
        let subject = (&parsed, &route, ends("192.0.2.1:1", Transport::Udp));
        let mut out = reply_to(&packet, 1);
        let written = front
            .desk
            .on_reply(&front.snapshot, subject, (START, 7), &mut out);
        assert_eq!(written.unwrap().delay, Duration::from_millis(expected), "{name}");
    }
    let mut front = cached("", "addAction(AllRule(), DelayAction(100))");
    let packet = query("a.test.", QType::A);
    let (parsed, route) = (Query::parse(&packet).unwrap(), front.route(&packet));
    let subject = (&parsed, &route, ends("192.0.2.1:1", Transport::Udp));
    let mut out = reply_to(&packet, 1);
    let written = front
        .desk
        .on_reply(&front.snapshot, subject, (START, 7), &mut out);
    assert_eq!(
        written.unwrap().delay,
        Duration::from_millis(100),
        "the query's own"
    );
    let next = front.ask(&packet);
    assert_eq!(told(&front, &next), "rd ra NOERROR A=100, held back 100ms");
}

#[test]
fn answers_from_the_past_end_with_their_timers() {
    let mut front = cached("weir{staleWindow=600}", "");
    let packet = query("a.test.", QType::A);
    front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    let parsed = Query::parse(&packet).unwrap();
    let Next::Forward(route) = front.ask_over(&packet, Transport::Udp, after(200)) else {
        panic!("an answer from the past before anybody failed")
    };
    assert!(route.has_stale);
    front
        .desk
        .refresh_failed(&front.snapshot, &parsed, &route, after(200));
    let expectations = [
        (229, "rd ra NOERROR A=60"),
        (230, "forward to '', cacheable, stale"),
        (699, "forward to '', cacheable, stale"),
        (700, "forward to '', cacheable"),
    ];
    for (seconds, expected) in expectations {
        let next = front.ask_over(&packet, Transport::Udp, after(seconds));
        assert_eq!(told(&front, &next), expected, "after {seconds} s");
    }
    assert_eq!(front.count(Counter::StaleAnswers), 1);
    let subject = (&parsed, &route, Transport::Udp);
    let mut stale = |seconds| {
        front
            .desk
            .stale(&front.snapshot, subject, after(seconds), &mut front.out)
            .is_some()
    };
    assert_eq!([699, 700].map(&mut stale), [true, false]);
}

#[test]
fn failures_of_a_renumbered_pool_are_not_noted_in_another_ones_cache() {
    let mut front = cached("weir{staleWindow=600}", "");
    let packet = query("a.test.", QType::A);
    front.reply(&packet, &reply_to(&packet, 1), START).unwrap();
    let Next::Forward(route) = front.ask_over(&packet, Transport::Udp, after(200)) else {
        panic!("no miss")
    };
    // The cache stays, but the query's number no longer means its pool.
    let renumbered = open_to_all("getPool('one')").snapshot;
    front.desk.follow(&renumbered, &front.snapshot);
    let parsed = Query::parse(&packet).unwrap();
    front
        .desk
        .refresh_failed(&front.snapshot, &parsed, &route, after(200));
    let next = front.ask_over(&packet, Transport::Udp, after(201));
    assert_eq!(told(&front, &next), "forward to '', cacheable, stale");
}

#[test]
fn servfail_keeps_the_clients_bits_and_leaves_out_edns_when_told_to() {
    let mut plain = query("a.test.", QType::A);
    plain[3] |= 0x10;
    let cases = [
        ("", plain.clone(), "rd ra cd SERVFAIL"),
        ("", with_edns(plain.clone(), 1232), "rd ra cd SERVFAIL OPT"),
        (
            "setAddEDNSToSelfGeneratedResponses(false)",
            with_edns(plain, 1232),
            "rd ra cd SERVFAIL",
        ),
    ];
    for (config, packet, expected) in cases {
        let mut front = open_to_all(config);
        let parsed = Query::parse(&packet).unwrap();
        let written = front.desk.servfail(&front.snapshot, &parsed, &mut front.out);
        assert_eq!(shown(&front.out[..written.unwrap().len]), expected);
        assert_eq!(counted(&front), "frontend-servfail=1");
    }
}

#[test]
fn a_cached_answer_allocates_nothing() {
    let rules = "addAction(QTypeRule(DNSQType.ANY), DropAction())
        addAction(MaxQPSIPRule(1000000), DropAction())
        addCacheHitResponseAction(AllRule(), AllowResponseAction())";
    let mut front = cached("", rules);
    let packet = query("a.test.", QType::A);
    front.reply(&packet, &reply_to(&packet, 60), START).unwrap();
    front.ask(&packet);
    let plain = allocation_counter::measure(|| {
        for _ in 0..100 {
            front.ask_over(&packet, Transport::Tcp, after(1));
            front.ask(&packet);
        }
    });
    assert_eq!(plain.count_total, 0);
    assert_eq!(front.count(Counter::CacheHits), 201);
    let counting = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(7))));
    assert_eq!(counting.count_total, 1, "nothing is counted");
}

#[test]
fn ttls_of_the_named_types_alone_are_limited() {
    let packet = query("www.example.", QType::A);
    for (types, ttl) in [
        ("", 10),
        (", {DNSQType.AAAA}", 100),
        (", {DNSQType.A}", 10),
        (", 'A'", 10),
    ] {
        let mut front = Front::new(&format!(
            "setACL('0.0.0.0/0') newServer{{address='192.0.2.1', healthCheckMode='up'}}
             addResponseAction(AllRule(), LimitTTLResponseAction(1, 10{types}))"
        ));
        let reply = front.reply(&packet, &reply_to(&packet, 2), START);
        assert_eq!(ttls(&reply.unwrap()), [ttl, ttl], "{types}");
    }
}
