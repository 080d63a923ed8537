//! Network namespaces, real peers, fake peers and a client, for tests, `weir lab` and `weir drill`.
//!
//! Nothing here leaves the machine: a [`Namespace`] is one host, a [`Network`] is the switch between hosts, and the
//! [`internet`] that recursive servers ask is a few name servers in one more namespace. Tests that need no root use
//! [`Responder`], a backend on loopback that misbehaves as told.
//!
//! [`Ask`], [`Reply`] and [`Responder`] read and write DNS with hickory-proto on purpose: a mistake in our own wire
//! crate must not be able to hide behind the same mistake in its tests.
#![forbid(unsafe_code)]

pub mod blueprint;
pub mod drill;
pub mod internet;
pub mod interrupt;
pub mod lab;
pub mod pair;

mod dns;
mod load;
mod namespace;
mod probe;
mod process;
mod responder;
mod site;

pub use dns::{Ask, Client, Reply, Session, Transport};
pub use load::{Burning, burn};
pub use namespace::{Namespace, Network, remove_leftovers};
pub use probe::{Names, Outcome, Plan, Probe, Prober, Silence, silences};
pub use process::{Process, Scratch, kill_families, wait_for};
pub use responder::{Behaviour, Received, Responder};
pub use site::{Front, Site};

pub use hickory_proto;
