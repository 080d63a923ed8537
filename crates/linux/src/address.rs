//! A socket address in the kernel's own layout.

use std::fmt;
use std::mem::{align_of, offset_of, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// An IPv4 or IPv6 socket address exactly as the kernel reads and writes it.
///
/// It is `sockaddr_in6`; a `sockaddr_in` is its first 16 bytes, with the IPv4 address where IPv6 has its flow
/// label. Keeping a client's address in this form makes a reply a copy of 28 bytes; [`Address::decode`] turns
/// it into the standard library's type where policy wants to look at it.
#[derive(Clone, Copy)]
#[repr(C, align(4))]
pub struct Address {
    family: u16,
    /// Network byte order.
    port: [u8; 2],
    /// The address when `family` is `AF_INET`, the flow label when it is `AF_INET6`; network byte order.
    v4_or_flow: [u8; 4],
    v6: [u8; 16],
    /// Host byte order.
    scope: u32,
}

const _: () = {
    assert!(size_of::<Address>() == size_of::<libc::sockaddr_in6>());
    assert!(align_of::<Address>() == align_of::<libc::sockaddr_in6>());
    assert!(offset_of!(Address, family) == offset_of!(libc::sockaddr_in6, sin6_family));
    assert!(offset_of!(Address, port) == offset_of!(libc::sockaddr_in6, sin6_port));
    assert!(offset_of!(Address, port) == offset_of!(libc::sockaddr_in, sin_port));
    assert!(offset_of!(Address, v4_or_flow) == offset_of!(libc::sockaddr_in, sin_addr));
    assert!(offset_of!(Address, v4_or_flow) == offset_of!(libc::sockaddr_in6, sin6_flowinfo));
    assert!(offset_of!(Address, v6) == offset_of!(libc::sockaddr_in6, sin6_addr));
    assert!(offset_of!(Address, scope) == offset_of!(libc::sockaddr_in6, sin6_scope_id));
};

const INET: u16 = libc::AF_INET as u16;
const INET6: u16 = libc::AF_INET6 as u16;

impl Address {
    /// No address: what a slot holds before the kernel has written one.
    pub(crate) const UNSPECIFIED: Self = Self {
        family: INET,
        port: [0; 2],
        v4_or_flow: [0; 4],
        v6: [0; 16],
        scope: 0,
    };

    /// The same address as the standard library writes it.
    ///
    /// Sockets here are IPv4 or IPv6 by construction, so a family is one of the two; should the kernel ever
    /// say otherwise the address decodes as IPv4.
    pub fn decode(&self) -> SocketAddr {
        let port = u16::from_be_bytes(self.port);
        if self.family == INET6 {
            let flow = u32::from_be_bytes(self.v4_or_flow);
            SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::from(self.v6), port, flow, self.scope))
        } else {
            SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(self.v4_or_flow), port))
        }
    }

    /// The address without its port.
    pub fn ip(&self) -> IpAddr {
        if self.family == INET6 {
            IpAddr::V6(Ipv6Addr::from(self.v6))
        } else {
            IpAddr::V4(Ipv4Addr::from(self.v4_or_flow))
        }
    }

    /// Bytes of this address that the kernel reads when it is a destination.
    pub(crate) const fn length(&self) -> libc::socklen_t {
        if self.family == INET6 {
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        } else {
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self {
                port: v4.port().to_be_bytes(),
                v4_or_flow: v4.ip().octets(),
                ..Self::UNSPECIFIED
            },
            SocketAddr::V6(v6) => Self {
                family: INET6,
                port: v6.port().to_be_bytes(),
                v4_or_flow: v6.flowinfo().to_be_bytes(),
                v6: v6.ip().octets(),
                scope: v6.scope_id(),
            },
        }
    }
}

// A slot's IPv4 address keeps what an IPv6 one left behind it, so equality is that of the decoded addresses.
impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.decode() == other.decode()
    }
}

impl Eq for Address {}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.decode().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_survives_the_round_trip() {
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 53, 0x000a_bcde, 7);
        for address in [
            "192.0.2.1:53".parse().unwrap(),
            "[2001:db8::1]:5353".parse().unwrap(),
            SocketAddr::V6(scoped),
        ] {
            assert_eq!(Address::from(address).decode(), address);
            assert_eq!(Address::from(address).ip(), address.ip());
        }
    }

    #[test]
    fn ipv4_addresses_are_equal_whatever_follows_them() {
        let clean = Address::from(SocketAddr::from(([192, 0, 2, 1], 53)));
        let reused = Address {
            v6: [0xff; 16],
            scope: 9,
            ..clean
        };
        assert_eq!(clean, reused);
        assert_ne!(clean, Address::from(SocketAddr::from(([192, 0, 2, 1], 54))));
    }

    #[test]
    fn the_kernel_is_told_the_length_of_the_family() {
        assert_eq!(Address::from(SocketAddr::from(([192, 0, 2, 1], 53))).length(), 16);
        assert_eq!(
            Address::from(SocketAddr::from((Ipv6Addr::LOCALHOST, 53))).length(),
            28
        );
    }
}
