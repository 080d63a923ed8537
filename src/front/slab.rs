//! Things that the poller names by a number, and that may be gone when it does.
//!
//! A key is a place and how often it has been taken, so that an event for a connection that is closed never
//! reaches the one that took its place.

/// Names one entry of a [`Slab`], for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

/// Bits of a generation that a token carries; a place must be taken 2²⁸ times within one batch of events for
/// two keys to be confused.
const GENERATION_BITS: u32 = 28;

impl Key {
    /// The key in 60 bits.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The key that [`Self::to_bits`] wrote.
    pub(crate) fn from_bits(bits: u64) -> Self {
        let generation = (bits >> 32) as u32 & ((1 << GENERATION_BITS) - 1);
        Self {
            index: bits as u32,
            generation,
        }
    }
}

/// Entries in a vector whose places are used again; generations have `BITS` bits.
#[derive(Debug)]
pub(crate) struct Slab<T, const BITS: u32 = GENERATION_BITS> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    entry: Option<T>,
}

impl<T, const BITS: u32> Default for Slab<T, BITS> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T, const BITS: u32> Slab<T, BITS> {
    /// Adds an entry.
    pub(crate) fn insert(&mut self, entry: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place {
                generation: 0,
                entry: None,
            });
            self.places.len() as u32 - 1
        });
        let mut key = Key { index, generation: 0 };
        if let Some(place) = self.places.get_mut(index as usize) {
            key.generation = place.generation;
            place.entry = Some(entry);
        }
        key
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let place = self
            .places
            .get_mut(key.index as usize)
            .filter(|p| p.generation == key.generation)?;
        let entry = place.entry.take()?;
        place.generation = (place.generation + 1) & ((1 << BITS) - 1);
        self.free.push(key.index);
        Some(entry)
    }

    /// The entry, if it is still there.
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.places
            .get(key.index as usize)
            .filter(|p| p.generation == key.generation)?
            .entry
            .as_ref()
    }

    /// The entry, if it is still there.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.places
            .get_mut(key.index as usize)
            .filter(|p| p.generation == key.generation)?
            .entry
            .as_mut()
    }

    /// All entries, to change.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().filter_map(|place| place.entry.as_mut())
    }

    /// All keys with their entries.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            let key = Key {
                index: index as u32,
                generation: place.generation,
            };
            place.entry.as_ref().map(|entry| (key, entry))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_outlives_its_entry_without_naming_the_next() {
        let mut slab: Slab<_> = Slab::default();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&"second")));
        assert_eq!(slab.remove(first), None);
        assert_eq!(Key::from_bits(second.to_bits()), second);
        assert_eq!(slab.iter().count(), 1);
    }
}
