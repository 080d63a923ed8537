//! A round of drills: one after the other, from rest to rest.

use std::io;
use std::process::Command;

use super::measured::Measured;
use super::report::{Drilled, Report};
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

    /// Starts a laboratory, lets everything happen in it, and removes it. `progress` hears each drill as it ends.
    pub fn run(&self, plan: &Plan, progress: &mut dyn FnMut(&str, Option<&Drilled>)) -> io::Result<Report> {
        let began = now();
        let mut stage = Stage::start(Lab::start(plan, &mut |line| progress(line, None))?)?;
        let mut drills = Vec::new();
        for scenario in scenarios().filter(|scenario| self.wants(scenario)) {
            let (measured, verdict) = match (scenario.obstacle)(plan) {
                Some(reason) => (Measured::default(), Verdict::NotRun(reason.to_owned())),
                None => self.once(&mut stage, scenario)?,
            };
            let drill = Drilled {
                name: scenario.name.to_owned(),
                title: scenario.title.to_owned(),
                expected: scenario.steps.iter().map(|step| step.expected).collect(),
                measured,
                verdict,
            };
            progress("", Some(&drill));
            drills.push(drill);
        }
        Ok(Report {
            site: "zaibdns-lab".to_owned(),
            about: about(plan),
            began,
            targets: self.targets,
            drills,
            tests: Vec::new(),
        })
    }

    /// One drill. One that could not happen has failed; what stops the whole round is an error.
    fn once(&self, stage: &mut Stage, scenario: &Scenario) -> io::Result<(Measured, Verdict)> {
        let seen = stage.rest().and_then(|_| stage.measure(scenario));
        match seen {
            Ok(measured) => {
                let expected: Vec<_> = scenario.steps.iter().map(|step| step.expected).collect();
                let verdict = judge(&measured, &expected, &self.targets);
                Ok((measured, verdict))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Ok((Measured::default(), Verdict::Fail(vec![error.to_string()]))),
        }
    }
}

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
fn now() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
