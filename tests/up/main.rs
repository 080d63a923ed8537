//! `weir up` as an operator runs it: a node with real servers in a namespace of its own, and a trial without root.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod node;
mod stage;
mod trial;
mod units;
mod upgrade;
