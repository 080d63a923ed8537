//! Being told about interfaces and addresses.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::exchange::{DATAGRAM_BYTES, receive};
use super::message::Message;
use crate::link::{Link, LinkIndex};

/// Links, IPv4 addresses and IPv6 addresses.
const GROUPS: u32 = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR) as u32;
/// Room for the thousands of messages that a restarted switch or a container host makes at once.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// What has happened to an interface or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An interface is new or has changed in some respect, also one that does not show here.
    LinkChanged(Link),
    /// An interface is gone. Its addresses are not reported one by one, and its number does not come back.
    LinkGone(LinkIndex),
    /// An address is new or, as often, renewed.
    AddressAdded {
        /// Where.
        index: LinkIndex,
        /// Which.
        address: IpAddr,
    },
    /// An address is gone, by whatever hand, or by age.
    AddressRemoved {
        /// Where from.
        index: LinkIndex,
        /// Which.
        address: IpAddr,
    },
    /// Events were lost: list everything again ([`Links`](super::Links)).
    Overrun,
}

/// Hears of every change. Readable, to a [`Poller`](crate::poll::Poller), when there is an event.
///
/// Take events until there is none: one may have come in one datagram with the one before, and then the socket is
/// not readable any more.
pub struct Monitor {
    socket: Socket,
    buffer: Box<[u8]>,
    /// The part of `buffer` that has not been looked at.
    start: usize,
    end: usize,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Monitor {
    /// Starts to listen. What was there before is listed by [`Links`](super::Links), after this.
    ///
    /// # Errors
    /// Out of descriptors or memory.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        crate::socket::raise_receive_buffer(&socket, RECEIVE_BUFFER_BYTES);
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        Ok(Self {
            socket,
            buffer: vec![0; DATAGRAM_BYTES].into(),
            start: 0,
            end: 0,
        })
    }

    /// The next event; `None` when there is none.
    ///
    /// # Errors
    /// None on a sound kernel.
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        loop {
            let mut rest = self.buffer.get(self.start..self.end).unwrap_or_default();
            while let Some(message) = Message::next(&mut rest) {
                self.start = self.end - rest.len();
                if let Some(event) = event(&message) {
                    return Ok(Some(event));
                }
            }
            (self.start, self.end) = (0, 0);
            match receive(&self.socket, &mut self.buffer) {
                Ok(length) => self.end = length.unwrap_or(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(Some(Event::Overrun)),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => return Ok(Some(Event::Overrun)),
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What a message means to us.
fn event(message: &Message<'_>) -> Option<Event> {
    Some(match message.kind {
        libc::RTM_NEWLINK => Event::LinkChanged(message.link()?),
        libc::RTM_DELLINK => Event::LinkGone(message.link()?.index),
        libc::RTM_NEWADDR => {
            let assigned = message.address()?;
            Event::AddressAdded {
                index: assigned.index,
                address: assigned.address,
            }
        }
        libc::RTM_DELADDR => {
            let assigned = message.address()?;
            Event::AddressRemoved {
                index: assigned.index,
                address: assigned.address,
            }
        }
        _ => return None,
    })
}
