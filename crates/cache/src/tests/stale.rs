//! Expired replies that are still of use, and popular ones that are renewed before they expire.

use weir_wire::Rcode;

use super::packets::{Bench, Question, ReplyTo};
use crate::{Backing, Inserted, Lookup, Refusal, Settings};

fn stale_settings() -> Settings {
    Settings {
        stale_window: 1_000,
        stale_ttl: 30,
        ..Settings::new(1000)
    }
}

/// A cache with an answer that is valid for 100 seconds.
fn with_answer(settings: Settings) -> (Bench, Vec<u8>) {
    let bench = Bench::new(settings);
    let query = Question::new("www.example.com").packet(1);
    let stored = bench.insert(&query, &ReplyTo::new(&query).address(100).build());
    assert_eq!(stored, Inserted::Stored);
    (bench, query)
}

#[test]
fn an_expired_answer_is_given_within_the_window_and_with_the_stale_ttl() {
    let (mut bench, query) = with_answer(stale_settings());
    assert!(matches!(bench.at(99).lookup_stale(&query), Lookup::Hit(_)));
    assert_eq!(bench.at(100).lookup(&query), Lookup::Miss { stale: true });
    let Lookup::Stale(hit) = bench.at(1_099).lookup_stale(&query) else {
        panic!("not given");
    };
    let mut expected = ReplyTo::new(&query).address(30).build();
    expected[..2].copy_from_slice(&[0, 1]);
    assert_eq!(bench.written(hit.len), expected);
    assert_eq!(bench.at(1_100).lookup(&query), Lookup::Miss { stale: false });
    assert_eq!(
        bench.at(1_100).lookup_stale(&query),
        Lookup::Miss { stale: false }
    );
}

#[test]
fn without_a_window_nothing_is_stale() {
    let (mut bench, query) = with_answer(Settings::new(1000));
    assert_eq!(bench.at(100).lookup(&query), Lookup::Miss { stale: false });
    assert_eq!(bench.at(100).lookup_stale(&query), Lookup::Miss { stale: false });
}

#[test]
fn a_failed_refresh_is_not_tried_again_for_thirty_seconds() {
    let (mut bench, query) = with_answer(stale_settings());
    bench.at(200).refresh_failed(&query);
    assert!(matches!(bench.at(229).lookup(&query), Lookup::Stale(_)));
    assert_eq!(bench.at(230).lookup(&query), Lookup::Miss { stale: true });
    // A SERVFAIL is a failed refresh too, and does not displace the answer.
    let failure = ReplyTo::new(&query).rcode(Rcode::SERVFAIL).build();
    assert_eq!(
        bench.at(230).insert(&query, &failure),
        Inserted::Refused(Refusal::KeptAnswer)
    );
    assert!(matches!(bench.at(259).lookup(&query), Lookup::Stale(_)));
    assert_eq!(bench.at(260).lookup(&query), Lookup::Miss { stale: true });
    // A refresh that succeeds ends it.
    bench
        .at(260)
        .insert(&query, &ReplyTo::new(&query).address(10).build());
    assert!(matches!(bench.at(261).lookup(&query), Lookup::Hit(_)));
    assert_eq!(bench.at(271).lookup(&query), Lookup::Miss { stale: true });
    assert_eq!(bench.cache.counters().stale_hits, 2);
}

#[test]
fn a_renewed_answer_that_expires_is_asked_for_at_once() {
    let (mut bench, query) = with_answer(stale_settings());
    bench.at(100).refresh_failed(&query);
    bench
        .at(101)
        .insert(&query, &ReplyTo::new(&query).address(10).build());
    assert_eq!(bench.at(111).lookup(&query), Lookup::Miss { stale: true });
}

#[test]
fn a_failure_displaces_what_is_of_no_more_use_and_is_never_stale() {
    let (mut bench, query) = with_answer(stale_settings());
    let failure = ReplyTo::new(&query).rcode(Rcode::SERVFAIL).build();
    assert_eq!(
        bench.at(50).insert(&query, &failure),
        Inserted::Refused(Refusal::KeptAnswer)
    );
    assert_eq!(bench.at(1_100).insert(&query, &failure), Inserted::Stored);
    assert_eq!(
        bench.at(1_160).lookup_stale(&query),
        Lookup::Miss { stale: false }
    );
    // An answer displaces a failure even if it expires sooner.
    assert_eq!(bench.at(1_160).insert(&query, &failure), Inserted::Stored);
    let answer = ReplyTo::new(&query).address(5).build();
    assert_eq!(bench.at(1_161).insert(&query, &answer), Inserted::Stored);
}

#[test]
fn a_purge_keeps_what_may_be_stale_and_all_while_the_pool_is_down() {
    let (mut bench, _) = with_answer(stale_settings());
    let purge = |bench: &Bench, backing| bench.cache.purge_expired(bench.now, 0, backing);
    assert_eq!(purge(bench.at(1_099), Backing::Usable), 0);
    assert_eq!(purge(bench.at(1_100), Backing::Down), 1, "keep_stale_data is off");
    let (mut bench, query) = with_answer(Settings {
        keep_stale_data: true,
        ..stale_settings()
    });
    assert_eq!(purge(bench.at(5_000), Backing::Down), 0);
    assert_eq!(bench.cache.len(), 1);
    assert_eq!(purge(bench.at(5_000), Backing::Usable), 1);
    assert_eq!(bench.cache.len(), 0);
    assert_eq!(bench.lookup_stale(&query), Lookup::Miss { stale: false });
}

/// Whether the lookup at `second` tells its caller to refresh.
fn told(bench: &mut Bench, second: u32, query: &[u8]) -> bool {
    matches!(bench.at(second).lookup(query), Lookup::Hit(hit) if hit.prefetch)
}

#[test]
fn one_caller_refreshes_a_popular_answer_in_the_last_tenth_of_its_ttl() {
    let prefetch = Settings {
        prefetch: true,
        ..Settings::new(1000)
    };
    let (mut bench, query) = with_answer(prefetch);
    assert!((0..90).all(|second| !told(&mut bench, second, &query)));
    assert!(told(&mut bench, 90, &query));
    assert!((90..100).all(|second| !told(&mut bench, second, &query)));
    // Once renewed, popularity is earned anew.
    bench
        .at(95)
        .insert(&query, &ReplyTo::new(&query).address(100).build());
    assert_eq!(
        [190, 191, 192, 193].map(|second| told(&mut bench, second, &query)),
        [false, false, true, false]
    );
    assert_eq!(bench.cache.counters().prefetches, 2);
}

#[test]
fn prefetch_is_off_unless_set() {
    let (mut bench, query) = with_answer(Settings::new(1000));
    assert!((0..100).all(|second| !told(&mut bench, second, &query)));
}
