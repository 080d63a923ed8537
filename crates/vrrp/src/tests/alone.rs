//! One node, and what it hears: times, order, numbers.

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;
const SECS: fn(u64) -> Duration = Duration::from_secs;

/// A backup of these settings that hears the node with this number as master of this priority, now.
fn backup(settings: RouterSettings, master: u8, priority: u8) -> Rig {
    let mut rig = Rig::linked(node_settings(settings, &[]));
    rig.hear(master, priority);
    rig.effects();
    rig
}

/// How long it takes from now until the node is master, hearing nothing.
fn until_master(rig: &mut Rig) -> Duration {
    let from = rig.now;
    while rig.state() != RouterState::Master {
        rig.step();
    }
    rig.now.since(from)
}

fn with(mut settings: RouterSettings, change: impl FnOnce(&mut RouterSettings)) -> RouterSettings {
    change(&mut settings);
    settings
}

fn nanos(millis: f64) -> Duration {
    Duration::from_nanos((millis * 1e6) as u64)
}

#[test]
fn a_silent_master_is_gone_after_three_intervals_and_the_skew() {
    let table = [
        (v2(100), 3609.375),
        (v2(150), 3414.0625),
        (v2(254), 3007.8125),
        (v3(100, 100), 360.9375),
        (v3(254, 100), 300.78125),
        (
            with(v3(100, 100), |router| {
                router.down_adverts = NonZeroU8::new(5).unwrap()
            }),
            560.9375,
        ),
    ];
    for (settings, expected) in table {
        let mut rig = backup(settings.clone(), 9, 254);
        assert_eq!(until_master(&mut rig), nanos(expected), "{settings:?}");
        assert_eq!(rig.status().reason, Reason::MasterSilent(address(9)));
        assert_eq!(rig.status().last_failover, Some(nanos(expected)));
        assert_eq!(rig.letters(), "HASm");
    }
}

#[test]
fn a_master_that_leaves_is_followed_after_the_skew() {
    // keepalived's backup of priority 100 was measured at 612 ms.
    let table = [(v2(100), 609.375), (v2(253), 11.71875), (v3(100, 100), 60.9375)];
    for (settings, expected) in table {
        let mut rig = backup(settings, 9, 254);
        rig.pass(MS(50));
        rig.hear(9, 0);
        assert_eq!(until_master(&mut rig), nanos(expected));
        assert_eq!(rig.status().reason, Reason::MasterLeft(address(9)));
        assert_eq!(rig.status().last_failover, Some(nanos(expected)));
        assert_eq!(rig.status().counters.priority_zero_received, 1);
    }
}

#[test]
fn a_farewell_that_is_repeated_does_not_prolong_the_wait() {
    let mut rig = backup(v2(100), 9, 150);
    rig.hear(9, 0);
    rig.pass(MS(100));
    rig.hear(9, 0);
    assert_eq!(until_master(&mut rig), nanos(509.375));
}

#[test]
fn version_3_waits_by_the_master_s_interval_and_sends_at_its_own() {
    let mut rig = Rig::linked(node_settings(v3(100, 100), &[]));
    rig.hear_as(&v3(200, 1000), 0, 9, 200);
    assert_eq!(until_master(&mut rig), nanos(3609.375));
    assert_eq!(rig.status().counters.interval_mismatches, 1);
    rig.effects();
    rig.pass(SECS(1));
    let sent = rig.letters();
    assert_eq!(sent.matches('S').count(), 10);
}

#[test]
fn version_2_does_not_believe_another_interval() {
    let mut rig = Rig::linked(node_settings(v2(100), &[]));
    let other = with(v2(200), |router| {
        router.interval = Interval::new(Version::V2, SECS(3)).unwrap()
    });
    rig.pass(SECS(1));
    rig.hear_as(&other, 0, 9, 200);
    assert_eq!(until_master(&mut rig), nanos(2609.375));
    assert_eq!(rig.status().counters.rejected(RejectKind::Interval), 1);
    let said: Vec<String> = rig
        .all_effects()
        .iter()
        .filter_map(|effect| match effect {
            Effect::Log(event) if event.what.is_warning() => Some(event.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(
        said,
        ["advert of 192.0.2.9 not believed: its interval is 3s, ours 1s: make them equal"]
    );
}

#[test]
fn the_start_state_is_only_the_first_wait() {
    let first = |settings| until_master(&mut Rig::linked(node_settings(settings, &[])));
    let as_master = |router: &mut RouterSettings| router.start = StartState::Master;
    assert_eq!(first(v2(100)), nanos(3609.375));
    assert_eq!(first(with(v2(100), as_master)), nanos(1003.90625));
    assert_eq!(first(with(v2(255), as_master)), Duration::ZERO);
    assert_eq!(first(v2(255)), nanos(3003.90625));
    // After a fault, the whole wait.
    let mut rig = Rig::linked(node_settings(with(v2(100), as_master), &[]));
    rig.node.on_link(rig.now, 0, None);
    rig.node.on_link(rig.now, 0, Some(address(1)));
    assert_eq!(until_master(&mut rig), nanos(3609.375));
}

#[test]
fn a_lower_master_is_preempted_after_the_wait() {
    let mut rig = Rig::linked(node_settings(v2(150), &[]));
    for _ in 0..3 {
        rig.pass(SECS(1));
        rig.hear(9, 100);
    }
    assert_eq!(until_master(&mut rig), nanos(414.0625));
    assert_eq!(rig.status().reason, Reason::LowerMaster(address(9), 100));
    assert_eq!(rig.status().last_failover, None);
}

#[test]
fn nopreempt_leaves_a_lower_master_alone_until_it_is_gone() {
    let never = with(v2(150), |router| router.preemption = Preemption::Never);
    let mut rig = Rig::linked(node_settings(never, &[]));
    for _ in 0..100 {
        rig.hear(9, 100);
        rig.pass(SECS(1));
    }
    assert_eq!(rig.state(), RouterState::Backup);
    assert_eq!(until_master(&mut rig), nanos(2414.0625));
}

#[test]
fn preempt_delay_counts_from_the_last_better_master() {
    let delayed = with(v2(150), |router| {
        router.preemption = Preemption::Delayed(SECS(10))
    });
    let mut rig = Rig::linked(node_settings(delayed, &[]));
    rig.pass(SECS(1));
    rig.hear(9, 200);
    let from = rig.now;
    while rig.state() == RouterState::Backup {
        rig.pass(MS(500));
        rig.hear(9, 100);
        rig.effects();
    }
    let waited = rig.now.since(from);
    assert!(waited >= SECS(10) + MS(2900) && waited < SECS(14), "{waited:?}");
}

#[test]
fn equals_are_decided_by_address_between_masters_only() {
    let settings = || node_settings(v2(100), &[]);
    let mut rig = Rig::master(settings());
    rig.hear(0, 100);
    assert_eq!(rig.state(), RouterState::Master);
    rig.hear(9, 100);
    assert_eq!(rig.state(), RouterState::Yielding);
    let mut rig = Rig::linked(settings());
    for _ in 0..10 {
        rig.hear(0, 100);
        rig.pass(SECS(1));
    }
    assert_eq!(rig.state(), RouterState::Backup);
}

#[test]
fn a_dead_front_end_is_told_to_the_peers_before_anything_else() {
    let mut rig = Rig::linked(node_settings(v2(100), &[Weight::Fault]));
    assert_eq!(rig.state(), RouterState::Initialize);
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    until_master(&mut rig);
    rig.effects();
    rig.node.on_tracker(rig.now, 0, Condition::Fails);
    assert_eq!(rig.letters(), "ZZRf");
    assert_eq!(rig.status().reason, Reason::TrackerFails(0));
    assert_eq!(rig.node.next_deadline(), None);
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    assert_eq!(rig.letters(), "b");
}

#[test]
fn a_node_that_is_not_known_to_be_good_only_takes_what_nobody_has() {
    let settings = || node_settings(v2(150), &[Weight::Eighth]);
    let mut rig = Rig::linked(settings());
    for _ in 0..10 {
        rig.hear(9, 100);
        rig.pass(SECS(1));
    }
    assert_eq!((rig.state(), rig.status().priority), (RouterState::Backup, 19));
    let mut rig = Rig::linked(settings());
    assert_eq!(until_master(&mut rig), nanos(3925.78125));
    rig.effects();
    // Word of the better priority goes out at once.
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    let effects = rig.effects();
    let [Effect::Send { message, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(message[2], 150);
}

#[test]
fn a_backup_waits_by_the_priority_that_it_has() {
    let mut rig = Rig::linked(node_settings(v2(150), &[Weight::Eighth]));
    rig.pass(SECS(1));
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    assert_eq!(until_master(&mut rig), nanos(2414.0625));
}

#[test]
fn nothing_begins_before_the_startup_delay() {
    let mut settings = node_settings(v2(100), &[]);
    settings.startup_delay = SECS(30);
    let mut rig = Rig::linked(settings);
    rig.node.on_link(rig.now, 0, None);
    rig.node.on_link(rig.now, 0, Some(address(1)));
    assert_eq!(rig.effects(), []);
    assert_eq!(until_master(&mut rig), SECS(30) + nanos(3609.375));
}

#[test]
fn a_handover_answers_until_the_successor_is_seen() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_handover(rig.now);
    rig.pass(MS(600));
    assert_eq!(rig.letters(), "ZZZ");
    rig.node.on_claim(rig.now, 0, FLOATING);
    rig.hear(9, 100);
    rig.pass(MS(249));
    assert_eq!((rig.state(), rig.letters().as_str()), (RouterState::Yielding, ""));
    rig.pass(MS(1));
    assert_eq!((rig.state(), rig.letters().as_str()), (RouterState::Backup, "Rb"));
    assert_eq!(rig.status().reason, Reason::SuccessorClaims);
}

#[test]
fn after_a_handover_it_stays_put_until_resumed_or_needed() {
    let handed_over = || {
        let mut rig = Rig::master(node_settings(v2(150), &[]));
        rig.node.on_handover(rig.now);
        for _ in 0..100 {
            rig.hear(9, 100);
            rig.pass(SECS(1));
        }
        assert_eq!(rig.state(), RouterState::Backup);
        assert!(rig.status().held_back);
        rig
    };
    let mut rig = handed_over();
    assert_eq!(until_master(&mut rig), nanos(2414.0625));
    assert!(!rig.status().held_back);

    let mut rig = handed_over();
    rig.node.on_resume(rig.now);
    let from = rig.now;
    while rig.state() == RouterState::Backup {
        rig.hear(9, 100);
        rig.pass(SECS(1));
    }
    assert!(rig.now.since(from) <= SECS(4));
}

#[test]
fn what_nobody_takes_is_kept() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_handover(rig.now);
    rig.effects();
    // The lowest priority's skew, an interval, and a quarter of a second.
    assert_eq!(until_master(&mut rig), nanos(996.09375 + 1000.0 + 250.0));
    assert_eq!(rig.status().reason, Reason::NobodyTookOver);
    assert_eq!(rig.letters(), "ZZHAS");
    assert!(!rig.status().held_back);
}

#[test]
fn a_handover_can_be_taken_back() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_handover(rig.now);
    rig.effects();
    rig.node.on_resume(rig.now);
    assert_eq!(
        (rig.state(), rig.letters().as_str()),
        (RouterState::Master, "HAS")
    );
}

#[test]
fn a_master_that_stops_goes_when_the_successor_is_there() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_stop(rig.now);
    rig.pass(MS(600));
    assert!(!rig.node.is_stopped());
    rig.hear(9, 100);
    rig.pass(MS(250));
    assert!(rig.node.is_stopped());
    assert_eq!(rig.letters(), "ZZZRs");
    assert_eq!(rig.node.next_deadline(), None);
}

#[test]
fn a_stop_does_not_wait_for_nobody_and_a_second_one_for_nothing() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_stop(rig.now);
    rig.pass(nanos(2246.09375));
    assert!(rig.node.is_stopped());
    assert_eq!(rig.letters(), "ZZZRs");

    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_stop(rig.now);
    rig.node.on_stop(rig.now);
    assert!(rig.node.is_stopped());
    assert_eq!(rig.letters(), "ZRs");
}

#[test]
fn a_backup_stops_at_once() {
    let mut rig = backup(v2(100), 9, 150);
    rig.node.on_stop(rig.now);
    assert!(rig.node.is_stopped());
    assert_eq!(rig.letters(), "s");
}

#[test]
fn a_stop_in_the_middle_of_a_handover_is_no_second_one() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_handover(rig.now);
    rig.node.on_stop(rig.now);
    assert_eq!(rig.state(), RouterState::Offering);
    rig.hear(9, 100);
    rig.pass(MS(250));
    assert!(rig.node.is_stopped());
}

#[test]
fn a_master_yields_when_the_better_one_has_been_seen_to_announce() {
    // As one of our own nodes preempts: it announces first, then comes its advert.
    let mut rig = Rig::master(node_settings(v2(100), &[]));
    rig.node.on_claim(rig.now, 0, FLOATING);
    rig.pass(MS(1));
    rig.hear(9, 150);
    rig.pass(MS(249));
    assert_eq!(rig.letters(), "S");
    rig.pass(MS(1));
    assert_eq!(rig.letters(), "Rb");
    assert_eq!(rig.status().counters.conflicts, 0);
    assert_eq!(rig.status().reason, Reason::HigherMaster(address(9), 150));
}

#[test]
fn a_master_yields_to_a_deaf_one_only_after_patience() {
    let mut rig = Rig::master(node_settings(v2(100), &[]));
    for second in 0..10 {
        rig.hear(9, 150);
        assert_eq!(rig.state(), RouterState::Yielding, "after {second} s");
        rig.pass(SECS(1));
    }
    assert_eq!(rig.state(), RouterState::Backup);
    assert_eq!(rig.letters(), format!("{}Rb", "S".repeat(11)));

    let silent = with(v2(100), |router| router.answer_higher = false);
    let mut rig = Rig::master(node_settings(silent, &[]));
    rig.hear(9, 150);
    rig.pass(SECS(3));
    assert_eq!(rig.letters(), "");
}

#[test]
fn claims_are_answered_counted_and_said_a_few_times() {
    let mut rig = Rig::master(node_settings(v2(100), &[]));
    rig.pass(SECS(300));
    rig.all_effects();
    rig.node.on_claim(rig.now, 0, FLOATING);
    assert_eq!(rig.letters(), "");
    rig.pass(MS(10));
    assert_eq!(rig.letters(), "A");
    let (mut announced, mut said) = (0, 0);
    for _ in 0..10_000 {
        rig.node.on_claim(rig.now, 0, FLOATING);
        rig.pass(MS(1));
        for effect in rig.all_effects() {
            match effect {
                Effect::Announce { times, .. } => announced += u32::from(times),
                Effect::Log(_) => said += 1,
                _ => {}
            }
        }
    }
    assert_eq!(rig.status().counters.conflicts, 10_001);
    assert!((100..=250).contains(&announced), "{announced}");
    assert_eq!(said, 2);
}

#[test]
fn a_lower_master_is_answered_and_cannot_make_us_shout() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.hear(9, 100);
    assert_eq!(rig.letters(), "SAl");
    let mut sent = 0;
    for _ in 0..10_000 {
        rig.hear(9, 100);
        rig.pass(MS(1));
        sent += rig.letters().matches(['S', 'l']).count();
    }
    assert!(sent <= 250, "{sent}");
    let quiet = with(v2(150), |router| router.answer_lower = false);
    let mut rig = Rig::master(node_settings(quiet, &[]));
    rig.hear(9, 100);
    assert_eq!(rig.letters(), "Al");
}

#[test]
fn others_that_leave_hear_that_there_is_a_master() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.hear(9, 0);
    assert_eq!(rig.letters(), "S");
    let mut sent = 0;
    for _ in 0..10_000 {
        rig.hear(9, 0);
        rig.pass(MS(1));
        sent += rig.letters().matches('S').count();
    }
    assert!(sent <= 125, "{sent}");
}

#[test]
fn a_master_that_was_replaced_while_it_stood_still_goes_without_a_word() {
    for (from, priority) in [(9, 100), (9, 200), (0, 150)] {
        let mut rig = Rig::master(node_settings(v2(150), &[]));
        rig.now = rig.now + SECS(10);
        rig.node.on_stall(rig.now, SECS(10));
        rig.hear(from, priority);
        rig.hear(from, priority);
        rig.node.on_deadline(rig.now);
        assert_eq!((rig.state(), rig.letters().as_str()), (RouterState::Backup, "Rb"));
        assert_eq!(rig.status().reason, Reason::Superseded);
    }
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.now = rig.now + SECS(10);
    rig.node.on_stall(rig.now, SECS(10));
    rig.node.on_claim(rig.now, 0, FLOATING);
    assert_eq!(rig.letters(), "Rb");
}

#[test]
fn a_master_that_stood_still_alone_goes_on_with_an_announcement() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.now = rig.now + SECS(10);
    rig.node.on_stall(rig.now, SECS(10));
    assert_eq!((rig.state(), rig.letters().as_str()), (RouterState::Stalled, ""));
    rig.node.on_deadline(rig.now);
    assert_eq!(
        (rig.state(), rig.letters().as_str()),
        (RouterState::Master, "HAS")
    );
    // Nobody takes over within less than three intervals.
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.now = rig.now + MS(2999);
    rig.node.on_stall(rig.now, MS(2500));
    assert_eq!(rig.state(), RouterState::Master);
    rig.hear(9, 100);
    rig.node.on_deadline(rig.now);
    assert_eq!(
        (rig.state(), rig.letters().as_str()),
        (RouterState::Master, "SAlA")
    );
}

#[test]
fn a_backup_that_stood_still_listens_for_an_interval() {
    let mut rig = backup(v2(100), 9, 150);
    rig.now = rig.now + SECS(60);
    rig.node.on_stall(rig.now, SECS(60));
    rig.node.on_deadline(rig.now);
    assert_eq!(rig.state(), RouterState::Backup);
    assert_eq!(until_master(&mut rig), nanos(1609.375));
    // One that stood still for less than an interval has missed nothing.
    let mut rig = backup(v2(100), 9, 150);
    rig.now = rig.now + nanos(3500.0);
    rig.node.on_stall(rig.now, MS(500));
    assert_eq!(until_master(&mut rig), nanos(109.375));
}

#[test]
fn an_address_that_somebody_removes_is_put_back() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_address_lost(rig.now, 0, FLOATING);
    assert_eq!(rig.letters(), "HA");
    assert_eq!(rig.status().counters.addresses_restored, 1);
}

#[test]
fn a_link_that_comes_back_is_told_where_the_address_is() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.node.on_link(rig.now, 0, Some(address(77)));
    assert_eq!(rig.letters(), "AS");
    assert_eq!(rig.status().source, Some(address(77)));
    rig.node.on_link(rig.now, 0, None);
    // There is no address to say farewell from.
    assert_eq!(rig.letters(), "Rf");
    assert_eq!(rig.status().reason, Reason::LinkDown);
    assert_eq!(rig.node.farewell(0), []);
}

#[test]
fn unicast_goes_to_every_peer_and_so_does_the_farewell_for_the_guard() {
    let peers = [7, 8].map(|peer| Peer {
        address: address(peer),
        hops: (255, 255),
    });
    let unicast = with(v3(150, 100), |router| {
        router.destination = Destination::Unicast {
            peers: peers.to_vec(),
            hops: 255,
            known_only: true,
        };
    });
    let mut rig = Rig::master(node_settings(unicast.clone(), &[]));
    let farewell = rig.node.farewell(0);
    rig.node.on_stop(rig.now);
    let sent: Vec<(IpAddr, Vec<u8>)> = rig
        .effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Send {
                destination, message, ..
            } => Some((destination, message)),
            _ => None,
        })
        .collect();
    assert_eq!(sent, farewell);
    let expected = [7, 8].map(|peer| {
        (
            address(peer),
            Advert::emit(&unicast, 0, address(1), address(peer)),
        )
    });
    assert_eq!(sent, expected);
    assert_eq!(rig.status().counters.priority_zero_sent, 2);
}

#[test]
fn our_own_echo_is_no_master() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    rig.hear(1, 200);
    assert_eq!(rig.state(), RouterState::Master);
    assert_eq!(rig.status().counters.rejected(RejectKind::Echo), 1);
}

#[test]
fn what_is_for_another_router_is_counted_and_not_said() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    let other = with(v2(200), |router| router.vrid = Vrid(NonZeroU8::MIN));
    rig.all_effects();
    rig.hear_as(&other, 0, 9, 200);
    assert_eq!(rig.all_effects(), []);
    assert_eq!(rig.status().counters.rejected(RejectKind::OtherRouter), 1);
}

#[test]
fn a_flood_of_forged_adverts_does_not_fill_the_journal() {
    let mut rig = Rig::master(node_settings(v2(150), &[]));
    let forged = with(v2(200), |router| {
        router.authentication = Authentication::Password(*b"guessed\0");
    });
    rig.all_effects();
    let mut lines = Vec::new();
    for _ in 0..60_000 {
        rig.hear_as(&forged, 0, 9, 200);
        rig.pass(MS(1));
        let effects = rig.all_effects();
        lines.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Log(event) => Some(event),
            _ => None,
        }));
    }
    assert_eq!(rig.state(), RouterState::Master);
    assert_eq!(rig.status().counters.rejected(RejectKind::Password), 60_000);
    assert!((4..=6).contains(&lines.len()), "{}", lines.len());
    assert!(lines.iter().any(|line| line.withheld > 20_000));
}

#[test]
fn other_lists_are_believed_counted_and_said() {
    let mut rig = Rig::linked(node_settings(v2(100), &[]));
    let more = with(v2(200), |router| router.addresses.push(address(99)));
    rig.hear_as(&more, 0, 9, 200);
    let status = rig.status();
    assert_eq!(status.counters.address_list_mismatches, 1);
    assert_eq!(status.master.map(|master| master.priority), Some(200));
}

#[test]
fn trackers_are_said_and_only_when_they_change() {
    let mut rig = Rig::linked(node_settings(v2(100), &[Weight::Points(10)]));
    rig.all_effects();
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    let lines: Vec<String> = rig
        .all_effects()
        .iter()
        .map(|effect| match effect {
            Effect::Log(event) => event.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lines, ["tracker 0 holds", "effective priority 100 -> 110"]);
    rig.node.on_tracker(rig.now, 0, Condition::Holds);
    rig.node.on_tracker(rig.now, 7, Condition::Holds);
    assert_eq!(rig.all_effects(), []);
}
