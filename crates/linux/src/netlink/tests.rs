use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_packet_core::Emitable;
use weir_lab::{Namespace, Network, wait_for};

use super::links::place_message;
use super::message::Message;
use super::*;
use crate::link::{Family, Link, LinkIndex, MacAddress, keep_secondaries};

const PATIENCE: Duration = Duration::from_secs(5);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn placement(address: &str, prefix: u8, valid_s: u32) -> Placement {
    Placement {
        address: ip(address),
        prefix,
        label: None,
        scope: 0,
        broadcast: None,
        valid_s,
        preferred_s: 0,
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// What `ip -4 address add 10.9.0.9/24 label eth0:v brd 10.9.0.255 dev eth0 valid_lft 3 preferred_lft 2` asks for,
/// with our origin.
#[test]
#[cfg(target_endian = "little")]
fn a_request_for_an_address_is_laid_out_as_rtnetlink_has_it() {
    let wanted = Placement {
        label: Some("eth0:v".into()),
        broadcast: Some([10, 9, 0, 255].into()),
        preferred_s: 2,
        ..placement("10.9.0.9", 24, 3)
    };
    let message = place_message(LinkIndex(7), &wanted).unwrap();
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    let expected = "02180000 07000000 \
        0800 0200 0a090009  0800 0100 0a090009  0b00 0300 65746830 3a760000  0800 0400 0a0900ff \
        1400 0600 02000000 03000000 00000000 00000000  0500 0b00 70000000";
    assert_eq!(bytes, hex(expected));
}

#[test]
fn values_without_room_are_refused_before_the_kernel_sees_them() {
    let label = Some("a-label-of-16-by".to_owned());
    let refused = [
        Placement {
            label,
            ..placement("10.9.0.9", 24, 3)
        },
        placement("10.9.0.9", 24, 0),
        Placement {
            preferred_s: 4,
            ..placement("10.9.0.9", 24, 3)
        },
    ];
    for wanted in refused {
        let error = place_message(LinkIndex(1), &wanted).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{wanted:?}");
    }
}

#[test]
fn every_beginning_of_a_datagram_is_read_without_complaint() {
    let mut links = Links::open().unwrap();
    assert!(
        links
            .list()
            .unwrap()
            .iter()
            .any(|link| link.name == "lo" && link.mac.is_none())
    );
    let message = place_message(LinkIndex(7), &placement("fd09::9", 128, 3)).unwrap();
    let mut payload = vec![0; message.buffer_len()];
    message.emit(&mut payload);
    for kind in [libc::RTM_NEWADDR, libc::RTM_NEWLINK] {
        let mut whole = Vec::new();
        for _ in 0..2 {
            whole.extend(u32::try_from(payload.len() + 16).unwrap().to_ne_bytes());
            whole.extend(kind.to_ne_bytes());
            whole.extend([0; 10]);
            whole.extend(&payload);
        }
        for end in 0..=whole.len() {
            let mut rest = &whole[..end];
            let mut count = 0;
            while let Some(message) = Message::next(&mut rest) {
                for cut in 0..message.payload.len() {
                    let cut = Message {
                        payload: &message.payload[..cut],
                        ..message
                    };
                    let _ = (cut.link(), cut.address(), cut.error());
                }
                count += 1;
            }
            assert_eq!(count, end / (whole.len() / 2));
        }
    }
    // A length that leads nowhere ends the datagram instead of being read forever.
    for length in [0u32, 15, u32::MAX - 2, u32::MAX] {
        let mut bytes = [0; 64];
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        assert!(Message::next(&mut &bytes[..]).is_none(), "{length}");
    }
}

#[test]
fn the_first_address_that_does_not_float_is_the_nodes_own() {
    let assigned = |index, address: &str| Assigned {
        index: LinkIndex(index),
        address: ip(address),
        prefix: 24,
        label: None,
        valid_s: FOREVER,
        ours: false,
        usable: true,
    };
    let addresses = [
        assigned(1, "10.9.1.1"),
        Assigned {
            ours: true,
            ..assigned(2, "10.9.0.9")
        },
        assigned(2, "10.9.0.8"),
        assigned(2, "10.9.0.1"),
        assigned(2, "10.9.0.2"),
        assigned(2, "fd09::1"),
        Assigned {
            usable: false,
            ..assigned(2, "fe80::1")
        },
        assigned(2, "fe80::53"),
        assigned(2, "fe80::2"),
    ];
    let own = |index, family, floating: &[&str]| {
        let floating: Vec<_> = floating.iter().map(|address| ip(address)).collect();
        own_address(&addresses, LinkIndex(index), family, &floating)
    };
    assert_eq!(own(2, Family::V4, &["10.9.0.8"]), Some(ip("10.9.0.1")));
    assert_eq!(own(2, Family::V6, &["fe80::53"]), Some(ip("fe80::2")));
    assert_eq!(own(2, Family::V6, &[]), Some(ip("fe80::53")));
    assert_eq!(own(1, Family::V6, &[]), None);
    assert_eq!(own(3, Family::V4, &[]), None);
}

/// A host with an address of each family that is its own, and its interface.
fn host() -> (Network, Namespace, Link) {
    let network = Network::create().unwrap();
    let host = network.attach("a", &["10.9.0.1/24", "fd09::1/64"]).unwrap();
    let link = host.enter(|| link("eth0")).unwrap().unwrap();
    (network, host, link)
}

fn link(name: &str) -> Option<Link> {
    let links = Links::open().unwrap().list().unwrap();
    links.into_iter().find(|link| link.name == name)
}

fn find(links: &mut Links, address: &str) -> Option<Assigned> {
    let addresses = links.addresses().unwrap();
    addresses
        .into_iter()
        .find(|assigned| assigned.address == ip(address))
}

/// Every event that is waiting.
fn drain(monitor: &mut Monitor) -> Vec<Event> {
    std::iter::from_fn(|| monitor.next_event().unwrap()).collect()
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_link_is_listed_and_its_changes_are_heard() {
    let (_network, host, listed) = host();
    assert!(listed.mac.is_some() && listed.mtu == 1500);
    let mut monitor = host.enter(|| Monitor::open().unwrap()).unwrap();
    for up in [false, true] {
        host.ip(&["link", "set", "eth0", if up { "up" } else { "down" }])
            .unwrap();
        wait_for("the change is told", PATIENCE, || {
            let expected = Link { up, ..listed.clone() };
            drain(&mut monitor).contains(&Event::LinkChanged(expected))
        })
        .unwrap();
        assert_eq!(host.enter(|| link("eth0").unwrap().up).unwrap(), up);
    }
    host.ip(&["link", "delete", "eth0"]).unwrap();
    wait_for("the end is told", PATIENCE, || {
        drain(&mut monitor).contains(&Event::LinkGone(listed.index))
    })
    .unwrap();
    assert_eq!(host.enter(|| link("eth0")).unwrap(), None);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_neighbours_are_those_whose_hardware_address_is_known() {
    let (_network, host, link) = host();
    for (address, state) in [
        ("10.9.0.2", "stale"),
        ("fd09::2", "permanent"),
        ("10.9.0.3", "failed"),
    ] {
        let entry = ["neighbour", "add", address, "dev", "eth0", "nud", state];
        let known = ["lladdr", "02:00:00:00:00:07"];
        let known = if state == "failed" { &known[..0] } else { &known };
        host.ip(&[&entry, known].concat()).unwrap();
    }
    let neighbours = host
        .enter(|| Links::open().unwrap().neighbours().unwrap())
        .unwrap();
    for (address, expected) in [("10.9.0.2", true), ("fd09::2", true), ("10.9.0.3", false)] {
        let known = Neighbour {
            index: link.index,
            address: ip(address),
            mac: MacAddress([2, 0, 0, 0, 0, 7]),
        };
        assert_eq!(neighbours.contains(&known), expected, "{address}: {neighbours:?}");
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_an_address_comes_as_asked_and_goes_twice_without_complaint() {
    let (_network, host, link) = host();
    let (mut links, mut monitor) = host
        .enter(|| (Links::open().unwrap(), Monitor::open().unwrap()))
        .unwrap();
    for (address, prefix) in [
        ("10.9.0.9", 24),
        ("10.9.0.10", 32),
        ("fd09::9", 64),
        ("fd09::10", 128),
    ] {
        let wanted = Placement {
            label: address.contains('.').then(|| "eth0:v".to_owned()),
            ..placement(address, prefix, 60)
        };
        links.place(link.index, &wanted).unwrap();
        links.place(link.index, &wanted).unwrap();
        let found = find(&mut links, address).unwrap();
        assert_eq!((found.prefix, found.index), (prefix, link.index));
        assert_eq!(found.label, wanted.label);
        assert!(found.usable && (59..=60).contains(&found.valid_s), "{found:?}");
        // The tests' kernel is newer than 5.18, or the origin could not be tested.
        assert!(found.ours);
        let (index, address) = (link.index, ip(address));
        assert!(drain(&mut monitor).contains(&Event::AddressAdded { index, address }));
        links.remove(index, address, prefix).unwrap();
        assert!(drain(&mut monitor).contains(&Event::AddressRemoved { index, address }));
        links.remove(index, address, prefix).unwrap();
        assert_eq!(
            links
                .addresses()
                .unwrap()
                .iter()
                .find(|found| found.address == address),
            None
        );
    }
    assert!(!find(&mut links, "10.9.0.1").unwrap().ours);
    links.remove(LinkIndex(999), ip("10.9.0.9"), 24).unwrap();
    let error = links
        .place(LinkIndex(999), &placement("10.9.0.9", 24, 60))
        .unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_an_address_that_is_not_renewed_goes_and_one_that_is_never_flaps() {
    let (_network, host, link) = host();
    let (mut links, mut monitor) = host
        .enter(|| (Links::open().unwrap(), Monitor::open().unwrap()))
        .unwrap();
    let forgotten = [placement("10.9.0.10", 32, 2), placement("fd09::10", 128, 2)];
    let renewed = [placement("10.9.0.9", 24, 2), placement("fd09::9", 64, 2)];
    let start = Instant::now();
    for wanted in forgotten.iter().chain(&renewed) {
        links.place(link.index, wanted).unwrap();
    }
    let (mut removed, mut renewals) = (Vec::new(), 0);
    wait_for("the forgotten ones go", PATIENCE, || {
        for wanted in &renewed {
            links.place(link.index, wanted).unwrap();
        }
        renewals += 1;
        for event in drain(&mut monitor) {
            if let Event::AddressRemoved { address, .. } = event {
                removed.push((address, start.elapsed()));
            }
        }
        removed.len() >= 2
    })
    .unwrap();
    removed.sort_unstable();
    let addresses: Vec<_> = removed.iter().map(|(address, _)| *address).collect();
    assert_eq!(addresses, [ip("10.9.0.10"), ip("fd09::10")]);
    for (address, after) in removed {
        assert!(
            after >= Duration::from_millis(1900),
            "{address} went after {after:?}"
        );
        assert!(
            after <= Duration::from_millis(2600),
            "{address} went after {after:?}"
        );
    }
    assert!(renewals > 10, "{renewals}");
    let start = Instant::now();
    let mut gone = 0;
    wait_for("the renewed ones go in the end", PATIENCE, || {
        let events = drain(&mut monitor);
        gone += events
            .iter()
            .filter(|event| matches!(event, Event::AddressRemoved { .. }))
            .count();
        gone == 2
    })
    .unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    // The node's own route to the subnet has not become one that ends, and an address alone has left no route.
    let routes = host.command("ip").args(["-6", "route", "show"]).output().unwrap();
    let routes = String::from_utf8(routes.stdout).unwrap();
    let own = routes.lines().find(|line| line.starts_with("fd09::/64")).unwrap();
    assert!(
        !own.contains("expires") && !routes.contains("fd09::10"),
        "{routes}"
    );
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_removing_a_primary_address_leaves_the_nodes_own() {
    let (_network, host, link) = host();
    host.ip(&["address", "delete", "10.9.0.1/24", "dev", "eth0"])
        .unwrap();
    host.enter(|| {
        std::fs::write("/proc/sys/net/ipv4/conf/eth0/promote_secondaries", "0").unwrap();
        keep_secondaries("eth0").unwrap();
    })
    .unwrap();
    let mut links = host.enter(|| Links::open().unwrap()).unwrap();
    links.place(link.index, &placement("10.9.0.9", 24, 60)).unwrap();
    host.ip(&["address", "add", "10.9.0.1/24", "dev", "eth0"])
        .unwrap();
    links.remove(link.index, ip("10.9.0.9"), 24).unwrap();
    assert!(find(&mut links, "10.9.0.1").is_some());
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_what_does_not_fit_is_an_overrun_and_then_events_go_on() {
    let (_network, host, link) = host();
    let (mut links, mut monitor) = host
        .enter(|| (Links::open().unwrap(), Monitor::open().unwrap()))
        .unwrap();
    crate::socket::set_int_option(&monitor.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, 1).unwrap();
    for _ in 0..100 {
        links.place(link.index, &placement("10.9.0.9", 24, 60)).unwrap();
    }
    assert!(drain(&mut monitor).contains(&Event::Overrun));
    links.remove(link.index, ip("10.9.0.9"), 24).unwrap();
    let removed = Event::AddressRemoved {
        index: link.index,
        address: ip("10.9.0.9"),
    };
    assert_eq!(drain(&mut monitor), [removed]);
}
