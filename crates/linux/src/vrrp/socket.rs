//! The socket: one per interface and family, for both directions, multicast and unicast.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::header::{Datagram, Malformed, assemble_v6, parse_v4};
use crate::address::Address;
use crate::control;
use crate::link::{Family, Link, LinkIndex};
use crate::socket::{raise_receive_buffer, set_int_option};

/// Room for the longest advert: an IPv4 header with all options and 255 addresses, or 255 IPv6 addresses, and a
/// trailer for authentication.
pub const BUFFER_BYTES: usize = 4608;

/// IP protocol number (RFC 9568 section 5.1.1.4).
const VRRP: i32 = 112;
/// Where the checksum is in a message (RFC 9568 section 5.2).
const CHECKSUM_OFFSET: i32 = 6;
/// Internetwork control, CS6 (RFC 2474 section 4.2.2), as keepalived sends it.
const TRAFFIC_CLASS: i32 = 0xc0;
/// `TC_PRIO_CONTROL`: leaves before everything else that waits for the interface.
const PRIORITY: i32 = 7;
/// Thousands of adverts: what a stalled process must find when it goes on, before it believes in its timers.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
/// Room for packet information and a hop limit, each with its header; the rest is spare.
const CONTROL_BYTES: usize = 96;

/// Control messages, aligned as the kernel wants them.
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// Sends and receives adverts on one interface. Readable, to a [`Poller`](crate::poll::Poller), when one is there.
///
/// It hears what arrives on its interface for a group that it has joined or for an address of the node, and nothing
/// of what this node sends. An IPv6 socket also hears the groups that other sockets of the node have joined there:
/// a raw one asks for no membership of its own, whatever `IPV6_MULTICAST_ALL` says (seen on Linux 6.18), so look
/// at the destination. It is bound to the interface, not to its name: when the interface is made again, so must be
/// the socket.
#[derive(Debug)]
pub struct VrrpSocket {
    socket: Socket,
    family: Family,
    index: LinkIndex,
}

/// What [`VrrpSocket::receive`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception<'a> {
    /// An advert, so far as the IP header goes.
    Advert(Datagram<'a>),
    /// Something else.
    Malformed(Malformed),
    /// Nothing is waiting.
    Empty,
}

impl VrrpSocket {
    /// Opens a socket that belongs to no group yet.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_NET_RAW`, or, for the priority of what it sends, `CAP_NET_ADMIN`; `ENODEV`
    /// when the interface is gone; `EAFNOSUPPORT` where IPv6 is switched off.
    pub fn open(link: &Link, family: Family) -> io::Result<Self> {
        let domain = match family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(VRRP)))?;
        socket.bind_device(Some(link.name.as_bytes()))?;
        raise_receive_buffer(&socket, RECEIVE_BUFFER_BYTES);
        let options: &[_] = match family {
            Family::V4 => &[
                (libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0),
                (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP, 0),
                (libc::IPPROTO_IP, libc::IP_TOS, TRAFFIC_CLASS),
            ],
            Family::V6 => &[
                (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP, 0),
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS, TRAFFIC_CLASS),
                (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
                (libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1),
                (libc::IPPROTO_IPV6, libc::IPV6_CHECKSUM, CHECKSUM_OFFSET),
            ],
        };
        for (level, name, value) in options {
            set_int_option(&socket, *level, *name, *value)?;
        }
        // After the type of service, which sets a priority of its own.
        set_int_option(&socket, libc::SOL_SOCKET, libc::SO_PRIORITY, PRIORITY)?;
        Ok(Self {
            socket,
            family,
            index: link.index,
        })
    }

    /// Joins a multicast group on the interface; once more is no error. It lasts for as long as the interface does,
    /// up or down.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is no group or of the other family; `ENODEV` when the interface is gone.
    pub fn join(&self, group: IpAddr) -> io::Result<()> {
        let joined = match (self.family, group) {
            (Family::V4, IpAddr::V4(group)) => {
                let interface = InterfaceIndexOrAddress::Index(self.index.0);
                self.socket.join_multicast_v4_n(&group, &interface)
            }
            (Family::V6, IpAddr::V6(group)) => self.socket.join_multicast_v6(&group, self.index.0),
            (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => {
                Err(io::ErrorKind::InvalidInput.into())
            }
        };
        match joined {
            Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => Ok(()),
            result => result,
        }
    }

    /// Sends a message without waiting, from an address of this node to a group or a peer, with this TTL or hop
    /// limit. Over IPv6 the kernel fills the checksum in, over IPv4 it leaves the message as it is.
    ///
    /// # Errors
    /// `InvalidInput` for addresses of the other family; `ENETUNREACH` (IPv4) or `EINVAL` (IPv6) when `source` is
    /// not, or no longer, an address of the node; `EINVAL` when an IPv6 message has no room for a checksum;
    /// `ENETDOWN` and the like when the interface is down; `WouldBlock` when too much waits to be sent.
    pub fn send(&self, source: IpAddr, destination: IpAddr, hops: u8, message: &[u8]) -> io::Result<()> {
        let mut control = Control([0; CONTROL_BYTES]);
        let used = self.accompany(&mut control.0, source, hops)?;
        let mut name = Address::from(match (self.family, destination) {
            (Family::V4, IpAddr::V4(_)) => SocketAddr::new(destination, 0),
            (Family::V6, IpAddr::V6(address)) => SocketAddrV6::new(address, 0, 0, self.index.0).into(),
            (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        });
        let mut part = libc::iovec {
            iov_base: message.as_ptr().cast_mut().cast(),
            iov_len: message.len(),
        };
        let mut header = header(&mut name, &mut part, &mut control, used);
        header.msg_namelen = name.length();
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: every pointer in the header leads to a value that lives across the call and is as long as the
        // header says. The kernel reads them only, so that the message may come from a shared reference.
        let sent = unsafe { libc::sendmsg(self.socket.as_raw_fd(), &raw const header, flags) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Writes the source address and the hop limit of a packet as control messages, and returns their length.
    fn accompany(&self, control: &mut [u8], source: IpAddr, hops: u8) -> io::Result<usize> {
        let hops = i32::from(hops).to_ne_bytes();
        let index = self.index.0.to_ne_bytes();
        let mut information = [0; size_of::<libc::in6_pktinfo>()];
        let (level, kinds, information) = match (self.family, source) {
            (Family::V4, IpAddr::V4(source)) => {
                information[..4].copy_from_slice(&index);
                information[4..8].copy_from_slice(&source.octets());
                let information = &information[..size_of::<libc::in_pktinfo>()];
                (libc::IPPROTO_IP, (libc::IP_PKTINFO, libc::IP_TTL), information)
            }
            (Family::V6, IpAddr::V6(source)) => {
                information[..16].copy_from_slice(&source.octets());
                information[16..].copy_from_slice(&index);
                (
                    libc::IPPROTO_IPV6,
                    (libc::IPV6_PKTINFO, libc::IPV6_HOPLIMIT),
                    &information[..],
                )
            }
            (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        };
        let used = control::write(control, level, kinds.0, information);
        Ok(used + control::write(control.get_mut(used..).unwrap_or_default(), level, kinds.1, &hops))
    }

    /// Receives the next packet into `buffer` ([`BUFFER_BYTES`]) without waiting.
    ///
    /// # Errors
    /// `ENETDOWN` once after the interface went down; otherwise none on a sound kernel.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Reception<'a>> {
        let mut name = Address::UNSPECIFIED;
        let mut control = Control([0; CONTROL_BYTES]);
        let mut part = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let mut header = header(&mut name, &mut part, &mut control, CONTROL_BYTES);
        // SAFETY: every pointer in the header leads to a value that is borrowed mutably across the call and is as
        // long as the header says.
        let length = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
        let Ok(length) = usize::try_from(length) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Reception::Empty),
                _ => Err(error),
            };
        };
        if header.msg_flags & libc::MSG_TRUNC != 0 {
            return Ok(Reception::Malformed(Malformed::TooLong));
        }
        let bytes = buffer.get(..length).unwrap_or_default();
        let beside = control.0.get(..header.msg_controllen).unwrap_or_default();
        let parsed = match self.family {
            Family::V4 => parse_v4(bytes),
            Family::V6 => assemble_v6(name.ip(), bytes, beside),
        };
        Ok(parsed.map_or_else(Reception::Malformed, Reception::Advert))
    }
}

/// A message header that leads to these values.
fn header(name: &mut Address, part: &mut libc::iovec, control: &mut Control, used: usize) -> libc::msghdr {
    // SAFETY: a message header of zeros is one that leads nowhere.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_name = std::ptr::from_mut(name).cast();
    header.msg_namelen = size_of::<Address>() as libc::socklen_t;
    header.msg_iov = part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = used as _;
    header
}

impl AsFd for VrrpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
