//! Where a query goes and what becomes of it: backends, health, pick policies, pending queries, coalescing.
//!
//! | part | whose | what |
//! |---|---|---|
//! | [`BackendSettings`], [`Backend`] | all threads | what the operator wrote; up or down, numbers, in atomics |
//! | [`Health`] | one thread | the machine that probes a backend and decides up or down |
//! | [`Pool`], [`POLICIES`] | all threads | which backend gets a query |
//! | [`Pending`] | each worker | forwarded queries that wait, their identifiers and deadlines |
//! | [`Coalescer`] | each worker | clients that wait for somebody else's identical query |
//! | [`RetrySettings`] | each worker | what to do with a query that timed out |
//!
//! No socket, thread, clock or random source: time and random bits are arguments, what to do is a return value.
#![forbid(unsafe_code)]

mod backend;
mod check;
mod coalesce;
mod gate;
mod health;
mod index;
mod pending;
mod policies;
mod pool;
mod retry;
mod settings;
mod share;
mod slab;
#[cfg(test)]
mod tests;

pub use backend::{Backend, Status, Transport};
pub use check::{CheckFailure, FailureKind, PROBE_MAX_LEN, judge, probe_packet};
pub use coalesce::{CoalesceLimits, Coalescer, Flight, Joined, Waiters};
pub use health::{Effect, Evidence, Finding, Health, HealthChange};
pub use pending::{Pending, PendingLimits, Refused, SocketIndex, Taken};
pub use policies::{BuildPolicy, Exhausted, POLICIES, Policy, PolicyKind, PolicySettings, policy_named};
pub use pool::{Candidates, PickInput, Pool};
pub use retry::{AfterTimeout, Attempt, GiveUp, RetrySettings};
pub use settings::{
    BackendId, BackendSettings, BalancingFactor, CheckSettings, LazySettings, LazyTrigger, MAX_SAMPLE_SIZE,
    Mode, NotUuid, Percent, SampleSize, Source, TcpSettings,
};
pub use share::Counter;
