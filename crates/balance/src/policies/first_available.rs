//! `firstAvailable`: a primary until it has as many queries per second as it may, then the next.

use crate::pool::Candidates;

use super::Policy;
use super::least_outstanding::LeastOutstanding;

/// Lowest order among usable backends below their `qps`; when all are at it, [`LeastOutstanding`].
#[derive(Debug)]
pub(super) struct FirstAvailable;

impl Policy for FirstAvailable {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let now = candidates.input().now;
        let first = candidates.usable().find(|(_, backend)| backend.admit(now));
        first
            .map(|(index, _)| index)
            .or_else(|| LeastOutstanding.pick(candidates))
    }
}
