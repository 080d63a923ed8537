//! Receiving a batch of datagrams.

use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::ops::Range;
use std::os::fd::AsFd;

use super::slots::{Meta, Received, Slots, Wanted};
use super::{Connected, Failure, Listener, PacketInfo, Peer};
use crate::address::Address;

/// Room for a batch of received packets. One serves any number of sockets in turn; receiving replaces what it
/// held.
pub struct Batch {
    slots: Slots,
    received: usize,
    origin: Origin,
}

/// The socket that the packets at hand came from.
#[derive(Clone, Copy)]
enum Origin {
    Listener { local: SocketAddr, wildcard: bool },
    Connected { local: SocketAddr, remote: Address },
}

impl Batch {
    /// Room for `count` packets of up to `payload_bytes` each, brought into `1..=`[`MAX_BATCH`](super::MAX_BATCH)
    /// and `1..=`[`MAX_PAYLOAD`](super::MAX_PAYLOAD). A longer datagram arrives cut off and marked so.
    ///
    /// Memory is touched only as packets come in.
    pub fn new(count: usize, payload_bytes: usize) -> Self {
        let nowhere = Address::UNSPECIFIED.decode();
        Self {
            slots: Slots::new(count, payload_bytes),
            received: 0,
            origin: Origin::Listener {
                local: nowhere,
                wildcard: false,
            },
        }
    }

    /// Receives what is waiting at `listener`, up to a batch, and returns how many packets that is; zero when
    /// there is nothing. As long as it is a full batch there may be more.
    ///
    /// # Errors
    /// Only when the kernel is out of memory; the socket stays usable.
    pub fn recv(&mut self, listener: &Listener) -> io::Result<usize> {
        self.recv_from(listener, libc::MSG_DONTWAIT)
    }

    /// As [`recv`](Self::recv), but waits for the first packet, for a thread that has only this to do: it saves
    /// the call that asks for readiness. Returns zero when a signal interrupts it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_wait(&mut self, listener: &Listener) -> io::Result<usize> {
        self.recv_from(listener, libc::MSG_WAITFORONE)
    }

    fn recv_from(&mut self, listener: &Listener, flags: libc::c_int) -> io::Result<usize> {
        let wildcard = listener.is_wildcard();
        let wanted = if wildcard {
            Wanted::AddressAndControl
        } else {
            Wanted::Address
        };
        self.origin = Origin::Listener {
            local: listener.local_address(),
            wildcard,
        };
        self.received = 0;
        self.received = match self.slots.receive(listener.as_fd(), wanted, flags) {
            Err(error) if is_idle(&error) => 0,
            result => result?,
        };
        Ok(self.received)
    }

    /// Receives the replies waiting at `backend`, up to a batch. The kernel has checked that they come from
    /// its address and port.
    ///
    /// # Errors
    /// [`Failure::Refused`] when an ICMP message has said that nobody listens there; what is waiting besides is
    /// delivered by the next call.
    pub fn recv_replies(&mut self, backend: &Connected) -> Result<usize, Failure> {
        self.origin = Origin::Connected {
            local: backend.local_address(),
            remote: Address::from(backend.remote()),
        };
        self.received = 0;
        self.received = match self
            .slots
            .receive(backend.as_fd(), Wanted::Payload, libc::MSG_DONTWAIT)
        {
            Ok(received) => received,
            Err(error) if is_idle(&error) => 0,
            Err(error) => return Err(Failure::from(&error)),
        };
        Ok(self.received)
    }

    /// The packets received last.
    pub fn packets(&mut self) -> Packets<'_> {
        Packets {
            slots: &self.slots,
            origin: self.origin,
            indices: 0..self.received,
            exclusive: PhantomData,
        }
    }

    /// Packets received last.
    pub const fn len(&self) -> usize {
        self.received
    }

    /// Whether the last call received nothing.
    pub const fn is_empty(&self) -> bool {
        self.received == 0
    }

    /// Packets that fit.
    pub const fn capacity(&self) -> usize {
        self.slots.count()
    }
}

fn is_idle(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// The packets of a [`Batch`], each once.
pub struct Packets<'a> {
    slots: &'a Slots,
    origin: Origin,
    indices: Range<usize>,
    exclusive: PhantomData<&'a mut Batch>,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let index = self.indices.next()?;
        let Received {
            flags,
            control_bytes,
            meta,
            payload,
        } = self.slots.received(index);
        // SAFETY: this iterator has the batch for itself for `'a`, and the range yields no index twice, so no
        // two packets share a slot.
        let payload = unsafe { &mut *payload };
        Some(Packet {
            payload,
            flags,
            control_bytes,
            meta,
            origin: self.origin,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indices.size_hint()
    }
}

impl ExactSizeIterator for Packets<'_> {}

/// One received datagram.
pub struct Packet<'a> {
    /// Its bytes. They may be changed in place, to be sent on by [`Connected::send_all`].
    pub payload: &'a mut [u8],
    flags: libc::c_int,
    control_bytes: usize,
    meta: &'a Meta,
    origin: Origin,
}

impl Packet<'_> {
    /// Who sent it.
    pub fn source(&self) -> SocketAddr {
        match &self.origin {
            Origin::Listener { .. } => self.meta.address.decode(),
            Origin::Connected { remote, .. } => remote.decode(),
        }
    }

    /// The address and port it was sent to.
    pub fn local(&self) -> SocketAddr {
        match self.origin {
            Origin::Connected { local, .. } => local,
            Origin::Listener { local, .. } => match self.arrival() {
                Some(info) => with_port(info, local.port()),
                None => local,
            },
        }
    }

    /// What an answer needs to find its way back.
    pub fn peer(&self) -> Peer {
        match self.origin {
            Origin::Listener { .. } => Peer {
                address: self.meta.address,
                arrival: self.arrival(),
            },
            Origin::Connected { remote, .. } => Peer {
                address: remote,
                arrival: None,
            },
        }
    }

    /// Whether the datagram was longer than a slot: what is here is its beginning.
    pub const fn is_truncated(&self) -> bool {
        self.flags & libc::MSG_TRUNC != 0
    }

    fn arrival(&self) -> Option<PacketInfo> {
        match self.origin {
            Origin::Listener { wildcard: true, .. } => self.meta.control.packet_info(self.control_bytes),
            Origin::Listener { wildcard: false, .. } | Origin::Connected { .. } => None,
        }
    }
}

fn with_port(info: PacketInfo, port: u16) -> SocketAddr {
    match info.address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddr::V6(SocketAddrV6::new(address, port, 0, info.interface))
        }
        address => SocketAddr::new(address, port),
    }
}
