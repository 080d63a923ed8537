//! The kernel's door: every system call that Weir makes itself, and every line of `unsafe` it has.
//!
//! What it does: batched UDP ([`udp`]), TCP ([`tcp`]), epoll and wake-ups ([`poll`]), signals ([`signals`]),
//! privileges ([`privileges`]), service notification ([`notify`]), and the facts that only the kernel knows
//! ([`clock`], [`random`], [`affinity`], [`usage`], [`pidfd`], [`processes`], [`listening`], [`peer`]). For a floating address:
//! interfaces and addresses ([`netlink`]), adverts ([`vrrp`]), ARP and neighbour discovery ([`announce`]), scheduling
//! ([`realtime`]), children ([`child`], [`seqpacket`]) and file locks ([`lock`]). For an upgrade: descriptors that
//! outlive the program ([`inherit`]).
//!
//! What it deliberately does not: DNS, policy, threads, logging, or waiting on more than one thing at a time
//! in a hidden place. Nothing here is async, and nothing here starts a thread but the one that reaps children ([`child`]).
//! Callers own the loop.
//!
//! Three rules hold for the packet path ([`udp`] and [`poll`]):
//!
//! * no allocation after construction: a batch owns its slots, a poller's events are the caller's buffer;
//! * one system call per batch, not per packet;
//! * addresses stay as the kernel wrote them ([`Address`]), so that answering does not decode and re-encode.
//!
//! Each `unsafe` block is a single trick in a small function, says why it is sound, and is run by a test.

pub mod affinity;
pub mod announce;
pub mod child;
pub mod clock;
pub mod fifo;
pub mod inherit;
pub mod listening;
pub mod lock;
pub mod netlink;
pub mod notify;
pub mod peer;
pub mod pidfd;
pub mod poll;
pub mod poll_set;
pub mod privileges;
pub mod processes;
pub mod random;
pub mod realtime;
pub mod seqpacket;
pub mod signals;
pub mod tcp;
pub mod udp;
pub mod usage;
pub mod vrrp;

mod address;
#[cfg(test)]
mod apart;
mod control;
mod link;
mod packet;
mod socket;

pub use address::Address;
pub use link::{Family, Link, LinkIndex, MacAddress, forwards_ipv6, keep_secondaries};
