//! Identifiers, deadlines and limits, each alone and then against a model.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

const SOCKET: SocketIndex = SocketIndex(3);
const TIMEOUT: Duration = Duration::from_secs(2);

/// SplitMix64: seeded, and good enough to stand for the kernel's random bits.
fn random(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

fn limits(queries: u32) -> PendingLimits {
    PendingLimits {
        queries: NonZeroU32::new(queries).expect("not zero"),
    }
}

fn at_ms(millis: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_millis(millis)
}

#[test]
fn a_reply_is_matched_by_socket_identifier_and_question() {
    let mut pending = Pending::new(limits(10));
    let id = pending
        .insert(SOCKET, at_ms(5), TIMEOUT, random(1), "question")
        .expect("room");
    assert_eq!(pending.take(SocketIndex(4), id), None, "another socket");
    assert_eq!(pending.take(SOCKET, id ^ 1), None, "another identifier");
    assert_eq!(
        pending.take_if(SOCKET, id, |question| *question == "forged"),
        None,
        "another question"
    );
    assert_eq!(pending.get_mut(SOCKET, id ^ 1), None);
    assert_eq!(
        pending.get_mut(SOCKET, id),
        Some(&mut "question"),
        "a look changes nothing"
    );
    let taken = pending.take_if(SOCKET, id, |question| *question == "question");
    assert_eq!(
        taken,
        Some(Taken {
            socket: SOCKET,
            id,
            sent: at_ms(5),
            value: "question"
        })
    );
    assert_eq!(pending.take(SOCKET, id), None, "a duplicate");
    assert_eq!((pending.len(), pending.next_deadline()), (0, None));
}

#[test]
fn identifiers_are_unique_per_socket_and_not_sequential() {
    let mut pending = Pending::new(limits(40_000));
    let mut random = random(2);
    let mut seen = HashSet::new();
    let mut neighbours = 0;
    let mut previous = 0u16;
    for number in 0..30_000 {
        let id = pending
            .insert(SOCKET, at_ms(0), TIMEOUT, &mut random, number)
            .expect("room");
        assert!(seen.insert(id), "{id} is in use");
        neighbours += u32::from(id.abs_diff(previous) == 1);
        previous = id;
    }
    assert!(
        neighbours < 10,
        "{neighbours} of 30,000 identifiers follow the one before"
    );
    let id = pending
        .insert(SocketIndex(9), at_ms(0), TIMEOUT, &mut random, 0)
        .expect("room");
    assert!(
        pending.take(SocketIndex(9), id).is_some(),
        "another socket has identifiers of its own"
    );
}

#[test]
fn a_socket_without_free_identifiers_refuses_instead_of_searching_on() {
    let mut pending = Pending::new(limits(10));
    pending.insert(SOCKET, at_ms(0), TIMEOUT, || 0, 1).expect("room");
    let mut draws = 0;
    let refused = pending.insert(
        SOCKET,
        at_ms(0),
        TIMEOUT,
        || {
            draws += 1;
            0
        },
        2,
    );
    assert_eq!((refused, draws), (Err(Refused::NoId(2)), ID_ATTEMPTS / 4));
    assert_eq!(
        pending.insert(SOCKET, at_ms(0), TIMEOUT, || 7 << 48, 3),
        Ok(7),
        "every 16 bits are an attempt"
    );
}

#[test]
fn a_full_table_refuses_and_the_oldest_makes_room() {
    let mut pending = Pending::new(limits(100));
    let mut random = random(3);
    for number in 0..100 {
        pending
            .insert(SOCKET, at_ms(number), TIMEOUT, &mut random, number)
            .expect("room");
    }
    assert_eq!(
        pending.insert(SOCKET, at_ms(100), TIMEOUT, &mut random, 100),
        Err(Refused::Full(100))
    );
    assert_eq!(pending.pop_oldest().map(|oldest| oldest.value), Some(0));
    assert!(
        pending
            .insert(SOCKET, at_ms(100), TIMEOUT, &mut random, 100)
            .is_ok()
    );
}

#[test]
fn timeouts_fire_when_they_say() {
    let mut pending = Pending::new(limits(10));
    let mut random = random(4);
    pending
        .insert(SOCKET, at_ms(0), Duration::from_millis(2000), &mut random, "slow")
        .expect("room");
    pending
        .insert(SOCKET, at_ms(1), Duration::from_millis(500), &mut random, "quick")
        .expect("room");
    let late = pending
        .insert(SOCKET, at_ms(2), Duration::from_millis(500), &mut random, "late")
        .expect("room");
    assert_eq!(pending.next_deadline(), Some(at_ms(501)));
    assert_eq!(pending.pop_expired(at_ms(500)), None);
    assert_eq!(
        pending.pop_expired(at_ms(501)).map(|expired| expired.value),
        Some("quick")
    );
    assert_eq!(pending.pop_expired(at_ms(501)), None);
    assert_eq!(pending.next_deadline(), Some(at_ms(502)));
    pending.take(SOCKET, late);
    assert_eq!(pending.next_deadline(), Some(at_ms(2000)));
    assert_eq!(
        pending.pop_expired(at_ms(9000)).map(|expired| expired.value),
        Some("slow")
    );
}

#[test]
fn more_timeouts_than_queues_wait_for_the_nearest() {
    let mut pending = Pending::new(limits(1000));
    let mut random = random(5);
    for millis in 1..=MAX_TIMEOUTS as u64 {
        pending
            .insert(
                SOCKET,
                at_ms(0),
                Duration::from_millis(millis * 10),
                &mut random,
                millis,
            )
            .expect("room");
    }
    pending
        .insert(SOCKET, at_ms(0), Duration::from_millis(104), &mut random, 0)
        .expect("room");
    let mut expired = std::iter::from_fn(|| pending.pop_expired(at_ms(100)));
    assert_eq!(
        expired.by_ref().map(|taken| taken.value).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]
    );
    // The ten queues that are empty now serve other timeouts exactly.
    pending
        .insert(SOCKET, at_ms(100), Duration::from_millis(1), &mut random, 7)
        .expect("room");
    assert_eq!(pending.next_deadline(), Some(at_ms(101)));
}

#[derive(Clone, Debug)]
enum Operation {
    Insert { socket: u32, timeout_ms: u64 },
    Take { nth: usize },
    PopOldest,
    Pass { millis: u64 },
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..3u32, prop::sample::select(vec![20u64, 50, 200]))
            .prop_map(|(socket, timeout_ms)| Operation::Insert { socket, timeout_ms }),
        2 => any::<prop::sample::Index>().prop_map(|nth| Operation::Take { nth: nth.index(64) }),
        1 => Just(Operation::PopOldest),
        2 => (0..40u64).prop_map(|millis| Operation::Pass { millis }),
    ]
}

proptest! {
    #[test]
    fn behaves_as_a_map_with_deadlines(
        seed: u64,
        operations in prop::collection::vec(operation(), 0..400),
    ) {
        const LIMIT: u32 = 48;
        let mut pending = Pending::new(limits(LIMIT));
        let mut random = random(seed);
        let mut model: BTreeMap<(u32, u16), (u64, usize)> = BTreeMap::new();
        let mut now = 0;
        for (number, operation) in operations.into_iter().enumerate() {
            match operation {
                Operation::Insert { socket, timeout_ms } => {
                    let timeout = Duration::from_millis(timeout_ms);
                    match pending.insert(SocketIndex(socket), at_ms(now), timeout, &mut random, number) {
                        Ok(id) => prop_assert!(model.insert((socket, id), (now + timeout_ms, number)).is_none()),
                        Err(refused) => {
                            prop_assert_eq!(refused, Refused::Full(number));
                            prop_assert_eq!(model.len(), LIMIT as usize);
                        }
                    }
                }
                Operation::Take { nth } => {
                    let Some((&(socket, id), &(_, value))) = model.iter().nth(nth) else { continue };
                    model.remove(&(socket, id));
                    prop_assert_eq!(pending.take(SocketIndex(socket), id).map(|taken| taken.value), Some(value));
                }
                Operation::PopOldest => {
                    let oldest = pending.pop_oldest();
                    let deadline = oldest.and_then(|oldest| model.remove(&(oldest.socket.0, oldest.id)));
                    prop_assert_eq!(oldest.is_some(), deadline.is_some());
                    prop_assert!(deadline.is_none_or(|(deadline, _)| model.values().all(|(other, _)| *other >= deadline)));
                }
                Operation::Pass { millis } => {
                    now += millis;
                    while let Some(expired) = pending.pop_expired(at_ms(now)) {
                        let known = model.remove(&(expired.socket.0, expired.id));
                        prop_assert!(known.is_some_and(|(deadline, value)| deadline <= now && value == expired.value));
                    }
                    prop_assert!(model.values().all(|(deadline, _)| *deadline > now));
                }
            }
            prop_assert_eq!(pending.len(), model.len());
            let next = model.values().map(|(deadline, _)| at_ms(*deadline)).min();
            prop_assert_eq!(pending.next_deadline(), next);
        }
    }
}
