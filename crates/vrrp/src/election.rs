//! Who is to be master: the arithmetic of RFC 9568 §6.1, and who stands above whom.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::Duration;

use crate::settings::{Interval, RouterSettings, Version};

/// `Skew_Time`: the lower the priority, the longer a backup hesitates, so that the best one comes first. In version 2
/// it is a part of a second, whatever the interval (RFC 3768 §6.1).
pub(crate) fn skew(version: Version, interval: Interval, priority: u8) -> Duration {
    let whole = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval.duration(),
    };
    whole * (256 - u32::from(priority)) / 256
}

/// `Active_Down_Interval`: so long after its last advert a master that sends at `interval` is taken to be gone.
pub(crate) fn master_down(settings: &RouterSettings, interval: Interval, priority: u8) -> Duration {
    silence(settings, interval) + skew(settings.version, interval, priority)
}

/// The part of [`master_down`] that no backup cuts short.
pub(crate) fn silence(settings: &RouterSettings, interval: Interval) -> Duration {
    interval.duration() * u32::from(settings.down_adverts.get())
}

/// How the sender of an advert stands to this router. Equal priorities are decided by address, but only between two
/// masters: a backup follows an equal (RFC 9568 §6.4.2, §6.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Priority zero: it stops being master.
    Leaving,
    /// A lower priority.
    Lower,
    /// The same priority and a lower address.
    EqualBelow,
    /// The same priority and a higher address.
    EqualAbove,
    /// A higher priority.
    Higher,
}

impl Standing {
    /// How `theirs` (priority, address) stands to `ours`.
    pub(crate) fn of(theirs: (u8, IpAddr), ours: (u8, IpAddr)) -> Self {
        match (theirs.0, theirs.0.cmp(&ours.0), theirs.1 > ours.1) {
            (0, _, _) => Self::Leaving,
            (_, Ordering::Less, _) => Self::Lower,
            (_, Ordering::Equal, false) => Self::EqualBelow,
            (_, Ordering::Equal, true) => Self::EqualAbove,
            (_, Ordering::Greater, _) => Self::Higher,
        }
    }
}
