//! The steps of an upgrade and their order. Pure, as [`Supervision`](super::super::supervision) is.
//!
//! ```text
//!   Checking ─▶ Starting ─▶ Leaving ─▶ Becoming ─▶ Settling ─▶ weir up itself becomes the new program
//!   the new      the new     the old    weir vip    until no
//!   program      front end   front end  becomes     role starts
//!   takes all    serves      has ended  it          or ends
//! ```
//!
//! What fails ends the upgrade where it is: what has not been replaced goes on as it was.

use std::collections::VecDeque;
use std::time::Duration;

use weir_wire::Timestamp;

/// How long a new front end may take until it serves.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long roles may take to come to rest.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::up) enum Effect {
    /// Start a front end beside the one that serves.
    StartHeir,
    /// End it: the upgrade is over.
    EndHeir,
    /// The new front end is the one that counts; tell the old one to end.
    Replace,
    /// Have `weir vip` become the new program.
    BecomeVip,
    /// Become it ourselves.
    Become,
    /// Tell whoever waits.
    Say(String),
    /// Tell them that it has failed, and why.
    Fail(String),
}

/// Where an upgrade is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Checking,
    Starting { until: Timestamp },
    Leaving,
    Becoming,
    Settling { until: Timestamp },
    Over,
}

/// Which roles go along: those that are this program and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::up) struct Plan {
    pub(in crate::up) front: bool,
    pub(in crate::up) vip: bool,
}

/// One upgrade.
#[derive(Debug)]
pub(in crate::up) struct Steps {
    plan: Plan,
    step: Step,
    effects: VecDeque<Effect>,
}

impl Steps {
    /// An upgrade whose program is being checked.
    pub(in crate::up) const fn new(plan: Plan) -> Self {
        Self {
            plan,
            step: Step::Checking,
            effects: VecDeque::new(),
        }
    }

    /// The program is what this node needs, or is not.
    pub(in crate::up) fn on_checked(&mut self, now: Timestamp, outcome: Result<String, String>) {
        if self.step != Step::Checking {
            return;
        }
        match outcome {
            Err(why) => self.fail(&why),
            Ok(version) => {
                self.say(format!("{version} takes this node's files"));
                if self.plan.front {
                    self.step = Step::Starting {
                        until: now + START_TIMEOUT,
                    };
                    self.effects.push_back(Effect::StartHeir);
                } else {
                    self.go_to_vip(now);
                }
            }
        }
    }

    /// The new front end serves.
    pub(in crate::up) fn on_heir_ready(&mut self) {
        if matches!(self.step, Step::Starting { .. }) {
            self.step = Step::Leaving;
            self.effects.push_back(Effect::Replace);
        }
    }

    /// The new front end has ended before it served, or could not be started.
    pub(in crate::up) fn on_heir_exit(&mut self, how: &str) {
        if matches!(self.step, Step::Starting { .. }) {
            self.fail(&format!(
                "front: the new one does not start: {how}; the old one serves on"
            ));
        }
    }

    /// The old front end has ended after the new one has taken its place.
    pub(in crate::up) fn on_old_exit(&mut self, now: Timestamp) {
        if self.step == Step::Leaving {
            self.say("front: replaced".to_owned());
            self.go_to_vip(now);
        }
    }

    /// `weir vip` goes on as the new program, or does not.
    pub(in crate::up) fn on_vip(&mut self, now: Timestamp, outcome: Result<(), String>) {
        if self.step != Step::Becoming {
            return;
        }
        match outcome {
            Ok(()) => {
                self.say("vip: replaced, and has kept its addresses".to_owned());
                self.settle(now);
            }
            Err(why) => self.fail(&format!("vip: {why}")),
        }
    }

    /// Something else comes first: the end of a role that is being replaced, or of everything.
    pub(in crate::up) fn on_interruption(&mut self, why: &str) {
        if self.step != Step::Over {
            self.fail(why);
        }
    }

    /// Does what is due. `is_quiet`: no role starts or ends.
    pub(in crate::up) fn on_deadline(&mut self, now: Timestamp, is_quiet: bool) {
        match self.step {
            Step::Starting { until } if until <= now => {
                let why = format!("does not serve in {} s", START_TIMEOUT.as_secs());
                self.on_heir_exit(&why);
            }
            Step::Settling { .. } if is_quiet => self.effects.push_back(Effect::Become),
            Step::Settling { until } if until <= now => {
                self.fail("a role does not come to rest; weir up itself stays the old program");
            }
            Step::Checking
            | Step::Starting { .. }
            | Step::Leaving
            | Step::Becoming
            | Step::Settling { .. }
            | Step::Over => {}
        }
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(in crate::up) const fn next_deadline(&self) -> Option<Timestamp> {
        match self.step {
            Step::Starting { until } | Step::Settling { until } => Some(until),
            Step::Checking | Step::Leaving | Step::Becoming | Step::Over => None,
        }
    }

    /// The next thing to do.
    pub(in crate::up) fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn go_to_vip(&mut self, now: Timestamp) {
        if self.plan.vip {
            self.step = Step::Becoming;
            self.effects.push_back(Effect::BecomeVip);
        } else {
            self.settle(now);
        }
    }

    fn settle(&mut self, now: Timestamp) {
        self.step = Step::Settling {
            until: now + SETTLE_TIMEOUT,
        };
    }

    fn say(&mut self, text: String) {
        self.effects.push_back(Effect::Say(text));
    }

    fn fail(&mut self, why: &str) {
        if matches!(self.step, Step::Starting { .. }) {
            self.effects.push_back(Effect::EndHeir);
        }
        self.step = Step::Over;
        self.effects.push_back(Effect::Fail(why.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Plan = Plan {
        front: true,
        vip: true,
    };
    const NOW: Timestamp = Timestamp::from_secs(1000);

    type Event = fn(&mut Steps);

    fn effects(steps: &mut Steps) -> Vec<Effect> {
        std::iter::from_fn(|| steps.next_effect())
            .filter(|effect| !matches!(effect, Effect::Say(_)))
            .collect()
    }

    /// An upgrade in which so many steps have gone well, and what the last of them wanted done.
    fn after(well: usize) -> (Steps, Vec<Effect>) {
        let mut steps = Steps::new(ALL);
        let events: [Event; 5] = [
            |steps| steps.on_checked(NOW, Ok("weir 2".to_owned())),
            |steps| steps.on_heir_ready(),
            |steps| steps.on_old_exit(NOW),
            |steps| steps.on_vip(NOW, Ok(())),
            |steps| steps.on_deadline(NOW, true),
        ];
        let mut last = Vec::new();
        for event in events.into_iter().take(well) {
            event(&mut steps);
            last = effects(&mut steps);
        }
        (steps, last)
    }

    #[test]
    fn each_step_follows_when_the_one_before_is_done() {
        let done: Vec<Vec<Effect>> = (1..=5).map(|well| after(well).1).collect();
        let expected = [
            vec![Effect::StartHeir],
            vec![Effect::Replace],
            vec![Effect::BecomeVip],
            vec![],
            vec![Effect::Become],
        ];
        assert_eq!(done, expected);
    }

    #[test]
    fn what_is_not_this_program_is_left_alone() {
        for (plan, first) in [
            (
                Plan {
                    front: false,
                    vip: true,
                },
                vec![Effect::BecomeVip],
            ),
            (
                Plan {
                    front: false,
                    vip: false,
                },
                vec![],
            ),
        ] {
            let mut steps = Steps::new(plan);
            steps.on_checked(NOW, Ok("weir 2".to_owned()));
            assert_eq!(effects(&mut steps), first);
            steps.on_vip(NOW, Ok(()));
            steps.on_deadline(NOW, true);
            assert_eq!(effects(&mut steps), [Effect::Become]);
        }
    }

    #[test]
    fn what_fails_is_the_last_step() {
        let failures: [(usize, Event); 6] = [
            (0, |steps| steps.on_checked(NOW, Err("it is a script".to_owned()))),
            (1, |steps| steps.on_heir_exit("exit status: 1")),
            (1, |steps| steps.on_deadline(NOW + START_TIMEOUT, true)),
            (1, |steps| steps.on_interruption("the old front end has ended")),
            (3, |steps| steps.on_vip(NOW, Err("it has ended".to_owned()))),
            (4, |steps| steps.on_deadline(NOW + SETTLE_TIMEOUT, false)),
        ];
        for (well, fail) in failures {
            let (mut steps, _) = after(well);
            fail(&mut steps);
            let done = effects(&mut steps);
            assert!(matches!(done.last(), Some(Effect::Fail(_))), "{done:?}");
            assert_eq!(done.contains(&Effect::EndHeir), well == 1, "{done:?}");
            // Whatever comes now comes too late.
            steps.on_checked(NOW, Ok("weir 2".to_owned()));
            steps.on_heir_ready();
            steps.on_old_exit(NOW);
            steps.on_vip(NOW, Ok(()));
            steps.on_deadline(NOW + SETTLE_TIMEOUT, true);
            steps.on_interruption("stop");
            assert_eq!(effects(&mut steps), []);
            assert_eq!(steps.next_deadline(), None);
        }
    }
}
