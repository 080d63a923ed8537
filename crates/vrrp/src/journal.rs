//! What a router tells the journal, and how often.

use std::time::Duration;

use weir_wire::Timestamp;

use crate::effect::{Happening, LogEvent};
use crate::pace::Quiet;
use crate::reject::RejectKind;

/// What others can provoke is said a few times, then once per half minute.
const PROVOKED: (Duration, u32) = (Duration::from_secs(30), 3);
/// Transitions are what one looks for in a journal, but an unstable network must not fill it either.
const OWN: (Duration, u32) = (Duration::from_secs(1), 30);

/// One pace per kind of line.
#[derive(Debug)]
pub(crate) struct Journal {
    router: usize,
    rejects: Vec<Quiet>,
    list: Quiet,
    interval: Quiet,
    lower: Quiet,
    conflict: Quiet,
    lost: Quiet,
    own: Quiet,
}

impl Journal {
    pub(crate) fn new(router: usize) -> Self {
        let provoked = || Quiet::new(PROVOKED.0, PROVOKED.1);
        Self {
            router,
            rejects: RejectKind::ALL.iter().map(|_| provoked()).collect(),
            list: provoked(),
            interval: provoked(),
            lower: provoked(),
            conflict: provoked(),
            lost: provoked(),
            own: Quiet::new(OWN.0, OWN.1),
        }
    }

    /// The router has another number from now on.
    pub(crate) const fn renumber(&mut self, router: usize) {
        self.router = router;
    }

    /// The line for it, unless there were too many of its kind.
    pub(crate) fn line(&mut self, now: Timestamp, what: Happening) -> Option<LogEvent> {
        let quiet = match what {
            Happening::Rejected { reject, .. } => self.rejects.get_mut(reject.kind() as usize)?,
            Happening::ListDiffers { .. } => &mut self.list,
            Happening::IntervalDiffers { .. } => &mut self.interval,
            Happening::LowerMaster { .. } => &mut self.lower,
            Happening::Conflict { .. } => &mut self.conflict,
            Happening::AddressLost { .. } => &mut self.lost,
            Happening::Transition { .. } | Happening::Priority { .. } | Happening::Tracker { .. } => {
                &mut self.own
            }
        };
        let withheld = quiet.speak(now)?;
        Some(LogEvent {
            router: Some(self.router),
            what,
            withheld,
        })
    }
}
