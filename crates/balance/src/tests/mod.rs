//! All parts together, in virtual time: what clients get when backends die, slow down or flap.

mod world;

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use proptest::prelude::*;

use weir_wire::Timestamp;

use crate::{BackendSettings, CoalesceLimits, Counter, GiveUp, HealthChange, PendingLimits, RetrySettings};
use world::{GOOD, Outcome, Plan, Server, World};

const NO_RETRY: RetrySettings = RetrySettings {
    retry_once: false,
    give_up: GiveUp::Silently,
};
const RETRY: RetrySettings = RetrySettings {
    retry_once: true,
    give_up: GiveUp::Silently,
};
const DEAD: Server = Server {
    is_alive: false,
    ..GOOD
};

/// Server number n listens on port n.
fn backends(count: u16) -> Vec<BackendSettings> {
    (0..count)
        .map(|port| BackendSettings::new(([192, 0, 2, 1], port).into()))
        .collect()
}

fn world(seed: u64, backends: Vec<BackendSettings>, retry: RetrySettings) -> World {
    World::new(
        seed,
        backends,
        (PendingLimits::default(), CoalesceLimits::default()),
        retry,
    )
}

/// One query with a question of its own every `millis`, from `from` seconds to `to`.
fn plan_queries(world: &mut World, millis: u64, (from, to): (u64, u64)) {
    for (question, at) in (from * 1000..to * 1000).step_by(millis as usize).enumerate() {
        world.plan(
            Duration::from_millis(at),
            Plan::Query {
                question: question as u32 + 1000,
            },
        );
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.since(Timestamp::from_secs(50)).as_secs_f64()
}

#[test]
fn one_dead_backend_costs_nobody_an_answer_when_queries_are_retried() {
    let mut world = world(1, backends(2), RETRY);
    plan_queries(&mut world, 2, (1, 20));
    world.plan(Duration::from_secs(10), Plan::Become(1, DEAD));
    world.run(100_000);
    world.assert_settled();
    assert_eq!(world.count(Outcome::Answered), 9_500);
    assert!(
        world.total(1, Counter::Timeouts) > 0,
        "some queries did go to the dead one"
    );
    let (at, server, change) = *world.changes.last().expect("it went down");
    assert_eq!((server, change), (1, HealthChange::Down));
    assert!(
        seconds(at) < 12.3,
        "one interval and one timeout at most, jitter included: {}",
        seconds(at)
    );
}

#[test]
fn timeouts_in_a_row_eject_before_the_next_probe() {
    let mut settings = backends(2);
    for backend in &mut settings {
        backend.check.interval_secs = NonZeroU32::new(60).expect("not zero");
    }
    let mut world = world(2, settings, NO_RETRY);
    // Some thirteen in flight to each: leastOutstanding gives a dead backend no more than that before they expire.
    for server in 0..2 {
        world.plan(
            Duration::ZERO,
            Plan::Become(
                server,
                Server {
                    delay_ms: (20, 30),
                    ..GOOD
                },
            ),
        );
    }
    plan_queries(&mut world, 1, (1, 20));
    world.plan(Duration::from_secs(10), Plan::Become(0, DEAD));
    world.run(100_000);
    world.assert_settled();
    let (at, ..) = *world
        .changes
        .iter()
        .find(|(at, ..)| seconds(*at) > 10.0)
        .expect("it was ejected");
    assert!(
        seconds(at) < 12.1,
        "the first timeouts, not the next probe: {}",
        seconds(at)
    );
    let late = world
        .outcomes
        .iter()
        .flatten()
        .filter(|(at, outcome)| *outcome == Outcome::TimedOut && seconds(*at) > 14.1);
    assert_eq!(late.count(), 0, "no query sent after the ejection was lost");
}

#[test]
fn a_slow_backend_gets_little_but_stays_up() {
    let mut world = world(3, backends(2), NO_RETRY);
    world.plan(
        Duration::ZERO,
        Plan::Become(
            1,
            Server {
                delay_ms: (200, 300),
                ..GOOD
            },
        ),
    );
    plan_queries(&mut world, 1, (1, 20));
    world.run(100_000);
    world.assert_settled();
    assert_eq!(world.count(Outcome::Answered), 19_000);
    let (fast, slow) = (world.total(0, Counter::Queries), world.total(1, Counter::Queries));
    assert!(slow * 20 < fast, "fast {fast}, slow {slow}");
    assert!(world.health[1].backend().is_up());
}

#[test]
fn a_flapping_backend_is_held_back_by_rise() {
    let flaps = |rise| {
        let mut settings = backends(2);
        for backend in &mut settings {
            backend.check.rise = NonZeroU8::new(rise).expect("not zero");
        }
        let mut world = world(4, settings, RETRY);
        plan_queries(&mut world, 20, (1, 60));
        for second in (4..60).step_by(4) {
            let behaviour = if second % 8 == 0 { GOOD } else { DEAD };
            world.plan(Duration::from_secs(second), Plan::Become(1, behaviour));
        }
        world.run(100_000);
        world.assert_settled();
        assert_eq!(world.count(Outcome::Answered), 2_950, "retried on the other");
        world.changes.iter().filter(|(_, server, _)| *server == 1).count()
    };
    let (eager, patient) = (flaps(1), flaps(10));
    assert!(eager >= 12, "up and down in each period: {eager}");
    assert_eq!(
        patient, 2,
        "up at start, down once: four seconds are never ten probes"
    );
}

#[test]
fn random_loss_does_not_eject() {
    let mut world = world(5, backends(2), RETRY);
    for server in 0..2 {
        let mut behaviour = Server { loss: 200, ..GOOD };
        behaviour.duplication = 100;
        world.plan(Duration::from_secs(1), Plan::Become(server, behaviour));
    }
    plan_queries(&mut world, 1, (1, 4));
    world.run(100_000);
    world.assert_settled();
    let duplicates =
        world.total(0, Counter::NonCompliantResponses) + world.total(1, Counter::NonCompliantResponses);
    assert!(duplicates > 100, "{duplicates}");
    let retries = world.total(0, Counter::Timeouts) + world.total(1, Counter::Timeouts);
    assert!(retries > 400, "{retries}");
}

#[test]
fn nobody_waits_when_no_backend_is_up() {
    let mut world = world(6, backends(1), RETRY);
    world.plan(Duration::ZERO, Plan::Become(0, DEAD));
    plan_queries(&mut world, 10, (3, 4));
    world.run(1000);
    world.assert_settled();
    assert_eq!(world.count(Outcome::NoServer), 100);
}

#[test]
fn one_reply_answers_everybody_who_asked() {
    let mut world = world(7, backends(1), NO_RETRY);
    world.plan(
        Duration::ZERO,
        Plan::Become(
            0,
            Server {
                delay_ms: (100, 100),
                ..GOOD
            },
        ),
    );
    for _ in 0..1500 {
        world.plan(Duration::from_secs(2), Plan::Query { question: 1 });
    }
    world.run(10_000);
    world.assert_settled();
    assert_eq!(world.count(Outcome::Answered), 1500);
    // The first with its 1,000 waiters, then 499 beyond the limit, each on its own.
    assert_eq!(world.total(0, Counter::Queries), 500);
}

prop_compose! {
    fn server()(is_alive in prop::bool::weighted(0.8), loss in 0..400u64, duplication in 0..400u64,
                shortest in 0..100u64, spread in 0..4000u64) -> Server {
        Server { is_alive, loss, duplication, delay_ms: (shortest, shortest + spread) }
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    prop_oneof![
        30 => (0..12u32).prop_map(|question| Plan::Query { question }),
        1 => (0..3usize, server()).prop_map(|(number, server)| Plan::Become(number, server)),
        1 => (0..4usize).prop_map(|servers| Plan::Reload { servers }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Loss, repetition, delay beyond the timeout, death, reload, tiny tables: each client's query ends once.
    #[test]
    fn every_query_ends_exactly_once(
        seed: u64,
        retry_once: bool,
        (pending, flights, waiters, per_flight) in (1..30u32, 1..10u32, 1..20u32, 1..6u32),
        plans in prop::collection::vec((0..8000u64, plan()), 1..300),
    ) {
        let limit = |limit| NonZeroU32::new(limit).expect("not zero");
        let limits = (
            PendingLimits { queries: limit(pending) },
            CoalesceLimits {
                flights: limit(flights),
                waiters: limit(waiters),
                waiters_per_flight: limit(per_flight),
            },
        );
        let retry = RetrySettings { retry_once, give_up: GiveUp::ServFail };
        let mut world = World::new(seed, backends(3), limits, retry);
        let queries = plans.iter().filter(|(_, plan)| matches!(plan, Plan::Query { .. })).count();
        for (millis, plan) in plans {
            world.plan(Duration::from_millis(millis), plan);
        }
        world.run(100_000);
        prop_assert_eq!(world.outcomes.len(), queries);
        world.assert_settled();
    }
}
