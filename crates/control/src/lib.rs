//! For people and machines: console, metrics, API, journal of events.
//!
//! The only crate with async in it. [`Control`] runs the [`console`] and the [`web`] server on the program's main
//! thread; workers never wait for it and only leave numbers behind in their [`counters`]. Whoever has something to
//! say about what happens says it to the [`journal`].
//!
//! Not here: what console commands mean, where a configuration comes from, binding sockets.
#![forbid(unsafe_code)]

mod accept;
pub mod console;
pub mod counters;
pub mod journal;
mod rates;
mod thread;
pub mod usage;
pub mod web;

pub use rates::{Rate, Rates};
pub use thread::{Control, Woken};
