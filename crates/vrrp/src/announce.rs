//! When a master tells the network where its address lives.

use std::time::Duration;

use weir_wire::Timestamp;

use crate::pace::Pace;
use crate::settings::{Announcing, Refresh};

/// After a change, so soon: replies of the old holder that were under way are overwritten at the clients.
const SOON: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_secs(1),
];
/// Then so often, for so long: heals and switches that learn late show within this time.
const RESTLESS: Duration = Duration::from_secs(3);
const RESTLESS_FOR: Duration = Duration::from_secs(60);
/// Then so often.
const CALM: Duration = Duration::from_secs(30);
/// Claims of others are answered at this pace, whoever makes how many.
const ANSWER: Duration = Duration::from_millis(100);
const ANSWERS_AT_ONCE: u32 = 5;

/// The announcements of one router; silent until [`Self::start`].
#[derive(Debug)]
pub(crate) struct Announcer {
    settings: Announcing,
    /// The last change, and when to announce again for its sake.
    changed: Timestamp,
    refresh: Option<Timestamp>,
    /// The second run of `garp_master_delay` or `garp_lower_prio_delay`.
    again: Option<(Timestamp, u8)>,
    /// An answer to a claim that had to wait for its turn.
    owed: Option<Timestamp>,
    pace: Pace,
}

impl Announcer {
    pub(crate) fn new(settings: Announcing) -> Self {
        Self {
            settings,
            changed: Timestamp::ZERO,
            refresh: None,
            again: None,
            owed: None,
            pace: Pace::new(ANSWER, ANSWERS_AT_ONCE),
        }
    }

    /// Goes on with other settings.
    pub(crate) const fn adopt(&mut self, settings: Announcing) {
        self.settings = settings;
    }

    /// The router is master from now on: how many announcements to make at once.
    pub(crate) fn start(&mut self, now: Timestamp) -> u8 {
        self.change(now);
        self.repeat(now, self.settings.repeat, self.settings.delay)
    }

    /// A master of lower priority was heard, whose announcements may have reached clients.
    pub(crate) fn on_lower(&mut self, now: Timestamp) -> u8 {
        self.change(now);
        self.repeat(now, self.settings.lower_repeat, self.settings.lower_delay)
    }

    /// Something has changed that clients may have seen otherwise.
    pub(crate) fn change(&mut self, now: Timestamp) {
        self.changed = now;
        // Never later than it was due: changes that come faster than announcements must not hold them up.
        let next = self.next_refresh(now);
        self.refresh = match (self.refresh, next) {
            (Some(before), Some(next)) => Some(before.min(next)),
            (None, next) => next,
            (Some(_), None) => None,
        };
    }

    /// A change, and one announcement as soon as [`Self::on_deadline`] is called.
    pub(crate) fn hasten(&mut self, now: Timestamp) {
        self.change(now);
        self.refresh = Some(now);
    }

    /// Somebody claims the address, or has taken it away: how many announcements to make at once.
    pub(crate) fn on_claim(&mut self, now: Timestamp) -> u8 {
        self.change(now);
        match self.pace.take(now) {
            Ok(()) => 1,
            Err(allowed) => {
                self.owed.get_or_insert(allowed);
                0
            }
        }
    }

    /// How many announcements are due.
    pub(crate) fn on_deadline(&mut self, now: Timestamp) -> u8 {
        let mut times = 0;
        if self.owed.take_if(|at| *at <= now).is_some() && self.pace.take(now).is_ok() {
            times = 1;
        }
        if let Some((_, repeat)) = self.again.take_if(|(at, _)| *at <= now) {
            times = times.max(repeat);
        }
        if self.refresh.is_some_and(|at| at <= now) {
            self.refresh = self.next_refresh(now);
            times = times.max(self.settings.refresh_repeat);
        }
        times
    }

    /// The router is master no longer.
    pub(crate) fn stop(&mut self) {
        (self.refresh, self.again, self.owed) = (None, None, None);
    }

    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let again = self.again.map(|(at, _)| at);
        [self.refresh, again, self.owed].into_iter().flatten().min()
    }

    fn repeat(&mut self, now: Timestamp, times: u8, delay: Duration) -> u8 {
        self.again = (delay > Duration::ZERO).then(|| (now + delay, times));
        times
    }

    /// The first refresh after `now`.
    fn next_refresh(&self, now: Timestamp) -> Option<Timestamp> {
        let passed = now.since(self.changed);
        match self.settings.refresh {
            Refresh::Every(Duration::ZERO) => None,
            Refresh::Every(period) => Some(now + period),
            Refresh::Adaptive => Some(match SOON.iter().find(|soon| **soon > passed) {
                Some(soon) => self.changed + *soon,
                None if passed < RESTLESS_FOR => now + RESTLESS,
                None => now + CALM,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
