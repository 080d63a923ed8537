//! The frames of others that say who has an address: total functions.
//!
//! Checksums are not looked at. A frame from a virtual machine on the same host may not have one yet, and all that a
//! wrong claim can bring about is an announcement.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::link::{Family, MacAddress};

/// Somebody says that it has an address, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub address: IpAddr,
    /// Who says so.
    pub mac: MacAddress,
}

impl Claim {
    /// What an Ethernet frame claims: one of ARP, for IPv4, or of neighbour discovery.
    pub fn parse(frame: &[u8], family: Family) -> Option<Self> {
        match family {
            Family::V4 => parse_arp(frame),
            Family::V6 => parse_discovery(frame),
        }
    }
}

/// The sender of an ARP request or reply. A request from 0.0.0.0 asks whether an address is free (RFC 5227
/// section 2.1.1) and claims nothing.
fn parse_arp(frame: &[u8]) -> Option<Claim> {
    let frame: &[u8; 42] = frame.first_chunk()?;
    // ARP; Ethernet, IPv4, the lengths of their addresses; a request or a reply.
    let operation = (frame[20], frame[21]);
    if frame[12..20] != [0x08, 0x06, 0, 1, 0x08, 0, 6, 4] || !matches!(operation, (0, 1 | 2)) {
        return None;
    }
    let address = Ipv4Addr::new(frame[28], frame[29], frame[30], frame[31]);
    (!address.is_unspecified()).then_some(Claim {
        address: IpAddr::V4(address),
        mac: MacAddress(*frame[22..].first_chunk()?),
    })
}

/// The target of a neighbour advertisement, or of a solicitation from the unspecified address, with which a node
/// that takes an address asks whether it is free (RFC 4862 section 5.4.2); and the source of any other solicitation that
/// says where it lives, for those that hear it take note (RFC 4861 section 7.2.3).
fn parse_discovery(frame: &[u8]) -> Option<Claim> {
    const SOLICITATION: u8 = 135;
    const ADVERTISEMENT: u8 = 136;
    const SOURCE: u8 = 1;
    const TARGET: u8 = 2;
    let (head, options) = frame.split_first_chunk::<78>()?;
    // IPv6; version 6; ICMPv6 without extension headers; a hop limit that says that it was not forwarded.
    if head[12..14] != [0x86, 0xdd] || head[14] >> 4 != 6 || head[20..22] != [58, 255] || head[55] != 0 {
        return None;
    }
    let sender = MacAddress(*head[6..].first_chunk()?);
    let source = Ipv6Addr::from(*head[22..].first_chunk::<16>()?);
    let target = Ipv6Addr::from(*head[62..].first_chunk::<16>()?);
    let (address, mac) = match head[54] {
        ADVERTISEMENT => (target, link_address(options, TARGET).unwrap_or(sender)),
        SOLICITATION if source.is_unspecified() => (target, sender),
        SOLICITATION => (source, link_address(options, SOURCE)?),
        _ => return None,
    };
    (!target.is_multicast() && !address.is_multicast()).then_some(Claim {
        address: IpAddr::V6(address),
        mac,
    })
}

/// The link-layer address of the source or the target, by its option's type (RFC 4861 section 4.6.1).
fn link_address(mut options: &[u8], wanted: u8) -> Option<MacAddress> {
    loop {
        let [kind, units] = *options.first_chunk()?;
        if (kind, units) == (wanted, 1) {
            return options.get(2..)?.first_chunk().map(|mac| MacAddress(*mac));
        }
        // Length zero is an error that ends the message.
        let length = usize::from(units) * 8;
        options = options.get(length..).filter(|_| length > 0)?;
    }
}
