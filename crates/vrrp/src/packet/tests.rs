use std::num::NonZeroU8;

use super::*;
use crate::settings::{Announcing, Peer, Preemption, Priority, StartState};

/// Captured from keepalived 2.2.7: version 2 with the password lab123, from 10.10.2.161.
const V2_PASS: &str = "21339601 01013a5a 0a0a02a0 6c61623132330000";
/// Version 3, priority 150, 10 cs.
const V3_MULTICAST: &str = "31339601 000a3edd 0a0a02a0";
/// The same as routers without a pseudo-header send it.
const V3_BARE: &str = "31339601 000a2c17 0a0a02a0";
/// Version 3, priority 100, 100 cs, to 10.10.2.162.
const V3_UNICAST: &str = "31356401 006443de 0a0a02aa";
/// Version 3 over IPv6, priority 100, 25 cs, two addresses.
const V3_V6: &str = "31346402 00195daf fe800000000000000000000000000053 fd100010000200000000000000000160";

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 10, 2, 161));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 10, 2, 162));

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn router(version: Version, vrid: u8, priority: u8, interval_ms: u64) -> RouterSettings {
    RouterSettings {
        name: "dns".to_owned(),
        version,
        family: Family::V4,
        vrid: Vrid(NonZeroU8::new(vrid).unwrap()),
        priority: Priority(NonZeroU8::new(priority).unwrap()),
        interval: Interval::new(version, Duration::from_millis(interval_ms)).unwrap(),
        authentication: Authentication::None,
        start: StartState::Backup,
        preemption: Preemption::Immediate,
        addresses: vec!["10.10.2.160".parse().unwrap()],
        destination: Destination::Multicast(GROUP),
        checksum: ChecksumForm::PseudoHeader,
        down_adverts: NonZeroU8::new(3).unwrap(),
        answer_lower: true,
        answer_higher: true,
        announcing: Announcing::default(),
    }
}

fn v2() -> RouterSettings {
    RouterSettings {
        authentication: Authentication::Password(*b"lab123\0\0"),
        ..router(Version::V2, 0x33, 150, 1000)
    }
}

fn v3() -> RouterSettings {
    router(Version::V3, 0x33, 150, 100)
}

fn v3_unicast() -> RouterSettings {
    RouterSettings {
        addresses: vec!["10.10.2.170".parse().unwrap()],
        destination: unicast((0, 255), true),
        ..router(Version::V3, 0x35, 100, 1000)
    }
}

fn unicast(hops: (u8, u8), known_only: bool) -> Destination {
    Destination::Unicast {
        peers: vec![Peer {
            address: SENDER,
            hops,
        }],
        hops: 255,
        known_only,
    }
}

fn v3_v6() -> RouterSettings {
    RouterSettings {
        family: Family::V6,
        addresses: vec!["fe80::53".parse().unwrap(), "fd10:10:2::160".parse().unwrap()],
        destination: Destination::Multicast("ff02::12".parse().unwrap()),
        ..router(Version::V3, 0x34, 100, 250)
    }
}

/// As it comes from [`SENDER`].
fn from(message: &[u8], destination: IpAddr) -> Received<'_> {
    Received {
        source: SENDER,
        destination,
        hops: 255,
        message,
    }
}

/// What becomes of `message` when it comes to the group.
fn parse(message: &[u8], settings: &RouterSettings) -> Result<u8, Reject> {
    Advert::parse(&from(message, GROUP), settings).map(|advert| advert.priority)
}

/// Sums `message` again, as version 2 does, after a test has changed it.
fn resum(message: &mut [u8]) {
    message[6..8].fill(0);
    let sum = !fold(add(message));
    message[6..8].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn what_keepalived_sends_is_believed_and_sent_alike() {
    let table = [
        (V2_PASS, v2(), SENDER, GROUP),
        (V3_MULTICAST, v3(), SENDER, GROUP),
        (V3_UNICAST, v3_unicast(), SENDER, PEER),
    ];
    for (hex, settings, source, destination) in table {
        let message = bytes(hex);
        let advert = Advert::parse(&from(&message, destination), &settings).unwrap();
        assert_eq!(advert.priority, settings.priority.0.get(), "{hex}");
        assert_eq!(advert.interval, settings.interval, "{hex}");
        assert!(advert.lists(&settings.addresses), "{hex}");
        let sent = Advert::emit(&settings, settings.priority.0.get(), source, destination);
        assert_eq!(sent, message, "{hex}");
    }
}

#[test]
fn an_ipv6_checksum_is_the_kernels() {
    let (settings, mut message) = (v3_v6(), bytes(V3_V6));
    let source = "fe80::6ccc:13ff:feb3:91fc".parse().unwrap();
    let destination = "ff02::12".parse().unwrap();
    let received = Received {
        source,
        destination,
        hops: 255,
        message: &message,
    };
    let advert = Advert::parse(&received, &settings).unwrap();
    assert!(advert.lists(&settings.addresses));
    let sent = Advert::emit(&settings, 100, source, destination);
    assert_eq!(sent[6..8], [0, 0]);
    message[6..8].fill(0);
    assert_eq!(sent, message);
}

#[test]
fn both_forms_of_the_version_3_checksum_are_believed() {
    assert_eq!(parse(&bytes(V3_BARE), &v3()), Ok(150));
    assert_eq!(parse(&bytes(V3_MULTICAST), &v3()), Ok(150));
    let bare = RouterSettings {
        checksum: ChecksumForm::MessageOnly,
        ..v3()
    };
    assert_eq!(Advert::emit(&bare, 150, SENDER, GROUP), bytes(V3_BARE));
    let mut wrong = bytes(V3_MULTICAST);
    wrong[7] ^= 1;
    assert_eq!(parse(&wrong, &v3()), Err(Reject::Checksum));
}

#[test]
fn unicast_summed_as_if_it_were_multicast_is_believed() {
    let settings = v3_unicast();
    let old = Advert::emit(&settings, 100, SENDER, GROUP);
    assert_ne!(old, bytes(V3_UNICAST));
    assert!(Advert::parse(&from(&old, PEER), &settings).is_ok());
    // Multicast never had that mistake.
    let elsewhere = RouterSettings {
        destination: Destination::Multicast("224.0.0.200".parse().unwrap()),
        ..settings
    };
    let received = from(&old, "224.0.0.200".parse().unwrap());
    assert_eq!(
        Advert::parse(&received, &elsewhere).unwrap_err(),
        Reject::Checksum
    );
}

#[test]
fn each_check_rejects_what_it_is_for() {
    let change = |at: usize, value: u8| {
        let mut message = bytes(V2_PASS);
        message[at] = value;
        resum(&mut message);
        parse(&message, &v2()).unwrap_err()
    };
    assert_eq!(change(1, 0x34), Reject::OtherRouter(0x34));
    assert_eq!(change(0, 0x31), Reject::Version(3));
    assert_eq!(change(3, 5), Reject::Length { has: 20, needs: 36 });
    assert_eq!(change(4, 2), Reject::AuthenticationType(2));
    assert_eq!(change(17, b'4'), Reject::Password);
    let [ours, theirs] = [1, 3].map(Duration::from_secs);
    assert_eq!(change(5, 3), Reject::Interval { ours, theirs });
    assert_eq!(change(0, 0x22), Reject::Type(2));
    let mut wrong = bytes(V2_PASS);
    wrong[6] ^= 0x80;
    assert_eq!(parse(&wrong, &v2()), Err(Reject::Checksum));
    assert_eq!(
        parse(&wrong[..7], &v2()),
        Err(Reject::Length { has: 7, needs: 8 })
    );
    assert_eq!(parse(&[], &v2()), Err(Reject::Length { has: 0, needs: 8 }));
}

#[test]
fn checks_come_in_keepalived_s_order() {
    // Everything is wrong; each round repairs what was found first.
    let mut message = bytes(V2_PASS);
    for (at, value) in [(0, 0x32), (1, 0x34), (3, 2), (4, 0), (5, 9), (6, 0), (17, 0)] {
        message[at] = value;
    }
    let mut received = from(&[], PEER);
    received.hops = 64;
    let mut found = Vec::new();
    for repair in 0..11 {
        match repair {
            1 => message[1] = 0x33,
            2 => message[0] = 0x22,
            3 => message[3] = 1,
            4 => received.hops = 255,
            5 => message[4] = 1,
            6 => message[17] = b'3',
            7 => message[5] = 1,
            8 => message[0] = 0x21,
            9 => resum(&mut message),
            10 => received.destination = GROUP,
            _ => {}
        }
        let received = Received {
            message: &message,
            ..received
        };
        found.extend(Advert::parse(&received, &v2()).err().map(|reject| reject.kind()));
    }
    assert_eq!(found, crate::RejectKind::ALL[..10]);
}

#[test]
fn a_hop_limit_is_fixed_for_multicast_and_the_peer_s_for_unicast() {
    let message = bytes(V3_MULTICAST);
    let routed = Received {
        hops: 254,
        ..from(&message, GROUP)
    };
    assert_eq!(Advert::parse(&routed, &v3()).unwrap_err(), Reject::Hops(254));

    let settings = RouterSettings {
        destination: unicast((250, 255), true),
        ..v3_unicast()
    };
    let message = bytes(V3_UNICAST);
    for (hops, believed) in [(249, false), (250, true), (255, true)] {
        let received = Received {
            hops,
            ..from(&message, PEER)
        };
        assert_eq!(Advert::parse(&received, &settings).is_ok(), believed, "{hops}");
    }
}

#[test]
fn unicast_from_a_stranger_is_believed_unless_peers_are_checked() {
    let stranger = "10.10.2.163".parse().unwrap();
    let message = Advert::emit(&v3_unicast(), 100, stranger, PEER);
    let received = Received {
        source: stranger,
        ..from(&message, PEER)
    };
    let open = RouterSettings {
        destination: unicast((255, 255), false),
        ..v3_unicast()
    };
    assert!(Advert::parse(&received, &open).is_ok());
    let reject = Advert::parse(&received, &v3_unicast()).unwrap_err();
    assert_eq!(reject, Reject::Source(stranger));
}

#[test]
fn unicast_and_multicast_do_not_mix() {
    let message = Advert::emit(&v3(), 150, SENDER, PEER);
    let reject = Advert::parse(&from(&message, PEER), &v3()).unwrap_err();
    assert_eq!(reject, Reject::Destination(PEER));
    let message = Advert::emit(&v3_unicast(), 100, SENDER, GROUP);
    let reject = Advert::parse(&from(&message, GROUP), &v3_unicast()).unwrap_err();
    assert_eq!(reject, Reject::Destination(GROUP));
}

#[test]
fn version_3_learns_the_interval_and_ignores_reserved_bits() {
    let mut message = bytes(V3_BARE);
    (message[4], message[5]) = (0xf1, 0x2c);
    resum(&mut message);
    let received = from(&message, GROUP);
    let settings = v3();
    let advert = Advert::parse(&received, &settings).unwrap();
    assert_eq!(advert.interval.centiseconds(), 300);
    // Zero would have a backup take over without end.
    (message[4], message[5]) = (0xf0, 0);
    resum(&mut message);
    assert!(matches!(parse(&message, &v3()), Err(Reject::Interval { .. })));
}

#[test]
fn another_list_of_addresses_is_believed_and_seen() {
    let mut settings = v2();
    let message = bytes(V2_PASS);
    settings.addresses = vec!["10.10.2.161".parse().unwrap()];
    let received = from(&message, GROUP);
    let advert = Advert::parse(&received, &settings).unwrap();
    assert!(!advert.lists(&settings.addresses));
    assert!(!advert.lists(&[]));
    let listed: Vec<IpAddr> = advert.addresses().collect();
    assert_eq!(listed, ["10.10.2.160".parse::<IpAddr>().unwrap()]);
}

#[test]
fn padding_of_a_short_frame_is_no_part_of_the_message() {
    let mut padded = bytes(V3_MULTICAST);
    padded.extend([0xab; 14]);
    assert_eq!(padded.len(), 26);
    assert_eq!(parse(&padded, &v3()), Ok(150));
    padded.push(0);
    assert_eq!(parse(&padded, &v3()), Err(Reject::Length { has: 27, needs: 12 }));
}

#[test]
fn the_number_of_a_router_is_read_first() {
    assert_eq!(vrid_of(&bytes(V2_PASS)), NonZeroU8::new(0x33).map(Vrid));
    assert_eq!(vrid_of(&[0x31, 0]), None);
    assert_eq!(vrid_of(&[0x31]), None);
}
