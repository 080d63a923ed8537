//! `chashed`: consistent hashing. Every backend has as many points on a ring as its weight; a name goes to the
//! first point behind its hash whose backend is usable.
//!
//! Weights of 100 to 1000 spread well (at weight 1 a backend's share is a matter of luck). A backend's points
//! follow from its id alone, so that fixed ids give the same ring on every node and after every restart. All
//! points of a pool are in one sorted list made when the pool is built: a pick is one binary search, where
//! dnsdist does one for every backend.

use std::sync::Arc;

use weir_wire::hash::{self, Seed};

use crate::backend::Backend;
use crate::pool::Candidates;
use crate::settings::BalancingFactor;

use super::fair_share::FairShare;
use super::{Policy, PolicySettings};

/// Most points on one pool's ring, 2 MiB. When the weights add up to more, all are scaled down alike.
const MAX_POINTS: u64 = 1 << 18;

/// Points looked at behind a name's hash. When the backends of all of them are unusable, nearly every backend is
/// (or the usable ones have tiny weights), and the rest is decided without the ring.
const MAX_STEPS: usize = 128;

/// The ring.
#[derive(Debug)]
pub(super) struct ConsistentHashed {
    seed: Seed,
    factor: Option<BalancingFactor>,
    /// Sorted by place.
    points: Box<[Point]>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    place: u32,
    /// Position in the pool.
    owner: u32,
}

impl ConsistentHashed {
    pub(super) fn new(settings: &PolicySettings, backends: &[Arc<Backend>]) -> Self {
        let seed = settings.seed();
        let weight = |backend: &Backend| u64::from(backend.settings().weight.get());
        let sum: u64 = backends.iter().map(|backend| weight(backend)).sum();
        let mut points = Vec::new();
        for (owner, backend) in (0..).zip(backends) {
            // Both products stay below 2^64: a weight has 32 bits.
            let count = if sum <= MAX_POINTS {
                weight(backend)
            } else {
                weight(backend) * MAX_POINTS / sum
            };
            let places = (0..count.max(1)).map(|number| place(seed, backend, number));
            points.extend(places.map(|place| Point { place, owner }));
        }
        // The id decides between equal places: positions differ between nodes whose files list backends in
        // another order.
        let id = |owner: u32| backends.get(owner as usize).map(|backend| backend.settings().id);
        points.sort_unstable_by_key(|point| (point.place, id(point.owner)));
        Self {
            seed,
            factor: settings.consistent_balancing,
            points: points.into(),
        }
    }
}

impl Policy for ConsistentHashed {
    fn pick(&self, candidates: &Candidates<'_>) -> Option<usize> {
        let share = FairShare::of(candidates, self.factor);
        let hash = hash::of_name(self.seed, candidates.input().qname);
        let start = self
            .points
            .partition_point(|point| point.place < (hash >> 32) as u32);
        let (before, behind) = self.points.split_at_checked(start)?;
        for point in behind.iter().chain(before).take(MAX_STEPS) {
            let owner = point.owner as usize;
            if candidates
                .usable_at(owner)
                .is_some_and(|backend| share.allows(candidates, backend))
            {
                return Some(owner);
            }
        }
        self.pick_without_ring(candidates, hash)
    }
}

impl ConsistentHashed {
    /// The usable backend whose hash together with the name's is highest: consistent as well (rendezvous
    /// hashing), but it looks at every backend and at no weight.
    fn pick_without_ring(&self, candidates: &Candidates<'_>, hash: u64) -> Option<usize> {
        let score = |backend: &Backend| {
            let id = backend.settings().id.0;
            hash::combine(
                self.seed,
                hash::combine(self.seed, hash, id as u64),
                (id >> 64) as u64,
            )
        };
        let best = candidates.usable().max_by_key(|(_, backend)| score(backend));
        best.map(|(index, _)| index)
    }
}

fn place(seed: Seed, backend: &Backend, number: u64) -> u32 {
    let mut bytes = [0; 24];
    let parts = backend
        .settings()
        .id
        .0
        .to_be_bytes()
        .into_iter()
        .chain(number.to_be_bytes());
    for (to, from) in bytes.iter_mut().zip(parts) {
        *to = from;
    }
    (hash::of_bytes(seed, &bytes) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use weir_wire::{NameBuf, Timestamp};

    use crate::pool::{PickInput, Pool};
    use crate::settings::{BackendId, BackendSettings, Mode};

    fn backend(port: u16, weight: u32) -> Arc<Backend> {
        let address = ([192, 0, 2, 1], port).into();
        let settings = BackendSettings {
            id: BackendId::derived(address, ""),
            weight: NonZeroU32::new(weight).expect("a weight"),
            mode: Mode::Up,
            ..BackendSettings::new(address)
        };
        Arc::new(Backend::new(settings, 1))
    }

    /// The definition, without a sorted ring: the nearest point behind the hash, or else the lowest of all.
    #[test]
    fn the_ring_agrees_with_its_definition() {
        let settings = PolicySettings::new(3);
        let seed = settings.seed();
        let kind = crate::policies::policy_named("chashed").expect("a policy");
        let pool = Pool::new((1..5).map(|port| backend(port, 2)).collect(), kind, &settings, 1);
        pool.backends()[2].set_mode(Mode::Down);
        for number in 0..2000 {
            let qname: NameBuf = format!("host{number}.example").parse().expect("a name");
            let hash = (hash::of_name(seed, qname.as_name()) >> 32) as u32;
            let points = [(0, 0), (0, 1), (1, 0), (1, 1), (3, 0), (3, 1)];
            let nearest = points.into_iter().min_by_key(|&(owner, number): &(usize, u64)| {
                place(seed, &pool.backends()[owner], number).wrapping_sub(hash)
            });
            let now = Timestamp::ZERO;
            let input = PickInput {
                worker: 0,
                now,
                qname: qname.as_name(),
                random: 0,
                failed: None,
            };
            assert_eq!(pool.pick(&input), nearest.map(|(owner, _)| owner), "{qname}");
        }
    }

    /// With so many points some are equal; every node must agree on their owners.
    #[test]
    fn the_ring_is_the_same_for_every_order_of_backends() {
        let backends: Vec<_> = (1..5).map(|port| backend(port, 65_536)).collect();
        let reversed: Vec<_> = backends.iter().rev().map(Arc::clone).collect();
        let ring = |backends: &[Arc<Backend>]| -> Vec<_> {
            let ring = ConsistentHashed::new(&PolicySettings::new(3), backends);
            let id = |point: &Point| (point.place, backends[point.owner as usize].settings().id);
            ring.points.iter().map(id).collect()
        };
        let points = ring(&backends);
        assert!(
            points.windows(2).any(|pair| pair[0].0 == pair[1].0),
            "some places are equal"
        );
        assert!(points == ring(&reversed));
    }
}
