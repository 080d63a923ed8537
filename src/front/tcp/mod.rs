//! DNS over TCP without sockets: framing, a client's connection and its limits, where a transfer ends.

pub(crate) mod client;
pub(crate) mod clients;
pub(crate) mod frames;
pub(crate) mod transfer;
