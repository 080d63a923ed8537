//! The laboratory: the whole site on one machine, as tests and drills have it and as its command line shows it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command;
mod library;
mod networks;

use std::time::Duration;

/// How long anything may take; the machine has other work.
const PATIENCE: Duration = Duration::from_secs(30);
