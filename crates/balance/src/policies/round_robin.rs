//! `roundrobin`: every backend in turn, whatever its load or weight.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::pool::Candidates;

use super::{Exhausted, Policy, PolicySettings};

/// Whose turn it is. Each worker goes round on its own, starting where its number says, so that together they
/// start evenly.
#[derive(Debug)]
pub(super) struct RoundRobin {
    turns: Box<[Turn]>,
    exhausted: Exhausted,
}

/// On a cache line of its own, written by one worker only.
#[derive(Debug)]
#[repr(align(128))]
struct Turn(AtomicUsize);

impl RoundRobin {
    pub(super) fn new(settings: &PolicySettings, workers: usize) -> Self {
        let turns = (0..workers)
            .map(|worker| Turn(AtomicUsize::new(worker)))
            .collect();
        Self {
            turns,
            exhausted: settings.round_robin_exhausted,
        }
    }
}

impl Policy for RoundRobin {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let Turn(turn) = self.turns.get(candidates.input().worker)?;
        let now = turn.load(Relaxed);
        turn.store(now.wrapping_add(1), Relaxed);
        let next = now.checked_rem(candidates.len())?;
        if candidates.usable_at(next).is_some() {
            return Some(next);
        }
        // In turn among the usable ones, so that the neighbour of a dead backend does not get its share too.
        let usable = || candidates.usable().map(|(index, _)| index);
        let among_usable = now
            .checked_rem(usable().count())
            .and_then(|at| usable().nth(at).or_else(|| usable().next()));
        among_usable.or_else(|| match self.exhausted {
            Exhausted::TryAny => candidates.any_at(next).map(|_| next),
            Exhausted::Fail => None,
        })
    }
}
