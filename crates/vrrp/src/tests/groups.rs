//! Routers that go together.

use super::*;

/// A group of two routers, the second of which tracks something that it cannot do without.
fn pair() -> NodeSettings {
    let second = RouterSettings {
        vrid: Vrid(NonZeroU8::new(54).unwrap()),
        ..v2(90)
    };
    let tracking = Tracking {
        tracker: 0,
        weight: Weight::Fault,
        reverse: false,
    };
    NodeSettings {
        routers: vec![(v2(100), Vec::new()), (second, vec![tracking])],
        groups: vec![GroupSettings {
            name: "both".to_owned(),
            members: vec![0, 1],
        }],
        trackers: vec![TrackerSettings {
            name: "front end".to_owned(),
            initially: Condition::Unknown,
        }],
        ..NodeSettings::default()
    }
}

fn states(rig: &Rig) -> [RouterState; 2] {
    [0, 1].map(|router| rig.node.status(router).unwrap().state)
}

/// Both are backups.
fn backups() -> Rig {
    let mut rig = Rig::linked(pair());
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    rig
}

/// Both are masters.
fn masters() -> Rig {
    let mut rig = backups();
    rig.pass(Duration::from_secs(5));
    assert_eq!(states(&rig), [RouterState::Master; 2]);
    rig.effects();
    rig
}

#[test]
fn none_begins_before_all_can() {
    let mut rig = Rig::linked(pair());
    rig.pass(Duration::from_secs(60));
    assert_eq!(states(&rig), [RouterState::Initialize; 2]);
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    assert_eq!(states(&rig), [RouterState::Backup; 2]);
    assert_eq!(rig.letters(), "bbB");
}

#[test]
fn one_that_fails_takes_the_others_along() {
    let mut rig = masters();
    rig.node.on_tracker(rig.now, 0, Condition::Fails);
    assert_eq!(states(&rig), [RouterState::Fault; 2]);
    assert_eq!(rig.letters(), "ZZRfZZRfF");
    let reasons = [0, 1].map(|router| rig.node.status(router).unwrap().reason);
    assert_eq!(reasons, [Reason::GroupFails(1), Reason::TrackerFails(0)]);
}

#[test]
fn the_first_that_becomes_master_takes_the_others_along() {
    let mut rig = backups();
    rig.effects();
    // The first has the higher priority and so the shorter skew; the second hears a master of its own.
    while rig.state() != RouterState::Master {
        rig.hear_for(1, 9, 200);
        rig.step();
    }
    assert_eq!(rig.letters(), "HASmHASmM");
    assert_eq!(rig.node.status(1).unwrap().reason, Reason::GroupMaster(0));
}

#[test]
fn one_that_yields_takes_the_others_along() {
    let mut rig = masters();
    rig.hear_for(1, 9, 200);
    assert_eq!(states(&rig), [RouterState::Yielding; 2]);
    for router in 0..2 {
        rig.node.on_claim(rig.now, router, FLOATING);
    }
    rig.pass(Duration::from_millis(250));
    assert_eq!(states(&rig), [RouterState::Backup; 2]);
    assert_eq!(rig.letters(), "SRbRbB");
}

#[test]
fn a_stop_is_a_stop_of_the_group() {
    let mut rig = masters();
    rig.node.on_stop(rig.now);
    rig.node.on_stop(rig.now);
    assert!(rig.node.is_stopped());
    assert_eq!(rig.letters(), "ZZRsRsX");
}

#[test]
fn routers_without_a_group_go_alone() {
    let mut settings = pair();
    settings.groups.clear();
    let mut rig = Rig::linked(settings);
    rig.pass(Duration::from_secs(5));
    assert_eq!(states(&rig), [RouterState::Master, RouterState::Initialize]);
}
