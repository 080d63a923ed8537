//! Sending a batch of answers.

use std::io;
use std::os::fd::AsFd;

use super::slots::{Entry, Slots};
use super::{Listener, Peer};

/// Answers that wait to be sent together, each written where the kernel will read it.
///
/// ```no_run
/// # use weir_linux::udp::{Listener, Peer, SendBatch};
/// # fn answer(answers: &mut SendBatch, listener: &Listener, peer: &Peer) {
/// if let Some(mut slot) = answers.slot() {
///     slot.buffer()[..4].copy_from_slice(b"pong");
///     slot.commit(4, peer);
/// }
/// let sent = answers.flush(listener);
/// # }
/// ```
pub struct SendBatch {
    slots: Slots,
    queued: usize,
}

impl SendBatch {
    /// Room for `count` answers of up to `payload_bytes` each, brought into
    /// `1..=`[`MAX_BATCH`](super::MAX_BATCH) and `1..=`[`MAX_PAYLOAD`](super::MAX_PAYLOAD).
    pub fn new(count: usize, payload_bytes: usize) -> Self {
        Self {
            slots: Slots::new(count, payload_bytes),
            queued: 0,
        }
    }

    /// The next free slot; `None` when the batch is full and wants to be flushed.
    ///
    /// A slot that is not committed is free again. It holds the bytes of an earlier answer.
    pub fn slot(&mut self) -> Option<Slot<'_>> {
        if self.is_full() {
            return None;
        }
        Some(Slot {
            entry: self.slots.entry(self.queued),
            queued: &mut self.queued,
        })
    }

    /// Sends what is queued through `listener`, the one that the queries came from, and empties the batch.
    ///
    /// It never waits and tries each answer once: what the kernel has no room for is dropped, as a late answer
    /// is worth less than the next one in time, and one that cannot be sent does not hold up the others.
    pub fn flush(&mut self, listener: &Listener) -> Sent {
        let queued = std::mem::take(&mut self.queued);
        self.slots.transmit(listener.as_fd(), queued)
    }

    /// Answers queued.
    pub const fn len(&self) -> usize {
        self.queued
    }

    /// Whether nothing is queued.
    pub const fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// Whether [`slot`](Self::slot) has none left.
    pub const fn is_full(&self) -> bool {
        self.queued == self.slots.count()
    }
}

/// A free place in a [`SendBatch`].
pub struct Slot<'a> {
    entry: Entry<'a>,
    queued: &'a mut usize,
}

impl Slot<'_> {
    /// Where to write the answer: as many bytes as the batch was made for.
    pub fn buffer(&mut self) -> &mut [u8] {
        self.entry.payload
    }

    /// Queues the first `length` bytes for `peer`. More than the slot holds is cut off.
    pub fn commit(mut self, length: usize, peer: &Peer) {
        self.entry.meta.address = peer.address;
        let control = peer
            .arrival
            .map_or(0, |info| self.entry.meta.control.set_source(&info));
        self.entry.set_lengths(length, peer.address.length(), control);
        *self.queued += 1;
    }
}

/// What became of the packets of one call.
#[derive(Debug, Default)]
pub struct Sent {
    /// Taken by the kernel.
    pub sent: usize,
    /// Not sent because the socket's buffer was full.
    pub dropped: usize,
    /// Refused one by one, by a firewall or for want of a route, say.
    pub failed: usize,
    /// The reason for the last of the refused.
    pub last_error: Option<io::Error>,
}
