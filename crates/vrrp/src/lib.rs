//! Who holds the address: VRRP (RFC 9568; version 2 as RFC 3768 with the passwords of RFC 2338), decided purely.
//!
//! ```text
//!   packets, links, claims, trackers, deadlines ─▶ Node ─▶ effects: send, hold, release, announce, notify
//!                                                   │
//!                 Router: Initialize ─▶ Backup ◀──▶ Master ─▶ Yielding     (one per vrrp_instance)
//!                              └──────▶ Fault ◀───────┘
//! ```
//!
//! A [`Node`] owns every router of one machine, its groups and its trackers. It takes what happened with
//! the time at which it happened, and returns what is to be done as [`Effect`]s; it has one
//! [`next_deadline`](Node::next_deadline). It knows no socket, no clock, no thread and no process: those are
//! `weir vip`'s, in `src/vip`.
#![forbid(unsafe_code)]

mod effect;
mod node;
mod settings;

pub use effect::{Effect, LogEvent, NotifyState};
pub use node::{Node, Received};
pub use settings::*;
