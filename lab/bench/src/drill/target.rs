//! What has to be reached, and whether it was: judged by the worst run.

use std::time::Duration;

use weir_lab::pair::Measured;

/// A limit for one line of one pair.
#[derive(Debug)]
pub(crate) struct Target {
    /// Which pair.
    pub(crate) team: &'static str,
    /// Which line.
    pub(crate) about: &'static str,
    /// What.
    limit: Limit,
}

/// What must not be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// An outage of so many milliseconds.
    OutageMs(u64),
    /// No query may be lost.
    NoneLost,
    /// The address must not be on two nodes, not for a moment.
    OneHolder,
    /// The address must not move.
    NoMove,
}

const fn target(team: &'static str, about: &'static str, limit: Limit) -> Target {
    Target { team, about, limit }
}

/// With the blueprint's own file, then with adverts every 100 ms.
pub(crate) const TARGETS: [Target; 26] = [
    target("weir-v2", "front end SIGKILLed", Limit::OutageMs(750)),
    target("weir-v2", "front end SIGSTOPped", Limit::OutageMs(750)),
    target("weir-v2", "vip SIGKILLed, all descendants", Limit::OneHolder),
    target("weir-v2", "vip SIGKILLed, its parent", Limit::OneHolder),
    target("weir-v2", "power off (nobody hears it)", Limit::OutageMs(3700)),
    target("weir-v2", "heal, within 30 ms", Limit::NoneLost),
    target("weir-v2", "heal, backup hears 2.5 s before", Limit::NoneLost),
    target("weir-v2", "backup hears again", Limit::NoneLost),
    target("weir-v3", "front end SIGKILLed", Limit::OutageMs(100)),
    target("weir-v3", "front end started", Limit::NoneLost),
    target("weir-v3", "front end SIGSTOPped", Limit::OutageMs(250)),
    target("weir-v3", "front end continued", Limit::NoneLost),
    target("weir-v3", "vip SIGKILLed, all descendants", Limit::OutageMs(400)),
    target("weir-v3", "vip SIGKILLed, all descendants", Limit::OneHolder),
    target("weir-v3", "vip SIGKILLed, its parent", Limit::OutageMs(400)),
    target("weir-v3", "vip SIGKILLed, its parent", Limit::OneHolder),
    target("weir-v3", "link up", Limit::NoneLost),
    target("weir-v3", "power off (nobody hears it)", Limit::OutageMs(400)),
    target("weir-v3", "power on", Limit::NoneLost),
    target("weir-v3", "heal, within 30 ms", Limit::NoneLost),
    target("weir-v3", "heal, backup hears 2.5 s before", Limit::NoneLost),
    target("weir-v3", "backup hears again", Limit::NoneLost),
    target("weir-v3", "planned handover", Limit::NoneLost),
    target("weir-v3", "resume after it", Limit::NoneLost),
    target("weir-v3", "nothing, at full CPU load", Limit::NoMove),
    target("weir-v3", "nothing, at full CPU load", Limit::NoneLost),
];

impl Target {
    /// Whether every run kept it.
    pub(crate) fn is_met(&self, runs: &[Measured]) -> bool {
        runs.iter().all(|seen| match self.limit {
            Limit::OutageMs(limit) => {
                seen.outcome.is_over && seen.outcome.outage <= Duration::from_millis(limit)
            }
            Limit::NoneLost => seen.outcome.lost == 0,
            Limit::OneHolder => seen.both.is_zero(),
            Limit::NoMove => seen.moves == 0,
        })
    }

    /// What was wanted, in words.
    pub(crate) fn wanted(&self) -> String {
        match self.limit {
            Limit::OutageMs(limit) => format!("≤ {limit} ms"),
            Limit::NoneLost => "none lost".to_owned(),
            Limit::OneHolder => "never on two nodes".to_owned(),
            Limit::NoMove => "no move".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_lab::Outcome;

    use super::*;
    use crate::drill::NOTHING;
    use crate::drill::scenario::SCENARIOS;
    use crate::drill::team::TEAMS;

    fn seen(outage_ms: u64, both_ms: u64, moves: usize) -> Measured {
        Measured {
            outcome: Outcome {
                asked: 1000,
                lost: outage_ms.div_ceil(5) as usize,
                outage: Duration::from_millis(outage_ms),
                is_over: true,
                answered_by: Vec::new(),
            },
            moves,
            both: Duration::from_millis(both_ms),
            held: [false, true],
        }
    }

    #[test]
    fn every_target_is_for_a_line_of_the_table() {
        let steps = SCENARIOS.iter().flat_map(|scenario| &scenario.steps);
        let lines: Vec<_> = steps.map(|step| step.about).chain([NOTHING]).collect();
        for target in &TARGETS {
            assert!(lines.contains(&target.about), "{target:?}");
            assert!(TEAMS.iter().any(|team| team.name == target.team), "{target:?}");
        }
    }

    #[test]
    fn the_worst_run_decides() {
        let met = |limit, runs: &[Measured]| target("", "", limit).is_met(runs);
        assert!(met(Limit::OutageMs(100), &[seen(5, 0, 2), seen(100, 0, 2)]));
        assert!(!met(Limit::OutageMs(100), &[seen(5, 0, 2), seen(101, 0, 2)]));
        assert!(
            met(Limit::NoneLost, &[seen(0, 0, 2)]) && !met(Limit::NoneLost, &[seen(0, 0, 2), seen(5, 0, 2)])
        );
        assert!(met(Limit::OneHolder, &[seen(0, 0, 2)]) && !met(Limit::OneHolder, &[seen(0, 1, 2)]));
        assert!(met(Limit::NoMove, &[seen(0, 0, 0)]) && !met(Limit::NoMove, &[seen(0, 0, 1)]));
        let mut endless = seen(50, 0, 2);
        endless.outcome.is_over = false;
        assert!(!met(Limit::OutageMs(100), &[endless]));
    }
}
