//! Clients that ask what is already being asked: one query goes out, all get the reply.
//!
//! The first query of a kind gets a [`Flight`], which travels with it in [`Pending`](crate::Pending) and through
//! a retry. Whoever ends it, by a reply, a timeout or an eviction, lands the flight and so gets everybody who
//! waited, once. A flight cannot be copied; that is what makes "once" hold.
//!
//! When a limit is reached a query is not refused but forwarded on its own: a crowd that large is an attack or a
//! dead backend, and either is dealt with elsewhere.

use std::num::NonZeroU32;

use crate::index::{Index, Tag};
use crate::slab::{NONE, Slab};

/// Limits of one worker's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoalesceLimits {
    /// Different queries in flight. Default 65,535, as many as may be pending.
    pub flights: NonZeroU32,
    /// Waiters of all flights together. Default 65,535.
    pub waiters: NonZeroU32,
    /// Waiters of one flight. Default 1,000: one reply must not keep a worker busy for long.
    pub waiters_per_flight: NonZeroU32,
}

impl Default for CoalesceLimits {
    fn default() -> Self {
        let limit = |limit| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MAX);
        Self {
            flights: limit(65_535),
            waiters: limit(65_535),
            waiters_per_flight: limit(1_000),
        }
    }
}

/// The first query of its kind: to be landed exactly once with [`Coalescer::land`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "whoever waits for this flight waits until it is landed"]
pub struct Flight(u32);

/// What became of a query that was to join others.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined<W> {
    /// It is the first: forward it for this client, others will wait for it.
    First(Flight, W),
    /// It waits for one that is in flight.
    Waiting,
    /// A limit is reached: forward it alone. Counted in [`Coalescer::refused`].
    Alone(W),
}

/// Queries in flight by what they ask (`K`), with the clients that wait for them (`W`).
#[derive(Debug)]
pub struct Coalescer<K, W> {
    flights: Slab<Group<K>>,
    waiters: Slab<Waiter<W>>,
    by_hash: Index,
    waiters_per_flight: u32,
    refused: u64,
}

#[derive(Debug)]
struct Group<K> {
    key: K,
    tag: Tag,
    first: u32,
    last: u32,
    size: u32,
}

#[derive(Debug)]
struct Waiter<W> {
    next: u32,
    client: W,
}

impl<K, W> Coalescer<K, W> {
    /// An empty table; memory comes as queries do.
    pub fn new(limits: CoalesceLimits) -> Self {
        Self {
            flights: Slab::new(limits.flights.get()),
            waiters: Slab::new(limits.waiters.get()),
            by_hash: Index::default(),
            waiters_per_flight: limits.waiters_per_flight.get(),
            refused: 0,
        }
    }

    /// Lets `client` wait for the flight whose key `is_same` recognises, or starts one under `key`.
    ///
    /// `hash` is the keyed hash of what is asked; strangers must not be able to make many equal ones.
    pub fn join(
        &mut self,
        hash: u64,
        is_same: impl Fn(&K) -> bool,
        key: impl FnOnce() -> K,
        client: W,
    ) -> Joined<W> {
        let tag = Tag::of(hash);
        let found = self.by_hash.find(tag, |at| {
            self.flights.get(at).is_some_and(|group| is_same(&group.key))
        });
        let outcome = match found {
            Some(flight) => self.wait(flight, client),
            None => self.start(tag, key, client),
        };
        self.refused += u64::from(matches!(outcome, Joined::Alone(_)));
        outcome
    }

    /// Ends a flight and gives everybody who waited for it, first come first. The next query of its kind starts
    /// a new one.
    pub fn land(&mut self, flight: Flight) -> Waiters<'_, W> {
        let next = match self.flights.remove(flight.0) {
            Some(group) => {
                self.by_hash.remove(group.tag, flight.0);
                group.first
            }
            None => NONE,
        };
        Waiters {
            slab: &mut self.waiters,
            next,
        }
    }

    /// Queries in flight that others may join.
    pub fn flights(&self) -> usize {
        self.flights.len()
    }

    /// Clients that wait.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Queries that went out alone because of a limit.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn start(&mut self, tag: Tag, key: impl FnOnce() -> K, client: W) -> Joined<W> {
        if self.flights.is_full() {
            return Joined::Alone(client);
        }
        match self.flights.insert(Group {
            key: key(),
            tag,
            first: NONE,
            last: NONE,
            size: 0,
        }) {
            Ok(flight) => {
                self.by_hash.insert(tag, flight);
                Joined::First(Flight(flight), client)
            }
            Err(_) => Joined::Alone(client),
        }
    }

    fn wait(&mut self, flight: u32, client: W) -> Joined<W> {
        let group = self
            .flights
            .get_mut(flight)
            .filter(|group| group.size < self.waiters_per_flight);
        let Some(group) = group else {
            return Joined::Alone(client);
        };
        match self.waiters.insert(Waiter { next: NONE, client }) {
            Ok(waiter) => {
                let before = std::mem::replace(&mut group.last, waiter);
                group.size += 1;
                match self.waiters.get_mut(before) {
                    Some(previous) => previous.next = waiter,
                    None => group.first = waiter,
                }
                Joined::Waiting
            }
            Err(waiter) => Joined::Alone(waiter.client),
        }
    }
}

/// Those who waited for a flight. Dropping it forgets the ones that were not taken out.
#[derive(Debug)]
pub struct Waiters<'a, W> {
    slab: &'a mut Slab<Waiter<W>>,
    next: u32,
}

impl<W> Iterator for Waiters<'_, W> {
    type Item = W;

    fn next(&mut self) -> Option<W> {
        let waiter = self.slab.remove(self.next)?;
        self.next = waiter.next;
        Some(waiter.client)
    }
}

impl<W> Drop for Waiters<'_, W> {
    fn drop(&mut self) {
        // Their places must be free again even if the caller stopped early.
        while self.next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coalescer(flights: u32, waiters: u32, waiters_per_flight: u32) -> Coalescer<&'static str, u32> {
        let limit = |limit| NonZeroU32::new(limit).expect("not zero");
        Coalescer::new(CoalesceLimits {
            flights: limit(flights),
            waiters: limit(waiters),
            waiters_per_flight: limit(waiters_per_flight),
        })
    }

    /// All keys under one hash: only `is_same` tells them apart.
    fn join(coalescer: &mut Coalescer<&'static str, u32>, key: &'static str, client: u32) -> Joined<u32> {
        coalescer.join(7, |other| *other == key, || key, client)
    }

    fn start(coalescer: &mut Coalescer<&'static str, u32>, key: &'static str) -> Flight {
        match join(coalescer, key, 0) {
            Joined::First(flight, _) => flight,
            other => panic!("{key} is in flight already: {other:?}"),
        }
    }

    #[test]
    fn waiters_come_out_once_in_order_and_only_for_their_question() {
        let mut table = coalescer(10, 10, 10);
        let a = start(&mut table, "a");
        let b = start(&mut table, "b");
        for (key, client) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            assert_eq!(join(&mut table, key, client), Joined::Waiting);
        }
        assert_eq!(table.land(a).collect::<Vec<_>>(), [1, 3, 4]);
        let a = start(&mut table, "a");
        assert_eq!(
            table.land(a).collect::<Vec<_>>(),
            [],
            "the next flight starts empty"
        );
        assert_eq!(table.land(b).collect::<Vec<_>>(), [2]);
        assert_eq!((table.flights(), table.waiting()), (0, 0));
        assert_eq!(
            table.by_hash.find(Tag::of(7), |_| true),
            None,
            "the index forgets them too"
        );
    }

    #[test]
    fn beyond_a_limit_queries_go_alone_and_are_counted() {
        let mut table = coalescer(2, 3, 2);
        let a = start(&mut table, "a");
        let b = start(&mut table, "b");
        assert_eq!(join(&mut table, "c", 9), Joined::Alone(9), "flights");
        assert_eq!(join(&mut table, "a", 1), Joined::Waiting);
        assert_eq!(join(&mut table, "a", 2), Joined::Waiting);
        assert_eq!(
            join(&mut table, "a", 3),
            Joined::Alone(3),
            "waiters of one flight"
        );
        assert_eq!(join(&mut table, "b", 4), Joined::Waiting);
        assert_eq!(join(&mut table, "b", 5), Joined::Alone(5), "waiters together");
        assert_eq!(table.refused(), 3);
        assert_eq!(table.land(a).next(), Some(1));
        assert_eq!(
            table.waiting(),
            1,
            "those not taken out are forgotten, their places free again"
        );
        assert_eq!(table.land(b).collect::<Vec<_>>(), [4]);
    }
}
