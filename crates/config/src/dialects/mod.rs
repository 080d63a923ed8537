//! Foreign configuration languages, each with a folder of its own.

pub mod dnsdist;
pub mod keepalived;
pub mod named;
