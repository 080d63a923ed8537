//! A worker's UDP socket for clients.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use socket2::{SockAddr, SockRef, Socket, Type};

use super::DEFAULT_BUFFER_BYTES;
use crate::socket::{self, Nonlocal};

/// How to open a [`Listener`].
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// Address and port to listen on; port 0 lets the kernel pick one.
    pub address: SocketAddr,
    /// Interface to listen on alone (`SO_BINDTODEVICE`).
    pub interface: Option<String>,
    /// Whether `address` may be missing from this machine when the socket is opened.
    pub nonlocal: Nonlocal,
    /// Kernel receive buffer in bytes; the kernel may grant less.
    pub receive_buffer: usize,
    /// Kernel send buffer in bytes; the kernel may grant less.
    pub send_buffer: usize,
}

impl ListenerOptions {
    /// Any interface, local addresses only, buffers of [`DEFAULT_BUFFER_BYTES`].
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            interface: None,
            nonlocal: Nonlocal::Refuse,
            receive_buffer: DEFAULT_BUFFER_BYTES,
            send_buffer: DEFAULT_BUFFER_BYTES,
        }
    }
}

/// A bound UDP socket that shares its address with those of the other workers (`SO_REUSEPORT`): the kernel
/// spreads clients over them by a hash of both addresses.
///
/// Answers leave without the don't-fragment bit and ignore path MTU messages (`IP_PMTUDISC_OMIT`), so that a
/// forged ICMP message cannot make us send fragments that are then replaced (RFC 9715 section 3.1).
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    local: SocketAddr,
}

impl Listener {
    /// Opens and binds a socket.
    ///
    /// # Errors
    /// What the kernel says to `socket`, `bind` and the options a listener cannot do without: address in use
    /// by a socket without `SO_REUSEPORT` or of another user, address not on this machine, no such interface.
    pub fn bind(options: &ListenerOptions) -> io::Result<Self> {
        let interface = options.interface.as_deref();
        let socket = socket::bind_shared(options.address, Type::DGRAM, interface, options.nonlocal)?;
        socket::raise_buffers(&socket, options.receive_buffer, options.send_buffer);
        let local = socket::local_address(&socket)?;
        Self::prepare(socket, local)
    }

    /// Takes over a bound UDP socket, as a reload or a service supervisor hands it on. Its buffers stay as
    /// they are.
    ///
    /// # Errors
    /// `InvalidInput` when the descriptor is anything else.
    pub fn adopt(fd: OwnedFd) -> io::Result<Self> {
        let (socket, local) = socket::adopt(fd, Type::DGRAM)?;
        Self::prepare(socket, local)
    }

    fn prepare(socket: Socket, local: SocketAddr) -> io::Result<Self> {
        let (level, packet_info, discover, omit) = match local {
            SocketAddr::V4(_) => (
                libc::IPPROTO_IP,
                libc::IP_PKTINFO,
                libc::IP_MTU_DISCOVER,
                libc::IP_PMTUDISC_OMIT,
            ),
            SocketAddr::V6(_) => (
                libc::IPPROTO_IPV6,
                libc::IPV6_RECVPKTINFO,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_OMIT,
            ),
        };
        // A kernel without this mode is merely less hardened.
        let _ = socket::set_int_option(&socket, level, discover, omit);
        if local.ip().is_unspecified() {
            socket::set_int_option(&socket, level, packet_info, 1)?;
        }
        Ok(Self {
            socket: socket.into(),
            local,
        })
    }

    /// Has the kernel give new packets to the other sockets of this address, or to nobody. What has arrived can
    /// still be received, and answers can still be sent.
    ///
    /// A socket that only sends does not exist in UDP. One that is connected to itself comes close: the kernel
    /// passes it over for everybody else's packets, and a send that names its destination goes where it says.
    ///
    /// # Errors
    /// No route to the socket's own address; it receives as before then.
    pub fn retire(&self) -> io::Result<()> {
        let mut own = self.local;
        match own.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => own.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => own.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        SockRef::from(&self.socket).connect(&SockAddr::from(own))
    }

    /// The address the socket is bound to, with the port that the kernel picked if it was asked to.
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Whether the kernel has to tell for each packet which address it was sent to.
    pub(super) fn is_wildcard(&self) -> bool {
        self.local.ip().is_unspecified()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl From<Listener> for OwnedFd {
    fn from(listener: Listener) -> Self {
        listener.socket
    }
}
