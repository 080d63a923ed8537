//! What UDP and TCP sockets have in common: creation, options, and taking over an inherited descriptor.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::{Domain, SockAddr, Socket, Type};

/// Whether an address that no interface has (yet) may be bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nonlocal {
    /// Binding fails with `EADDRNOTAVAIL`, the kernel's default.
    #[default]
    Refuse,
    /// `IP_FREEBIND`: a floating address can be bound before it arrives.
    Allow,
}

/// Creates a close-on-exec socket that shares its address with the other workers' sockets, and binds it.
///
/// Both `SO_REUSEADDR` and `SO_REUSEPORT` are set, and an IPv6 socket never receives IPv4.
pub(crate) fn bind_shared(
    address: SocketAddr,
    kind: Type,
    interface: Option<&str>,
    nonlocal: Nonlocal,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if let Some(interface) = interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    match (nonlocal, address) {
        (Nonlocal::Refuse, _) => {}
        (Nonlocal::Allow, SocketAddr::V4(_)) => socket.set_freebind_v4(true)?,
        (Nonlocal::Allow, SocketAddr::V6(_)) => socket.set_freebind_v6(true)?,
    }
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

/// Creates a socket for talking to `remote`, bound to the source address and interface asked for.
///
/// The kernel picks the port: at random over `net.ipv4.ip_local_port_range`.
pub(crate) fn outgoing(
    remote: SocketAddr,
    kind: Type,
    source: Option<IpAddr>,
    interface: Option<&str>,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(remote), kind, None)?;
    if let Some(interface) = interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if let Some(source) = source {
        if kind == Type::STREAM {
            // The port is chosen at connect, when the remote is known, so that one source address is good for
            // more than 28,000 connections. UDP keeps the choice at bind: there it is random.
            set_int_option(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
        }
        socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
    }
    Ok(socket)
}

/// Takes over a descriptor that already is a bound socket of this kind.
///
/// # Errors
/// `InvalidInput` when it is not a socket of that kind, or not IPv4 or IPv6.
pub(crate) fn adopt(fd: OwnedFd, kind: Type) -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::from(fd);
    if socket.r#type()? != kind {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "inherited descriptor is another type of socket",
        ));
    }
    let local = local_address(&socket)?;
    Ok((socket, local))
}

/// The address the socket is bound to.
pub(crate) fn local_address(socket: &Socket) -> io::Result<SocketAddr> {
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "socket is neither IPv4 nor IPv6"))
}

/// Raises the kernel's buffers to `receive` and `send` bytes, as far as it lets us.
///
/// With CAP_NET_ADMIN the sizes hold; without, the kernel caps them at `net.core.{rmem,wmem}_max`. A smaller
/// buffer is a smaller reserve for bursts, never a reason not to start, so no failure is reported.
pub(crate) fn raise_buffers(socket: &Socket, receive: usize, send: usize) {
    raise_receive_buffer(socket, receive);
    raise_buffer(socket, send, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF);
}

/// The same for the receive buffer alone.
pub(crate) fn raise_receive_buffer(socket: &impl AsRawFd, bytes: usize) {
    raise_buffer(socket, bytes, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF);
}

fn raise_buffer(socket: &impl AsRawFd, bytes: usize, forced: libc::c_int, polite: libc::c_int) {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    let _ = set_int_option(socket, libc::SOL_SOCKET, forced, bytes)
        .or_else(|_| set_int_option(socket, libc::SOL_SOCKET, polite, bytes));
}

/// Sets an option whose value is a C `int`.
pub(crate) fn set_int_option(
    socket: &impl AsRawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of::<c_int>()` bytes from a `c_int` that lives across the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_int_option_reaches_the_kernel() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        set_int_option(&socket, libc::SOL_SOCKET, libc::SO_PRIORITY, 3).unwrap();
        assert_eq!(socket.priority().unwrap(), 3);
    }

    #[test]
    fn an_unknown_option_is_an_error() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        let error = set_int_option(&socket, libc::SOL_SOCKET, 9999, 1).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOPROTOOPT));
    }

    #[test]
    fn buffers_grow_and_an_absurd_size_is_no_failure() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        let before = socket.recv_buffer_size().unwrap();
        raise_buffers(&socket, 1 << 20, usize::MAX);
        assert!(socket.recv_buffer_size().unwrap() >= before);
    }

    #[test]
    fn adoption_refuses_another_type_of_socket() {
        let stream = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let error = adopt(stream.into(), Type::DGRAM).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn adoption_refuses_what_is_no_internet_socket() {
        let unix = std::os::unix::net::UnixDatagram::unbound().unwrap();
        let error = adopt(unix.into(), Type::DGRAM).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
