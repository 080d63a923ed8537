use std::num::NonZeroU8;

use Condition::{Fails, Holds, Number, Unknown};

use super::*;

fn priority(value: u8) -> Priority {
    Priority(NonZeroU8::new(value).unwrap())
}

/// One tracker of this weight in this condition, on a router of priority 100.
fn weigh_one(weight: Weight, reverse: bool, condition: Condition) -> Weighed {
    let tracking = [Tracking {
        tracker: 0,
        weight,
        reverse,
    }];
    weigh(priority(100), &tracking, &[condition])
}

#[test]
fn every_weight_in_every_condition() {
    let (eligible, failing, waiting) = (Weighed::Eligible, Weighed::Failing(0), Weighed::Waiting(0));
    let (plus, minus) = (Weight::Points(20), Weight::Points(-20));
    let table = [
        // weight, reverse, unknown, holds, fails, number 3
        (Weight::Fault, false, waiting, eligible(100), failing, failing),
        (
            Weight::Fault,
            true,
            waiting,
            failing,
            eligible(100),
            eligible(100),
        ),
        (
            plus,
            false,
            eligible(100),
            eligible(120),
            eligible(100),
            eligible(160),
        ),
        (
            plus,
            true,
            eligible(100),
            eligible(100),
            eligible(120),
            eligible(40),
        ),
        (
            minus,
            false,
            eligible(80),
            eligible(100),
            eligible(80),
            eligible(40),
        ),
        (
            minus,
            true,
            eligible(80),
            eligible(80),
            eligible(100),
            eligible(160),
        ),
        (
            Weight::Eighth,
            false,
            eligible(13),
            eligible(100),
            eligible(13),
            eligible(13),
        ),
        (
            Weight::Eighth,
            true,
            eligible(13),
            eligible(13),
            eligible(100),
            eligible(100),
        ),
    ];
    for (weight, reverse, unknown, holds, fails, number) in table {
        let seen = [Unknown, Holds, Fails, Number(3)].map(|condition| weigh_one(weight, reverse, condition));
        assert_eq!(
            seen,
            [unknown, holds, fails, number],
            "{weight:?}, reverse {reverse}"
        );
    }
}

#[test]
fn a_number_of_zero_holds() {
    assert_eq!(weigh_one(Weight::Fault, false, Number(0)), Weighed::Eligible(100));
    assert_eq!(
        weigh_one(Weight::Eighth, false, Number(0)),
        Weighed::Eligible(100)
    );
    assert_eq!(
        weigh_one(Weight::Points(-5), false, Number(0)),
        Weighed::Eligible(100)
    );
}

#[test]
fn priorities_stay_between_1_and_254() {
    assert_eq!(
        weigh_one(Weight::Points(253), false, Holds),
        Weighed::Eligible(254)
    );
    assert_eq!(
        weigh_one(Weight::Points(-253), false, Fails),
        Weighed::Eligible(1)
    );
    assert_eq!(
        weigh_one(Weight::Points(253), false, Number(i32::MAX)),
        Weighed::Eligible(254)
    );
    assert_eq!(
        weigh_one(Weight::Points(253), true, Number(i32::MIN)),
        Weighed::Eligible(254)
    );
}

#[test]
fn weights_add_up_before_the_eighth_is_taken() {
    let weights = [Weight::Points(60), Weight::Points(-20), Weight::Eighth];
    let tracking: Vec<Tracking> = (0..3)
        .map(|tracker| Tracking {
            tracker,
            weight: weights[tracker],
            reverse: false,
        })
        .collect();
    assert_eq!(
        weigh(priority(100), &tracking, &[Holds, Fails, Holds]),
        Weighed::Eligible(140)
    );
    assert_eq!(
        weigh(priority(100), &tracking, &[Holds, Fails, Fails]),
        Weighed::Eligible(18)
    );
}

#[test]
fn degraded_nodes_keep_their_order_and_yield_to_any_that_is_not() {
    let eighth = |value| {
        let tracking = [Tracking {
            tracker: 0,
            weight: Weight::Eighth,
            reverse: false,
        }];
        match weigh(priority(value), &tracking, &[Fails]) {
            Weighed::Eligible(priority) => priority,
            other => panic!("{other:?}"),
        }
    };
    let all: Vec<u8> = (1..=254).map(eighth).collect();
    assert!(all.is_sorted());
    assert_eq!((all[0], all[99], all[149], all[253]), (1, 13, 19, 32));
}

#[test]
fn the_owner_is_not_weighed_but_can_fail() {
    let tracking = |weight| {
        [Tracking {
            tracker: 0,
            weight,
            reverse: false,
        }]
    };
    for weight in [Weight::Points(-100), Weight::Eighth] {
        let weighed = weigh(Priority::OWNER, &tracking(weight), &[Fails]);
        assert_eq!(weighed, Weighed::Eligible(255));
    }
    let weighed = weigh(Priority::OWNER, &tracking(Weight::Fault), &[Fails]);
    assert_eq!(weighed, Weighed::Failing(0));
}

#[test]
fn a_failure_is_worse_than_not_knowing() {
    let tracking: Vec<Tracking> = (0..2)
        .map(|tracker| Tracking {
            tracker,
            weight: Weight::Fault,
            reverse: false,
        })
        .collect();
    assert_eq!(
        weigh(priority(100), &tracking, &[Unknown, Fails]),
        Weighed::Failing(1)
    );
    assert_eq!(
        weigh(priority(100), &tracking, &[Unknown, Holds]),
        Weighed::Waiting(0)
    );
    // A tracker that does not exist is never known.
    assert_eq!(weigh(priority(100), &tracking, &[Holds]), Weighed::Waiting(1));
}
