//! `leastOutstanding`: the default, and what keeps a slow backend from collecting queries.

use crate::backend::Backend;
use crate::pool::Candidates;

use super::Policy;

/// Fewest queries in flight, unanswered ones included; among equals the lowest order, then the lowest latency.
#[derive(Debug)]
pub(super) struct LeastOutstanding;

impl Policy for LeastOutstanding {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let worker = candidates.input().worker;
        let mut best: Option<(usize, &Backend, u32)> = None;
        for (index, backend) in candidates.usable() {
            let load = candidates.load(backend);
            // Positions follow the order, so the one found first wins unless a later one is strictly better.
            let is_better = best.is_none_or(|(_, leader, least)| {
                load < least
                    || load == least
                        && backend.settings().order == leader.settings().order
                        && backend.latency_of(worker) < leader.latency_of(worker)
            });
            if is_better {
                best = Some((index, backend, load));
            }
        }
        best.map(|(index, ..)| index)
    }
}
