//! The packet information that travels beside a datagram (RFC 3542 section 6).

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::PacketInfo;
use crate::control;

/// Bytes for control messages beside each packet. Packet information takes 40; the rest lets an adopted socket
/// have one more option switched on (a timestamp, a mark) without pushing it out.
pub(super) const CONTROL_BYTES: usize = 64;

/// Control messages beside one packet.
#[repr(C, align(8))]
pub(super) struct Control([u8; CONTROL_BYTES]);

impl Control {
    pub(super) const EMPTY: Self = Self([0; CONTROL_BYTES]);

    /// Replaces the contents by what makes the kernel send from `info.address`, and returns the bytes used.
    ///
    /// The interface is pinned only for a link-local source, which means nothing without it. Elsewhere the
    /// route decides: the way back need not be the way in. A query to a group address is answered from the
    /// address that the kernel picks, as no packet may come from a group (RFC 1122 section 3.2.1.3).
    pub(super) fn set_source(&mut self, info: &PacketInfo) -> usize {
        if info.address.is_multicast() {
            return 0;
        }
        let mut data = [0; size_of::<libc::in6_pktinfo>()];
        let (level, kind, data) = match info.address {
            IpAddr::V4(address) => {
                data[4..8].copy_from_slice(&address.octets());
                (
                    libc::IPPROTO_IP,
                    libc::IP_PKTINFO,
                    &data[..size_of::<libc::in_pktinfo>()],
                )
            }
            IpAddr::V6(address) => {
                let interface = if address.is_unicast_link_local() {
                    info.interface
                } else {
                    0
                };
                data[..16].copy_from_slice(&address.octets());
                data[16..].copy_from_slice(&interface.to_ne_bytes());
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &data[..])
            }
        };
        control::write(&mut self.0, level, kind, data)
    }

    /// The packet information among the first `length` bytes, which the kernel has filled in.
    pub(super) fn packet_info(&self, length: usize) -> Option<PacketInfo> {
        control::messages(self.0.get(..length)?).find_map(|(level, kind, data)| match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => parse_v4(data),
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => parse_v6(data),
            _ => None,
        })
    }
}

/// `in_pktinfo`: the interface, the local address to answer from, the destination in the packet. The second is
/// the one: for a broadcast it is the interface's own address.
fn parse_v4(data: &[u8]) -> Option<PacketInfo> {
    let interface = u32::from_ne_bytes(*data.first_chunk()?);
    let address: [u8; 4] = *data.get(4..)?.first_chunk()?;
    Some(PacketInfo {
        address: IpAddr::V4(Ipv4Addr::from(address)),
        interface,
    })
}

/// `in6_pktinfo`: the address, the interface.
fn parse_v6(data: &[u8]) -> Option<PacketInfo> {
    let address: [u8; 16] = *data.first_chunk()?;
    let interface = u32::from_ne_bytes(*data.get(16..)?.first_chunk()?);
    Some(PacketInfo {
        address: IpAddr::V6(Ipv6Addr::from(address)),
        interface,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_BYTES: usize = size_of::<libc::cmsghdr>();
    const WORD: usize = size_of::<usize>();

    fn info(address: &str, interface: u32) -> PacketInfo {
        PacketInfo {
            address: address.parse().unwrap(),
            interface,
        }
    }

    #[test]
    fn the_source_is_read_back_and_only_link_local_keeps_its_interface() {
        for (given, expected) in [
            (info("192.0.2.1", 3), info("192.0.2.1", 0)),
            (info("2001:db8::1", 3), info("2001:db8::1", 0)),
            (info("fe80::1", 3), info("fe80::1", 3)),
        ] {
            let mut control = Control::EMPTY;
            let length = control.set_source(&given);
            assert_eq!(control.packet_info(length), Some(expected));
        }
    }

    #[test]
    fn a_group_address_is_no_source() {
        let mut control = Control::EMPTY;
        assert_eq!(control.set_source(&info("ff02::1", 3)), 0);
        assert_eq!(control.set_source(&info("224.0.0.1", 3)), 0);
    }

    #[test]
    fn other_messages_before_it_are_stepped_over() {
        let mut control = Control::EMPTY;
        let length = control.set_source(&info("192.0.2.1", 0));
        control.0.copy_within(..length, 24);
        control.0[..WORD].copy_from_slice(&(HEADER_BYTES + 5).to_ne_bytes());
        control.0[WORD..WORD + 4].copy_from_slice(&libc::SOL_SOCKET.to_ne_bytes());
        assert_eq!(control.packet_info(24 + length), Some(info("192.0.2.1", 0)));
    }

    #[test]
    fn no_length_makes_it_read_too_far_or_forever() {
        for claimed in [
            0,
            1,
            HEADER_BYTES - 1,
            HEADER_BYTES,
            HEADER_BYTES + 1,
            65,
            usize::MAX - 3,
            usize::MAX,
        ] {
            for filled in [
                0,
                1,
                HEADER_BYTES,
                40,
                CONTROL_BYTES,
                CONTROL_BYTES + 1,
                usize::MAX,
            ] {
                for level in [libc::IPPROTO_IP, libc::IPPROTO_IPV6, libc::SOL_SOCKET] {
                    let mut control = Control::EMPTY;
                    control.set_source(&info("192.0.2.1", 0));
                    control.0[..WORD].copy_from_slice(&claimed.to_ne_bytes());
                    control.0[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
                    assert_eq!(control.packet_info(filled), None, "{claimed} {filled} {level}");
                }
            }
        }
    }
}
