//! Who goes when there is no room: queues through the entries, and a memory of who went.

use crate::entry::{Entry, NIL};

/// A first-in, first-out queue whose links are in the entries.
#[derive(Debug)]
pub(crate) struct Queue {
    newest: u32,
    oldest: u32,
    len: usize,
}

impl Queue {
    pub(crate) const fn new() -> Self {
        Self {
            newest: NIL,
            oldest: NIL,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The place that has been in it longest.
    pub(crate) fn oldest(&self) -> Option<u32> {
        (self.oldest != NIL).then_some(self.oldest)
    }

    /// Adds `place`, which is in no queue.
    pub(crate) fn push(&mut self, entries: &mut [Entry], place: u32) {
        let entry = &mut entries[place as usize];
        (entry.newer, entry.older) = (NIL, self.newest);
        match self.newest {
            NIL => self.oldest = place,
            newest => entries[newest as usize].newer = place,
        }
        self.newest = place;
        self.len += 1;
    }

    /// Takes `place` out, wherever in this queue it is.
    pub(crate) fn unlink(&mut self, entries: &mut [Entry], place: u32) {
        let (newer, older) = (entries[place as usize].newer, entries[place as usize].older);
        match newer {
            NIL => self.newest = older,
            newer => entries[newer as usize].older = older,
        }
        match older {
            NIL => self.oldest = newer,
            older => entries[older as usize].newer = newer,
        }
        self.len -= 1;
    }
}

/// Remembers about as many hashes as there are entries, each by 16 bits in a place of its own; a later one with
/// the same place overwrites it. Cheaper than a queue of hashes, and as good: who comes back soon is found.
#[derive(Debug)]
pub(crate) struct Ghosts(Box<[u16]>);

impl Ghosts {
    /// Marks per entry of the shard.
    const PER_ENTRY: usize = 2;

    pub(crate) fn new(entries: usize) -> Self {
        Self(vec![0; entries * Self::PER_ENTRY].into_boxed_slice())
    }

    pub(crate) fn remember(&mut self, hash: u64) {
        let place = self.place(hash);
        self.0[place] = Self::mark(hash);
    }

    /// Whether `hash` is remembered; it is not any more afterwards.
    pub(crate) fn recall(&mut self, hash: u64) -> bool {
        let place = self.place(hash);
        let known = self.0[place] == Self::mark(hash);
        if known {
            self.0[place] = 0;
        }
        known
    }

    fn place(&self, hash: u64) -> usize {
        (((hash >> 32) * self.0.len() as u64) >> 32) as usize
    }

    /// Bits of the hash that chose neither the shard nor the place; never 0, which is an empty place.
    fn mark(hash: u64) -> u16 {
        (hash >> 16) as u16 | 1
    }
}
