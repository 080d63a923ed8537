use std::net::IpAddr;
use std::time::Duration;

use weir_lab::{Namespace, Network, wait_for};

use super::frame::{Role, arp_request, gratuitous_arp, solicitation, unsolicited_advertisement};
use super::*;
use crate::link::{Family, Link, MacAddress};
use crate::netlink::Links;

const MAC: MacAddress = MacAddress([0x02, 0, 0, 0xaa, 0xbb, 0xcc]);
const PATIENCE: Duration = Duration::from_secs(5);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_gratuitous_request_is_laid_out_as_arp_has_it() {
    let expected = "ffffffffffff 020000aabbcc 0806 0001 0800 06 04 0001 \
        020000aabbcc 0a0a02a0 ffffffffffff 0a0a02a0";
    assert_eq!(
        gratuitous_arp(MAC, [10, 10, 2, 160].into()).to_vec(),
        hex(expected)
    );
}

#[test]
fn an_advertisement_is_laid_out_as_neighbour_discovery_has_it() {
    for (role, flags, checksum) in [(Role::Host, "20", "7b43"), (Role::Router, "a0", "fb42")] {
        let expected = format!(
            "333300000001 020000aabbcc 86dd 6c000000 0020 3a ff \
            fd101002000000000000000000000160 ff020000000000000000000000000001 \
            88 00 {checksum} {flags}000000 fd101002000000000000000000000160 02 01 020000aabbcc"
        );
        let frame = unsolicited_advertisement(MAC, "fd10:1002::160".parse().unwrap(), role);
        assert_eq!(frame.to_vec(), hex(&expected), "{role:?}");
    }
}

#[test]
fn questions_are_laid_out_as_arp_and_neighbour_discovery_have_them() {
    let request = "ffffffffffff 020000aabbcc 0806 0001 0800 06 04 0001 \
        020000aabbcc 0a0a02a1 000000000000 0a0a02a0";
    let [own, address] = [[10, 10, 2, 161], [10, 10, 2, 160]];
    assert_eq!(
        arp_request(MAC, own.into(), address.into()).to_vec(),
        hex(request)
    );
    let solicited = "3333ff000160 020000aabbcc 86dd 6c000000 0020 3a ff \
        fd101002000000000000000000000161 ff0200000000000000000001ff000160 \
        87 00 0a40 00000000 fd101002000000000000000000000160 01 01 020000aabbcc";
    let [own, address] = ["fd10:1002::161", "fd10:1002::160"].map(|text| text.parse().unwrap());
    let frame = solicitation(MAC, own, address).to_vec();
    // The checksum is the kernel's to confirm: see the test in the laboratory.
    let without = |mut frame: Vec<u8>| {
        frame[56..58].fill(0);
        frame
    };
    assert_eq!(without(frame), without(hex(solicited)));
}

#[test]
fn our_own_frames_are_claims_and_every_cut_of_them_is_none() {
    let arp = gratuitous_arp(MAC, [10, 10, 2, 160].into());
    let claim = |address| Claim {
        address: ip(address),
        mac: MAC,
    };
    assert_eq!(Claim::parse(&arp, Family::V4), Some(claim("10.10.2.160")));
    for end in 0..arp.len() {
        assert_eq!(Claim::parse(&arp[..end], Family::V4), None, "{end}");
    }
    let discovery = unsolicited_advertisement(MAC, "fd10::160".parse().unwrap(), Role::Host);
    for end in 0..=discovery.len() {
        // Without the option, the sender's hardware address is what there is, here the same.
        let expected = (end >= 78).then(|| claim("fd10::160"));
        assert_eq!(Claim::parse(&discovery[..end], Family::V6), expected, "{end}");
    }
    assert_eq!(Claim::parse(&discovery, Family::V4), None);
    assert_eq!(Claim::parse(&[&arp[..], &[0; 60]].concat(), Family::V6), None);
}

/// One frame with a byte replaced.
fn with<const N: usize>(mut frame: [u8; N], at: usize, byte: u8) -> [u8; N] {
    frame[at] = byte;
    frame
}

#[test]
fn of_arp_only_what_names_its_sender_is_a_claim() {
    let arp = gratuitous_arp(MAC, [10, 10, 2, 160].into());
    assert!(Claim::parse(&with(arp, 21, 2), Family::V4).is_some(), "a reply");
    for (at, byte, what) in [
        (21, 3, "reverse ARP"),
        (20, 1, "another operation"),
        (15, 6, "another network"),
    ] {
        assert_eq!(Claim::parse(&with(arp, at, byte), Family::V4), None, "{what}");
    }
    let mut probe = arp;
    probe[28..32].fill(0);
    assert_eq!(Claim::parse(&probe, Family::V4), None, "a probe");
}

#[test]
fn of_discovery_only_what_says_where_an_address_lives_is_a_claim() {
    let advertisement = unsolicited_advertisement(MAC, "fd10::160".parse().unwrap(), Role::Host);
    let other = MacAddress([2, 9, 9, 9, 9, 9]);
    let mut proxied = advertisement;
    proxied[80..86].copy_from_slice(&other.0);
    assert_eq!(
        Claim::parse(&proxied, Family::V6).unwrap().mac,
        other,
        "the option counts, not the sender"
    );
    let refused = [
        (21, 254, "forwarded"),
        (20, 59, "not ICMPv6"),
        (54, 128, "an echo request"),
        (54, 135, "a solicitation that does not say where its source lives"),
        (55, 1, "another code"),
        (62, 0xff, "about a group"),
        (14, 0x40, "not IPv6"),
    ];
    for (at, byte, what) in refused {
        assert_eq!(
            Claim::parse(&with(advertisement, at, byte), Family::V6),
            None,
            "{what}"
        );
    }
    let solicitation = with(with(advertisement, 54, 135), 78, 1);
    assert_eq!(
        Claim::parse(&solicitation, Family::V6),
        Claim::parse(&advertisement, Family::V6),
        "neighbours learn from a question where its source lives"
    );
    let mut newcomer = with(advertisement, 54, 135);
    newcomer[22..38].fill(0);
    newcomer[80..86].copy_from_slice(&other.0);
    assert_eq!(
        Claim::parse(&newcomer, Family::V6).unwrap().mac,
        MAC,
        "its option means something else"
    );
    assert!(
        Claim::parse(&with(advertisement, 79, 0), Family::V6).is_some(),
        "an option without length ends them"
    );
}

/// Two hosts that share a switch, with their interfaces.
fn pair() -> (Network, [(Namespace, Link); 2]) {
    let network = Network::create().unwrap();
    let hosts = [("a", "10.9.0.1/24"), ("b", "10.9.0.2/24")].map(|(role, address)| {
        let host = network.attach(role, &[address]).unwrap();
        let link = host.enter(|| {
            let links = Links::open().unwrap().list().unwrap();
            links.into_iter().find(|link| link.name == "eth0").unwrap()
        });
        (host, link.unwrap())
    });
    (network, hosts)
}

/// The first claim to `address`, and what else was heard before it.
fn claim_to(neighbours: &Neighbours, address: &str) -> Claim {
    let mut found = None;
    wait_for("a claim", PATIENCE, || {
        loop {
            match neighbours.receive().unwrap() {
                Heard::Claim(claim) if claim.address == ip(address) => found = Some(claim),
                Heard::Claim(_) | Heard::Other => {}
                Heard::Empty => return found.is_some(),
            }
        }
    })
    .unwrap();
    found.unwrap()
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_an_announcement_reaches_the_neighbours_and_not_its_sender() {
    let (_network, [(a, a_link), (b, b_link)]) = pair();
    for (family, address) in [(Family::V4, "10.9.0.9"), (Family::V6, "fd09::9")] {
        let near = a.enter(|| Neighbours::open(&a_link, family).unwrap()).unwrap();
        let far = b.enter(|| Neighbours::open(&b_link, family).unwrap()).unwrap();
        a.enter(|| near.announce(ip(address)).unwrap()).unwrap();
        let claim = claim_to(&far, address);
        assert_eq!(Some(claim.mac), a_link.mac);
        loop {
            match near.receive().unwrap() {
                Heard::Claim(claim) => assert_ne!(claim.address, ip(address)),
                Heard::Other => {}
                Heard::Empty => break,
            }
        }
        let other = match family {
            Family::V4 => "fd09::9",
            Family::V6 => "10.9.0.9",
        };
        assert!(near.announce(ip(other)).is_err());
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_who_has_an_address_answers_and_nobody_else() {
    let (_network, [(a, a_link), (b, b_link)]) = pair();
    for host in [&a, &b] {
        let own = if std::ptr::eq(host, &a) {
            "fd09::1/64"
        } else {
            "fd09::2/64"
        };
        host.ip(&["address", "add", own, "dev", "eth0", "nodad"]).unwrap();
    }
    for (family, own, address, nobodys) in [
        (Family::V4, "10.9.0.1", "10.9.0.2", "10.9.0.3"),
        (Family::V6, "fd09::1", "fd09::2", "fd09::3"),
    ] {
        let near = a.enter(|| Neighbours::open(&a_link, family).unwrap()).unwrap();
        // Asked before, so that its answer would have come first.
        near.ask(ip(nobodys), ip(own)).unwrap();
        near.ask(ip(address), ip(own)).unwrap();
        let claim = claim_to(&near, address);
        assert_eq!(Some(claim.mac), b_link.mac);
        assert!(near.ask(ip(address), IpAddr::from([0; 4])).is_err() || family == Family::V4);
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_frames_to_others_and_frames_of_ours_that_return_are_no_claims() {
    let (_network, [(a, a_link), (b, b_link)]) = pair();
    let near = a
        .enter(|| Neighbours::open(&a_link, Family::V4).unwrap())
        .unwrap();
    let far = b
        .enter(|| Neighbours::open(&b_link, Family::V4).unwrap())
        .unwrap();
    let mut elsewhere = gratuitous_arp(MAC, [10, 9, 0, 8].into());
    elsewhere[..6].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
    near.send(&elsewhere).unwrap();
    near.send(&gratuitous_arp(b_link.mac.unwrap(), [10, 9, 0, 7].into()))
        .unwrap();
    near.announce(ip("10.9.0.9")).unwrap();
    let mut heard = Vec::new();
    wait_for("the last one", PATIENCE, || {
        match far.receive().unwrap() {
            Heard::Empty => {}
            other => heard.push(other),
        }
        heard.len() == 2
    })
    .unwrap();
    let claim = Claim {
        address: ip("10.9.0.9"),
        mac: a_link.mac.unwrap(),
    };
    assert_eq!(heard, [Heard::Other, Heard::Claim(claim)]);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_an_announcement_moves_the_entry_of_a_client() {
    let (_network, [(a, a_link), (b, _)]) = pair();
    for (family, address) in [(Family::V4, "10.9.0.9"), (Family::V6, "fd09::9")] {
        b.ip(&[
            "neighbour",
            "replace",
            address,
            "lladdr",
            "02:00:00:00:00:01",
            "dev",
            "eth0",
            "nud",
            "reachable",
        ])
        .unwrap();
        let near = a.enter(|| Neighbours::open(&a_link, family).unwrap()).unwrap();
        a.enter(|| near.announce(ip(address)).unwrap()).unwrap();
        let mac = a_link.mac.unwrap().to_string();
        wait_for("the entry moves", PATIENCE, || {
            let shown = b
                .command("ip")
                .args(["neighbour", "show", address])
                .output()
                .unwrap();
            String::from_utf8_lossy(&shown.stdout).contains(&mac)
        })
        .unwrap();
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_kernel_that_takes_an_address_is_heard_and_other_traffic_is_not() {
    let (_network, [(a, a_link), (b, b_link)]) = pair();
    let listener = a
        .enter(|| Neighbours::open(&a_link, Family::V6).unwrap())
        .unwrap();
    // With duplicate address detection: the kernel asks first.
    b.ip(&["address", "add", "fd09::9/64", "dev", "eth0"]).unwrap();
    assert_eq!(Some(claim_to(&listener, "fd09::9").mac), b_link.mac);
    // Everything the two need to talk, so that they need not ask.
    let mac = |link: &Link| link.mac.unwrap().to_string();
    a.ip(&["address", "add", "fd09::1/64", "dev", "eth0", "nodad"])
        .unwrap();
    b.ip(&[
        "neighbour",
        "replace",
        "fd09::1",
        "lladdr",
        &mac(&a_link),
        "dev",
        "eth0",
    ])
    .unwrap();
    let far = b
        .enter(|| Neighbours::open(&b_link, Family::V6).unwrap())
        .unwrap();
    let receiver = a
        .enter(|| std::net::UdpSocket::bind("[fd09::1]:0").unwrap())
        .unwrap();
    let target = receiver.local_addr().unwrap();
    wait_for("the new address can be used", PATIENCE, || {
        b.enter(|| {
            std::net::UdpSocket::bind("[fd09::9]:0").is_ok_and(|socket| socket.send_to(b"x", target).is_ok())
        })
        .unwrap()
    })
    .unwrap();
    receiver.recv(&mut [0]).unwrap();
    b.enter(|| far.announce(ip("fd09::99")).unwrap()).unwrap();
    loop {
        match listener.receive().unwrap() {
            Heard::Claim(claim) if claim.address == ip("fd09::99") => break,
            Heard::Claim(_) | Heard::Empty => {}
            Heard::Other => panic!("the datagram has passed the filter"),
        }
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_renewing_an_address_sends_nothing() {
    let (_network, [(a, a_link), (b, b_link)]) = pair();
    let ears = [Family::V4, Family::V6]
        .map(|family| b.enter(|| Neighbours::open(&b_link, family).unwrap()).unwrap());
    let mut links = a.enter(|| Links::open().unwrap()).unwrap();
    for (address, prefix) in [("10.9.0.9", 24), ("fd09::9", 64)] {
        let wanted = crate::netlink::Placement {
            address: ip(address),
            prefix,
            label: None,
            scope: 0,
            broadcast: None,
            valid_s: 60,
            preferred_s: 60,
        };
        for _ in 0..20 {
            links.place(a_link.index, &wanted).unwrap();
        }
    }
    // Something that does send, after which anything before it would have arrived.
    let voices = [Family::V4, Family::V6]
        .map(|family| a.enter(|| Neighbours::open(&a_link, family).unwrap()).unwrap());
    for ((ear, voice), (last, silent)) in ears
        .iter()
        .zip(&voices)
        .zip([("10.9.0.99", "10.9.0.9"), ("fd09::99", "fd09::9")])
    {
        a.enter(|| voice.announce(ip(last)).unwrap()).unwrap();
        wait_for("the last word", PATIENCE, || match ear.receive().unwrap() {
            Heard::Claim(claim) => {
                assert_ne!(claim.address, ip(silent));
                claim.address == ip(last)
            }
            Heard::Other | Heard::Empty => false,
        })
        .unwrap();
    }
}
