//! The table behind both sets of names.

use weir_wire::hash::{self, Seed};
use weir_wire::{Name, NameBuf};

use crate::Invalid;

/// Slots of the smallest table.
const MIN_SLOTS: usize = 16;
/// Most slots: their position comes out of the hash bits that a slot keeps.
const MAX_SLOTS: usize = 1 << 31;
/// Bytes of names that four-byte offsets reach.
const MAX_BYTES: usize = u32::MAX as usize;

/// Bytes that a set makes room for at once, at least.
const MIN_GROWTH: usize = 512;

/// Names that are in a set, or that only lead to a name that is.
///
/// ```text
///  slot   63            33 32     31             0
///        ┌────────────────┬──────┬────────────────┐
///        │ 31 bits of hash│listed│ offset in bytes│      0: empty
///        └────────────────┴──────┴────────────────┘
/// ```
///
/// A name ends with its root label, so its bytes need no length beside them, and the ancestors of a name are the
/// tails of its bytes: an ancestor costs a slot and no bytes.
#[derive(Clone, Debug)]
pub(super) struct Table {
    seed: Seed,
    bytes: Vec<u8>,
    slots: Vec<u64>,
    used: usize,
}

/// Position of a slot that holds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(usize);

const LISTED: u64 = 1 << 32;
const HASH_SHIFT: u32 = 33;

impl Table {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            seed,
            // Offset 0 belongs to no name, so that a slot of 0 is empty.
            bytes: vec![u8::MAX],
            slots: vec![0; MIN_SLOTS],
            used: 0,
        }
    }

    /// Finds `name`, listed or not.
    #[inline]
    pub(super) fn find(&self, name: Name<'_>) -> Option<Slot> {
        let hash = self.hash(name);
        let wire = name.wire();
        for at in self.probe(hash) {
            let slot = *self.slots.get(at)?;
            if slot == 0 {
                return None;
            }
            if slot >> HASH_SHIFT == hash {
                let start = offset(slot);
                let bytes = self.bytes.get(start..start + wire.len());
                if bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(wire)) {
                    return Some(Slot(at));
                }
            }
        }
        None
    }

    /// Appends the bytes of `name` and returns their offset.
    pub(super) fn append(&mut self, name: Name<'_>) -> Result<usize, Invalid> {
        let start = self.bytes.len();
        if start + name.wire().len() > MAX_BYTES {
            return Err(Invalid::new(format!(
                "'{name}' does not fit: a set holds {MAX_BYTES} bytes of names"
            )));
        }
        // Growing by a quarter instead of doubling: these are most of a large set's memory.
        if self.bytes.capacity() - start < name.wire().len() {
            self.bytes.reserve_exact(MIN_GROWTH.max(start / 4));
        }
        let lower = NameBuf::to_lowercase(name.to_buf());
        self.bytes.extend_from_slice(lower.as_name().wire());
        Ok(start)
    }

    /// Adds a slot for `name`, which is not there yet and whose bytes are at `start`.
    pub(super) fn insert(&mut self, name: Name<'_>, start: usize) -> Result<Slot, Invalid> {
        if self.used >= self.slots.len() / 4 * 3 {
            self.grow()?;
        }
        let hash = self.hash(name);
        let mut free = self.probe(hash).filter(|&at| self.slots.get(at) == Some(&0));
        let at = free
            .next()
            .ok_or_else(|| Invalid::new(format!("no slot is left for '{name}'")))?;
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = hash << HASH_SHIFT | start as u64;
            self.used += 1;
        }
        Ok(Slot(at))
    }

    pub(super) fn is_listed(&self, slot: Slot) -> bool {
        self.slots.get(slot.0).is_some_and(|slot| slot & LISTED != 0)
    }

    /// Lists or unlists the name of `slot`; says whether that changed anything.
    pub(super) fn set_listed(&mut self, slot: Slot, listed: bool) -> bool {
        let Some(slot) = self.slots.get_mut(slot.0) else {
            return false;
        };
        let before = *slot & LISTED != 0;
        *slot = *slot & !LISTED | if listed { LISTED } else { 0 };
        before != listed
    }

    /// Every listed name, in no useful order.
    pub(super) fn listed(&self) -> impl Iterator<Item = Name<'_>> {
        let listed = self.slots.iter().filter(|&&slot| slot & LISTED != 0);
        listed.filter_map(|&slot| Name::parse(&self.bytes, offset(slot)).ok())
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.slots.capacity() * size_of::<u64>()
    }

    /// The part of the hash that a slot keeps.
    #[inline]
    fn hash(&self, name: Name<'_>) -> u64 {
        hash::of_name(self.seed, name) >> HASH_SHIFT
    }

    /// The slots where a name with this hash may be, in the order in which they are taken. The table is never
    /// full, so the search ends at an empty one.
    #[inline]
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        (0..=mask).map(move |step| (hash as usize + step) & mask)
    }

    fn grow(&mut self) -> Result<(), Invalid> {
        let len = self.slots.len() * 2;
        if len > MAX_SLOTS {
            return Err(Invalid::new(format!(
                "a set holds at most {} names and ancestors",
                MAX_SLOTS / 4 * 3
            )));
        }
        let old = std::mem::replace(&mut self.slots, vec![0; len]);
        for slot in old.into_iter().filter(|&slot| slot != 0) {
            let free = self
                .probe(slot >> HASH_SHIFT)
                .find(|&at| self.slots.get(at) == Some(&0));
            if let Some(place) = free.and_then(|at| self.slots.get_mut(at)) {
                *place = slot;
            }
        }
        Ok(())
    }
}

fn offset(slot: u64) -> usize {
    (slot & u64::from(u32::MAX)) as usize
}
