//! What is tracked, weighed: a fault, or a priority.

use crate::settings::{Condition, Priority, Tracking, Weight};

/// What a router may do by what it tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weighed {
    /// It may be master, with this priority.
    Eligible(u8),
    /// Something that it cannot do without is not known yet: this tracker.
    Waiting(usize),
    /// Something that it cannot do without fails: this tracker.
    Failing(usize),
}

/// Weighs `tracking` by the `conditions` of all trackers. The owner's priority stays what it is, and nobody else's
/// becomes the owner's (RFC 9568 §5.2.4).
pub(crate) fn weigh(base: Priority, tracking: &[Tracking], conditions: &[Condition]) -> Weighed {
    let (mut waiting, mut points, mut degraded) = (None, i64::from(base.0.get()), false);
    for tracked in tracking {
        let condition = conditions
            .get(tracked.tracker)
            .copied()
            .unwrap_or(Condition::Unknown);
        let holds = holds(condition, tracked.reverse);
        match tracked.weight {
            Weight::Fault if holds => {}
            Weight::Fault if condition == Condition::Unknown => {
                waiting.get_or_insert(tracked.tracker);
            }
            Weight::Fault => return Weighed::Failing(tracked.tracker),
            Weight::Points(weight) => {
                points = points.saturating_add(gain(weight, condition, tracked.reverse, holds));
            }
            Weight::Eighth => degraded |= !holds,
        }
    }
    if let Some(tracker) = waiting {
        return Weighed::Waiting(tracker);
    }
    if base == Priority::OWNER {
        return Weighed::Eligible(u8::MAX);
    }
    let priority = points.clamp(1, 254) as u8;
    Weighed::Eligible(if degraded { 1 + priority / 8 } else { priority })
}

/// Whether it counts as holding. What is not known fails either way: `reverse` turns what was seen, not what was not.
fn holds(condition: Condition, reverse: bool) -> bool {
    match condition {
        Condition::Unknown => false,
        Condition::Holds | Condition::Number(0) => !reverse,
        Condition::Fails | Condition::Number(_) => reverse,
    }
}

/// What a weight adds: a positive one while it holds, a negative one while it fails, a number so many times.
fn gain(weight: i16, condition: Condition, reverse: bool, holds: bool) -> i64 {
    let points = i64::from(weight);
    if let Condition::Number(number) = condition {
        let times = i64::from(number);
        return points * if reverse { -times } else { times };
    }
    if holds == (weight > 0) { points } else { 0 }
}

#[cfg(test)]
mod tests;
