//! Is this machine overloaded? Its own scheduling delay, the load average and the UDP packets that it drops.

use std::time::Duration;

use weir_wire::Timestamp;

use crate::settings::Condition;

/// The scheduling delay that is judged is the mean of about so many wake-ups: one that is late is no overload.
const DELAY_SAMPLES: u32 = 16;

/// From where on the machine counts as overloaded; what is `None` is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadSettings {
    /// The driver's own wake-ups are later than this on average.
    pub delay: Option<Duration>,
    /// Hundredths of the one-minute load average.
    pub load: Option<u32>,
    /// UDP datagrams that the system dropped, per second.
    pub drops: Option<u32>,
    /// The tracker holds again when nothing was too much for so long.
    pub calm: Duration,
}

impl Default for LoadSettings {
    /// Looks at nothing.
    fn default() -> Self {
        Self {
            delay: None,
            load: None,
            drops: None,
            calm: Duration::from_secs(5),
        }
    }
}

/// What is known about the machine's load.
#[derive(Debug)]
pub struct Load {
    settings: LoadSettings,
    delay: Duration,
    /// The counter of drops at its last reading.
    drops: Option<(Timestamp, u64)>,
    /// When something was too much last.
    exceeded: Option<Timestamp>,
}

impl Load {
    /// A machine that is not overloaded until shown otherwise.
    pub fn new(settings: LoadSettings) -> Self {
        Self {
            settings,
            delay: Duration::ZERO,
            drops: None,
            exceeded: None,
        }
    }

    /// The driver woke up so much later than it asked for.
    pub fn on_delay(&mut self, now: Timestamp, late: Duration) {
        self.delay = (self.delay * (DELAY_SAMPLES - 1) + late) / DELAY_SAMPLES;
        self.compare(now, self.settings.delay.is_some_and(|most| self.delay > most));
    }

    /// The one-minute load average, in hundredths.
    pub fn on_load(&mut self, now: Timestamp, hundredths: u32) {
        self.compare(now, self.settings.load.is_some_and(|most| hundredths > most));
    }

    /// The system's counter of dropped UDP datagrams.
    pub fn on_drops(&mut self, now: Timestamp, total: u64) {
        let Some((then, before)) = self.drops.replace((now, total)) else {
            return;
        };
        let dropped = u128::from(total.saturating_sub(before)) * 1_000_000_000;
        let most = |most: u32| dropped > u128::from(most) * now.since(then).as_nanos();
        self.compare(now, self.settings.drops.is_some_and(most));
    }

    /// Whether the tracker holds: there was calm for long enough.
    pub fn condition(&self, now: Timestamp) -> Condition {
        match self.exceeded {
            Some(at) if now.since(at) < self.settings.calm => Condition::Fails,
            Some(_) | None => Condition::Holds,
        }
    }

    fn compare(&mut self, now: Timestamp, exceeds: bool) {
        if exceeds {
            self.exceeded = Some(now);
        }
    }
}

#[cfg(test)]
mod tests;
