//! What a worker does at a given time: replies that a rule holds back, and looks at queries that take long.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use weir_wire::Timestamp;

/// Things that wait at most; what comes on top is done at once instead, which for a delayed reply is the kinder
/// way to fail.
const MAX_WAITING: usize = 1 << 20;

/// A queue by time; equals keep their order.
#[derive(Debug)]
pub(crate) struct Later<T> {
    heap: BinaryHeap<Reverse<(Timestamp, u64, Item<T>)>>,
    added: u64,
}

/// Takes no part in the order: time and sequence decide.
#[derive(Debug)]
struct Item<T>(T);

impl<T> PartialEq for Item<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Item<T> {}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Item<T> {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl<T> Default for Later<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            added: 0,
        }
    }
}

impl<T> Later<T> {
    /// Keeps `item` until `at`, or hands it back when there is no room.
    pub(crate) fn put(&mut self, at: Timestamp, item: T) -> Result<(), T> {
        if self.heap.len() >= MAX_WAITING {
            return Err(item);
        }
        self.added += 1;
        self.heap.push(Reverse((at, self.added, Item(item))));
        Ok(())
    }

    /// The next item that is due at `now`.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<T> {
        self.next_deadline().filter(|at| *at <= now)?;
        self.heap.pop().map(|Reverse((.., Item(item)))| item)
    }

    /// When the next item is due.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_when_due_and_in_order() {
        let mut later = Later::default();
        let at = Timestamp::from_nanos;
        for (time, item) in [(30, "c"), (10, "a"), (30, "d"), (20, "b")] {
            later.put(at(time), item).unwrap();
        }
        assert_eq!(later.take_due(at(9)), None);
        assert_eq!(later.next_deadline(), Some(at(10)));
        let order: Vec<_> = std::iter::from_fn(|| later.take_due(at(30))).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }
}
