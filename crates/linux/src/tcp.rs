//! TCP sockets that never wait: listening, accepting, connecting. The stream itself is the standard library's.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use socket2::{SockAddr, Socket, Type};

use crate::socket;

pub use crate::socket::Nonlocal;

/// How to open a [`Listener`].
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// Address and port to listen on; port 0 lets the kernel pick one.
    pub address: SocketAddr,
    /// Interface to listen on alone (`SO_BINDTODEVICE`).
    pub interface: Option<String>,
    /// Whether `address` may be missing from this machine when the socket is opened.
    pub nonlocal: Nonlocal,
    /// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
    pub backlog: u32,
    /// Connections that may wait with data in their first packet (RFC 7413); zero switches that off.
    pub fast_open_queue: u32,
    /// Accept a connection only when its first data is there, or after this time.
    pub defer_accept: Option<Duration>,
}

impl ListenerOptions {
    /// Any interface, local addresses only, the kernel's own backlog, nothing fast and nothing deferred.
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            interface: None,
            nonlocal: Nonlocal::Refuse,
            backlog: libc::SOMAXCONN as u32,
            fast_open_queue: 0,
            defer_accept: None,
        }
    }
}

/// A listening TCP socket that shares its address with those of the other workers (`SO_REUSEPORT`).
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    local: SocketAddr,
}

/// A connection just accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The connection: non-blocking, without Nagle's delay.
    pub stream: TcpStream,
    /// The client's end.
    pub peer: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
}

impl Listener {
    /// Opens, binds and listens.
    ///
    /// # Errors
    /// As [`udp::Listener::bind`](crate::udp::Listener::bind); also when an option asked for is not to be had.
    pub fn bind(options: &ListenerOptions) -> io::Result<Self> {
        let interface = options.interface.as_deref();
        let socket = socket::bind_shared(options.address, Type::STREAM, interface, options.nonlocal)?;
        if options.fast_open_queue > 0 {
            set_tcp_option(&socket, libc::TCP_FASTOPEN, options.fast_open_queue.into())?;
        }
        if let Some(patience) = options.defer_accept {
            let seconds = patience.as_secs() + u64::from(patience.subsec_nanos() > 0);
            set_tcp_option(&socket, libc::TCP_DEFER_ACCEPT, seconds)?;
        }
        socket.listen(libc::c_int::try_from(options.backlog).unwrap_or(libc::c_int::MAX))?;
        Self::adopt(socket.into())
    }

    /// Takes over a listening TCP socket, as a reload or a service supervisor hands it on.
    ///
    /// # Errors
    /// `InvalidInput` when the descriptor is anything else.
    pub fn adopt(fd: OwnedFd) -> io::Result<Self> {
        let (socket, local) = socket::adopt(fd, Type::STREAM)?;
        if !socket.is_listener()? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "inherited socket does not listen",
            ));
        }
        socket.set_nonblocking(true)?;
        // Accepted connections inherit this, which saves a call for each.
        socket.set_tcp_nodelay(true)?;
        Ok(Self { socket, local })
    }

    /// Accepts one connection; `None` when none is waiting.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE` and `ENOBUFS`, `ENOMEM`: nothing can be accepted now, so stop polling for a while, as
    /// the listener stays readable. Others concern a single connection that went away.
    pub fn accept(&self) -> io::Result<Option<Accepted>> {
        let (socket, peer) = match self.socket.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            result => result?,
        };
        let peer = peer.as_socket().ok_or(io::ErrorKind::ConnectionAborted)?;
        let local = if self.local.ip().is_unspecified() {
            socket::local_address(&socket)?
        } else {
            self.local
        };
        Ok(Some(Accepted {
            stream: socket.into(),
            peer,
            local,
        }))
    }

    /// The address the socket is bound to, with the port that the kernel picked if it was asked to.
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl From<Listener> for OwnedFd {
    fn from(listener: Listener) -> Self {
        listener.socket.into()
    }
}

/// How to reach a backend.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The backend.
    pub remote: SocketAddr,
    /// Our address; the route's choice when `None`.
    pub source: Option<IpAddr>,
    /// Interface to use alone (`SO_BINDTODEVICE`).
    pub interface: Option<String>,
}

impl ConnectOptions {
    /// The route's source address, any interface.
    pub const fn new(remote: SocketAddr) -> Self {
        Self {
            remote,
            source: None,
            interface: None,
        }
    }
}

/// Begins to connect. The attempt has ended when the stream is writable; [`TcpStream::take_error`] then says
/// how. The stream is non-blocking and without Nagle's delay.
///
/// # Errors
/// Those that show at once: no route, no such source address or interface, out of descriptors or ports.
pub fn connect(options: &ConnectOptions) -> io::Result<TcpStream> {
    let ConnectOptions { remote, source, .. } = *options;
    let socket = socket::outgoing(remote, Type::STREAM, source, options.interface.as_deref())?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&SockAddr::from(remote)) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket.into()),
    }
}

fn set_tcp_option(socket: &Socket, name: libc::c_int, value: u64) -> io::Result<()> {
    let value = libc::c_int::try_from(value).unwrap_or(libc::c_int::MAX);
    socket::set_int_option(socket, libc::IPPROTO_TCP, name, value)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::poll::{Events, Interest, Poller};

    fn wait(fd: impl AsFd, interest: Interest) {
        let poller = Poller::new().unwrap();
        let mut events = Events::new(1);
        poller.add(fd, 0, interest).unwrap();
        poller.wait(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert_eq!(events.iter().len(), 1, "nothing happened within ten seconds");
    }

    fn listener(address: &str) -> Listener {
        Listener::bind(&ListenerOptions::new(address.parse().unwrap())).unwrap()
    }

    #[test]
    fn a_connection_carries_data_both_ways_and_knows_both_ends() {
        for (bound, local) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("0.0.0.0:0", "127.0.0.3"),
            ("[::]:0", "::1"),
        ] {
            let listener = listener(bound);
            let remote = SocketAddr::new(local.parse().unwrap(), listener.local_address().port());
            assert!(listener.accept().unwrap().is_none());
            let mut client = connect(&ConnectOptions::new(remote)).unwrap();
            wait(&client, Interest::Write);
            assert!(client.take_error().unwrap().is_none());
            wait(&listener, Interest::Read);
            let mut accepted = listener.accept().unwrap().unwrap();
            assert_eq!(
                (accepted.peer, accepted.local),
                (client.local_addr().unwrap(), remote)
            );
            assert!(accepted.stream.nodelay().unwrap() && client.nodelay().unwrap());

            let mut buffer = [0; 8];
            let idle = accepted.stream.read(&mut buffer).unwrap_err();
            assert_eq!(idle.kind(), io::ErrorKind::WouldBlock);
            client.write_all(b"ping").unwrap();
            wait(&accepted.stream, Interest::Read);
            assert_eq!(accepted.stream.read(&mut buffer).unwrap(), 4);
        }
    }

    #[test]
    fn a_refused_connection_is_told_by_the_stream() {
        let gone = listener("127.0.0.1:0").local_address();
        // Loopback may refuse at once or a moment later.
        let error = match connect(&ConnectOptions::new(gone)) {
            Err(error) => error,
            Ok(stream) => {
                wait(&stream, Interest::Write);
                stream.take_error().unwrap().unwrap()
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn the_source_address_is_the_one_asked_for() {
        let listener = listener("127.0.0.1:0");
        let source = "127.0.0.9".parse().unwrap();
        let options = ConnectOptions {
            source: Some(source),
            ..ConnectOptions::new(listener.local_address())
        };
        let client = connect(&options).unwrap();
        wait(&client, Interest::Write);
        assert_eq!(client.local_addr().unwrap().ip(), source);
        wait(&listener, Interest::Read);
        assert_eq!(listener.accept().unwrap().unwrap().peer.ip(), source);
    }

    #[test]
    fn workers_share_an_address() {
        let first = listener("127.0.0.1:0");
        let second = Listener::bind(&ListenerOptions::new(first.local_address())).unwrap();
        assert_eq!(first.local_address(), second.local_address());
    }

    #[test]
    fn options_are_accepted_and_a_deferred_connection_waits_for_data() {
        let options = ListenerOptions {
            fast_open_queue: 16,
            defer_accept: Some(Duration::from_millis(30_500)),
            ..ListenerOptions::new("127.0.0.1:0".parse().unwrap())
        };
        let listener = Listener::bind(&options).unwrap();
        let mut client = connect(&ConnectOptions::new(listener.local_address())).unwrap();
        wait(&client, Interest::Write);
        assert!(listener.accept().unwrap().is_none());
        client.write_all(b"x").unwrap();
        wait(&listener, Interest::Read);
        assert!(listener.accept().unwrap().is_some());
    }

    #[test]
    fn a_listener_is_handed_on_and_anything_else_refused() {
        let first = listener("127.0.0.1:0");
        let address = first.local_address();
        let second = Listener::adopt(first.into()).unwrap();
        assert_eq!(second.local_address(), address);
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(
            Listener::adopt(client.into()).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_floating_address_can_be_bound_before_it_arrives() {
        let absent = ListenerOptions::new("192.0.2.77:0".parse().unwrap());
        assert_eq!(
            Listener::bind(&absent).unwrap_err().kind(),
            io::ErrorKind::AddrNotAvailable
        );
        let patient = ListenerOptions {
            nonlocal: Nonlocal::Allow,
            ..absent
        };
        assert_eq!(
            Listener::bind(&patient).unwrap().local_address().ip().to_string(),
            "192.0.2.77"
        );
    }
}
