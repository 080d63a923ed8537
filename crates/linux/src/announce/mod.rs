//! Telling the network where an address lives, and hearing who else says that it lives with him: ARP (RFC 826,
//! RFC 5227) and neighbour discovery (RFC 4861), as Ethernet frames.

mod claim;
mod frame;
mod neighbours;

pub use claim::Claim;
pub use neighbours::{Heard, Neighbours};

#[cfg(test)]
mod tests;
