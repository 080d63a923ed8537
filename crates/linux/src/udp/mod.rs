//! UDP in batches: one `recvmmsg` in, one `sendmmsg` out, nothing allocated in between.
//!
//! ```text
//! Listener ──recv──▶ Batch ──packets()──▶ Packet { payload, peer() }
//!                                             │ decide, write the answer straight into a slot
//! Listener ◀─flush── SendBatch ◀──commit── Slot
//!
//! Connected ──recv_replies──▶ Batch           Connected ◀──send / send_all── queries
//! ```
//!
//! A [`Listener`] is one worker's socket for clients, a [`Connected`] one of its sockets towards a backend.
//! Both are used without waiting: every call passes `MSG_DONTWAIT`, and readiness comes from
//! [`Poller`](crate::poll::Poller). A [`Batch`] or [`SendBatch`] belongs to no socket and can serve several in
//! turn.
//!
//! The address that was queried is the address that answers. A listener on a specific address gets that from
//! the kernel for nothing; one on a wildcard address asks for packet information with each packet and returns
//! it with each answer (RFC 2181 section 4.1).

mod connected;
mod control;
mod listener;
mod receive;
mod send;
mod slots;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::address::Address;

pub use crate::socket::Nonlocal;
pub use connected::{Connected, ConnectedOptions, Failure};
pub use listener::{Listener, ListenerOptions};
pub use receive::{Batch, Packet, Packets};
pub use send::{SendBatch, Sent, Slot};
pub use slots::{MAX_BATCH, MAX_PAYLOAD};

/// Packets per batch unless a caller knows better: beyond this the saving per packet is not measurable, and
/// the slots no longer fit the second-level cache.
pub const DEFAULT_BATCH: usize = 64;

/// Kernel buffer per direction and socket, in bytes, unless configured: about 5,000 small packets, which is
/// 10 ms at 500,000 queries per second.
pub const DEFAULT_BUFFER_BYTES: usize = 4 << 20;

/// Everything that an answer needs to find its way back: to whom, and from which of our addresses.
///
/// It is plain data of 52 bytes, so a query that waits for a backend keeps a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client.
    pub address: Address,
    /// Where the client's packet arrived; `None` on a socket bound to a specific address, which needs no help.
    pub arrival: Option<PacketInfo>,
}

/// Where a packet arrived: the contents of `IP_PKTINFO` or `IPV6_PKTINFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// The local address that was queried.
    pub address: IpAddr,
    /// Index of the interface it came in on.
    pub interface: u32,
}
