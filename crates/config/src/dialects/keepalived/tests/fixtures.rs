//! Configurations of the field are read as they stand.

use std::net::IpAddr;
use std::time::Duration;

use weir_vrrp::{
    Authentication, Condition, Destination, Family, Peer, Preemption, Refresh, StartState, Tracking, Version,
    Weight,
};

use super::*;
use crate::vip::{FloatingAddress, ProcessMatch, Program, Script, Tracker};

pub(super) const LAB_DD1: &str = include_str!("../../../../fixtures/keepalived/lab-dd1.conf");
pub(super) const LAB_DD2: &str = include_str!("../../../../fixtures/keepalived/lab-dd2.conf");
pub(super) const PIHOLE: &str = include_str!("../../../../fixtures/keepalived/pihole.conf");
pub(super) const UNICAST: &str = include_str!("../../../../fixtures/keepalived/dnsdist-unicast.conf");
pub(super) const GROUP: &str = include_str!("../../../../fixtures/keepalived/group-v4-v6.conf");

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn program(line: &str, user: Option<(&str, Option<&str>)>) -> Program {
    Program {
        words: words(line),
        user: user.map(|(user, group)| (user.to_owned(), group.map(str::to_owned))),
    }
}

fn lone_address(text: &str, prefix: u8) -> FloatingAddress {
    FloatingAddress {
        address: address(text),
        prefix,
        interface: None,
        label: None,
        scope: None,
        broadcast: None,
        no_track: false,
    }
}

/// What both configurations of the blueprint say.
fn expect_lab(settings: &VipSettings, router_id: &str, start: StartState, priority: u8) {
    assert_eq!(settings.router_id.as_deref(), Some(router_id));
    let [(router, tracking)] = &settings.node.routers[..] else {
        panic!("{:?}", settings.node.routers);
    };
    assert_eq!(router.name, "VI_DNS");
    assert_eq!((router.version, router.family), (Version::V2, Family::V4));
    assert_eq!((router.vrid.0.get(), router.priority.0.get()), (51, priority));
    assert_eq!(router.interval.duration(), Duration::from_secs(1));
    assert_eq!(router.authentication, Authentication::Password(*b"lab123\0\0"));
    assert_eq!((router.start, router.preemption), (start, Preemption::Immediate));
    assert_eq!(router.addresses, [address("10.10.2.160")]);
    assert_eq!(router.destination, Destination::Multicast(address("224.0.0.18")));
    assert_eq!(
        tracking[..],
        [Tracking {
            tracker: 0,
            weight: Weight::Fault,
            reverse: false
        }]
    );
    let attachment = &settings.routers[0];
    assert_eq!(attachment.interface, "ens160");
    assert_eq!(attachment.addresses, [lone_address("10.10.2.160", 32)]);
    assert_eq!(settings.node.trackers[0].name, "chk_dnsdist");
    assert_eq!(
        settings.trackers,
        [Tracker::Script(Script {
            program: program("systemctl is-active --quiet dnsdist", None),
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
            rise: 1,
            fall: 1,
        })]
    );
}

#[test]
fn the_configuration_of_lab_dd1_is_one_line_and_says_what_was_repaired() {
    let (settings, warnings) = accepted(LAB_DD1);
    assert_eq!(
        warnings,
        "1: warning: typographic quotes were read as '\"', a typographic dash was read as '--'; write them in ASCII\n\
         1: warning: 'Save.' behind 'vrrp_instance' is not a keyword of the top level; it is ignored"
    );
    expect_lab(&settings, "LAB_DD1", StartState::Master, 150);
}

#[test]
fn the_configuration_of_lab_dd2_loads_without_a_word() {
    expect_lab(&clean(LAB_DD2), "LAB_DD2", StartState::Backup, 100);
}

#[test]
fn a_pair_of_ad_blockers_loads() {
    let (settings, warnings) = accepted(PIHOLE);
    assert_eq!(
        warnings,
        "6: warning: notification_email is ignored: no mail is sent; use notify scripts, or watch the metrics"
    );
    let (router, tracking) = &settings.node.routers[0];
    assert_eq!(router.authentication, Authentication::Password(*b"pi#hole!"));
    assert_eq!(tracking[0].weight, Weight::Points(-20));
    assert_eq!(
        router.destination,
        Destination::Unicast {
            peers: vec![Peer {
                address: address("192.168.178.3"),
                hops: (0, 255)
            }],
            hops: 255,
            known_only: false,
        }
    );
    let attachment = &settings.routers[0];
    assert_eq!(attachment.source, Some(address("192.168.178.2")));
    assert_eq!(
        attachment.addresses,
        [FloatingAddress {
            interface: Some("eth0".to_owned()),
            label: Some("eth0:dns".to_owned()),
            ..lone_address("192.168.178.53", 24)
        }]
    );
    assert_eq!(
        attachment.notify.master,
        Some(program("/usr/local/bin/blinkenlights on", Some(("root", None))))
    );
    assert_eq!(
        attachment.notify.fault,
        Some(program(
            "/usr/local/bin/blinkenlights",
            Some(("nobody", Some("nogroup")))
        ))
    );
    let Tracker::Script(script) = &settings.trackers[0] else {
        panic!("{:?}", settings.trackers);
    };
    assert_eq!((script.rise, script.fall), (1, 2));
    assert_eq!(
        script.program,
        program(
            "/usr/bin/killall -0 pihole-FTL",
            Some(("nobody", Some("nogroup")))
        )
    );
}

#[test]
fn one_file_for_two_front_ends_loads_on_each() {
    let warning =
        "48: warning: 198.51.100.53/32: 'brd' is ignored: the prefix leaves no room for a broadcast address";
    for (id, router_id, priority, source, peer) in [
        ("fe1", "FE1", 120, "198.51.100.11", "198.51.100.12"),
        ("fe2", "FE2", 110, "198.51.100.12", "198.51.100.11"),
    ] {
        let (settings, warnings) = read_as(UNICAST, id).expect("a configuration");
        assert_eq!(lines(&warnings), warning);
        assert_eq!(settings.router_id.as_deref(), Some(router_id));
        let (router, tracking) = &settings.node.routers[0];
        assert_eq!(router.version, Version::V3);
        assert_eq!(router.priority.0.get(), priority);
        assert_eq!(router.interval.centiseconds(), 10);
        assert_eq!(router.preemption, Preemption::Never);
        assert_eq!(
            router.destination,
            Destination::Unicast {
                peers: vec![Peer {
                    address: address(peer),
                    hops: (255, 255)
                }],
                hops: 255,
                known_only: true,
            }
        );
        assert_eq!(router.announcing.refresh, Refresh::Every(Duration::from_secs(30)));
        assert_eq!(router.announcing.refresh_repeat, 2);
        assert_eq!(settings.routers[0].source, Some(address(source)));
        assert!(settings.routers[0].track_source);
        assert_eq!(
            tracking
                .iter()
                .map(|tracking| tracking.tracker)
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(settings.realtime_priority, Some(50));
        assert_eq!(settings.node.startup_delay, Duration::from_millis(2500));
    }
}

#[test]
fn trackers_of_a_front_end_are_what_they_were_said_to_be() {
    let (settings, _) = accepted(UNICAST);
    let named: Vec<_> = settings
        .node
        .trackers
        .iter()
        .map(|tracker| (&*tracker.name, tracker.initially))
        .collect();
    assert_eq!(
        named,
        [
            ("dig_self", Condition::Fails),
            ("dnsdist", Condition::Unknown),
            ("bond0", Condition::Unknown)
        ]
    );
    assert_eq!(
        settings.trackers,
        [
            Tracker::Script(Script {
                program: program(
                    "/usr/bin/dig @127.0.0.1 +time=1 +tries=1 +short example.net SOA",
                    None
                ),
                interval: Duration::from_secs(1),
                timeout: Duration::from_secs(2),
                rise: 2,
                fall: 3,
            }),
            Tracker::Process(ProcessMatch {
                words: words("dnsdist"),
                full_command: false,
                quorum: 1,
                quorum_max: None,
                delay: Duration::from_millis(100),
            }),
            Tracker::Interface("bond0".to_owned()),
        ]
    );
    assert_eq!(settings.notify_fifo.as_deref(), Some(Path::new("/run/vrrp.fifo")));
    assert_eq!(
        settings.notify_fifo_script,
        Some(program("/usr/local/bin/vrrp-events --json", None))
    );
}

#[test]
fn a_group_of_both_families_moves_together() {
    let (settings, warnings) = accepted(GROUP);
    assert_eq!(
        warnings,
        "53: warning: 2001:db8::53/64: 'preferred_lft' is ignored: lifetimes are set by the program that holds the \
         address"
    );
    let [(v4, v4_tracking), (v6, v6_tracking)] = &settings.node.routers[..] else {
        panic!("{:?}", settings.node.routers);
    };
    assert_eq!((v4.family, v4.version), (Family::V4, Version::V3));
    assert_eq!((v6.family, v6.version), (Family::V6, Version::V3));
    assert_eq!(v4.preemption, Preemption::Delayed(Duration::from_secs(60)));
    assert_eq!(v4.interval.centiseconds(), 25);
    assert_eq!(v6.destination, Destination::Multicast(address("ff02::12")));
    assert_eq!(v6.addresses, [address("fe80::53"), address("2001:db8::53")]);
    let held: Vec<_> = settings.routers[1]
        .addresses
        .iter()
        .map(|held| held.address.to_string())
        .collect();
    assert_eq!(
        held,
        [
            "fe80::53",
            "2001:db8::53",
            "203.0.113.55",
            "203.0.113.56",
            "203.0.113.57"
        ]
    );
    assert_eq!(settings.routers[1].addresses[0].scope, Some(253));
    assert!(settings.routers[0].addresses[1].no_track);
    // What the group tracks, each member does.
    assert_eq!(v4_tracking, v6_tracking);
    assert_eq!(
        v4_tracking
            .iter()
            .map(|tracking| tracking.weight)
            .collect::<Vec<_>>(),
        [Weight::Fault, Weight::Points(-1)]
    );
    assert_eq!(
        settings.trackers,
        [
            Tracker::Interface("uplink0".to_owned()),
            Tracker::File(PathBuf::from("/etc/dns/drain"))
        ]
    );
    assert_eq!(settings.node.groups[0].name, "RESOLVER");
    assert_eq!(settings.node.groups[0].members, [0, 1]);
    assert_eq!(settings.groups[0].any, Some(program("/etc/dns/changed.sh", None)));
    assert_eq!(
        (settings.arp_interval, settings.na_interval),
        (Duration::from_millis(1), Duration::from_micros(1))
    );
}
