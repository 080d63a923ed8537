//! A bucket per client prefix in a table that never grows: `MaxQPSIPRule`.
//!
//! The table is allocated once. A keyed hash of the prefix chooses a set of eight buckets on one cache line; each
//! bucket is one word, so looking and counting is a handful of loads and one compare-and-swap:
//!
//! ```text
//!  63                    42 41                                          0
//! ┌────────────────────────┬─────────────────────────────────────────────┐
//! │   22 bits of the hash  │ when the bucket is full again, 16 ns units  │
//! └────────────────────────┴─────────────────────────────────────────────┘
//! ```
//!
//! A bucket that is full again says nothing that an absent one would not say, so it may be overwritten without a
//! loss. When all eight are in use the one that is nearest to full goes: a flood of forged sources that send a
//! packet or two each evicts its own kind, and never an address that is over its limit (with a burst of 2 or more).
//! Two prefixes share a bucket when set and tag agree: one chance in millions, and nobody without the seed can
//! aim for it.
//!
//! Forty-two bits of 16 ns wrap after 19.5 hours. A point further ahead than the burst can reach is an old one
//! and counts as full; a client that comes back after a multiple of that time may once find its old bucket.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_wire::Timestamp;
use weir_wire::hash::{self, Seed};

use super::Rate;
use crate::Invalid;
use crate::netmask::masked;

/// Buckets of one table unless the configuration says otherwise: 8 MiB.
const DEFAULT_BUCKETS: usize = 1 << 20;
/// Most buckets of one table: 512 MiB.
const MAX_BUCKETS: usize = 1 << 26;

/// Buckets on one cache line.
const WAYS: usize = 8;
const TAG_SHIFT: u32 = 42;
const TIME_MASK: u64 = (1 << TAG_SHIFT) - 1;

/// Units are 16 ns: fine enough for a hundred thousand queries per second and client.
const UNIT_SHIFT: u32 = 4;
/// The burst must refill within this many units, a 64th of the wrap, so that old times are told from new ones.
const MAX_HORIZON: u64 = 1 << 36;

/// Workers can hinder each other's update of one bucket only so often; then the query passes uncounted.
const MAX_ATTEMPTS: usize = 16;

/// How many leading bits of an address make one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefixLengths {
    /// Of an IPv4 address, 0 to 32.
    pub v4: u8,
    /// Of an IPv6 address, 0 to 128.
    pub v6: u8,
}

impl Default for PrefixLengths {
    /// A whole IPv4 address, or the IPv6 prefix of one site, as in dnsdist.
    fn default() -> Self {
        Self { v4: 32, v6: 64 }
    }
}

/// Whether a limit acts or is only tried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Queries above the limit match.
    #[default]
    Enforce,
    /// Queries above the limit are counted and do not match.
    DryRun,
}

/// What one table of limits does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressLimit {
    /// The rate of each prefix.
    pub rate: Rate,
    /// What makes one client.
    pub prefixes: PrefixLengths,
    /// Whether it acts.
    pub mode: Mode,
    /// Buckets, rounded up to a power of two; eight bytes each.
    pub buckets: usize,
}

impl AddressLimit {
    /// `rate` for each IPv4 address and each IPv6 /64, with the default table.
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            prefixes: PrefixLengths::default(),
            mode: Mode::default(),
            buckets: DEFAULT_BUCKETS,
        }
    }
}

/// Counters of one table since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressRateLimiterCounts {
    /// Queries above the limit, dry run or not.
    pub exceeded: u64,
    /// Buckets that were not full and had to make room for another prefix.
    pub evicted: u64,
    /// Queries that passed uncounted, because other workers changed their bucket too often meanwhile.
    pub uncounted: u64,
}

/// Tells the queries of prefixes that exceed their rate. Workers share it.
pub struct AddressRateLimiter {
    limit: AddressLimit,
    seed: Seed,
    /// Units between two queries at exactly the rate.
    interval: u64,
    /// How far ahead a bucket's time can be: the burst's worth of intervals.
    horizon: u64,
    /// A unit is two to this power nanoseconds.
    unit_shift: u32,
    sets: Box<[Set]>,
    counters: [Counters; COUNTER_STRIPES],
}

/// The buckets of one cache line.
#[repr(align(64))]
struct Set([AtomicU64; WAYS]);

/// A flood is counted by all workers at once; spread over cache lines by the client's hash, they rarely meet.
#[derive(Default)]
#[repr(align(128))]
struct Counters {
    exceeded: AtomicU64,
    evicted: AtomicU64,
    uncounted: AtomicU64,
}

const COUNTER_STRIPES: usize = 16;

impl AddressRateLimiter {
    /// A table whose buckets are all full. `seed` is secret, so that nobody can aim at a client's bucket.
    ///
    /// # Errors
    /// When a prefix length or the number of buckets is out of range.
    pub fn new(limit: AddressLimit, seed: Seed) -> Result<Self, Invalid> {
        let PrefixLengths { v4, v6 } = limit.prefixes;
        if v4 > 32 || v6 > 128 {
            return Err(Invalid::new(format!(
                "prefix lengths /{v4} and /{v6} must be at most /32 and /128"
            )));
        }
        if limit.buckets < WAYS || limit.buckets > MAX_BUCKETS {
            let buckets = limit.buckets;
            return Err(Invalid::new(format!(
                "{buckets} buckets are not between {WAYS} and {MAX_BUCKETS}"
            )));
        }
        let burst = u64::from(limit.rate.burst);
        let interval_nanos = 1_000_000_000f64 / f64::from(limit.rate.qps);
        let mut unit_shift = UNIT_SHIFT;
        // Bursts that take hours to refill are counted in coarser units; a rate of 0 in the coarsest.
        let interval = loop {
            let units = interval_nanos / f64::from(1u32 << unit_shift);
            if units * burst.max(1) as f64 <= MAX_HORIZON as f64 || unit_shift == 31 {
                break (units.round() as u64).clamp(1, MAX_HORIZON / burst.max(1));
            }
            unit_shift += 1;
        };
        Ok(Self {
            limit,
            seed,
            interval,
            horizon: interval * burst,
            unit_shift,
            sets: (0..limit.buckets.next_power_of_two() / WAYS)
                .map(|_| Set::default())
                .collect(),
            counters: Default::default(),
        })
    }

    /// Counts a query of `client` at `now` and says whether the rule matches: the client's prefix is above its
    /// limit, and this is no dry run. Queries above the limit use nothing up.
    pub fn exceeds(&self, client: IpAddr, now: Timestamp) -> bool {
        !self.admit(client, now) && self.limit.mode == Mode::Enforce
    }

    /// What it does.
    pub fn limit(&self) -> AddressLimit {
        self.limit
    }

    /// The counters.
    pub fn counts(&self) -> AddressRateLimiterCounts {
        let sum = |of: fn(&Counters) -> &AtomicU64| {
            let stripes = self.counters.iter().map(of);
            stripes.map(|counter| counter.load(Ordering::Relaxed)).sum()
        };
        AddressRateLimiterCounts {
            exceeded: sum(|counters| &counters.exceeded),
            evicted: sum(|counters| &counters.evicted),
            uncounted: sum(|counters| &counters.uncounted),
        }
    }

    /// Buckets that are not full at `now`. Walks the whole table: for people, not for the packet path.
    pub fn buckets_in_use(&self, now: Timestamp) -> usize {
        let now = now.as_nanos() >> self.unit_shift;
        let buckets = self.sets.iter().flat_map(|set| &set.0);
        buckets
            .filter(|bucket| self.ahead(bucket.load(Ordering::Relaxed), now) > 0)
            .count()
    }

    fn admit(&self, client: IpAddr, now: Timestamp) -> bool {
        let now = now.as_nanos() >> self.unit_shift;
        let hash = match client {
            IpAddr::V4(_) => self.hash(masked(client, self.limit.prefixes.v4), 4),
            IpAddr::V6(_) => self.hash(masked(client, self.limit.prefixes.v6), 6),
        };
        // The number of sets is a power of two of at most 23 bits; the tag is made of bits above them.
        let set = self
            .sets
            .get(hash as usize & (self.sets.len() - 1))
            .map_or(&[][..], |set| &set.0);
        let tag = hash >> TAG_SHIFT;
        for _ in 0..MAX_ATTEMPTS {
            let Some(found) = self.find(set, tag, now) else {
                return true;
            };
            let ahead = found.ahead + self.interval;
            if ahead > self.horizon {
                self.count(hash, |counters| &counters.exceeded);
                return false;
            }
            let word = tag << TAG_SHIFT | (now + ahead) & TIME_MASK;
            let swapped =
                found
                    .bucket
                    .compare_exchange(found.word, word, Ordering::Relaxed, Ordering::Relaxed);
            if swapped.is_ok() {
                if found.evicts {
                    self.count(hash, |counters| &counters.evicted);
                }
                return true;
            }
        }
        self.count(hash, |counters| &counters.uncounted);
        true
    }

    fn count(&self, hash: u64, which: impl Fn(&Counters) -> &AtomicU64) {
        if let Some(counters) = self.counters.get(hash as usize % COUNTER_STRIPES) {
            which(counters).fetch_add(1, Ordering::Relaxed);
        }
    }

    fn hash(&self, prefix: IpAddr, family: u64) -> u64 {
        let bits = match prefix {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let high = hash::combine(self.seed, family, (bits >> 64) as u64);
        let low = hash::combine(self.seed, high, bits as u64);
        hash::combine(self.seed, low, 0)
    }

    /// The bucket with `tag`, else one that is full or empty, else the one nearest to full.
    fn find<'s>(&self, set: &'s [AtomicU64], tag: u64, now: u64) -> Option<Found<'s>> {
        let mut best: Option<Found<'s>> = None;
        for bucket in set {
            let word = bucket.load(Ordering::Relaxed);
            let ahead = self.ahead(word, now);
            if word >> TAG_SHIFT == tag {
                return Some(Found {
                    bucket,
                    word,
                    ahead,
                    evicts: false,
                });
            }
            if best.as_ref().is_none_or(|best| ahead < best.ahead) {
                best = Some(Found {
                    bucket,
                    word,
                    ahead,
                    evicts: ahead > 0,
                });
            }
        }
        // Whatever was in the bucket, the new prefix begins with a full one.
        best.map(|best| Found { ahead: 0, ..best })
    }

    /// Units until the bucket in `word` is full; 0 when it is, when it was written before the clock wrapped, and when
    /// it was never written.
    fn ahead(&self, word: u64, now: u64) -> u64 {
        let ahead = (word & TIME_MASK).wrapping_sub(now) & TIME_MASK;
        if word == 0 || ahead > self.horizon {
            0
        } else {
            ahead
        }
    }
}

/// A bucket that the query may be counted in.
struct Found<'s> {
    bucket: &'s AtomicU64,
    word: u64,
    ahead: u64,
    evicts: bool,
}

impl Default for Set {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; WAYS])
    }
}

impl fmt::Debug for AddressRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressRateLimiter")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
