//! A round of drills: one after the other, from rest to rest.

use std::io;
use std::process::Command;
use std::time::Duration;

use super::by_hand;
use super::measured::Measured;
use super::report::{Drilled, Report, line};
use super::scenario::{Part, Scenario};
use super::scenarios::scenarios;
use super::stage::Stage;
use super::verdict::{Targets, Verdict, judge};
use crate::lab::{Lab, Networks, Plan};

/// Which drills, and what is promised.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Only those with these names; all when empty.
    pub only: Vec<String>,
    /// The short form, unless names say more.
    pub is_quick: bool,
    /// What the site promises.
    pub targets: Targets,
}

impl Round {
    fn wants(&self, scenario: &Scenario) -> bool {
        match self.only.as_slice() {
            [] => !self.is_quick || scenario.part == Part::Quick,
            names => names.iter().any(|name| name == scenario.name),
        }
    }

    /// Lets everything happen in a laboratory, from rest to rest. `progress` hears each drill as it ends.
    pub fn run(&self, lab: &mut Lab, progress: &mut dyn FnMut(&str)) -> io::Result<Report> {
        let (began, plan) = (now(), lab.plan().clone());
        let asked = by_hand::ask_all(lab)?;
        let mut stage = Stage::start(lab)?;
        let mut drills = Vec::new();
        for scenario in scenarios().filter(|scenario| self.wants(scenario)) {
            let (measured, verdict) = match (scenario.obstacle)(&plan) {
                Some(reason) => (Measured::default(), Verdict::NotRun(reason.to_owned())),
                None => undisturbed(|| self.once(&mut stage, scenario))?,
            };
            let drill = Drilled {
                name: scenario.name.to_owned(),
                title: scenario.title.to_owned(),
                expected: scenario.steps.iter().map(|step| step.expected).collect(),
                measured,
                verdict,
            };
            progress(&line(&drill));
            drills.push(drill);
        }
        Ok(Report {
            site: SITE.to_owned(),
            about: about(&plan),
            began,
            targets: self.targets,
            tests: by_hand::complete(asked, &drills, &self.targets),
            drills,
        })
    }

    /// A drill that could not happen has failed; what stops the whole round is an error.
    fn once(&self, stage: &mut Stage<'_>, scenario: &Scenario) -> io::Result<(Measured, Verdict)> {
        let seen = stage.rest().and_then(|_| stage.measure(scenario));
        match seen {
            Ok(measured) => {
                let expected: Vec<_> = scenario.steps.iter().map(|step| step.expected).collect();
                let verdict = judge(&measured, &expected, &self.targets);
                Ok((measured, verdict))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                stage.mend();
                Ok((Measured::default(), Verdict::Fail(vec![error.to_string()])))
            }
        }
    }
}

/// What comes of a drill. One that failed while this machine was held up says nothing about the site, and happens again.
pub(super) fn undisturbed(
    mut once: impl FnMut() -> io::Result<(Measured, Verdict)>,
) -> io::Result<(Measured, Verdict)> {
    let mut seen = once()?;
    for _ in 0..REPEATS {
        if seen.1 == Verdict::Pass || seen.0.held_up() < HELD_UP {
            break;
        }
        seen = once()?;
    }
    if let (measured, Verdict::Fail(reasons)) = &mut seen
        && measured.held_up() >= HELD_UP
    {
        reasons.push(format!(
            "this machine has too much to do: for {} ms nothing was asked",
            measured.held_up().as_millis()
        ));
    }
    Ok(seen)
}

/// The laboratory's site.
const SITE: &str = "zaibdns-lab";
/// Nothing was asked for so long: the prober asks every 5 ms.
const HELD_UP: Duration = Duration::from_millis(200);
/// How often a drill is repeated for that.
const REPEATS: usize = 2;

/// What runs, in a line.
fn about(plan: &Plan) -> String {
    let networks = match plan.networks {
        Networks::One => "one network",
        Networks::Three => "three networks",
    };
    format!(
        "front end {}, address {}, {networks}",
        plan.front.name(),
        plan.vip.name()
    )
}

/// The date, for people.
pub(super) fn now() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
