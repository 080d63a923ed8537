//! The packet socket: one per interface and family, for both directions.

use std::io::{self, Read};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::claim::Claim;
use super::frame::{Role, arp_request, gratuitous_arp, solicitation, unsolicited_advertisement};
use crate::link::{Family, Link, MacAddress, forwards_ipv6};
use crate::packet;

/// More than any frame that is looked at; what is beyond is cut off.
const FRAME_BYTES: usize = 512;

/// The neighbours on one interface, in one family. Readable, to a [`Poller`](crate::poll::Poller), when one of them
/// has said something about an address.
///
/// The kernel hands over frames of the protocol in question only, none of our own, and of IPv6 only neighbour
/// solicitations and advertisements: a busy interface does not wake us. When the interface gets another hardware
/// address, or is made again, open this again.
#[derive(Debug)]
pub struct Neighbours {
    socket: Socket,
    family: Family,
    mac: MacAddress,
    interface: String,
}

/// What [`Neighbours::receive`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody else says that it has an address, any address.
    Claim(Claim),
    /// A frame that claims nothing, or comes from our own hardware address.
    Other,
    /// Nothing is waiting.
    Empty,
}

impl Neighbours {
    /// Starts to listen.
    ///
    /// # Errors
    /// `InvalidInput` when the interface is not Ethernet; `PermissionDenied` without `CAP_NET_RAW`; `ENODEV` when it
    /// is gone.
    pub fn open(link: &Link, family: Family) -> io::Result<Self> {
        let mac = link.mac.ok_or(io::ErrorKind::InvalidInput)?;
        // Protocol zero receives nothing: frames of other interfaces do not slip in before `bind`.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        socket.set_nonblocking(true)?;
        match family {
            Family::V4 => socket.attach_filter(&for_us())?,
            Family::V6 => socket.attach_filter(&discovery_for_us())?,
        }
        let protocol = match family {
            Family::V4 => libc::ETH_P_ARP,
            Family::V6 => libc::ETH_P_IPV6,
        };
        socket.bind(&packet::address(link.index, protocol))?;
        Ok(Self {
            socket,
            family,
            mac,
            interface: link.name.clone(),
        })
    }

    /// Tells all neighbours, without waiting, that an address is reached at this interface.
    ///
    /// # Errors
    /// `InvalidInput` for an address of the other family; `ENETDOWN` and the like when the interface is down;
    /// `WouldBlock` when too much waits to be sent.
    pub fn announce(&self, address: IpAddr) -> io::Result<()> {
        match (self.family, address) {
            (Family::V4, IpAddr::V4(address)) => self.send(&gratuitous_arp(self.mac, address)),
            (Family::V6, IpAddr::V6(address)) => {
                // Read each time: it may be switched while we run, and neighbours that are told "host" by a router
                // forget their default route.
                let role = if forwards_ipv6(&self.interface).unwrap_or(false) {
                    Role::Router
                } else {
                    Role::Host
                };
                self.send(&unsolicited_advertisement(self.mac, address, role))
            }
            (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => {
                Err(io::ErrorKind::InvalidInput.into())
            }
        }
    }

    /// Asks all neighbours, without waiting, who has an address; each that answers is a [`Heard::Claim`]. `own` is the
    /// address of this node that answers go to.
    ///
    /// # Errors
    /// As [`announce`](Self::announce).
    pub fn ask(&self, address: IpAddr, own: IpAddr) -> io::Result<()> {
        match (self.family, address, own) {
            (Family::V4, IpAddr::V4(address), IpAddr::V4(own)) => {
                self.send(&arp_request(self.mac, own, address))
            }
            (Family::V6, IpAddr::V6(address), IpAddr::V6(own)) => {
                self.send(&solicitation(self.mac, own, address))
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send(frame).map(drop)
    }

    /// Takes the next frame without waiting. Callers bound how many they take in a row.
    ///
    /// # Errors
    /// `ENETDOWN` once after the interface went down; otherwise none on a sound kernel.
    pub fn receive(&self) -> io::Result<Heard> {
        let mut buffer = [0; FRAME_BYTES];
        let length = match (&self.socket).read(&mut buffer) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                return Ok(Heard::Empty);
            }
            result => result?,
        };
        let claim = Claim::parse(buffer.get(..length).unwrap_or_default(), self.family);
        let foreign = claim.filter(|claim| claim.mac != self.mac);
        Ok(foreign.map_or(Heard::Other, Heard::Claim))
    }
}

impl AsFd for Neighbours {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const OTHER_HOST: u32 = libc::PACKET_OTHERHOST as u32;

/// Passes everything but frames to other hosts: a promiscuous interface sees them, and those of VLANs that it is
/// not in, where the address may rightly be somebody else's.
fn for_us() -> [SockFilter; 4] {
    [
        packet::load_byte(packet::PACKET_TYPE),
        packet::skip_if(OTHER_HOST, 1),
        packet::accept(FRAME_BYTES as u32),
        packet::refuse(),
    ]
}

/// The same for an IPv6 socket, and of what is left only neighbour solicitations and advertisements.
fn discovery_for_us() -> [SockFilter; 9] {
    [
        packet::load_byte(packet::PACKET_TYPE),
        packet::skip_if(OTHER_HOST, 6),
        // The next header is ICMPv6.
        packet::load_byte(20),
        packet::skip_unless(58, 4),
        // Its type.
        packet::load_byte(54),
        packet::skip_if(135, 1),
        packet::skip_unless(136, 1),
        packet::accept(FRAME_BYTES as u32),
        packet::refuse(),
    ]
}
