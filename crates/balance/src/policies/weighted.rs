//! `wrandom` and `whashed`: backends side by side on a line, each as long as its weight, and one point on it.

use weir_wire::hash::{self, Seed};

use crate::pool::Candidates;
use crate::settings::BalancingFactor;

use super::fair_share::FairShare;
use super::{Policy, PolicySettings};

/// The point is random.
#[derive(Debug)]
pub(super) struct Random {
    factor: Option<BalancingFactor>,
}

impl Random {
    pub(super) fn new(settings: &PolicySettings) -> Self {
        Self {
            factor: settings.weighted_balancing,
        }
    }
}

impl Policy for Random {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        pick_at(candidates, self.factor, candidates.input().random)
    }
}

/// The point is the hash of the name: the same name goes to the same backend as long as the usable ones and
/// their weights stay the same. When one goes, nearly every name moves; see `chashed`.
#[derive(Debug)]
pub(super) struct Hashed {
    factor: Option<BalancingFactor>,
    seed: Seed,
}

impl Hashed {
    pub(super) fn new(settings: &PolicySettings) -> Self {
        Self {
            factor: settings.weighted_balancing,
            seed: settings.seed(),
        }
    }
}

impl Policy for Hashed {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let point = hash::of_name(self.seed, candidates.input().qname);
        pick_at(candidates, self.factor, point)
    }
}

fn pick_at(candidates: &Candidates<'_>, factor: Option<BalancingFactor>, point: u64) -> Option<usize> {
    let share = FairShare::of(candidates, factor);
    let weights = || {
        let fair = candidates
            .usable()
            .filter(|(_, backend)| share.allows(candidates, backend));
        fair.map(|(index, backend)| (index, u64::from(backend.settings().weight.get())))
    };
    let sum: u64 = weights().map(|(_, weight)| weight).sum();
    let mut left = point.checked_rem(sum)?;
    let mut last = None;
    for (index, weight) in weights() {
        if left < weight {
            return Some(index);
        }
        left -= weight;
        // A backend may have gone down since the weights were summed; the line is then shorter than the point.
        last = Some(index);
    }
    last
}
