//! From a hash to a place in the slab: one flat table of 32-bit cells, probed in order.
//!
//! A cell holds the place plus one, and above it as many bits of the hash as fit: a probe that meets another
//! entry's cell almost never has to look at that entry. The table is as large as its shard will ever need and
//! never grows, so that no insert moves it while others wait; memory that is not used yet is not touched.

/// Cells per entry: two thirds full at most, where a miss probes some five cells in one or two cache lines.
const CELLS_PER_ENTRY: (usize, usize) = (3, 2);

#[derive(Debug)]
pub(crate) struct Index {
    /// 0 is an empty cell.
    cells: Box<[u32]>,
    /// Bits of a cell that hold the place; the others hold the tag.
    place_bits: u32,
}

impl Index {
    /// An index for up to `entries` places, fewer than 2³¹.
    pub(crate) fn new(entries: usize) -> Self {
        let (cells, per_entries) = CELLS_PER_ENTRY;
        Self {
            cells: vec![0; entries * cells / per_entries + 1].into_boxed_slice(),
            place_bits: usize::BITS - entries.leading_zeros(),
        }
    }

    /// The place with `hash` for which `is_it` holds.
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = self.tag(hash);
        self.probe(hash)
            .map(|at| self.cells[at])
            .take_while(|&cell| cell != 0)
            .filter(|cell| cell & !self.place_mask() == tag)
            .map(|cell| self.place(cell))
            .find(|&place| is_it(place))
    }

    /// Adds `place` under `hash`. The caller adds no more places than the index was made for.
    pub(crate) fn insert(&mut self, hash: u64, place: u32) {
        let empty = self.probe(hash).find(|&at| self.cells[at] == 0);
        debug_assert!(empty.is_some(), "the index is never full");
        if let Some(at) = empty {
            self.cells[at] = self.tag(hash) | (place + 1);
        }
    }

    /// Removes `place`, which was added under `hash`. `hash_of` tells the hash of any other place in the index.
    pub(crate) fn remove(&mut self, hash: u64, place: u32, hash_of: impl Fn(u32) -> u64) {
        let wanted = self.tag(hash) | (place + 1);
        let found = self
            .probe(hash)
            .take_while(|&at| self.cells[at] != 0)
            .find(|&at| self.cells[at] == wanted);
        let Some(mut hole) = found else {
            return;
        };
        // Cells behind the hole move into it unless that would put them in front of where their probe starts.
        let len = self.cells.len();
        let mut at = hole;
        loop {
            at = if at + 1 == len { 0 } else { at + 1 };
            let cell = self.cells[at];
            if cell == 0 {
                break;
            }
            let home = self.home(hash_of(self.place(cell)));
            let displaced = (at + len - home) % len;
            let from_hole = (at + len - hole) % len;
            if displaced >= from_hole {
                self.cells[hole] = cell;
                hole = at;
            }
        }
        self.cells[hole] = 0;
    }

    /// Every cell once, from the hash's own on.
    fn probe(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let (home, len) = (self.home(hash), self.cells.len());
        (home..len).chain(0..home)
    }

    /// The upper half of the hash, scaled to the table. The lowest bits chose the shard, the next are the tag.
    fn home(&self, hash: u64) -> usize {
        (((hash >> 32) * self.cells.len() as u64) >> 32) as usize
    }

    fn tag(&self, hash: u64) -> u32 {
        ((hash >> 16) as u32) << self.place_bits
    }

    fn place(&self, cell: u32) -> u32 {
        (cell & self.place_mask()) - 1
    }

    fn place_mask(&self) -> u32 {
        (1 << self.place_bits) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that crowd around the end of the table, so that runs wrap.
    fn hash(place: u32, crowd: u64) -> u64 {
        (u64::MAX << 32).wrapping_sub((u64::from(place) % crowd) << 28) | u64::from(place) << 16
    }

    #[test]
    fn places_are_found_until_they_are_removed() {
        const PLACES: u32 = 200;
        for crowd in [1, 7, 1000] {
            let hash_of = |place| hash(place, crowd);
            let mut index = Index::new(PLACES as usize);
            let found = |index: &Index, place| index.find(hash_of(place), |found| found == place).is_some();
            (0..PLACES).for_each(|place| index.insert(hash_of(place), place));
            for step in 0..PLACES {
                // 77 and 200 have no common divisor: each place once, in a mixed order.
                let removed = step * 77 % PLACES;
                assert!(found(&index, removed), "crowd {crowd}, place {removed}");
                index.remove(hash_of(removed), removed, hash_of);
                assert!(!found(&index, removed), "crowd {crowd}, place {removed}");
                let left = (step + 1..PLACES).map(|step| step * 77 % PLACES);
                for place in left {
                    assert!(
                        found(&index, place),
                        "crowd {crowd}, {place} after {removed} was removed"
                    );
                }
            }
            assert!(index.cells.iter().all(|&cell| cell == 0));
        }
    }

    #[test]
    fn a_place_is_at_home_in_the_largest_index() {
        let index = Index::new(3);
        assert!(index.home(u64::MAX) < index.cells.len());
        assert_eq!(index.home(0), 0);
    }
}
