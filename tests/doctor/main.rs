//! `weir doctor` as an operator runs it: on the nodes of a site in namespaces and on its clients, well and broken in every
//! way that the doctor knows; and without any site.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken;
mod command;
mod stage;
