//! The drills, in the order in which they happen. Each leaves the site as it found it, except for the last.

mod address;
mod backends;
mod changes;
mod floods;
mod front;

use super::scenario::Scenario;

/// All of them.
pub fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    let groups: [&[Scenario]; 5] = [
        &front::SCENARIOS,
        &address::SCENARIOS,
        &backends::SCENARIOS,
        &floods::SCENARIOS,
        &changes::SCENARIOS,
    ];
    groups.into_iter().flatten()
}
