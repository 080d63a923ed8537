use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use weir_lab::{Namespace, Network, Process, Scratch, wait_for};

use super::header::{assemble_v6, parse_v4, parse_v6};
use super::*;
use crate::control;
use crate::link::{Family, Link};
use crate::netlink::{Links, own_address};

const PATIENCE: Duration = Duration::from_secs(10);
const GROUP_V4: &str = "224.0.0.18";
const GROUP_V6: &str = "ff02::12";
/// An advert of version 2 with a password, as keepalived sends it.
const ADVERT: [u8; 20] = [
    0x21, 0x33, 0x96, 0x01, 0x01, 0x01, 0x3a, 0x5a, 0x0a, 0x0a, 0x02, 0xa0, 0x6c, 0x61, 0x62, 0x31, 0x32,
    0x33, 0, 0,
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An IPv4 packet with a header of `header_words` words around [`ADVERT`].
fn packet(header_words: u8) -> Vec<u8> {
    let header_bytes = usize::from(header_words) * 4;
    let mut packet = vec![0; header_bytes.max(20)];
    packet[0] = 0x40 | header_words;
    packet[3] = (header_bytes + ADVERT.len()) as u8;
    packet[8] = 255;
    packet[9] = 112;
    packet[12..16].copy_from_slice(&[10, 10, 2, 161]);
    packet[16..20].copy_from_slice(&[224, 0, 0, 18]);
    packet.extend(ADVERT);
    packet
}

#[test]
fn an_ipv4_packet_is_taken_apart_with_options_and_padding() {
    for words in [5, 6, 15] {
        for padding in [0, 6] {
            let mut bytes = packet(words);
            bytes.extend(vec![0xee; padding]);
            let expected = Datagram {
                source: ip("10.10.2.161"),
                destination: ip(GROUP_V4),
                hops: 255,
                message: &ADVERT,
            };
            assert_eq!(parse_v4(&bytes), Ok(expected), "{words} words, padding {padding}");
        }
    }
}

#[test]
fn an_ipv4_header_that_lies_is_malformed() {
    let whole = packet(5);
    for end in 0..whole.len() {
        let reason = if end < 20 {
            Malformed::Header
        } else {
            Malformed::Length
        };
        assert_eq!(parse_v4(&whole[..end]), Err(reason), "{end}");
    }
    for words in 0..5 {
        assert_eq!(parse_v4(&packet(words)), Err(Malformed::Header), "{words} words");
    }
    let mut version = whole.clone();
    version[0] = 0x65;
    assert_eq!(parse_v4(&version), Err(Malformed::Header));
    for total in [0u16, 19, 41, 0xffff] {
        let mut bytes = whole.clone();
        bytes[2..4].copy_from_slice(&total.to_be_bytes());
        assert_eq!(parse_v4(&bytes), Err(Malformed::Length), "{total}");
    }
}

#[test]
fn an_ipv6_packet_is_taken_apart_and_every_cut_of_it_is_malformed() {
    let mut packet = vec![0; 40];
    packet[0] = 0x6c;
    packet[5] = ADVERT.len() as u8;
    packet[6] = 112;
    packet[7] = 255;
    packet[8..10].copy_from_slice(&[0xfe, 0x80]);
    packet[23] = 1;
    packet[24..26].copy_from_slice(&[0xff, 2]);
    packet[39] = 0x12;
    packet.extend(ADVERT);
    let expected = Datagram {
        source: ip("fe80::1"),
        destination: ip(GROUP_V6),
        hops: 255,
        message: &ADVERT,
    };
    assert_eq!(parse_v6(&packet), Ok(expected));
    for end in 0..packet.len() {
        let reason = if end < 40 {
            Malformed::Header
        } else {
            Malformed::Length
        };
        assert_eq!(parse_v6(&packet[..end]), Err(reason), "{end}");
    }
    packet[0] = 0x4c;
    assert_eq!(parse_v6(&packet), Err(Malformed::Header));
}

#[test]
fn an_ipv6_message_needs_its_destination_and_a_hop_limit_that_is_one() {
    let information = [
        &[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12][..],
        &[3, 0, 0, 0],
    ]
    .concat();
    for (hops, expected) in [(255, Some(255)), (0, Some(0)), (256, None), (-1, None)] {
        let mut beside = [0; 96];
        let mut used = control::write(
            &mut beside,
            libc::IPPROTO_IPV6,
            libc::IPV6_HOPLIMIT,
            &i32::to_ne_bytes(hops),
        );
        used += control::write(
            &mut beside[used..],
            libc::IPPROTO_IPV6,
            libc::IPV6_PKTINFO,
            &information,
        );
        let read = assemble_v6(ip("fe80::1"), &ADVERT, &beside[..used]);
        let expected = expected.map(|hops| Datagram {
            source: ip("fe80::1"),
            destination: ip(GROUP_V6),
            hops,
            message: &ADVERT,
        });
        assert_eq!(read, expected.ok_or(Malformed::Unaccompanied));
        for end in 0..used - 4 {
            assert_eq!(
                assemble_v6(ip("fe80::1"), &ADVERT, &beside[..end]),
                Err(Malformed::Unaccompanied)
            );
        }
    }
}

/// A host, its interface, its own addresses, and a socket of each family in the usual group.
struct Station {
    host: Namespace,
    link: Link,
    own: [IpAddr; 2],
    sockets: [VrrpSocket; 2],
}

impl Station {
    fn start(network: &Network, role: &str, address: &str) -> Self {
        let host = network.attach(role, &[address]).unwrap();
        let mut found = None;
        wait_for("the interface has its addresses", PATIENCE, || {
            found = host.enter(|| addresses("eth0")).unwrap();
            found.is_some()
        })
        .unwrap();
        let (link, own) = found.unwrap();
        let sockets = [(Family::V4, GROUP_V4), (Family::V6, GROUP_V6)].map(|(family, group)| {
            let socket = host.enter(|| VrrpSocket::open(&link, family).unwrap()).unwrap();
            socket.join(ip(group)).unwrap();
            socket.join(ip(group)).unwrap();
            socket
        });
        Self {
            host,
            link,
            own,
            sockets,
        }
    }

    /// The socket of the family of `address`, and this node's address in it.
    fn family(&self, address: &str) -> (&VrrpSocket, IpAddr) {
        let which = usize::from(ip(address).is_ipv6());
        (&self.sockets[which], self.own[which])
    }
}

/// An interface with its own addresses, once it has both.
fn addresses(name: &str) -> Option<(Link, [IpAddr; 2])> {
    let mut links = Links::open().unwrap();
    let link = links
        .list()
        .unwrap()
        .into_iter()
        .find(|link| link.name == name && link.up)?;
    let addresses = links.addresses().unwrap();
    let own = |family| own_address(&addresses, link.index, family, &[]);
    let own = [own(Family::V4)?, own(Family::V6)?];
    Some((link, own))
}

/// The next advert that `socket` hears, and its message.
fn next_advert(socket: &VrrpSocket) -> (Datagram<'static>, Vec<u8>) {
    let mut found = None;
    wait_for("an advert", PATIENCE, || {
        let mut buffer = [0; BUFFER_BYTES];
        if let Reception::Advert(advert) = socket.receive(&mut buffer).unwrap() {
            found = Some((
                Datagram {
                    message: &[],
                    ..advert
                },
                advert.message.to_vec(),
            ));
        }
        found.is_some()
    })
    .unwrap();
    found.unwrap()
}

fn assert_silent(socket: &VrrpSocket) {
    assert_eq!(socket.receive(&mut [0; BUFFER_BYTES]).unwrap(), Reception::Empty);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_what_one_sends_the_other_hears_to_groups_and_peers() {
    let network = Network::create().unwrap();
    let a = Station::start(&network, "a", "10.9.0.1/24");
    let b = Station::start(&network, "b", "10.9.0.2/24");
    for (group, unicast_hops) in [(GROUP_V4, 7), (GROUP_V6, 9)] {
        let ((near, from), (far, peer)) = (a.family(group), b.family(group));
        for (destination, hops) in [(ip(group), 255), (peer, 255), (peer, unicast_hops)] {
            near.send(from, destination, hops, &ADVERT).unwrap();
            let (advert, message) = next_advert(far);
            assert_eq!(
                (advert.source, advert.destination, advert.hops),
                (from, destination, hops)
            );
            // Over IPv6 the checksum is the kernel's.
            assert_eq!((&message[..6], &message[8..]), (&ADVERT[..6], &ADVERT[8..]));
            assert_eq!(message[6..8] == ADVERT[6..8], from.is_ipv4());
        }
        assert_silent(near);
    }
}

/// What a tap has seen by the time that it has seen an advert.
fn tapped(tap: &VrrpTap) -> Vec<(Direction, IpAddr, Vec<u8>)> {
    let mut seen = Vec::new();
    wait_for("an advert passes", PATIENCE, || {
        let mut buffer = [0; BUFFER_BYTES];
        while let Some((direction, datagram)) = tap.receive(&mut buffer).unwrap() {
            let datagram = datagram.unwrap();
            seen.push((direction, datagram.source, datagram.message.to_vec()));
        }
        !seen.is_empty()
    })
    .unwrap();
    seen
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_tap_sees_adverts_leave_and_arrive_that_a_filter_drops() {
    let network = Network::create().unwrap();
    let a = Station::start(&network, "a", "10.9.0.1/24");
    let b = Station::start(&network, "b", "10.9.0.2/24");
    let rules = "add table inet t; add chain inet t in { type filter hook input priority 0; }; \
        add rule inet t in meta l4proto 112 drop";
    let filtered = b.host.command("nft").arg(rules).status().unwrap();
    assert!(filtered.success());
    for (family, group) in [(Family::V4, GROUP_V4), (Family::V6, GROUP_V6)] {
        let tap = |station: &Station| {
            let opened = station.host.enter(|| VrrpTap::open(&station.link, family));
            opened.unwrap().unwrap()
        };
        let taps = [tap(&a), tap(&b)];
        let ((near, from), (far, _)) = (a.family(group), b.family(group));
        near.send(from, ip(group), 255, &ADVERT).unwrap();
        for (tap, direction) in taps.iter().zip([Direction::Out, Direction::In]) {
            let seen = tapped(tap);
            let [(way, source, message)] = seen.as_slice() else {
                panic!("{seen:?}");
            };
            assert_eq!((*way, *source, message.len()), (direction, from, ADVERT.len()));
        }
        assert_silent(far);
    }
}

/// The next frame of VRRP that arrives at a host, of either family.
fn next_frame(capture: &Socket) -> Vec<u8> {
    let mut frame = vec![0; 2048];
    loop {
        let length = (&mut &*capture).read(&mut frame).unwrap();
        if matches!(
            (&frame[12..14], frame[23], frame[20]),
            (&[0x08, 0x00], 112, _) | (&[0x86, 0xdd], _, 112)
        ) {
            frame.truncate(length);
            return frame;
        }
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_adverts_leave_as_network_control_with_a_checksum() {
    let network = Network::create().unwrap();
    let a = Station::start(&network, "a", "10.9.0.1/24");
    let b = Station::start(&network, "b", "10.9.0.2/24");
    let every = Protocol::from(i32::from((libc::ETH_P_ALL as u16).to_be()));
    let capture = b
        .host
        .enter(|| Socket::new(Domain::PACKET, Type::RAW, Some(every)).unwrap())
        .unwrap();
    capture.set_read_timeout(Some(PATIENCE)).unwrap();
    for (group, mac) in [
        (GROUP_V4, [1, 0, 0x5e, 0, 0, 0x12]),
        (GROUP_V6, [0x33, 0x33, 0, 0, 0, 0x12]),
    ] {
        let (near, from) = a.family(group);
        near.send(from, ip(group), 255, &ADVERT).unwrap();
        let frame = next_frame(&capture);
        assert_eq!(
            (&frame[..6], &frame[6..12]),
            (&mac[..], &a.link.mac.unwrap().0[..])
        );
        if from.is_ipv4() {
            assert_eq!((frame[14], frame[15], frame[22]), (0x45, 0xc0, 255));
            assert_eq!(frame[34..54], ADVERT);
        } else {
            // Behind the traffic class, a flow label of the kernel's choice.
            assert_eq!((frame[14], frame[15] >> 4, frame[21]), (0x6c, 0, 255));
            // The sum over a message with its checksum and the pseudo-header is all ones (RFC 1071 section 1).
            let words = frame[22..74]
                .chunks(2)
                .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
            let sum = words.sum::<u32>() + ADVERT.len() as u32 + 112;
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        }
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_the_source_is_the_configured_address_and_has_to_be_there() {
    let network = Network::create().unwrap();
    let a = Station::start(&network, "a", "10.9.0.1/24");
    let b = Station::start(&network, "b", "10.9.0.2/24");
    for (group, second, prefix, refusal) in [
        (GROUP_V4, "10.9.0.7", 24, libc::ENETUNREACH),
        (GROUP_V6, "fe80::7", 64, libc::EINVAL),
    ] {
        let ((near, _), (far, _)) = (a.family(group), b.family(group));
        let error = near.send(ip(second), ip(group), 255, &ADVERT).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(refusal));
        let mut arguments = vec!["address".to_owned(), "add".into(), format!("{second}/{prefix}")];
        arguments.extend(["dev", "eth0"].map(str::to_owned));
        if prefix == 64 {
            arguments.push("nodad".into());
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        a.host.ip(&arguments).unwrap();
        near.send(ip(second), ip(group), 255, &ADVERT).unwrap();
        assert_eq!(next_advert(far).0.source, ip(second));
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_groups_of_others_are_not_ours_and_links_come_back() {
    let network = Network::create().unwrap();
    let a = Station::start(&network, "a", "10.9.0.1/24");
    let b = Station::start(&network, "b", "10.9.0.2/24");
    for (group, other) in [(GROUP_V4, "224.0.0.99"), (GROUP_V6, "ff02::99")] {
        let ((near, from), (far, _)) = (a.family(group), b.family(group));
        // Somebody else on the node wants the other group.
        let stranger = b
            .host
            .enter(|| VrrpSocket::open(&b.link, family_of(group)).unwrap())
            .unwrap();
        stranger.join(ip(other)).unwrap();
        near.send(from, ip(other), 255, &ADVERT).unwrap();
        assert_eq!(next_advert(&stranger).0.destination, ip(other));
        match family_of(group) {
            Family::V4 => assert_silent(far),
            // As documented: IPv6 asks which groups the node is in, not which the socket is in.
            Family::V6 => assert_eq!(next_advert(far).0.destination, ip(other)),
        }
        b.host.ip(&["link", "set", "eth0", "down"]).unwrap();
        b.host.ip(&["link", "set", "eth0", "up"]).unwrap();
        far.join(ip(group)).unwrap();
        wait_for("adverts arrive again", PATIENCE, || {
            near.send(from, ip(group), 255, &ADVERT).unwrap();
            matches!(far.receive(&mut [0; BUFFER_BYTES]), Ok(Reception::Advert(_)))
        })
        .unwrap();
    }
    assert!(a.sockets[0].join(ip(GROUP_V6)).is_err() && a.sockets[1].join(ip("10.9.0.2")).is_err());
}

const fn family_of(address: &str) -> Family {
    if address.as_bytes()[1] == b'f' {
        Family::V6
    } else {
        Family::V4
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_longer_packet_than_any_advert_is_malformed() {
    let network = Network::create().unwrap();
    let a = Station::start(&network, "a", "10.9.0.1/24");
    let b = Station::start(&network, "b", "10.9.0.2/24");
    for group in [GROUP_V4, GROUP_V6] {
        let ((near, from), (far, _)) = (a.family(group), b.family(group));
        near.send(from, ip(group), 255, &[0; BUFFER_BYTES + 1]).unwrap();
        let mut found = Reception::Empty;
        wait_for("the packet", PATIENCE, || {
            found = match far.receive(&mut [0; BUFFER_BYTES]).unwrap() {
                Reception::Malformed(reason) => Reception::Malformed(reason),
                Reception::Advert(_) | Reception::Empty => Reception::Empty,
            };
            found != Reception::Empty
        })
        .unwrap();
        assert_eq!(found, Reception::Malformed(Malformed::TooLong));
    }
}

/// What keepalived sends with this instance, as heard by a neighbour.
fn keepalived_sends(group: &str, instance: &str) -> (Datagram<'static>, Vec<u8>, IpAddr) {
    let network = Network::create().unwrap();
    let a = Station::start(&network, "a", "10.9.0.1/24");
    let b = Station::start(&network, "b", "10.9.0.2/24");
    let scratch = Scratch::create().unwrap();
    let text =
        format!("vrrp_instance V {{\n interface eth0\n state MASTER\n priority 150\n {instance}\n}}\n");
    let configuration = scratch.write("keepalived.conf", &text).unwrap();
    let mut command = a.host.command("keepalived");
    command.args(["--dont-fork", "--log-console", "--vrrp"]);
    for (flag, file) in [("--pid", "a.pid"), ("--vrrp_pid", "b.pid")] {
        command.arg(flag).arg(scratch.path().join(file));
    }
    command.arg("--use-file").arg(configuration);
    let _process = Process::start("keepalived", command, scratch.path()).unwrap();
    let (socket, _) = b.family(group);
    let (advert, message) = next_advert(socket);
    (advert, message, a.family(group).1)
}

#[test]
#[ignore = "needs root: network namespaces, keepalived"]
fn lab_adverts_of_keepalived_are_heard_in_every_version_and_family() {
    let password = "authentication {\n auth_type PASS\n auth_pass lab123\n }";
    let cases = [
        (
            GROUP_V4,
            format!("version 2\n virtual_router_id 51\n {password}\n virtual_ipaddress {{\n 10.9.0.160\n }}"),
            vec![0x21, 51, 150, 1, 1, 1],
            20,
        ),
        (
            GROUP_V4,
            "version 3\n advert_int 0.1\n virtual_router_id 52\n virtual_ipaddress {\n 10.9.0.160\n }".to_owned(),
            vec![0x31, 52, 150, 1, 0, 10],
            12,
        ),
        (
            GROUP_V6,
            "version 3\n advert_int 0.1\n virtual_router_id 53\n virtual_ipaddress {\n fe80::53\n fd09::160\n }"
                .to_owned(),
            vec![0x31, 53, 150, 2, 0, 10],
            40,
        ),
    ];
    for (group, instance, head, length) in cases {
        let (advert, message, sender) = keepalived_sends(group, &instance);
        assert_eq!(
            (advert.source, advert.destination, advert.hops),
            (sender, ip(group), 255)
        );
        assert_eq!((&message[..6], message.len()), (&head[..], length));
    }
}
