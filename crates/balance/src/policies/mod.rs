//! The pick policies: one file each, one row each in [`POLICIES`].
//!
//! To add a policy, write its file and its row; dialects, console and documentation read the table.

mod chashed;
mod fair_share;
mod first_available;
mod least_outstanding;
mod round_robin;
#[cfg(test)]
mod tests;
mod weighted;

use std::fmt::Debug;
use std::sync::Arc;

use weir_wire::hash::Seed;

use crate::backend::Backend;
use crate::pool::Candidates;
use crate::settings::BalancingFactor;

/// Picks one backend of a pool for one query.
pub trait Policy: Debug + Send + Sync {
    /// The position of the backend; `None` when the query has nowhere to go.
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize>;
}

/// A row of [`POLICIES`].
#[derive(Debug)]
pub struct PolicyKind {
    /// The name in a configuration, as dnsdist's.
    pub name: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Makes the policy.
    pub build: BuildPolicy,
}

/// Makes a policy for a pool's backends, sorted by order, and a number of workers.
pub type BuildPolicy = fn(&PolicySettings, &[Arc<Backend>], usize) -> Box<dyn Policy>;

/// Every policy; the first is the default.
pub const POLICIES: &[PolicyKind] = &[
    PolicyKind {
        name: "leastOutstanding",
        doc: "fewest queries in flight, then lowest order, then lowest latency",
        build: |_, _, _| Box::new(least_outstanding::LeastOutstanding),
    },
    PolicyKind {
        name: "firstAvailable",
        doc: "lowest order among backends below their qps, else leastOutstanding",
        build: |_, _, _| Box::new(first_available::FirstAvailable),
    },
    PolicyKind {
        name: "wrandom",
        doc: "random, in proportion to weight",
        build: |settings, _, _| Box::new(weighted::Random::new(settings)),
    },
    PolicyKind {
        name: "whashed",
        doc: "by the query's name, in proportion to weight",
        build: |settings, _, _| Box::new(weighted::Hashed::new(settings)),
    },
    PolicyKind {
        name: "chashed",
        doc: "by the query's name, consistently: a backend that goes takes only its own names with it",
        build: |settings, backends, _| Box::new(chashed::ConsistentHashed::new(settings, backends)),
    },
    PolicyKind {
        name: "roundrobin",
        doc: "one after the other",
        build: |settings, _, workers| Box::new(round_robin::RoundRobin::new(settings, workers)),
    },
];

/// The policy of that name, exactly as written there.
pub fn policy_named(name: &str) -> Option<&'static PolicyKind> {
    POLICIES.iter().find(|kind| kind.name == name)
}

/// What the operator may tune about policies, for all pools.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicySettings {
    /// Shifts which name goes where under `whashed` and `chashed` (`setWHashedPerturbation`). dnsdist draws a
    /// random one at every start unless told; whoever wants the same mapping on every node must set it there
    /// too.
    pub perturbation: u32,
    /// Bounds the load of `wrandom` and `whashed` (`setWeightedBalancingFactor`); `None` is off.
    pub weighted_balancing: Option<BalancingFactor>,
    /// Bounds the load of `chashed` (`setConsistentHashingBalancingFactor`); `None` is off.
    pub consistent_balancing: Option<BalancingFactor>,
    /// What `roundrobin` does when no backend is usable (`setRoundRobinFailOnNoServer`).
    pub round_robin_exhausted: Exhausted,
}

/// What to do with a query when no backend is usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// Try one that is down: it may have come back since the last probe. dnsdist's default.
    TryAny,
    /// Pick none.
    Fail,
}

impl PolicySettings {
    /// dnsdist's defaults, with the perturbation that the caller drew or was given.
    pub const fn new(perturbation: u32) -> Self {
        Self {
            perturbation,
            weighted_balancing: None,
            consistent_balancing: None,
            round_robin_exhausted: Exhausted::TryAny,
        }
    }

    /// The seed under which names are hashed. Not a secret: whoever knows it can choose names for a backend, as
    /// with any policy that sends the same name to the same place.
    fn seed(&self) -> Seed {
        let perturbation = u64::from(self.perturbation);
        Seed::new([
            perturbation.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            perturbation.wrapping_add(1).wrapping_mul(0xd1b5_4a32_d192_ed03),
        ])
    }
}
