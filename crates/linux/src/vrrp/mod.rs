//! Sending and receiving adverts: IP protocol 112, on one interface and in one family (RFC 9568 section 5.1).

mod header;
mod socket;
mod tap;

pub use header::{Datagram, Malformed};
pub use socket::{BUFFER_BYTES, Reception, VrrpSocket};
pub use tap::{Direction, VrrpTap};

#[cfg(test)]
mod tests;
