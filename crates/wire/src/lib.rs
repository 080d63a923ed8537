//! A DNS message as bytes: checked views and in-place patches for the packet path.
//!
//! Two kinds of things live here. *Views* ([`Query`], [`Reply`], [`Name`]) check a message once, from front to
//! back, and afterwards answer questions without allocating or failing. *Patches* ([`patch`]) and the
//! [`Builder`] change bytes in a buffer that the caller owns. Nothing here decides anything, keeps state or
//! knows a socket; record data beyond what forwarding, caching and answering need is left to the `domain` crate.
//!
//! Limits: a message is at most 65,535 bytes, a name 255 bytes in at most 127 labels (RFC 1035 §2.3.4).
#![forbid(unsafe_code)]

mod build;
mod edns;
pub mod hash;
mod header;
mod name;
pub mod patch;
mod query;
mod record;
mod reply;
#[cfg(test)]
mod tests;
mod time;
mod types;

pub use build::{Builder, Full};
pub use edns::{Edns, EdnsOption, EdnsOptions};
pub use header::{Flags, HEADER_LEN, Header, Opcode};
pub use name::{MAX_NAME_LEN, Name, NameBuf, NameError};
pub use query::{Query, QueryError};
pub use record::{Record, Records, Section};
pub use reply::{Reply, ReplyError, Summary};
pub use time::Timestamp;
pub use types::{Class, QType, Rcode};

/// The largest DNS message: a TCP length prefix has 16 bits (RFC 1035 §4.2.2).
pub const MAX_MESSAGE_LEN: usize = 65_535;

/// The largest UDP message without EDNS (RFC 1035 §2.3.4).
pub const MIN_UDP_PAYLOAD: u16 = 512;

/// Reads a big-endian 16-bit number at `at`, if it is inside `bytes`.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(pair.try_into().ok()?))
}

/// Reads a big-endian 32-bit number at `at`, if it is inside `bytes`.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
