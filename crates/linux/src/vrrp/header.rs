//! Where an advert came from: the IPv4 header before it, or the control messages beside it. Total functions.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::control;

/// An advert as it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// Where to: a group or an address of this node.
    pub destination: IpAddr,
    /// Its TTL or hop limit, as it arrived.
    pub hops: u8,
    /// The VRRP message, without anything before or after it that the IP header does not count.
    pub message: &'a [u8],
}

/// Why what came in is not an advert, before the message itself is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It does not begin with a whole IP header.
    Header,
    /// Its header says that it is longer than what arrived, or shorter than the header.
    Length,
    /// It is longer than the longest advert.
    TooLong,
    /// The kernel did not say where it went or with which hop limit.
    Unaccompanied,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "no IP header",
            Self::Length => "IP length does not match",
            Self::TooLong => "longer than any advert",
            Self::Unaccompanied => "without its destination or hop limit",
        })
    }
}

impl std::error::Error for Malformed {}

/// Takes an IPv4 packet apart (RFC 791 section 3.1). What follows the total length is the wire's padding.
pub(super) fn parse_v4(packet: &[u8]) -> Result<Datagram<'_>, Malformed> {
    let fixed: &[u8; 20] = packet.first_chunk().ok_or(Malformed::Header)?;
    let header_bytes = usize::from(fixed[0] & 0x0f) * 4;
    if fixed[0] >> 4 != 4 || header_bytes < fixed.len() {
        return Err(Malformed::Header);
    }
    let total_bytes = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    let message = packet.get(header_bytes..total_bytes).ok_or(Malformed::Length)?;
    let address = |at: usize| Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]);
    Ok(Datagram {
        source: IpAddr::V4(address(12)),
        destination: IpAddr::V4(address(16)),
        hops: fixed[8],
        message,
    })
}

/// Takes an IPv6 packet apart (RFC 8200 section 3), unless it has extension headers, which no advert has.
pub(super) fn parse_v6(packet: &[u8]) -> Result<Datagram<'_>, Malformed> {
    let (fixed, rest) = packet.split_first_chunk::<40>().ok_or(Malformed::Header)?;
    if fixed[0] >> 4 != 6 {
        return Err(Malformed::Header);
    }
    let length = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let address = |at: usize| {
        let bytes = fixed.get(at..).and_then(|bytes| bytes.first_chunk::<16>());
        bytes.map_or(Ipv6Addr::UNSPECIFIED, |bytes| Ipv6Addr::from(*bytes))
    };
    Ok(Datagram {
        source: IpAddr::V6(address(8)),
        destination: IpAddr::V6(address(24)),
        hops: fixed[7],
        message: rest.get(..length).ok_or(Malformed::Length)?,
    })
}

/// Puts an IPv6 message together with what the kernel wrote beside it.
pub(super) fn assemble_v6<'a>(
    source: IpAddr,
    message: &'a [u8],
    beside: &[u8],
) -> Result<Datagram<'a>, Malformed> {
    let (mut destination, mut hops) = (None, None);
    for (level, kind, data) in control::messages(beside) {
        match (level, kind) {
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                destination = data.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                let value = data.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
                hops = value.and_then(|value| u8::try_from(value).ok());
            }
            _ => {}
        }
    }
    match (destination, hops) {
        (Some(destination), Some(hops)) => Ok(Datagram {
            source,
            destination: IpAddr::V6(destination),
            hops,
            message,
        }),
        _ => Err(Malformed::Unaccompanied),
    }
}
