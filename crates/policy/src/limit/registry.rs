//! Limiters that outlive the configuration that asked for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_wire::hash::Seed;

use super::{AddressLimit, AddressRateLimiter, Rate, RateLimiter};
use crate::Invalid;

/// The limiters of one snapshot.
///
/// A reload builds all rules anew, but a client that was over its limit must still be. So rules do not make
/// limiters, they ask for one: the n-th rule of a file with certain settings gets the one that the n-th rule with
/// the same settings had before. What nobody asked for again goes with the old snapshot.
#[derive(Debug)]
pub struct Limiters {
    seed: Seed,
    kept: Made,
    made: Made,
}

/// Limiters by settings, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
struct Made {
    rates: BTreeMap<Rate, Vec<Arc<RateLimiter>>>,
    addresses: BTreeMap<AddressLimit, Vec<Arc<AddressRateLimiter>>>,
}

impl Limiters {
    /// None yet. `seed` keys the tables of addresses.
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            kept: Made::default(),
            made: Made::default(),
        }
    }

    /// For the next snapshot: the limiters of this one are there to be asked for again.
    #[must_use]
    pub fn next_generation(&self) -> Self {
        Self {
            seed: self.seed,
            kept: self.made.clone(),
            made: Made::default(),
        }
    }

    /// The next limiter for `rate`.
    pub fn rate(&mut self, rate: Rate) -> Arc<RateLimiter> {
        let made = self.made.rates.entry(rate).or_default();
        let kept = self.kept.rates.get(&rate).and_then(|kept| kept.get(made.len()));
        let limiter = kept.cloned().unwrap_or_else(|| Arc::new(RateLimiter::new(rate)));
        made.push(Arc::clone(&limiter));
        limiter
    }

    /// The next limiter per address for `limit`.
    ///
    /// # Errors
    /// As [`AddressRateLimiter::new`].
    pub fn address(&mut self, limit: AddressLimit) -> Result<Arc<AddressRateLimiter>, Invalid> {
        let made = self.made.addresses.entry(limit).or_default();
        let kept = self
            .kept
            .addresses
            .get(&limit)
            .and_then(|kept| kept.get(made.len()));
        let limiter = match kept {
            Some(kept) => Arc::clone(kept),
            None => Arc::new(AddressRateLimiter::new(limit, self.seed)?),
        };
        made.push(Arc::clone(&limiter));
        Ok(limiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_wire::Timestamp;

    #[test]
    fn the_same_rule_finds_its_bucket_again() {
        let mut before = Limiters::new(Seed::new([1, 2]));
        let (first, second) = (before.rate(Rate::per_second(1)), before.rate(Rate::per_second(1)));
        assert!(first.admit(Timestamp::ZERO) && !first.admit(Timestamp::ZERO));

        let mut after = before.next_generation();
        let fresh = after.rate(Rate { qps: 1, burst: 2 });
        assert!(Arc::ptr_eq(&after.rate(Rate::per_second(1)), &first));
        assert!(Arc::ptr_eq(&after.rate(Rate::per_second(1)), &second));
        let third = after.rate(Rate::per_second(1));
        for limiter in [&fresh, &second, &third] {
            assert!(limiter.admit(Timestamp::ZERO));
        }
    }

    #[test]
    fn a_table_of_addresses_survives_too() {
        let mut before = Limiters::new(Seed::new([1, 2]));
        let limit = AddressLimit {
            buckets: 64,
            ..AddressLimit::new(Rate::per_second(5))
        };
        let table = before.address(limit).expect("a table");
        let mut after = before.next_generation();
        let other = after
            .address(AddressLimit {
                buckets: 128,
                ..limit
            })
            .expect("a table");
        let again = after.address(limit).expect("a table");
        assert!(Arc::ptr_eq(&again, &table) && !Arc::ptr_eq(&other, &table));
    }
}
