//! For people and machines: console, metrics, API, journal of events.
#![forbid(unsafe_code)]
