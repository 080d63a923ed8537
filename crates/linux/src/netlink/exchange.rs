//! Asking the kernel and getting its answer, on a socket that belongs to this alone.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::message::Message;

/// Room for one datagram: the kernel fills 32 KiB at most unless a single message is larger.
pub(super) const DATAGRAM_BYTES: usize = 64 << 10;
/// A listing is begun again when something changed meanwhile, so often; after that it is good enough, as changes
/// that go on are reported by the monitor.
const LISTING_ATTEMPTS: usize = 4;

/// A socket for requests.
pub(super) struct Exchange {
    socket: Socket,
    sequence: u32,
    buffer: Box<[u8]>,
}

impl Exchange {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        Ok(Self {
            socket,
            sequence: 0,
            buffer: vec![0; DATAGRAM_BYTES].into(),
        })
    }

    /// Asks for a change and returns whether the kernel has made it.
    pub(super) fn change(&mut self, request: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.send(request, NLM_F_ACK | flags)?;
        loop {
            let mut datagram = self.receive()?;
            while let Some(message) = Message::next(&mut datagram) {
                if message.kind == NLMSG_ERROR {
                    return match message.error() {
                        0 => Ok(()),
                        code => Err(io::Error::from_raw_os_error(code)),
                    };
                }
            }
        }
    }

    /// Asks for a list, and returns what `read` makes of each message.
    pub(super) fn list<T>(
        &mut self,
        request: &RouteNetlinkMessage,
        read: impl Fn(&Message<'_>) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let mut attempt = 1;
        loop {
            self.send(request.clone(), NLM_F_DUMP)?;
            let (items, consistent) = self.receive_list(&read)?;
            if consistent || attempt == LISTING_ATTEMPTS {
                return Ok(items);
            }
            attempt += 1;
        }
    }

    fn receive_list<T>(&mut self, read: impl Fn(&Message<'_>) -> Option<T>) -> io::Result<(Vec<T>, bool)> {
        let (mut items, mut consistent) = (Vec::new(), true);
        loop {
            let mut datagram = self.receive()?;
            while let Some(message) = Message::next(&mut datagram) {
                consistent &= message.flags & NLM_F_DUMP_INTR == 0;
                match message.kind {
                    NLMSG_DONE | NLMSG_ERROR => {
                        return match message.error() {
                            0 => Ok((items, consistent)),
                            code => Err(io::Error::from_raw_os_error(code)),
                        };
                    }
                    _ => items.extend(read(&message)),
                }
            }
        }
    }

    fn send(&mut self, request: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0).map(drop)
    }

    /// The next datagram that answers the latest request. The kernel has queued it by the time the request is
    /// sent, so an empty queue is an error and not a reason to wait.
    fn receive(&mut self) -> io::Result<&[u8]> {
        let length = loop {
            let length = receive(&self.socket, &mut self.buffer)?;
            let Some(length) = length else { continue };
            let mut datagram = self.buffer.get(..length).unwrap_or_default();
            // An answer to a request that was given up on an error may still be queued.
            if Message::next(&mut datagram).is_some_and(|message| message.sequence == self.sequence) {
                break length;
            }
        };
        Ok(self.buffer.get(..length).unwrap_or_default())
    }
}

/// Receives a datagram without waiting and returns its length; `None` when it does not come from the kernel: any
/// process may send to a netlink socket.
///
/// # Errors
/// `WouldBlock`; `ENOBUFS` when the kernel had no room for what it had to say; `InvalidData` when the datagram is
/// larger than the buffer.
pub(super) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let room = buffer.len();
    let mut target = buffer;
    let (length, sender) = socket.recv_from(&mut target, libc::MSG_DONTWAIT | libc::MSG_TRUNC)?;
    if sender.port_number() != 0 {
        return Ok(None);
    }
    if length > room {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Some(length))
}
