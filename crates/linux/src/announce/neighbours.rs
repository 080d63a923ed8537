//! The packet socket: one per interface and family, for both directions.

use std::io::{self, Read};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockFilter, Socket, Type};

use super::claim::Claim;
use super::frame::{Role, gratuitous_arp, unsolicited_advertisement};
use crate::link::{Family, Link, LinkIndex, MacAddress, forwards_ipv6};

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
        socket.bind(&address(link.index, family))?;
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

/// What a packet socket is bound to.
fn address(index: LinkIndex, family: Family) -> SockAddr {
    let protocol = match family {
        Family::V4 => libc::ETH_P_ARP,
        Family::V6 => libc::ETH_P_IPV6,
    };
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a storage has room for every kind of address and is aligned for it, and any bytes are a `sockaddr_ll`.
    let link: &mut libc::sockaddr_ll = unsafe { storage.view_as() };
    link.sll_family = libc::AF_PACKET as u16;
    link.sll_protocol = (protocol as u16).to_be();
    link.sll_ifindex = index.0.cast_signed();
    // SAFETY: the storage holds an address of its family, which is as long as this.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// Where classic BPF finds to whom a packet is addressed (linux/filter.h).
const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
const OTHER_HOST: u32 = libc::PACKET_OTHERHOST as u32;

/// Passes everything but frames to other hosts: a promiscuous interface sees them, and those of VLANs that it is
/// not in, where the address may rightly be somebody else's.
fn for_us() -> [SockFilter; 4] {
    [
        SockFilter::new(LOAD_BYTE, 0, 0, PACKET_TYPE),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, OTHER_HOST),
        SockFilter::new(RETURN, 0, 0, FRAME_BYTES as u32),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// The same for an IPv6 socket, and of what is left only neighbour solicitations and advertisements.
fn discovery_for_us() -> [SockFilter; 9] {
    [
        SockFilter::new(LOAD_BYTE, 0, 0, PACKET_TYPE),
        SockFilter::new(JUMP_IF_EQUAL, 6, 0, OTHER_HOST),
        // The next header is ICMPv6.
        SockFilter::new(LOAD_BYTE, 0, 0, 20),
        SockFilter::new(JUMP_IF_EQUAL, 0, 4, 58),
        // Its type.
        SockFilter::new(LOAD_BYTE, 0, 0, 54),
        SockFilter::new(JUMP_IF_EQUAL, 1, 0, 135),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, 136),
        SockFilter::new(RETURN, 0, 0, FRAME_BYTES as u32),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
