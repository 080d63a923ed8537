//! The moment something happened, as an argument.

use std::ops::Add;
use std::time::Duration;

/// A point on the process's monotonic clock, in nanoseconds since an epoch that the caller chose.
///
/// Pure crates take it as an argument and never read a clock, so tests move time as they like. Sixty-four bits
/// of nanoseconds last 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// Later than anything.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point `secs` whole seconds after the epoch.
    pub const fn from_secs(secs: u32) -> Self {
        Self(secs as u64 * 1_000_000_000)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch: the resolution of TTLs.
    pub const fn as_secs(self) -> u32 {
        (self.0 / 1_000_000_000) as u32
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at the end of the clock instead of wrapping.
    fn add(self, rhs: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}
