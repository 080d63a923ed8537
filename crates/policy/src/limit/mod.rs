//! Rate limits with fixed memory and without locks.
//!
//! Both limiters are the generic cell rate algorithm: instead of a number of tokens they keep the one point in
//! time at which the bucket would be full again (the theoretical arrival time). A query may pass when that point
//! is less than `burst` intervals ahead, and moves it one interval further; one that may not pass changes
//! nothing. That is a token bucket that starts full and refills continuously, exactly, in a single number that
//! one compare-and-swap updates.

mod address;
mod rate;
mod registry;

pub use address::{AddressLimit, AddressRateLimiter, AddressRateLimiterCounts, Mode, PrefixLengths};
pub use rate::{Rate, RateLimiter};
pub use registry::Limiters;
