//! The frames we send: pure functions.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::link::MacAddress;

/// Bytes of an ARP frame, without the padding that the interface adds.
pub(super) const ARP_BYTES: usize = 42;
/// Bytes of a neighbour advertisement or solicitation with one option.
pub(super) const ADVERTISEMENT_BYTES: usize = 86;
/// Bytes of the ICMPv6 message in it.
const ICMP_BYTES: u8 = 32;

/// Whether a node forwards packets for its neighbours (RFC 4861 section 4.4, the R bit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Host,
    Router,
}

/// A gratuitous ARP request: "who has `address`? tell `address`", to everybody (RFC 5227 section 3). Whoever has an
/// entry for the address replaces it. keepalived writes all ones as the target's hardware address, and so do we.
pub(super) fn gratuitous_arp(mac: MacAddress, address: Ipv4Addr) -> [u8; ARP_BYTES] {
    let mut frame = [0xff; ARP_BYTES];
    frame[6..12].copy_from_slice(&mac.0);
    // ARP; then Ethernet, IPv4, the lengths of their addresses, and a request.
    frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&mac.0);
    frame[28..32].copy_from_slice(&address.octets());
    frame[38..42].copy_from_slice(&address.octets());
    frame
}

/// An ARP request: "who has `address`? tell `own`", to everybody (RFC 826).
pub(super) fn arp_request(mac: MacAddress, own: Ipv4Addr, address: Ipv4Addr) -> [u8; ARP_BYTES] {
    let mut frame = gratuitous_arp(mac, address);
    frame[28..32].copy_from_slice(&own.octets());
    frame[32..38].fill(0);
    frame
}

/// A neighbour solicitation: the same question for IPv6, to the group that who has `address` is in (RFC 4861 section
/// 7.2.2).
pub(super) fn solicitation(mac: MacAddress, own: Ipv6Addr, address: Ipv6Addr) -> [u8; ADVERTISEMENT_BYTES] {
    let mut group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).octets();
    group[13..].copy_from_slice(&address.octets()[13..]);
    let mut frame = [0; ADVERTISEMENT_BYTES];
    frame[..2].copy_from_slice(&[0x33, 0x33]);
    frame[2..6].copy_from_slice(&group[12..]);
    frame[6..12].copy_from_slice(&mac.0);
    discovery_header(&mut frame, own, group.into());
    frame[54] = 135;
    frame[62..78].copy_from_slice(&address.octets());
    // The source's link-layer address.
    frame[78..80].copy_from_slice(&[1, 1]);
    frame[80..86].copy_from_slice(&mac.0);
    let checksum = icmp_checksum(&frame[22..]);
    frame[56..58].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// An unsolicited neighbour advertisement that overrides what neighbours know (RFC 4861 section 7.2.6).
pub(super) fn unsolicited_advertisement(
    mac: MacAddress,
    address: Ipv6Addr,
    role: Role,
) -> [u8; ADVERTISEMENT_BYTES] {
    const OVERRIDE: u8 = 0x20;
    const ROUTER: u8 = 0x80;
    const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let mut frame = [0; ADVERTISEMENT_BYTES];
    frame[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
    frame[6..12].copy_from_slice(&mac.0);
    discovery_header(&mut frame, address, ALL_NODES);
    frame[54] = 136;
    frame[58] = match role {
        Role::Host => OVERRIDE,
        Role::Router => OVERRIDE | ROUTER,
    };
    frame[62..78].copy_from_slice(&address.octets());
    // The target's link-layer address, an option of one unit of eight bytes (RFC 4861 section 4.6.1).
    frame[78..80].copy_from_slice(&[2, 1]);
    frame[80..86].copy_from_slice(&mac.0);
    let checksum = icmp_checksum(&frame[22..]);
    frame[56..58].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// The IPv6 header of a message of neighbour discovery.
fn discovery_header(frame: &mut [u8; ADVERTISEMENT_BYTES], source: Ipv6Addr, destination: Ipv6Addr) {
    // IPv6; then version and traffic class (CS6, as for adverts), payload length, ICMPv6, hop limit.
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    frame[14..22].copy_from_slice(&[0x6c, 0, 0, 0, 0, ICMP_BYTES, 58, 255]);
    frame[22..38].copy_from_slice(&source.octets());
    frame[38..54].copy_from_slice(&destination.octets());
}

/// The checksum of an ICMPv6 message of [`ICMP_BYTES`] that follows its source and destination (RFC 4443 section
/// 2.3). The rest of the pseudo-header is the length and the protocol (RFC 8200 section 8.1).
fn icmp_checksum(addresses_and_message: &[u8]) -> u16 {
    let words = addresses_and_message.chunks_exact(2);
    let sum: u32 = words
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let sum = sum + u32::from(ICMP_BYTES) + 58;
    // Two folds take in every carry of a sum this short.
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !(folded as u16)
}
