//! Counting, listing, expunging and purging.

use weir_wire::{NameBuf, QType};

use super::packets::{Bench, Question, ReplyTo};
use crate::{Backing, Inserted, Scope, Settings};

/// More than one slice of entries in each of several shards.
const NAMES: usize = 3_000;

fn filled() -> Bench {
    let bench = Bench::new(Settings::new(NAMES * 2));
    for number in 0..NAMES {
        let zone = if number % 3 == 0 { "Example" } else { "notexample" };
        let question = Question {
            qtype: if number % 2 == 0 { QType::A } else { QType::AAAA },
            ..Question::new(&format!("host{number}.{zone}"))
        };
        let query = question.packet(1);
        let ttl = 1 + number as u32 % 100;
        let stored = bench.insert(&query, &ReplyTo::new(&query).address(ttl).build());
        assert_eq!(stored, Inserted::Stored);
    }
    bench
}

fn expunge(bench: &Bench, name: &str, qtype: Option<QType>, scope: Scope) -> usize {
    let name: NameBuf = name.parse().expect("a name");
    bench.cache.expunge_by_name(name.as_name(), qtype, scope)
}

#[test]
fn a_name_is_expunged_alone_with_its_type_or_with_all_below_it() {
    let mut bench = filled();
    assert_eq!(
        expunge(&bench, "HOST0.example", Some(QType::AAAA), Scope::Name),
        0
    );
    assert_eq!(expunge(&bench, "HOST0.example", Some(QType::A), Scope::Name), 1);
    assert_eq!(bench.hit(&Question::new("host0.example").packet(1)), None);
    assert_eq!(expunge(&bench, "host3.example", None, Scope::Name), 1);
    assert_eq!(expunge(&bench, "example", None, Scope::Name), 0);
    assert_eq!(expunge(&bench, "EXAMPLE", Some(QType::A), Scope::Suffix), 499);
    assert_eq!(expunge(&bench, "example", None, Scope::Suffix), 499);
    assert_eq!(bench.cache.len(), NAMES - 1_000);
    assert!(bench.hit(&Question::new("host2.notexample").packet(1)).is_some());
    assert_eq!(expunge(&bench, ".", None, Scope::Suffix), NAMES - 1_000);
    assert!(bench.cache.is_empty());
    assert_eq!(bench.cache.counters().bytes, 0);
}

#[test]
fn an_expunge_leaves_at_most_what_is_to_be_kept() {
    let bench = filled();
    assert!(!bench.cache.is_full());
    let removed = bench.cache.expunge(1_000, bench.now);
    assert_eq!(bench.cache.len() + removed, NAMES);
    // Shards fill unevenly, and each keeps its share at most.
    assert!(
        (900..=1_000).contains(&bench.cache.len()),
        "{}",
        bench.cache.len()
    );
    bench.cache.expunge(0, bench.now);
    assert!(bench.cache.is_empty());
}

#[test]
fn a_purge_removes_what_has_expired_as_far_as_told() {
    let mut bench = filled();
    assert_eq!(bench.cache.purge_expired(bench.now, 0, Backing::Usable), 0);
    bench.at(50);
    let removed = bench.cache.purge_expired(bench.now, 2_000, Backing::Usable);
    assert!((950..=1_050).contains(&removed), "{removed}");
    bench.cache.purge_expired(bench.now, 0, Backing::Usable);
    assert_eq!(bench.cache.len(), NAMES / 2);
    assert_eq!(bench.cache.counters().cleanups, 3);
    // A vacant place is used again.
    let query = Question::new("again.example").packet(1);
    bench.insert(&query, &ReplyTo::new(&query).address(300).build());
    assert!(bench.hit(&query).is_some());
}

#[test]
fn every_entry_is_listed_once_and_reads_well() {
    let mut bench = filled();
    let mut lines = Vec::new();
    bench.at(10);
    bench
        .cache
        .for_each(bench.now, |listed| lines.push(listed.to_string()));
    assert_eq!(lines.len(), NAMES);
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), NAMES);
    let line = "host3.Example. -6 IN AAAA ; NOERROR, 47 bytes, stored 10 s ago, key: rd";
    assert!(lines.iter().any(|listed| listed == line), "{:?}", lines.first());
}

#[test]
fn bytes_are_bounded_whatever_the_lengths() {
    let limit = 1 << 18;
    let bench = Bench::new(Settings {
        max_bytes: Some(limit),
        ..Settings::new(100_000)
    });
    for number in 0..5_000 {
        let query = Question::new(&format!("host{number}.example")).packet(1);
        let reply = ReplyTo::new(&query).record(0, QType::TXT, 300, &vec![0; number * 7 % 4_000]);
        assert_eq!(bench.insert(&query, &reply.build()), Inserted::Stored);
        assert!(bench.cache.counters().bytes <= limit as u64);
    }
    let counters = bench.cache.counters();
    assert!(counters.bytes > limit as u64 * 9 / 10, "{}", counters.bytes);
    assert_eq!(counters.evictions + counters.entries, 5_000);
}

#[test]
fn a_long_reply_among_very_short_ones_makes_room_in_steps() {
    let bench = Bench::new(Settings {
        max_bytes: Some(1 << 18),
        max_reply_len: 65_535,
        ..Settings::new(100_000)
    });
    for number in 0..5_000 {
        let query = Question::new(&format!("{number}.a")).packet(1);
        bench.insert(&query, &ReplyTo::new(&query).address(300).build());
    }
    let query = Question::new("long.a").packet(1);
    let mut reply = ReplyTo::new(&query);
    for _ in 0..6 {
        reply = reply.record(0, QType::TXT, 300, &[0; 1_000]);
    }
    let evictions = bench.cache.counters().evictions;
    let refused = (0..100)
        .take_while(|_| bench.insert(&query, &reply.build()) != Inserted::Stored)
        .count();
    let evicted = bench.cache.counters().evictions - evictions;
    assert!((1..4).contains(&refused), "{refused}");
    assert!(evicted <= 32 * (refused as u64 + 1), "{evicted}");
}
