//! A UDP socket towards one backend.

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use socket2::{SockAddr, Type};

use super::slots::transmit;
use super::{DEFAULT_BATCH, DEFAULT_BUFFER_BYTES, Sent};
use crate::socket;

/// How to open a [`Connected`].
#[derive(Clone, Debug)]
pub struct ConnectedOptions {
    /// The backend.
    pub remote: SocketAddr,
    /// Our address; the route's choice when `None`.
    pub source: Option<IpAddr>,
    /// Interface to use alone (`SO_BINDTODEVICE`).
    pub interface: Option<String>,
    /// Kernel receive buffer in bytes; the kernel may grant less.
    pub receive_buffer: usize,
    /// Kernel send buffer in bytes; the kernel may grant less.
    pub send_buffer: usize,
}

impl ConnectedOptions {
    /// The route's source address, any interface, buffers of [`DEFAULT_BUFFER_BYTES`].
    pub const fn new(remote: SocketAddr) -> Self {
        Self {
            remote,
            source: None,
            interface: None,
            receive_buffer: DEFAULT_BUFFER_BYTES,
            send_buffer: DEFAULT_BUFFER_BYTES,
        }
    }
}

/// A UDP socket connected to a backend from a random port: the kernel discards what comes from anyone else
/// and reports when the backend's host says that nobody listens.
#[derive(Debug)]
pub struct Connected {
    socket: OwnedFd,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Connected {
    /// Opens and connects a socket.
    ///
    /// # Errors
    /// What the kernel says to `socket`, `bind` and `connect`: no route, no such source address or interface,
    /// source and remote of different families, no free port.
    pub fn open(options: &ConnectedOptions) -> io::Result<Self> {
        let ConnectedOptions { remote, source, .. } = *options;
        let socket = socket::outgoing(remote, Type::DGRAM, source, options.interface.as_deref())?;
        socket::raise_buffers(&socket, options.receive_buffer, options.send_buffer);
        socket.connect(&SockAddr::from(remote))?;
        let local = socket::local_address(&socket)?;
        Ok(Self {
            socket: socket.into(),
            local,
            remote,
        })
    }

    /// Sends one query without waiting.
    ///
    /// # Errors
    /// The query was not sent. After [`Failure::Refused`], which tells about an earlier one, the next call
    /// tries again.
    pub fn send(&self, payload: &[u8]) -> Result<(), Failure> {
        // SAFETY: pointer and length are those of a slice that lives across the call.
        let sent = unsafe {
            libc::send(
                self.socket.as_raw_fd(),
                payload.as_ptr().cast(),
                payload.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        if sent < 0 {
            Err(Failure::from(&io::Error::last_os_error()))
        } else {
            Ok(())
        }
    }

    /// Sends a query per slice, [`DEFAULT_BATCH`] to a system call, straight from where they are. Waits and
    /// retries no more than [`SendBatch::flush`](super::SendBatch::flush).
    pub fn send_all(&self, payloads: &[IoSlice<'_>]) -> Sent {
        let mut result = Sent::default();
        for chunk in payloads.chunks(DEFAULT_BATCH) {
            self.send_chunk(chunk, &mut result);
        }
        result
    }

    fn send_chunk(&self, payloads: &[IoSlice<'_>], result: &mut Sent) {
        let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; DEFAULT_BATCH];
        let count = payloads.len().min(messages.len());
        for (message, payload) in messages.iter_mut().zip(payloads) {
            // SAFETY: all zeros is a valid value of this plain C data.
            let header = message.write(unsafe { std::mem::zeroed() });
            // `IoSlice` is `iovec` by its documentation; for sending the kernel only reads it.
            header.msg_hdr.msg_iov = ptr::from_ref(payload).cast_mut().cast();
            header.msg_hdr.msg_iovlen = 1;
        }
        // SAFETY: the first `count` have just been written, and lead to slices that live across the call, with
        // their own lengths.
        unsafe {
            let messages = std::slice::from_raw_parts_mut(messages.as_mut_ptr().cast(), count);
            transmit(self.socket.as_fd(), messages, result);
        }
    }

    /// Our end: the source address and the random port.
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The backend's end.
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }
}

impl AsFd for Connected {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Why a backend's socket did not send or receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The socket's buffer is full: our trouble, not the backend's.
    Full,
    /// The backend's host says that nobody listens at the port (`ECONNREFUSED`).
    Refused,
    /// No way to the backend: route, interface or host is down.
    Unreachable,
    /// Anything else, as the error number.
    Other(i32),
}

impl Failure {
    /// Whether this speaks against the backend, as a timeout would.
    pub const fn is_backends_fault(self) -> bool {
        matches!(self, Self::Refused | Self::Unreachable)
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        match error.raw_os_error().unwrap_or_default() {
            libc::EAGAIN | libc::ENOBUFS => Self::Full,
            libc::ECONNREFUSED => Self::Refused,
            libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EHOSTDOWN => Self::Unreachable,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("socket buffer is full"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Other(number) => io::Error::from_raw_os_error(*number).fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn what_a_full_socket_does_not_take_is_dropped_and_counted() {
        // UDP over loopback never fills the sender's buffer; a local datagram socket that nobody reads does.
        let (near, far) = UnixDatagram::pair().unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 53));
        let connected = Connected {
            socket: OwnedFd::from(near),
            local: nowhere,
            remote: nowhere,
        };
        let payloads = [IoSlice::new(b"query"); 2000];
        let sent = connected.send_all(&payloads);
        assert!(sent.sent > 0 && sent.dropped > 0, "{sent:?}");
        assert_eq!((sent.sent + sent.dropped, sent.failed), (payloads.len(), 0));
        assert_eq!(connected.send(b"query"), Err(Failure::Full));
        drop(far);
    }

    #[test]
    fn every_failure_has_words() {
        for (number, failure, words) in [
            (libc::EAGAIN, Failure::Full, "socket buffer is full"),
            (libc::ECONNREFUSED, Failure::Refused, "connection refused"),
            (libc::EHOSTUNREACH, Failure::Unreachable, "unreachable"),
            (
                libc::EPERM,
                Failure::Other(libc::EPERM),
                "Operation not permitted (os error 1)",
            ),
        ] {
            assert_eq!(Failure::from(&io::Error::from_raw_os_error(number)), failure);
            assert_eq!(failure.to_string(), words);
        }
    }
}
