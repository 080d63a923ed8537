//! From a hash to a position in a [`Slab`](crate::slab::Slab): open addressing with linear probing, at most half full.
//!
//! The table keeps 32 bits of each hash beside the position, so that it grows and closes gaps without asking
//! anyone, and compares a key only when those bits agree.

use crate::slab::NONE;

const FIRST_CELLS: usize = 128;

/// The hash that a key is filed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u32);

impl Tag {
    /// The upper half of `hash`: a product's better bits.
    pub(crate) const fn of(hash: u64) -> Self {
        Self((hash >> 32) as u32)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Empty, or a power of two.
    cells: Vec<Cell>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    tag: u32,
    position: u32,
}

const EMPTY: Cell = Cell {
    tag: 0,
    position: NONE,
};

impl Index {
    /// The position filed under `tag` for which `matches` holds.
    pub(crate) fn find(&self, Tag(tag): Tag, mut matches: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.cells.len().checked_sub(1)?;
        let mut at = tag as usize & mask;
        // Ends: at least half of the cells are empty.
        loop {
            let cell = self.cells.get(at)?;
            if cell.position == NONE {
                return None;
            }
            if cell.tag == tag && matches(cell.position) {
                return Some(cell.position);
            }
            at = (at + 1) & mask;
        }
    }

    /// Files `position` under `tag`. The same pair must not be there already.
    pub(crate) fn insert(&mut self, Tag(tag): Tag, position: u32) {
        if (self.len + 1) * 2 > self.cells.len() {
            self.grow();
        }
        self.place(Cell { tag, position });
        self.len += 1;
    }

    /// Removes `position` from under `tag`.
    pub(crate) fn remove(&mut self, Tag(tag): Tag, position: u32) {
        let Some(mask) = self.cells.len().checked_sub(1) else {
            return;
        };
        let mut gap = tag as usize & mask;
        loop {
            match self.cells.get(gap) {
                Some(cell) if cell.position == position => break,
                Some(cell) if cell.position != NONE => gap = (gap + 1) & mask,
                Some(_) | None => return,
            }
        }
        self.len -= 1;
        // Moves back every later cell of the run whose home is not behind the gap, so that no search ends early.
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let Some(cell) = self.cells.get(at).copied().filter(|cell| cell.position != NONE) else {
                break;
            };
            let from_home = at.wrapping_sub(cell.tag as usize) & mask;
            let from_gap = at.wrapping_sub(gap) & mask;
            if from_home >= from_gap {
                self.set(gap, cell);
                gap = at;
            }
        }
        self.set(gap, EMPTY);
    }

    fn grow(&mut self) {
        let cells = vec![EMPTY; (self.cells.len() * 2).max(FIRST_CELLS)];
        for cell in std::mem::replace(&mut self.cells, cells) {
            if cell.position != NONE {
                self.place(cell);
            }
        }
    }

    fn place(&mut self, cell: Cell) {
        let mask = self.cells.len() - 1;
        let mut at = cell.tag as usize & mask;
        while self.cells.get(at).is_some_and(|cell| cell.position != NONE) {
            at = (at + 1) & mask;
        }
        self.set(at, cell);
    }

    fn set(&mut self, at: usize, cell: Cell) {
        if let Some(target) = self.cells.get_mut(at) {
            *target = cell;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Few different tags, so that runs overlap and wrap around the end of the table.
        #[test]
        fn behaves_as_a_map(operations in prop::collection::vec((any::<bool>(), 0u32..90), 0..600)) {
            let mut index = Index::default();
            let mut model = BTreeMap::new();
            let tag = |key: u32| Tag(if key.is_multiple_of(3) { u32::MAX - key % 5 } else { key % 7 });
            for (insert, key) in operations {
                if insert {
                    if model.insert(key, ()).is_none() {
                        index.insert(tag(key), key);
                    }
                } else if model.remove(&key).is_some() {
                    index.remove(tag(key), key);
                }
                for key in 0..90 {
                    let found = index.find(tag(key), |position| position == key);
                    prop_assert_eq!(found.is_some(), model.contains_key(&key));
                }
            }
            prop_assert_eq!(index.len, model.len());
        }
    }
}
