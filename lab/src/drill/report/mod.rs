//! What a round of drills found, for people at a terminal, for programs, and for people at 3 a.m.
//!
//! One [`Report`] is one site; several stand side by side.

mod html;
mod json;
mod text;
mod timeline;

pub use html::html;
pub use json::json;
pub use text::{line, text};

use std::time::Duration;

use super::measured::{Measured, Phase};
use super::verdict::{Expect, Radius, Targets, Verdict};

/// All drills of one site.
#[derive(Clone, Debug)]
pub struct Report {
    /// The site's name.
    pub site: String,
    /// What runs there: the programs, the networks.
    pub about: String,
    /// When the drills began, for people.
    pub began: String,
    /// What is promised.
    pub targets: Targets,
    /// In the order in which they ran.
    pub drills: Vec<Drilled>,
    /// The blueprint's tests, in its order.
    pub tests: Vec<Tested>,
}

/// One drill.
#[derive(Clone, Debug)]
pub struct Drilled {
    /// What `--only` calls it.
    pub name: String,
    /// What fails, in words.
    pub title: String,
    /// What may become of which queries, for each of the phases.
    pub expected: Vec<Radius>,
    /// What was seen.
    pub measured: Measured,
    /// How it ended.
    pub verdict: Verdict,
}

/// One of the tests that the blueprint's author makes by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// The title of its section.
    pub section: String,
    /// What was asked or done.
    pub asked: String,
    /// What was seen.
    pub seen: String,
    /// Whether that is what should be seen.
    pub is_ok: bool,
}

impl Report {
    /// Whether no drill and no test failed.
    pub fn passed(&self) -> bool {
        self.failed() == 0 && self.tests.iter().all(|test| test.is_ok)
    }

    /// How many drills failed.
    fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Fail(_)))
    }

    fn count(&self, wanted: impl Fn(&Verdict) -> bool) -> usize {
        self.drills.iter().filter(|drill| wanted(&drill.verdict)).count()
    }

    /// "24 of 25 drills passed, 1 failed".
    fn tally(&self) -> String {
        let not_run = self.count(|verdict| matches!(verdict, Verdict::NotRun(_)));
        let ran = self.drills.len() - not_run;
        let mut text = format!("{} of {ran} drills passed", ran - self.failed());
        if not_run > 0 {
            text += &format!(", {not_run} not run");
        }
        if !self.tests.is_empty() {
            let ok = self.tests.iter().filter(|test| test.is_ok).count();
            text += &format!("; {ok} of {} tests of the blueprint", self.tests.len());
        }
        text
    }

    /// "no outage longer than 3000 ms, at most 1 failed query in a once-per-second loop".
    fn promise(&self) -> String {
        format!(
            "no outage longer than {} ms, at most {} failed in a loop that asks once per second",
            self.targets.convergence.as_millis(),
            self.targets.failed_queries
        )
    }
}

/// The drills of several sites, each with the same drill of the others.
fn side_by_side(reports: &[Report]) -> Vec<Vec<(&Report, &Drilled)>> {
    let mut names: Vec<&str> = Vec::new();
    for drill in reports.iter().flat_map(|report| &report.drills) {
        if !names.contains(&drill.name.as_str()) {
            names.push(&drill.name);
        }
    }
    let each = names.into_iter().map(|name| {
        let drills = reports
            .iter()
            .flat_map(|report| report.drills.iter().map(move |drill| (report, drill)));
        drills.filter(|(_, drill)| drill.name == name).collect()
    });
    each.collect()
}

/// A drill in numbers: a line of the summary.
struct Summary {
    /// The longest outage of queries that were not expected to fail.
    outage: Duration,
    /// How many of those were lost.
    lost: usize,
    /// How many of those there were.
    asked: usize,
    /// Failed and asked, once per second.
    every_second: (usize, usize),
    /// The nodes that answered, in turn.
    served: String,
    /// The queries that failed as expected.
    broken: String,
}

impl Drilled {
    /// The phases with what was expected of them.
    fn phases(&self) -> impl Iterator<Item = (&Phase, &Radius)> {
        self.measured.phases.iter().zip(&self.expected)
    }

    fn summary(&self) -> Summary {
        let measured = &self.measured;
        let (mut outage, mut lost, mut asked, mut broken) = (Duration::ZERO, 0, 0, Vec::new());
        for (phase, radius) in self.phases() {
            for lane in measured.lanes() {
                let seen = measured.outcome(lane, phase.from, phase.until);
                if matches!(radius.of(lane), Expect::Unharmed | Expect::Converges) {
                    outage = outage.max(seen.outage());
                    (lost, asked) = (lost + seen.lost, asked + seen.asked);
                } else if seen.lost > 0 {
                    broken.push(radius.words(lane));
                }
            }
        }
        broken.dedup();
        Summary {
            outage,
            lost,
            asked,
            every_second: measured.failed_every_second(Duration::ZERO, measured.span()),
            served: served(measured),
            broken: broken.join(", "),
        }
    }
}

/// "dd1 › dd2 › dd1".
fn served(measured: &Measured) -> String {
    let mut nodes: Vec<&str> = measured.answered_by().into_iter().map(|(node, _)| node).collect();
    if nodes.len() > SERVED {
        nodes.truncate(SERVED);
        nodes.push("…");
    }
    nodes.join(" › ")
}

/// So many changes of the node fit into a line.
const SERVED: usize = 6;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
