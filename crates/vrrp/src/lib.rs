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

mod announce;
mod effect;
mod election;
mod front;
mod group;
mod journal;
mod load;
mod node;
mod pace;
mod packet;
mod reject;
mod router;
mod script;
mod settings;
mod status;
#[cfg(test)]
mod tests;
mod timers;
mod track;

pub use effect::{Effect, Happening, LogEvent, NotifyState};
pub use front::{Answer, FrontEffect, FrontEnd, FrontSettings, Question, QuestionKind};
pub use load::{Load, LoadSettings};
pub use node::{Legacy, Node, Received};
pub use packet::{Advert, vrid_of};
pub use reject::{Reject, RejectKind};
pub use script::{Outcome, Script, ScriptEffect, ScriptSettings};
pub use settings::*;
pub use status::{Counters, MasterSeen, Reason, RouterState, RouterStatus};
