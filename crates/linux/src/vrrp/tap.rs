//! The tap: what of VRRP passes an interface, on its way in before the firewall sees it, on its way out after.
//!
//! A [`VrrpSocket`](super::VrrpSocket) that hears nothing cannot tell an advert that never came from one that a filter
//! of this node has dropped. This tells them apart.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::header::{Datagram, Malformed, parse_v4, parse_v6};
use crate::link::{Family, Link};
use crate::packet;

/// IP protocol number.
const VRRP: u32 = 112;

/// Sees the adverts that pass an interface, in one family.
///
/// It takes part in nothing: whether the interface receives a group is for those who have joined it.
#[derive(Debug)]
pub struct VrrpTap {
    socket: Socket,
    family: Family,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To this node.
    In,
    /// From this node.
    Out,
}

impl VrrpTap {
    /// Starts to look.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_NET_RAW`; `ENODEV` when the interface is gone.
    pub fn open(link: &Link, family: Family) -> io::Result<Self> {
        // Protocol zero receives nothing: packets of other interfaces do not slip in before `bind`.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(0)))?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&adverts(family))?;
        // Only taps of every protocol see what leaves, and what comes before any filter has.
        socket.bind(&packet::address(link.index, libc::ETH_P_ALL))?;
        Ok(Self { socket, family })
    }

    /// Takes the next packet into `buffer` ([`BUFFER_BYTES`](super::BUFFER_BYTES)) without waiting; `None` when there is
    /// none. Callers bound how many they take in a row.
    ///
    /// # Errors
    /// `ENETDOWN` once after the interface went down; otherwise none on a sound kernel.
    pub fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
    ) -> io::Result<Option<(Direction, Result<Datagram<'a>, Malformed>)>> {
        let Some((length, packet_type)) = packet::receive(&self.socket, buffer)? else {
            return Ok(None);
        };
        let direction = match packet_type {
            libc::PACKET_OUTGOING => Direction::Out,
            _ => Direction::In,
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        let datagram = match self.family {
            Family::V4 => parse_v4(bytes),
            Family::V6 => parse_v6(bytes),
        };
        Ok(Some((direction, datagram)))
    }
}

impl AsFd for VrrpTap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Passes VRRP over one family, and of it nothing that belongs to a VLAN on top of the interface.
fn adverts(family: Family) -> [SockFilter; 8] {
    let (ethertype, protocol_at) = match family {
        Family::V4 => (libc::ETH_P_IP, 9),
        Family::V6 => (libc::ETH_P_IPV6, 6),
    };
    [
        packet::load_half(packet::PROTOCOL),
        packet::skip_unless(ethertype as u32, 5),
        packet::load_byte(packet::VLAN_TAGGED),
        packet::skip_unless(0, 3),
        packet::load_byte(protocol_at),
        packet::skip_unless(VRRP, 1),
        packet::accept(u32::MAX),
        packet::refuse(),
    ]
}
