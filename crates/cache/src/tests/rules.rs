//! What is kept, for how long, and for whom.

use weir_wire::{EdnsOption, Flags, QType, Query, Rcode};

use super::packets::{Bench, Opt, Question, ReplyTo};
use crate::{Accept, Inserted, Key, Lookup, Refusal, Settings};

fn settings() -> Settings {
    Settings::new(1000)
}

/// How many seconds a reply is kept, or why not.
fn kept(settings: &Settings, reply: impl Fn(ReplyTo) -> ReplyTo) -> Result<u32, Refusal> {
    let mut bench = Bench::new(settings.clone());
    let query = Question::new("www.example.com").packet(1);
    match bench.insert(&query, &reply(ReplyTo::new(&query)).build()) {
        Inserted::Refused(refusal) => {
            assert_eq!(bench.cache.counters().refused_for(refusal), 1);
            assert_eq!(bench.cache.len(), 0);
            Err(refusal)
        }
        Inserted::Stored => {
            let gone = (0..200_000).find(|&second| bench.at(second).hit(&query).is_none());
            Ok(gone.expect("no reply is kept forever"))
        }
    }
}

#[test]
fn the_lowest_ttl_of_all_records_counts_within_the_limits() {
    let ttls = |ttls: [u32; 3]| {
        move |reply: ReplyTo| {
            let [answer, authority, additional] = ttls;
            let reply = reply.address(answer).record(1, QType::NS, authority, &[0]);
            reply.record(2, QType::A, additional, &[192, 0, 2, 2])
        }
    };
    assert_eq!(kept(&settings(), ttls([300, 200, 100])), Ok(100));
    assert_eq!(kept(&settings(), ttls([50, 200, 100])), Ok(50));
    assert_eq!(kept(&settings(), ttls([300, 200, 0])), Err(Refusal::TtlTooShort));
    assert_eq!(kept(&settings(), ttls([u32::MAX, 200_000, 200_000])), Ok(86_400));
    let limits = Settings {
        min_ttl: 100,
        max_ttl: 150,
        ..settings()
    };
    assert_eq!(kept(&limits, ttls([300, 200, 99])), Err(Refusal::TtlTooShort));
    assert_eq!(kept(&limits, ttls([300, 200, 100])), Ok(100));
    assert_eq!(kept(&limits, ttls([300, 200, 160])), Ok(150));
}

#[test]
fn negative_answers_end_with_the_soa_minimum_and_their_own_limit() {
    let nxdomain = |ttl, minimum| move |reply: ReplyTo| reply.rcode(Rcode::NXDOMAIN).soa(ttl, minimum);
    let nodata = |ttl, minimum| move |reply: ReplyTo| reply.soa(ttl, minimum);
    assert_eq!(kept(&settings(), nxdomain(900, 300)), Ok(300));
    assert_eq!(kept(&settings(), nodata(900, 300)), Ok(300));
    assert_eq!(kept(&settings(), nodata(200, 300)), Ok(200));
    assert_eq!(kept(&settings(), nxdomain(80_000, 80_000)), Ok(3_600));
    assert_eq!(kept(&settings(), nxdomain(900, 0)), Err(Refusal::TtlTooShort));
    // An answer with an SOA record beside it is no negative answer.
    assert_eq!(
        kept(&settings(), |reply| reply.address(5_000).soa(5_000, 1)),
        Ok(5_000)
    );
    let unsigned = |reply: ReplyTo| reply.rcode(Rcode::NXDOMAIN).record(1, QType::NS, 5_000, &[0]);
    assert_eq!(kept(&settings(), unsigned), Ok(3_600));
}

#[test]
fn failures_and_truncated_replies_have_ttls_of_their_own() {
    let bare = |rcode| move |reply: ReplyTo| reply.rcode(rcode);
    assert_eq!(kept(&settings(), bare(Rcode::SERVFAIL)), Ok(60));
    assert_eq!(kept(&settings(), bare(Rcode::REFUSED)), Ok(60));
    assert_eq!(kept(&settings(), bare(Rcode::NXDOMAIN)), Err(Refusal::NoRecords));
    assert_eq!(kept(&settings(), bare(Rcode::NOERROR)), Err(Refusal::NoRecords));
    assert_eq!(kept(&settings(), bare(Rcode::FORMERR)), Err(Refusal::NoRecords));
    assert_eq!(
        kept(&settings(), |reply| reply.truncated().address(300)),
        Err(Refusal::Truncated)
    );
    let other = Settings {
        temporary_failure_ttl: 0,
        truncated_ttl: 10,
        ..settings()
    };
    assert_eq!(
        kept(&other, bare(Rcode::SERVFAIL)),
        Err(Refusal::TemporaryFailure)
    );
    assert_eq!(kept(&other, ReplyTo::truncated), Ok(10));
}

#[test]
fn a_rule_may_set_how_long_a_failure_is_kept() {
    let mut bench = Bench::new(settings());
    let query = Question::new("www.example.com").packet(1);
    let failure = ReplyTo::new(&query).rcode(Rcode::SERVFAIL).build();
    let parsed = Query::parse(&query).expect("a query");
    let insert = |ttl| {
        bench
            .cache
            .insert(&parsed, &bench.key(&query), &failure, bench.now, ttl)
    };
    assert_eq!(insert(Some(0)), Inserted::Refused(Refusal::TemporaryFailure));
    assert_eq!(insert(Some(5)), Inserted::Stored);
    assert!(bench.at(4).hit(&query).is_some());
    assert!(bench.at(5).hit(&query).is_none());
}

#[test]
fn a_hit_is_the_reply_for_this_client() {
    let mut bench = Bench::new(settings());
    let query = Question::new("www.example.com").packet(1);
    let reply = ReplyTo::new(&query)
        .address(300)
        .record(2, QType::A, 1_000, &[1; 4]);
    assert_eq!(bench.insert(&query, &reply.build()), Inserted::Stored);
    let other = Question::new("WWW.Example.COM").packet(0x4242);
    let hit = bench.at(120).hit(&other).expect("a hit");
    let mut expected = ReplyTo::new(&other)
        .address(180)
        .record(2, QType::A, 880, &[1; 4])
        .build();
    expected[..2].copy_from_slice(&[0x42, 0x42]);
    assert_eq!(hit, expected);
}

#[test]
fn ttls_stay_as_they_were_when_told_so_and_opt_is_none() {
    let opt = Opt {
        size: 1232,
        flags: 0x8000,
        ..Opt::default()
    };
    let ttls = |dont_age| {
        let mut bench = Bench::new(Settings {
            dont_age,
            ..settings()
        });
        let query = Question {
            edns: Some(opt.clone()),
            ..Question::new("example.com")
        }
        .packet(1);
        bench.insert(&query, &ReplyTo::new(&query).address(300).opt(&opt).build());
        bench.at(10).hit(&query).expect("a hit")
    };
    let query = Question {
        edns: Some(opt.clone()),
        ..Question::new("example.com")
    }
    .packet(1);
    let reply = |ttl| {
        let mut reply = ReplyTo::new(&query).address(ttl).opt(&opt).build();
        reply[..2].copy_from_slice(&[0, 1]);
        reply
    };
    assert_eq!(ttls(false), reply(290));
    assert_eq!(ttls(true), reply(300));
}

/// Whether the reply to one question serves the other.
fn shared(settings: &Settings, stored: &Question, asked: &Question) -> bool {
    let mut bench = Bench::new(settings.clone());
    let query = stored.packet(1);
    assert_eq!(
        bench.insert(&query, &ReplyTo::new(&query).address(300).build()),
        Inserted::Stored
    );
    assert!(bench.hit(&query).is_some());
    bench.hit(&asked.packet(2)).is_some()
}

/// A question with an OPT record of these flags and options.
fn edns(size: u16, flags: u16, options: &[(u16, &[u8])]) -> Question {
    let options = options
        .iter()
        .map(|(code, data)| (*code, data.to_vec()))
        .collect();
    let code_and_version = 0;
    let edns = Some(Opt {
        size,
        code_and_version,
        flags,
        options,
    });
    Question {
        edns,
        ..Question::new("www.example.com")
    }
}

fn subnet(third: u8) -> Question {
    edns(
        1232,
        0,
        &[(EdnsOption::CLIENT_SUBNET, &[0, 1, 24, 0, 192, 0, third])],
    )
}

fn cookie(byte: u8) -> Question {
    edns(1232, 0, &[(EdnsOption::COOKIE, &[byte; 8])])
}

#[test]
fn what_changes_the_answer_makes_an_entry_of_its_own() {
    let plain = || Question::new("www.example.com");
    let typed = |qtype| Question { qtype, ..plain() };
    let flagged = |flags| Question { flags, ..plain() };
    let others = [
        (plain(), Question::new("www.example.org")),
        (plain(), typed(QType::AAAA)),
        (plain(), flagged(0)),
        (plain(), flagged(Flags::RD | Flags::CD)),
        (plain(), flagged(Flags::RD | Flags::AD)),
        (plain(), edns(1232, 0, &[])),
        (edns(1232, 0, &[]), edns(1232, 0x8000, &[])),
        (edns(1232, 0, &[]), edns(1232, 0x4000, &[])),
        (edns(1232, 0x2000, &[]), edns(1232, 0x4000, &[])),
        (edns(1232, 0, &[]), subnet(2)),
        (subnet(2), subnet(3)),
    ];
    for (stored, asked) in &others {
        assert!(!shared(&settings(), stored, asked), "{stored:?} and {asked:?}");
        assert!(!shared(&settings(), asked, stored), "{asked:?} and {stored:?}");
    }
}

#[test]
fn what_changes_nothing_shares_an_entry() {
    let same = [
        (Question::new("www.example.com"), Question::new("WWW.EXAMPLE.COM")),
        (edns(512, 0, &[]), edns(4096, 0, &[])),
        (cookie(1), cookie(2)),
        (cookie(1), edns(1232, 0, &[])),
        (subnet(2), subnet(2)),
    ];
    for (stored, asked) in &same {
        assert!(shared(&settings(), stored, asked), "{stored:?} and {asked:?}");
    }
    let hashed = Settings {
        cookie_hashing: true,
        ..settings()
    };
    assert!(!shared(&hashed, &cookie(1), &cookie(2)));
    assert!(shared(&hashed, &cookie(1), &cookie(1)));
}

#[test]
fn an_equal_hash_is_not_an_equal_question() {
    let mut bench = Bench::new(settings());
    // HTTPS is 65 and so an "A" where case is ignored; type 97 would be an "a".
    let https = Question {
        qtype: QType::HTTPS,
        ..subnet(2)
    };
    let others = [
        Question {
            qtype: QType(97),
            ..subnet(2)
        },
        Question {
            name: "wwx.example.com".to_owned(),
            ..https.clone()
        },
        Question {
            flags: 0,
            ..https.clone()
        },
        Question {
            qtype: QType::HTTPS,
            ..subnet(3)
        },
    ];
    let stored = https.packet(1);
    bench.insert(&stored, &ReplyTo::new(&stored).address(300).build());
    for (met, other) in (1..).zip(&others) {
        let packet = other.packet(2);
        let key = Key {
            hash: bench.key(&stored).hash,
            ..bench.key(&packet)
        };
        let query = Query::parse(&packet).expect("a query");
        let found = bench
            .cache
            .lookup(&query, &key, bench.now, Accept::Truncated, &mut [0; 512]);
        assert_eq!(found, Lookup::Miss { stale: false }, "{other:?}");
        assert_eq!(bench.cache.counters().lookup_collisions, met);
    }
    assert!(bench.hit(&stored).is_some());
}

#[test]
fn no_key_for_what_must_not_be_cached() {
    let bench = Bench::new(settings());
    let plain = Question::new("example.com");
    let has_key = |packet: &[u8]| bench.cache.key(&Query::parse(packet).expect("a query")).is_some();
    let opt = |version| {
        Some(Opt {
            size: 1232,
            code_and_version: version,
            ..Opt::default()
        })
    };
    assert!(has_key(
        &Question {
            edns: opt(0),
            ..plain.clone()
        }
        .packet(1)
    ));
    assert!(!has_key(
        &Question {
            edns: opt(1),
            ..plain.clone()
        }
        .packet(1)
    ));
    assert!(!has_key(
        &Question {
            qtype: QType::AXFR,
            ..plain.clone()
        }
        .packet(1)
    ));
    assert!(!has_key(
        &Question {
            qtype: QType::IXFR,
            ..plain.clone()
        }
        .packet(1)
    ));
    assert!(!has_key(
        &Question {
            flags: 4 << 11,
            ..plain.clone()
        }
        .packet(1)
    ));
    let signed = ReplyTo::new(&plain.packet(1))
        .record(2, QType::TSIG, 0, &[0; 16])
        .build();
    let signed = [&signed[..2], &[1, 0], &signed[4..]].concat();
    assert!(!has_key(&signed));
}

#[test]
fn a_client_never_gets_the_cookie_of_another() {
    let options = |options: &[(u16, &[u8])]| Opt {
        size: 1232,
        options: options
            .iter()
            .map(|(code, data)| (*code, data.to_vec()))
            .collect(),
        ..Opt::default()
    };
    let mut bench = Bench::new(settings());
    let query = Question {
        edns: Some(options(&[(10, &[1; 8])])),
        ..Question::new("example.com")
    }
    .packet(1);
    let with_cookie = options(&[(10, &[1; 24][..]), (15, &[0, 3]), (12, &[0; 40])]);
    bench.insert(
        &query,
        &ReplyTo::new(&query).address(300).opt(&with_cookie).build(),
    );
    let mut expected = ReplyTo::new(&query)
        .address(300)
        .opt(&options(&[(15, &[0, 3])]))
        .build();
    expected[..2].copy_from_slice(&[0, 1]);
    assert_eq!(bench.hit(&query), Some(expected));
    let not_last = ReplyTo::new(&query)
        .opt(&with_cookie)
        .record(2, QType::A, 300, &[1; 4])
        .build();
    assert_eq!(
        bench.insert(&query, &not_last),
        Inserted::Refused(Refusal::OptNotLast)
    );
}

#[test]
fn a_client_that_came_over_tcp_gets_no_truncated_reply() {
    let mut bench = Bench::new(Settings {
        truncated_ttl: 30,
        ..settings()
    });
    let query = Question::new("example.com").packet(1);
    let truncated = ReplyTo::new(&query).truncated().build();
    assert_eq!(bench.insert(&query, &truncated), Inserted::Stored);
    assert!(matches!(
        bench.lookup_for(&query, Accept::Truncated),
        Lookup::Hit(_)
    ));
    assert_eq!(
        bench.lookup_for(&query, Accept::Complete),
        Lookup::Miss { stale: false }
    );
    // The complete one replaces it although it expires sooner, and is not replaced by it.
    assert_eq!(
        bench.insert(&query, &ReplyTo::new(&query).address(10).build()),
        Inserted::Stored
    );
    assert!(matches!(
        bench.lookup_for(&query, Accept::Complete),
        Lookup::Hit(_)
    ));
    assert_eq!(
        bench.insert(&query, &truncated),
        Inserted::Refused(Refusal::KeptAnswer)
    );
}

#[test]
fn a_valid_reply_is_replaced_by_one_that_expires_later() {
    let mut bench = Bench::new(settings());
    let query = Question::new("example.com").packet(1);
    let reply = |ttl| ReplyTo::new(&query).address(ttl).build();
    assert_eq!(bench.insert(&query, &reply(100)), Inserted::Stored);
    assert_eq!(
        bench.at(10).insert(&query, &reply(90)),
        Inserted::Refused(Refusal::KeptFresher)
    );
    assert_eq!(bench.at(10).insert(&query, &reply(91)), Inserted::Stored);
    assert_eq!(bench.at(200).insert(&query, &reply(5)), Inserted::Stored);
    assert!(bench.at(204).hit(&query).is_some());
    assert!(bench.at(205).hit(&query).is_none());
    assert_eq!(bench.cache.len(), 1);
}

#[test]
fn replies_that_are_too_long_or_to_another_question_are_refused() {
    let longest = Settings {
        max_reply_len: 100,
        ..settings()
    };
    let filled = |len: usize| move |reply: ReplyTo| reply.record(0, QType::TXT, 60, &vec![1; len - 45]);
    assert_eq!(kept(&longest, filled(100)), Ok(60));
    assert_eq!(kept(&longest, filled(101)), Err(Refusal::TooLong));
    let bench = Bench::new(settings());
    let query = Question::new("example.com").packet(1);
    let refused = |refusal| Inserted::Refused(refusal);
    let other = Question::new("example.org").packet(1);
    let to_other = ReplyTo::new(&other).address(300).build();
    assert_eq!(bench.insert(&query, &to_other), refused(Refusal::OtherQuestion));
    let no_question = [&[0, 1, 0x81, 0x82], &[0; 8][..]].concat();
    assert_eq!(
        bench.insert(&query, &no_question),
        refused(Refusal::OtherQuestion)
    );
    assert_eq!(bench.insert(&query, &query), refused(Refusal::Malformed));
    assert_eq!(bench.insert(&query, &[]), refused(Refusal::Malformed));
    let mut notify = ReplyTo::new(&query).address(300).build();
    notify[2] |= 4 << 3;
    assert_eq!(bench.insert(&query, &notify), refused(Refusal::Malformed));
    let badvers = Opt {
        code_and_version: 0x0100,
        ..Opt::default()
    };
    let badvers = ReplyTo::new(&query).address(300).opt(&badvers).build();
    assert_eq!(bench.insert(&query, &badvers), refused(Refusal::ExtendedRcode));
}

#[test]
fn a_buffer_that_is_too_short_is_a_miss() {
    let bench = Bench::new(settings());
    let query = Question::new("example.com").packet(1);
    bench.insert(&query, &ReplyTo::new(&query).address(300).build());
    let parsed = Query::parse(&query).expect("a query");
    let found = bench.cache.lookup(
        &parsed,
        &bench.key(&query),
        bench.now,
        Accept::Truncated,
        &mut [0; 44],
    );
    assert_eq!(found, Lookup::Miss { stale: false });
}

#[test]
fn hits_and_misses_are_counted_once() {
    let mut bench = Bench::new(settings());
    let query = Question::new("example.com").packet(1);
    bench.hit(&query);
    bench.insert(&query, &ReplyTo::new(&query).address(300).build());
    bench.hit(&query);
    bench.hit(&query);
    bench.at(300).hit(&query);
    let counters = bench.cache.counters();
    assert_eq!(
        (counters.hits, counters.misses, counters.inserts, counters.entries),
        (2, 2, 1, 1)
    );
}
