//! A connection between two processes that keeps messages apart (`SOCK_SEQPACKET`): what is sent in one piece is
//! received in one piece, and the end of either process is the end of the connection.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use socket2::{Domain, Socket, Type};

use crate::inherit;

/// One end. Readable, to a [`Poller`](crate::poll::Poller), when a message is there or the other end is gone.
#[derive(Debug)]
pub struct Seqpacket(Socket);

/// What [`Seqpacket::receive`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A message of so many bytes.
    Message(usize),
    /// Nothing is waiting.
    Empty,
    /// The other end is closed, and everything that it sent has been received.
    Closed,
}

impl Seqpacket {
    /// Two ends of a new connection. One is kept; the other is passed to a child
    /// ([`Launch::inherit`](crate::child::Launch)), which gets its [`number`](Self::number) as an argument, and is
    /// then dropped here, or its closing would not be seen.
    ///
    /// # Errors
    /// Out of descriptors or memory.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (near, far) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None)?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        Ok((Self(near), Self(far)))
    }

    /// The number of the descriptor: the same in a child that inherits it.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Takes over an end that this process has inherited under a number that its parent told it, once, at its
    /// start. The children of this process do not inherit it.
    ///
    /// # Errors
    /// `InvalidInput` when it is no such socket or a standard stream; `EBADF` when it is not open.
    pub fn adopt(number: RawFd) -> io::Result<Self> {
        let socket = Socket::from(inherit::take(number)?);
        if !socket.r#type().is_ok_and(|kind| kind == Type::SEQPACKET) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Sends a message without waiting.
    ///
    /// # Errors
    /// `InvalidInput` for an empty message, which would read as the end; `WouldBlock` when the other end has not
    /// received what was sent before; `BrokenPipe` when it is closed.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        if message.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // `write` of the standard library passes `MSG_NOSIGNAL`.
        (&self.0).write(message).map(drop)
    }

    /// Receives the next message into `buffer` without waiting. What does not fit is lost.
    ///
    /// # Errors
    /// None on a sound kernel.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Delivery> {
        match (&self.0).read(buffer) {
            Ok(0) => Ok(Delivery::Closed),
            Ok(length) => Ok(Delivery::Message(length)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Delivery::Empty),
                // It was closed before it had received what we sent.
                io::ErrorKind::ConnectionReset => Ok(Delivery::Closed),
                _ => Err(error),
            },
        }
    }
}

impl AsFd for Seqpacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;

    use super::*;

    #[test]
    fn messages_stay_apart_and_the_end_comes_after_the_last() {
        let (near, far) = Seqpacket::pair().unwrap();
        let mut buffer = [0; 8];
        assert_eq!(far.receive(&mut buffer).unwrap(), Delivery::Empty);
        near.send(b"one").unwrap();
        near.send(b"three").unwrap();
        assert_eq!(near.send(b"").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(far.receive(&mut buffer).unwrap(), Delivery::Message(3));
        drop(near);
        assert_eq!(far.receive(&mut buffer).unwrap(), Delivery::Message(5));
        assert_eq!(&buffer[..5], b"three");
        assert_eq!(far.receive(&mut buffer).unwrap(), Delivery::Closed);
        assert_eq!(far.send(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_full_connection_and_an_end_that_never_read_are_told() {
        let (near, far) = Seqpacket::pair().unwrap();
        let full = std::iter::repeat_with(|| near.send(&[0; 1024]))
            .find_map(Result::err)
            .unwrap();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        drop(far);
        assert_eq!(near.receive(&mut [0; 8]).unwrap(), Delivery::Closed);
    }

    #[test]
    fn only_such_a_socket_is_adopted() {
        let (near, far) = Seqpacket::pair().unwrap();
        let adopted = Seqpacket::adopt(far.0.into_raw_fd()).unwrap();
        near.send(b"x").unwrap();
        assert_eq!(adopted.receive(&mut [0; 8]).unwrap(), Delivery::Message(1));
        let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let error = Seqpacket::adopt(stream.into_raw_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            Seqpacket::adopt(2).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(
            Seqpacket::adopt(1_000_000).unwrap_err().raw_os_error(),
            Some(libc::EBADF)
        );
    }
}
