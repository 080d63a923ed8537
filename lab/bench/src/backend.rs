//! The backend of forwarded queries: a fixed answer, as fast as a socket can be.
//!
//! It has no thread. The load generator calls it in its own loop, as both share a CPU: two threads there would wait
//! for each other's time slices, and the latency would be theirs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use weir_linux::udp::{Batch, DEFAULT_BATCH, Listener, ListenerOptions, SendBatch};

use crate::packets;

const PAYLOAD_BYTES: usize = 512;

/// A UDP socket that answers when it is looked after.
pub(crate) struct Backend {
    socket: Listener,
    queries: Batch,
    answers: SendBatch,
}

impl Backend {
    /// On 127.0.0.1 and a free port.
    pub(crate) fn bind() -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self {
            socket: Listener::bind(&ListenerOptions::new(any))?,
            queries: Batch::new(DEFAULT_BATCH, PAYLOAD_BYTES),
            answers: SendBatch::new(DEFAULT_BATCH, PAYLOAD_BYTES),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_address()
    }

    /// Answers what is waiting, up to a batch.
    pub(crate) fn serve(&mut self) -> io::Result<()> {
        if self.queries.recv(&self.socket)? == 0 {
            return Ok(());
        }
        for packet in self.queries.packets() {
            let Some(mut slot) = self.answers.slot() else {
                break;
            };
            if let Some(length) = packets::answer(packet.payload, slot.buffer()) {
                slot.commit(length, &packet.peer());
            }
        }
        self.answers.flush(&self.socket);
        Ok(())
    }

    /// Leaves what is waiting without an answer: it is left over from a measurement that has ended.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        while self.queries.recv(&self.socket)? > 0 {}
        Ok(())
    }
}
