//! What each policy promises, and how evenly it keeps it.

use std::num::NonZeroU32;
use std::time::Duration;

use weir_wire::{NameBuf, Rcode, Timestamp};

use super::*;
use crate::backend::Transport;
use crate::pool::{PickInput, Pool};
use crate::settings::{BackendSettings, Mode};

const PERTURBATION: u32 = 0x5eed;

/// `(order, weight)` of each backend; all are up. Backend number n listens on port n.
fn pool_with(policy: &str, settings: &PolicySettings, backends: &[(i32, u32)]) -> Pool {
    let backends = (1..).zip(backends).map(|(port, &(order, weight))| {
        let address = ([192, 0, 2, 1], port).into();
        Arc::new(Backend::new(
            BackendSettings {
                id: crate::BackendId::derived(address, ""),
                order,
                weight: NonZeroU32::new(weight).expect("a weight"),
                mode: Mode::Up,
                ..BackendSettings::new(address)
            },
            2,
        ))
    });
    let kind = policy_named(policy).expect("a policy");
    Pool::new(backends.collect(), kind, settings, 2)
}

fn pool(policy: &str, backends: &[(i32, u32)]) -> Pool {
    pool_with(policy, &PolicySettings::new(PERTURBATION), backends)
}

/// A query for the `number`th name, with its own random bits.
fn pick(pool: &Pool, number: u64) -> Option<usize> {
    pick_named(pool, &format!("host{number}.example.net"), number)
}

fn pick_named(pool: &Pool, qname: &str, number: u64) -> Option<usize> {
    let qname: NameBuf = qname.parse().expect("a name");
    let random = number
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31);
    let now = Timestamp::from_secs(1);
    pool.pick(&PickInput {
        worker: 0,
        now,
        qname: qname.as_name(),
        random,
        failed: None,
    })
}

fn shares(pool: &Pool, picks: u64) -> Vec<f64> {
    let mut counts = vec![0u32; pool.backends().len()];
    for number in 0..picks {
        counts[pick(pool, number).expect("all are up")] += 1;
    }
    counts
        .into_iter()
        .map(|count| f64::from(count) / picks as f64)
        .collect()
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    for (found_share, expected_share) in found.iter().zip(expected) {
        assert!(
            (found_share - expected_share).abs() < tolerance,
            "{found:?}, expected {expected:?}"
        );
    }
}

fn send(pool: &Pool, index: usize, queries: usize) {
    for _ in 0..queries {
        pool.backends()[index].on_sent(0);
    }
}

#[test]
fn every_policy_picks_only_usable_backends() {
    for kind in POLICIES {
        let settings = PolicySettings {
            round_robin_exhausted: Exhausted::Fail,
            ..PolicySettings::new(1)
        };
        let pool = pool_with(kind.name, &settings, &[(1, 10), (1, 10), (1, 10)]);
        pool.backends()[0].set_mode(Mode::Down);
        pool.backends()[2].set_mode(Mode::Drain);
        assert!(
            (0..100).all(|number| pick(&pool, number) == Some(1)),
            "{}",
            kind.name
        );
        pool.backends()[1].set_mode(Mode::Down);
        assert!(
            (0..100).all(|number| pick(&pool, number).is_none()),
            "{}",
            kind.name
        );
        assert!(!pool.is_available());
        let empty = Pool::new(Vec::new(), kind, &settings, 2);
        assert_eq!(pick(&empty, 0), None, "{}", kind.name);
    }
}

#[test]
fn no_policy_sends_a_query_again_to_the_backend_that_failed_it() {
    for kind in POLICIES {
        let pool = pool(kind.name, &[(1, 10), (2, 10)]);
        let qname: NameBuf = "www.example.net".parse().expect("a name");
        for failed in 0..2 {
            for random in [0, 7, u64::MAX] {
                let (now, failed_backend) = (Timestamp::ZERO, Some(pool.backends()[failed].as_ref()));
                let input = PickInput {
                    worker: 0,
                    now,
                    qname: qname.as_name(),
                    random,
                    failed: failed_backend,
                };
                assert_eq!(pool.pick(&input), Some(1 - failed), "{}", kind.name);
                pool.backends()[1 - failed].set_mode(Mode::Down);
                assert_ne!(
                    pool.pick(&input),
                    Some(failed),
                    "{}: not even when all others are down",
                    kind.name
                );
                pool.backends()[1 - failed].set_mode(Mode::Up);
            }
        }
    }
}

#[test]
fn a_backend_at_its_limit_of_outstanding_queries_is_not_usable() {
    let address = ([192, 0, 2, 1], 53).into();
    let max_outstanding = NonZeroU32::new(3);
    let settings = BackendSettings {
        mode: Mode::Up,
        max_outstanding,
        ..BackendSettings::new(address)
    };
    let backend = Backend::new(settings, 2);
    backend.on_sent(0);
    backend.on_sent(1);
    assert!(backend.is_usable());
    backend.on_sent(1);
    assert!(backend.is_up() && !backend.is_usable(), "workers count together");
    let _ = backend.on_reply(1, Transport::Udp, Duration::from_millis(1), Rcode::NOERROR);
    assert!(backend.is_usable());
}

#[test]
fn least_outstanding_breaks_ties_by_order_then_latency() {
    let pool = pool("leastOutstanding", &[(2, 1), (1, 1), (1, 1)]);
    let ports: Vec<u16> = pool
        .backends()
        .iter()
        .map(|backend| backend.settings().address.port())
        .collect();
    assert_eq!(ports, [2, 3, 1], "sorted by order, equals as given");
    for (index, millis) in [(0, 9), (1, 4), (2, 1)] {
        pool.backends()[index].on_sent(0);
        let _ =
            pool.backends()[index].on_reply(0, Transport::Udp, Duration::from_millis(millis), Rcode::NOERROR);
    }
    assert_eq!(pick(&pool, 0), Some(1), "order before latency, then latency");
    send(&pool, 1, 1);
    assert_eq!(pick(&pool, 0), Some(0), "fewest first");
    send(&pool, 0, 2);
    send(&pool, 1, 1);
    assert_eq!(pick(&pool, 0), Some(2));
}

#[test]
fn a_worker_goes_by_its_own_queries_in_flight() {
    let pool = pool("leastOutstanding", &[(1, 1), (1, 1)]);
    for _ in 0..5 {
        pool.backends()[0].on_sent(1);
    }
    assert_eq!(pick(&pool, 0), Some(0));
}

#[test]
fn first_available_fills_the_first_to_its_limit_then_the_next() {
    let limited = |port: u16, order, qps| {
        let settings = BackendSettings::new(([192, 0, 2, 1], port).into());
        Arc::new(Backend::new(
            BackendSettings {
                order,
                qps: NonZeroU32::new(qps),
                mode: Mode::Up,
                ..settings
            },
            1,
        ))
    };
    let backends = vec![limited(2, 2, 20), limited(1, 1, 10)];
    let kind = policy_named("firstAvailable").expect("a policy");
    let pool = Pool::new(backends, kind, &PolicySettings::new(0), 1);
    let picks: Vec<_> = (0..40).filter_map(|number| pick(&pool, number)).collect();
    assert!(picks[..10].iter().all(|&index| index == 0), "{picks:?}");
    assert!(picks[10..30].iter().all(|&index| index == 1), "{picks:?}");
    assert!(
        picks[30..].iter().all(|&index| index == 0),
        "both at their limit: leastOutstanding; {picks:?}"
    );
    send(&pool, 0, 1);
    assert_eq!(pick(&pool, 0), Some(1));
}

#[test]
fn wrandom_and_whashed_respect_weights() {
    for policy in ["wrandom", "whashed"] {
        let pool = pool(policy, &[(1, 1), (1, 3), (1, 6)]);
        assert_near(&shares(&pool, 50_000), &[0.1, 0.3, 0.6], 0.01);
    }
}

#[test]
fn hashed_policies_send_the_same_name_to_the_same_backend() {
    for policy in ["whashed", "chashed"] {
        let pool = pool(policy, &[(1, 500), (1, 500), (1, 500), (1, 500)]);
        for number in 0..200 {
            let name = format!("host{number}.example.net");
            let first = pick_named(&pool, &name, 0);
            assert_eq!(
                first,
                pick_named(&pool, &name, number + 1),
                "random bits do not matter"
            );
            assert_eq!(first, pick_named(&pool, &name.to_uppercase(), 0), "nor does case");
        }
        let other = pool_with(policy, &PolicySettings::new(PERTURBATION + 1), &[(1, 500); 4]);
        let moved = (0..1000)
            .filter(|&number| pick(&pool, number) != pick(&other, number))
            .count();
        assert!(
            (650..850).contains(&moved),
            "another perturbation moves three of four: {moved}"
        );
    }
}

#[test]
fn chashed_respects_weights_and_spreads_evenly() {
    let even = pool("chashed", &[(1, 1000); 5]);
    assert_near(&shares(&even, 50_000), &[0.2; 5], 0.03);
    let weighted = pool("chashed", &[(1, 500), (1, 1000), (1, 2500)]);
    assert_near(&shares(&weighted, 50_000), &[0.125, 0.25, 0.625], 0.03);
}

#[test]
fn chashed_moves_only_the_names_of_the_backend_that_went() {
    let pool = pool("chashed", &[(1, 500); 10]);
    let before: Vec<_> = (0..10_000).map(|number| pick(&pool, number)).collect();
    pool.backends()[3].set_mode(Mode::Down);
    let after: Vec<_> = (0..10_000).map(|number| pick(&pool, number)).collect();
    let mut moved = 0;
    for (before, after) in before.iter().zip(&after) {
        if *before == Some(3) {
            assert_ne!(*after, Some(3));
            moved += 1;
        } else {
            assert_eq!(before, after, "stays where it was");
        }
    }
    assert!((700..1300).contains(&moved), "about one in ten: {moved}");
    pool.backends()[3].set_mode(Mode::Up);
    assert!(
        (0..10_000).map(|number| pick(&pool, number)).eq(before),
        "and back again"
    );
}

#[test]
fn chashed_does_not_depend_on_the_order_in_the_file() {
    let pool = pool("chashed", &[(1, 300); 4]);
    let port = |pool: &Pool, number| {
        pool.backends()[pick(pool, number).expect("up")]
            .settings()
            .address
            .port()
    };
    let reversed: Vec<_> = pool.backends().iter().rev().map(Arc::clone).collect();
    let reversed = Pool::new(reversed, pool.policy(), &PolicySettings::new(PERTURBATION), 1);
    assert!((0..2000).all(|number| port(&pool, number) == port(&reversed, number)));
}

#[test]
fn chashed_finds_a_lonely_backend_however_heavy_the_dead_ones_are() {
    let pool = pool("chashed", &[(1, 2_000_000_000), (1, 1), (1, 1), (1, 1)]);
    pool.backends()[0].set_mode(Mode::Down);
    assert_near(&shares(&pool, 20_000), &[0.0, 0.333, 0.333, 0.333], 0.02);
}

#[test]
fn balancing_factors_bound_what_one_backend_has_in_flight() {
    let factor = BalancingFactor::new(1.2);
    let settings = PolicySettings {
        weighted_balancing: factor,
        consistent_balancing: factor,
        ..PolicySettings::new(PERTURBATION)
    };
    for policy in ["wrandom", "whashed", "chashed"] {
        let pool = pool_with(policy, &settings, &[(1, 100), (1, 100), (1, 200)]);
        for number in 0..4000 {
            // One name only: without the factor both hashed policies would send all of it to one backend.
            let index =
                pick_named(&pool, "popular.example.net", number).expect("one is always within the bound");
            send(&pool, index, 1);
        }
        let in_flight: Vec<u32> = pool
            .backends()
            .iter()
            .map(|backend| backend.outstanding())
            .collect();
        let most = [1201, 1201, 2401];
        assert!(
            in_flight.iter().zip(most).all(|(found, most)| *found <= most),
            "{policy}: {in_flight:?}"
        );
    }
    assert_eq!(BalancingFactor::new(0.99), None);
}

#[test]
fn round_robin_takes_turns_and_skips_the_dead_evenly() {
    let pool = pool("roundrobin", &[(1, 1), (1, 5), (1, 1), (1, 1)]);
    let picks: Vec<_> = (0..8).filter_map(|number| pick(&pool, number)).collect();
    assert_eq!(picks, [0, 1, 2, 3, 0, 1, 2, 3]);
    pool.backends()[1].set_mode(Mode::Down);
    assert_near(&shares(&pool, 12_000), &[0.333, 0.0, 0.333, 0.333], 0.1);
    for backend in pool.backends() {
        backend.set_mode(Mode::Down);
    }
    assert_near(&shares(&pool, 4000), &[0.25; 4], 0.001);
}

#[test]
fn a_timeout_counts_as_load_for_every_worker_until_a_reply() {
    let pool = pool("leastOutstanding", &[(1, 1), (1, 1)]);
    let dead = &pool.backends()[0];
    assert_eq!(pick(&pool, 0), Some(0), "equals go to the first");
    dead.on_sent(1);
    let _ = dead.on_timeout(1);
    assert_eq!(pick(&pool, 0), Some(1), "another worker has seen it time out");
    dead.on_sent(0);
    let _ = dead.on_reply(0, Transport::Udp, Duration::ZERO, Rcode::NOERROR);
    assert_eq!(pick(&pool, 0), Some(0), "it answers again");
}

#[test]
fn a_backend_that_was_never_probed_is_the_last_resort() {
    let backend = |port| {
        Arc::new(Backend::new(
            BackendSettings::new(([192, 0, 2, 1], port).into()),
            1,
        ))
    };
    let (new, known) = (backend(1), backend(2));
    let kind = policy_named("leastOutstanding").expect("a policy");
    let pool = Pool::new(
        vec![Arc::clone(&new), Arc::clone(&known)],
        kind,
        &PolicySettings::new(PERTURBATION),
        1,
    );
    assert_eq!(pick(&pool, 0), Some(0), "nobody knows anything better");
    known.assume_up();
    assert_eq!(pick(&pool, 0), Some(1));
    known.assume_down();
    new.assume_down();
    assert_eq!(pick(&pool, 0), None);
}
