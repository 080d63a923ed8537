//! Interfaces and addresses, over rtnetlink(7): listing, adding and removing ([`Links`]), being told ([`Monitor`]).
//!
//! # Addresses that go by themselves
//!
//! An address is added with a lifetime, and adding it again renews the lifetime. So a floating address leaves the
//! node although every process that could remove it is dead or frozen. What Linux 6.18 was seen to do:
//!
//! * It expires within 50 ms after the whole second that was asked for, for IPv4 and IPv6, with the same
//!   notification as a removal. `ip address` shows it as `dynamic`, with the seconds that are left.
//! * Renewing replaces the lifetime and nothing else: no packet leaves, connections stay, the order of addresses
//!   and which of them is secondary stay. Every renewal is told to all listeners as a new address.
//! * A preferred lifetime of zero marks an address as `deprecated`: IPv6 does not pick it as a source by itself, IPv4
//!   does not care. Answers from a socket that is bound to it, or asked at it, are the same.
//! * IPv6 makes a route to the address's prefix, which expires with the address; where the node's own address has
//!   the same prefix, its route stays as it is. For a single address (/128) such a route says nothing and would
//!   outlast a removal by seconds, so there it is left out (`IFA_F_NOPREFIXROUTE`).
//! * IPv6 addresses go when the interface is switched off (`ip link set down`); IPv4 addresses stay.
//!
//! Requests are answered within the system call that sends them: nothing here waits for anything but the kernel's
//! lock on its configuration.

mod exchange;
mod links;
mod message;
mod monitor;

pub use links::{Links, Placement, own_address};
pub use message::{Assigned, FOREVER, Neighbour, PROTOCOL};
pub use monitor::{Event, Monitor};

#[cfg(test)]
mod tests;
