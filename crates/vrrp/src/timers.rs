//! All timers of a router, in one table.

use std::collections::BTreeMap;

use weir_wire::Timestamp;

/// What a router waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The master has been silent for too long (RFC 9568 §6.2 `Active_Down_Timer`).
    MasterDown,
    /// The next advert is due (`Adver_Timer`).
    Advert,
    /// A claim to the address was not followed by the advert of a better master, and is answered.
    Answer,
    /// Priority zero is said once more, in case that the first was lost.
    Farewell,
    /// Nobody has taken over what was offered.
    Offer,
    /// Replies still under way have had their time.
    Linger,
}

#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeMap<Timer, Timestamp>);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.0.insert(timer, at);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0.remove(&timer);
    }

    pub(crate) fn stop_all(&mut self) {
        self.0.clear();
    }

    /// Takes the timer that was due first.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Timer> {
        let (&timer, &at) = self.0.iter().min_by_key(|(_, at)| **at)?;
        (at <= now).then(|| {
            self.stop(timer);
            timer
        })
    }

    pub(crate) fn at(&self, timer: Timer) -> Option<Timestamp> {
        self.0.get(&timer).copied()
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.values().min().copied()
    }
}
