//! The front end from outside: the program on loopback, a client in front of it, backends behind it that do as told.
//!
//! With `WEIR_TEST_FRONT=dnsdist` in the environment, Debian's dnsdist stands in for the program: what then still
//! passes is what we take over from it. Tests whose names begin with `beyond_` ask for more than dnsdist does, and
//! `cargo nextest run --test front -E 'not test(/beyond_/)'` leaves them out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod addresses;
mod balancing;
mod blueprint;
mod cache;
mod console;
mod lifecycle;
mod malformed;
mod metrics;
mod policy;
mod reload;
mod soak;
mod stage;
mod tcp;
mod transfer;
