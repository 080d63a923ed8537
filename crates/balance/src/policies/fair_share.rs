//! The bound of dnsdist's balancing factors: how many queries in flight a backend may have for its weight.

use crate::backend::Backend;
use crate::pool::Candidates;
use crate::settings::BalancingFactor;

/// Queries in flight that one unit of weight may carry; infinite without a factor.
#[derive(Clone, Copy, Debug)]
pub(super) struct FairShare {
    per_weight: f64,
}

impl FairShare {
    /// With the query that is about to be sent, the fair share is (1 + all in flight) / (all weights); the
    /// factor says how far above it one may go. At least one usable backend is always within it.
    pub(super) fn of(candidates: &Candidates<'_>, factor: Option<BalancingFactor>) -> Self {
        let Some(factor) = factor else {
            return Self {
                per_weight: f64::INFINITY,
            };
        };
        let (mut in_flight, mut weights) = (1.0, 0.0);
        for (_, backend) in candidates.usable() {
            in_flight += f64::from(candidates.outstanding(backend));
            weights += f64::from(backend.settings().weight.get());
        }
        Self {
            per_weight: in_flight / weights * factor.factor(),
        }
    }

    pub(super) fn allows(self, candidates: &Candidates<'_>, backend: &Backend) -> bool {
        let weight = f64::from(backend.settings().weight.get());
        f64::from(candidates.outstanding(backend)) <= self.per_weight * weight
    }
}
