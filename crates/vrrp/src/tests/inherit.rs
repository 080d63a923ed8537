//! A node that goes on in the place of another program.

use super::*;

/// A node that has started in the place of a master, `late` after that one ended; its interface is up.
fn heir(settings: NodeSettings, late: Duration) -> Rig {
    let mut rig = Rig::new(settings);
    rig.node.inherit(0, Legacy::Master);
    rig.now = rig.now + late;
    rig.node.on_link(rig.now, 0, Some(address(2)));
    rig
}

#[test]
fn a_master_goes_on_and_nobody_is_told_but_by_its_advert() {
    let mut rig = heir(node_settings(v3(150, 100), &[]), Duration::ZERO);
    assert_eq!(rig.state(), RouterState::Master);
    assert_eq!(rig.status().reason, Reason::Inherited);
    assert_eq!(rig.letters(), "HS");
    // From here on it is as any master: it announces now and then, and says so when it falls.
    rig.pass(Duration::from_millis(250));
    assert!(rig.letters().contains('A'));
    rig.node.on_link(rig.now, 0, None);
    assert_eq!(rig.letters(), "Rf");
}

#[test]
fn a_master_whose_silence_others_have_noticed_stands_by_first() {
    let mut rig = heir(node_settings(v3(150, 100), &[]), Duration::from_millis(300));
    assert_eq!((rig.state(), rig.letters().as_str()), (RouterState::Backup, "b"));
}

#[test]
fn a_master_that_has_lost_what_it_needs_does_not_go_on() {
    let mut rig = Rig::new(node_settings(v3(150, 100), &[Weight::Fault]));
    rig.node.inherit(0, Legacy::Master);
    rig.node.on_tracker(rig.now, 0, Condition::Fails);
    rig.node.on_link(rig.now, 0, Some(address(2)));
    assert_eq!(rig.state(), RouterState::Fault);
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    assert_eq!(rig.state(), RouterState::Backup);
}

#[test]
fn who_had_handed_over_leaves_the_address_to_a_lower_master() {
    let mut rig = Rig::new(node_settings(v3(150, 100), &[]));
    rig.node.inherit(0, Legacy::HeldBack);
    rig.node.on_link(rig.now, 0, Some(address(2)));
    for _ in 0..10 {
        rig.hear(3, 100);
        rig.pass(Duration::from_millis(100));
    }
    assert_eq!(rig.state(), RouterState::Backup);
}
