//! For people and machines: console, metrics, API, journal of events.
#![forbid(unsafe_code)]

pub mod console;
pub mod counters;
pub mod journal;
pub mod usage;
