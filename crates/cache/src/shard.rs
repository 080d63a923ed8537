//! One independently locked part of the cache: entries, their index, and who goes when there is no room.
//!
//! Replacement is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023). New
//! entries enter a *small* queue of a tenth of all; the oldest of it moves to the *main* queue if it was used
//! meanwhile, and otherwise leaves, remembered by its hash for a while. Who comes back while remembered enters
//! main at once. The oldest of main goes round again as often as it was used, three times at most. So a flood of
//! names that nobody asks for twice runs through the small queue and never reaches main.

use crate::admit::Refusal;
use crate::counters::Counters;
use crate::entry::{Entry, NIL};
use crate::index::Index;
use crate::key::Key;
use crate::queue::{Ghosts, Queue};

/// The small queue holds one in this many entries.
const SMALL_SHARE: usize = 10;

/// Uses in the small queue that earn a place in main: one may be a client that asked again too soon.
const PROMOTED_FROM: u8 = 2;

/// The most entries that one insert may remove: enough for a reply of 4,096 bytes among replies of usual length.
/// It bounds how long others wait for the lock.
pub(crate) const MAX_EVICTIONS: usize = 32;

/// The most entries that the search for one to evict passes over.
const MAX_PASSED_OVER: usize = 32;

#[derive(Debug)]
pub(crate) struct Shard {
    index: Index,
    /// Never grows beyond the capacity it was made with, so it never moves.
    entries: Vec<Entry>,
    /// The first vacant place.
    vacant: u32,
    small: Queue,
    main: Queue,
    ghosts: Ghosts,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
    /// Seconds for which expired answers are still of use.
    stale_window: u32,
    pub(crate) counters: Counters,
}

/// What eviction took out. Bodies are freed by whoever holds this, after unlocking.
pub(crate) type Freed = Vec<Box<[u8]>>;

impl Shard {
    pub(crate) fn new(max_entries: usize, max_bytes: usize, stale_window: u32) -> Self {
        Self {
            index: Index::new(max_entries),
            entries: Vec::with_capacity(max_entries),
            vacant: NIL,
            small: Queue::new(),
            main: Queue::new(),
            ghosts: Ghosts::new(max_entries),
            bytes: 0,
            max_entries,
            max_bytes,
            stale_window,
            counters: Counters::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All places, vacant ones among them.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry_mut(&mut self, place: u32) -> &mut Entry {
        &mut self.entries[place as usize]
    }

    /// The place of the entry that answers `key` and `question`, and how many others with the same hash it met.
    pub(crate) fn find(&self, key: &Key, question: &[u8]) -> (Option<u32>, u64) {
        let mut collisions = 0;
        let place = self.index.find(key.hash, |place| {
            let entry = &self.entries[place as usize];
            let same = entry.is_for(key, question);
            collisions += u64::from(!same && entry.hash == key.hash);
            same
        });
        (place, collisions)
    }

    /// Stores `entry`, which no other entry answers the same as. `freed` has room for `MAX_EVICTIONS` and one.
    pub(crate) fn add(&mut self, entry: Entry, now: u32, freed: &mut Freed) -> Result<(), Refusal> {
        if !self.make_room(1, entry.bytes(), now, freed) {
            freed.push(entry.body);
            return Err(Refusal::Full);
        }
        self.bytes += entry.bytes();
        let hash = entry.hash;
        let place = self.settle(entry);
        self.index.insert(hash, place);
        if self.ghosts.recall(hash) {
            self.enter_main(place);
        } else {
            self.small.push(&mut self.entries, place);
        }
        Ok(())
    }

    /// Replaces the reply at `place`, which keeps its standing. `freed` has room for `MAX_EVICTIONS` and two.
    pub(crate) fn renew(
        &mut self,
        place: u32,
        entry: Entry,
        now: u32,
        freed: &mut Freed,
    ) -> Result<(), Refusal> {
        let old = &mut self.entries[place as usize];
        self.bytes -= old.bytes();
        freed.push(old.renew(entry));
        self.bytes += old.bytes();
        // The renewed entry itself may be the one to go; then there was no room for it.
        if self.make_room(0, 0, now, freed) {
            return Ok(());
        }
        if !self.entries[place as usize].is_vacant() {
            freed.push(self.remove(place));
        }
        Err(Refusal::Full)
    }

    /// Takes an entry out. The caller frees its body after unlocking.
    pub(crate) fn remove(&mut self, place: u32) -> Box<[u8]> {
        let entry = &mut self.entries[place as usize];
        let queue = if entry.is_in_main() {
            &mut self.main
        } else {
            &mut self.small
        };
        queue.unlink(&mut self.entries, place);
        let vacant = Entry::vacant(self.vacant);
        let entry = std::mem::replace(&mut self.entries[place as usize], vacant);
        self.vacant = place;
        self.bytes -= entry.bytes();
        let entries = &self.entries;
        self.index
            .remove(entry.hash, place, |other| entries[other as usize].hash);
        entry.body
    }

    /// Removes the entry that will be missed least; `None` when there is none.
    pub(crate) fn evict(&mut self, now: u32) -> Option<Box<[u8]>> {
        for passed_over in 0.. {
            let in_turn = if self.small.len() * SMALL_SHARE >= self.len() {
                &self.small
            } else {
                &self.main
            };
            let place = in_turn.oldest()?;
            let entry = &mut self.entries[place as usize];
            let (hash, in_main, used) = (entry.hash, entry.is_in_main(), entry.frequency());
            let stays = used >= if in_main { 1 } else { PROMOTED_FROM }
                && !entry.is_dead(now, self.stale_window)
                && passed_over < MAX_PASSED_OVER;
            if !stays {
                // A popular one that merely expired is soon back, and then belongs into main.
                if !in_main || used > 0 {
                    self.ghosts.remember(hash);
                }
                self.counters.evictions += 1;
                return Some(self.remove(place));
            }
            if in_main {
                entry.lower_frequency();
                self.main.unlink(&mut self.entries, place);
                self.main.push(&mut self.entries, place);
            } else {
                self.small.unlink(&mut self.entries, place);
                self.enter_main(place);
            }
        }
        None
    }

    /// Evicts until there is room for `entries` more with `bytes`. False when that takes more than one insert may.
    fn make_room(&mut self, entries: usize, bytes: usize, now: u32, freed: &mut Freed) -> bool {
        let mut evictions = 0;
        while self.len() + entries > self.max_entries || self.bytes + bytes > self.max_bytes {
            if evictions == MAX_EVICTIONS {
                return false;
            }
            let Some(body) = self.evict(now) else {
                return false;
            };
            freed.push(body);
            evictions += 1;
        }
        true
    }

    /// Puts `entry`, for which there is room, into a vacant place.
    fn settle(&mut self, entry: Entry) -> u32 {
        if self.vacant == NIL {
            self.entries.push(entry);
            return (self.entries.len() - 1) as u32;
        }
        let place = self.vacant;
        let vacant = std::mem::replace(&mut self.entries[place as usize], entry);
        self.vacant = vacant.older;
        place
    }

    /// Adds `place`, which is in no queue, to main.
    fn enter_main(&mut self, place: u32) {
        self.entries[place as usize].enter_main();
        self.main.push(&mut self.entries, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Body;

    /// A shard for 100 entries, and an adder of numbered ones that are used some times at once.
    fn shard() -> (Shard, impl Fn(&mut Shard, u64, usize)) {
        let add = |shard: &mut Shard, number: u64, uses: usize| {
            let key = Key {
                hash: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                options: 0,
                bits: 0,
            };
            let mut entry = Entry::new(&key, Body::new(&key, &[], &number.to_be_bytes()), 0, 60);
            (0..uses).for_each(|_| entry.touch());
            shard.add(entry, 0, &mut Freed::new()).expect("room");
        };
        (Shard::new(100, usize::MAX, 0), add)
    }

    fn place(shard: &Shard, number: u64) -> Option<usize> {
        shard
            .entries()
            .iter()
            .position(|entry| entry.reply() == number.to_be_bytes())
    }

    /// Adds `numbers`, each used twice and followed by ten that are not: all of them are promoted in time.
    fn add_popular(shard: &mut Shard, add: &impl Fn(&mut Shard, u64, usize), numbers: std::ops::Range<u64>) {
        for number in numbers {
            add(shard, number, 2);
            (0..10).for_each(|filler| add(shard, 1_000_000 + number * 10 + filler, 0));
        }
    }

    #[test]
    fn what_was_used_more_often_stays_longer() {
        let (mut shard, add) = shard();
        add_popular(&mut shard, &add, 0..90);
        for number in (0..90).rev() {
            let uses = if number % 2 == 0 { 1 } else { 3 };
            if let Some(place) = place(&shard, number) {
                (0..uses).for_each(|_| shard.entry_mut(place as u32).touch());
            }
        }
        add_popular(&mut shard, &add, 100..140);
        let left = |parity| {
            (0..90)
                .filter(|number| number % 2 == parity && place(&shard, *number).is_some())
                .count()
        };
        let (seldom, often) = (left(0), left(1));
        assert!(often >= 40 && seldom <= 15, "{often} used often, {seldom} seldom");
    }

    #[test]
    fn the_search_for_one_to_evict_is_bounded() {
        let (mut shard, add) = shard();
        (0..100).for_each(|number| add(&mut shard, number, 3));
        assert!(shard.evict(0).is_some());
        assert_eq!((shard.len(), shard.main.len()), (99, MAX_PASSED_OVER));
    }
}
