//! The machine's load, as far as the command line wants it judged.

use std::time::Duration;

use weir_linux::usage;
use weir_vrrp::{Condition, Load, LoadSettings};
use weir_wire::Timestamp;

use super::arguments::Run;

/// How often load average and drops are read.
const READ: Duration = Duration::from_secs(1);
/// The tracker holds again when nothing was too much for so long.
const CALM: Duration = Duration::from_secs(5);

/// Reads the system's numbers for the pure [`Load`].
pub(super) struct LoadWatch {
    load: Load,
    next: Timestamp,
}

impl LoadWatch {
    /// With the thresholds of the command line.
    pub(super) fn new(run: &Run) -> Self {
        let settings = LoadSettings {
            delay: Some(run.max_delay),
            load: run.max_load.map(|load| (load * 100.0) as u32),
            drops: run.max_udp_drops,
            calm: CALM,
        };
        Self {
            load: Load::new(settings),
            next: Timestamp::ZERO,
        }
    }

    /// The loop woke up so much later than it wanted.
    pub(super) fn on_delay(&mut self, now: Timestamp, late: Duration) {
        self.load.on_delay(now, late);
    }

    /// Reads what is due. A number that cannot be read is not judged.
    pub(super) fn on_deadline(&mut self, now: Timestamp) {
        if self.next > now {
            return;
        }
        self.next = now + READ;
        if let Ok(load) = usage::load_average() {
            self.load.on_load(now, (load * 100.0) as u32);
        }
        if let Ok(network) = usage::network() {
            let total = network.udp.receive_buffer + network.udp6.receive_buffer;
            self.load.on_drops(now, total);
        }
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(super) const fn next_deadline(&self) -> Timestamp {
        self.next
    }

    /// Whether the machine is fit to be master.
    pub(super) fn condition(&self, now: Timestamp) -> Condition {
        self.load.condition(now)
    }
}
