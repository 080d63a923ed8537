//! Routers that go together: one that cannot be master keeps the others from it, one that changes takes them along.

use std::collections::BTreeMap;

use crate::effect::NotifyState;
use crate::router::Command;
use crate::settings::GroupSettings;
use crate::status::{Reason, RouterState};

/// Whether a router may be master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Yes, with this effective priority.
    Eligible(u8),
    /// Not as long as something is not known.
    Waiting(Reason),
    /// No.
    Faulty(Reason),
}

/// One `vrrp_sync_group`.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) members: Vec<usize>,
    /// What its notify scripts were told last.
    notified: Option<NotifyState>,
}

impl Group {
    pub(crate) fn new(settings: GroupSettings) -> Self {
        Self {
            members: settings.members,
            notified: None,
        }
    }

    /// Makes the members' verdicts one: as bad as the worst of them.
    pub(crate) fn join(&self, verdicts: &mut BTreeMap<usize, Verdict>) {
        let of = |wanted: fn(&Verdict) -> bool| {
            let mut members = self.members.iter();
            members
                .find(|member| verdicts.get(member).is_some_and(wanted))
                .copied()
        };
        let joint = match (
            of(|verdict| matches!(verdict, Verdict::Faulty(_))),
            of(|verdict| matches!(verdict, Verdict::Waiting(_))),
        ) {
            (Some(faulty), _) => Verdict::Faulty(Reason::GroupFails(faulty)),
            (None, Some(waiting)) => Verdict::Waiting(Reason::GroupFails(waiting)),
            (None, None) => return,
        };
        for member in &self.members {
            if let Some(verdict) = verdicts.get_mut(member)
                && !matches!(verdict, Verdict::Faulty(_))
                && matches!(
                    (&joint, &verdict),
                    (Verdict::Faulty(_), _) | (_, Verdict::Eligible(_))
                )
            {
                *verdict = joint;
            }
        }
    }

    /// What to tell the group's scripts, if all members have been told the same and it is new.
    pub(crate) fn notify(&mut self, members: &[Option<NotifyState>]) -> Option<NotifyState> {
        let (first, rest) = members.split_first()?;
        let state = (*first)?;
        if rest.iter().any(|other| other != first) || self.notified == Some(state) {
            return None;
        }
        self.notified = Some(state);
        Some(state)
    }
}

/// What the others of its group are to do when a member has gone from one state to another. Faults are not among it:
/// they come with the [`Verdict`].
pub(crate) fn follow(member: usize, before: RouterState, after: RouterState) -> Option<Command> {
    use RouterState as S;
    match (before, after) {
        (before, S::Master) if before != S::Master => Some(Command::GroupMaster(member)),
        (S::Master | S::Stalled, S::Yielding | S::Backup) => Some(Command::GroupYields(member)),
        (_, _) => None,
    }
}
