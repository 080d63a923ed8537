//! A node that gets another configuration while it runs.

use super::*;

fn reconfigure(rig: &mut Rig, settings: NodeSettings, kept: &[Option<usize>]) {
    let old = std::mem::replace(&mut rig.node, Node::new(NodeSettings::default(), rig.now));
    rig.node = old.reconfigured(settings, kept, rig.now);
}

#[test]
fn a_master_that_stays_says_so_and_tells_no_script() {
    let mut rig = Rig::master(node_settings(v3(150, 100), &[]));
    rig.all_effects();
    let mut changed = v3(150, 200);
    changed.addresses.push(address(54));
    reconfigure(&mut rig, node_settings(changed, &[]), &[Some(0)]);
    assert_eq!(rig.state(), RouterState::Master);
    let effects = rig.all_effects();
    assert!(effects.contains(&Effect::Hold { router: 0 }), "{effects:?}");
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Release { .. } | Effect::Notify { .. })),
        "{effects:?}"
    );
    let lists_both = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Send { message, .. } if message.get(3) == Some(&2)));
    assert!(lists_both, "the advert lists the new addresses: {effects:?}");
}

#[test]
fn what_was_not_taken_is_not_done_under_another_number() {
    let mut rig = Rig::master(node_settings(v3(150, 100), &[]));
    rig.node.on_link(rig.now, 0, None);
    reconfigure(&mut rig, node_settings(v3(150, 100), &[]), &[None]);
    let effects = rig.all_effects();
    assert!(!effects.contains(&Effect::Release { router: 0 }), "{effects:?}");
}

#[test]
fn another_priority_is_advertised_at_once() {
    let mut rig = Rig::master(node_settings(v3(150, 100), &[]));
    rig.all_effects();
    reconfigure(&mut rig, node_settings(v3(120, 100), &[]), &[Some(0)]);
    let mut priorities = rig.all_effects().into_iter().filter_map(|effect| match effect {
        Effect::Send { message, .. } => message.get(2).copied(),
        _ => None,
    });
    assert_eq!(priorities.next_back(), Some(120));
}

#[test]
fn a_router_moves_to_another_number_and_a_new_one_starts() {
    let mut rig = Rig::master(node_settings(v3(150, 100), &[]));
    rig.all_effects();
    let mut settings = node_settings(v3(150, 100), &[]);
    let mut other = v3(100, 100);
    other.vrid = Vrid(NonZeroU8::new(54).unwrap());
    settings.routers.insert(0, (other, Vec::new()));
    reconfigure(&mut rig, settings, &[None, Some(0)]);
    let state = |rig: &Rig, router| rig.node.status(router).unwrap().state;
    assert_eq!(state(&rig, 0), RouterState::Initialize);
    assert_eq!(state(&rig, 1), RouterState::Master);
    assert!(rig.all_effects().contains(&Effect::Hold { router: 1 }));
}
