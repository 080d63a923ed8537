//! The packet cache: replies as they were, found by what their queries have in common.
//!
//! ```text
//! key(query) ──▶ lookup ──▶ Hit: reply in the caller's buffer, id, question and TTLs as they must be
//!                  │   └──▶ Stale: the same with the stale TTL, while the refresh is known to fail
//!                  └──────▶ Miss ──▶ backend ──▶ insert (admit: how long, or why not)
//!                              │         └─────▶ refresh_failed, lookup_stale
//! ```
//!
//! A [`Cache`] is shared by all workers. It is split into shards by the key's hash, each a mutex around entries,
//! their index, the eviction queues and counters. What makes it fast and calm:
//!
//! - A lookup allocates nothing and holds its shard's lock for finding one entry and copying its bytes. Inserts
//!   allocate before locking and free after unlocking; what they do inside is bounded
//!   and of the same order. Management walks in slices. So no worker waits longer than about a copy takes, and a
//!   lookup that finds the lock taken waits (and counts) instead of asking a backend.
//! - One entry serves UDP and TCP and every EDNS payload size; the caller truncates what does not fit.
//! - The offsets of the TTLs are stored with the reply, so that nothing is parsed on a hit.
//! - The hash is keyed, and the question and the rest of the key are compared all the same.
//! - Memory is bounded in entries and bytes, and a flood of names that are asked once cannot displace those that
//!   are asked often (S3-FIFO, in `shard`).
//!
//! Rules for what is kept, and how long, are dnsdist's (`newPacketCache`), but for three: RFC 2308 §5 is
//! honoured (SOA MINIMUM), EDNS options that do not count are taken out of what is stored (a client must not get
//! another's cookie), and a failure never displaces an answer that is still of use (RFC 8767 §4).
//!
//! Not here: clocks, sockets and threads; the client response timer of RFC 8767; coalescing of equal misses
//! ([`Key`] is what they have in common); truncation.
#![forbid(unsafe_code)]

mod admit;
mod cache;
mod counters;
mod entry;
mod index;
mod key;
mod manage;
mod queue;
mod settings;
mod shard;
#[cfg(test)]
mod tests;

pub use admit::Refusal;
pub use cache::{Accept, Cache, Hit, Inserted, Lookup};
pub use counters::Counters;
pub use key::Key;
pub use manage::{Backing, KeyFlags, Listed, Scope};
pub use settings::{CheckedSettings, Settings, SettingsError};
