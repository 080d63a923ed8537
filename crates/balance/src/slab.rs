//! Values at fixed positions, with a limit: what the tables of one worker are made of.

/// Marks the end of a list of positions: a limit has 32 bits, so the last position is one below this.
pub(crate) const NONE: u32 = u32::MAX;

/// Room for the first values; it doubles from there.
const FIRST_ROOM: usize = 64;

/// Grows by doubling up to its limit and reuses the position that was left last, which is still in the CPU's cache.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    cells: Vec<Cell<T>>,
    free: u32,
    len: usize,
    limit: usize,
}

#[derive(Debug)]
enum Cell<T> {
    Free { next: u32 },
    Taken(T),
}

impl<T> Slab<T> {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            cells: Vec::new(),
            free: NONE,
            len: 0,
            limit: limit as usize,
        }
    }

    /// Puts `value` somewhere, or gives it back when the limit is reached.
    pub(crate) fn insert(&mut self, value: T) -> Result<u32, T> {
        let position = self.free;
        match self.cells.get_mut(position as usize) {
            Some(cell) => {
                if let Cell::Free { next } = *cell {
                    self.free = next;
                }
                *cell = Cell::Taken(value);
                self.len += 1;
                Ok(position)
            }
            None => self.append(value),
        }
    }

    fn append(&mut self, value: T) -> Result<u32, T> {
        let position = self.cells.len();
        if position >= self.limit {
            return Err(value);
        }
        if position == self.cells.capacity() {
            let room = (position * 2).max(FIRST_ROOM).min(self.limit);
            self.cells.reserve_exact(room - position);
        }
        self.cells.push(Cell::Taken(value));
        self.len += 1;
        Ok(position as u32)
    }

    pub(crate) fn remove(&mut self, position: u32) -> Option<T> {
        let cell = self.cells.get_mut(position as usize)?;
        if let Cell::Free { .. } = cell {
            return None;
        }
        let Cell::Taken(value) = std::mem::replace(cell, Cell::Free { next: self.free }) else {
            return None;
        };
        self.free = position;
        self.len -= 1;
        Some(value)
    }

    pub(crate) fn get(&self, position: u32) -> Option<&T> {
        match self.cells.get(position as usize)? {
            Cell::Taken(value) => Some(value),
            Cell::Free { .. } => None,
        }
    }

    pub(crate) fn get_mut(&mut self, position: u32) -> Option<&mut T> {
        match self.cells.get_mut(position as usize)? {
            Cell::Taken(value) => Some(value),
            Cell::Free { .. } => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_stable_reused_and_limited() {
        let mut slab = Slab::new(100);
        let positions: Vec<u32> = (0..100).map(|value| slab.insert(value).expect("room")).collect();
        assert!(slab.is_full());
        assert_eq!(slab.insert(100), Err(100));
        assert!(slab.cells.capacity() <= 100, "never more room than the limit");
        assert_eq!(slab.remove(positions[7]), Some(7));
        assert_eq!(slab.remove(positions[7]), None, "only once");
        assert_eq!(slab.insert(101), Ok(positions[7]));
        assert_eq!(
            (slab.get(positions[7]), slab.get(positions[8])),
            (Some(&101), Some(&8))
        );
        assert_eq!((slab.get(NONE), slab.len()), (None, 100));
    }
}
