//! What was measured, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};
use weir_lab::pair::Measured;

use super::target::{TARGETS, Target};
use super::team::Team;
use crate::report::{Spread, align};

/// One line: what happened to one pair, as often as it did.
pub(crate) struct Cell {
    scenario: &'static str,
    /// What happened.
    pub(crate) about: &'static str,
    team: &'static Team,
    /// What was seen each time.
    pub(crate) measured: Vec<Measured>,
}

impl Cell {
    /// Nothing measured yet.
    pub(crate) fn new(scenario: &'static str, about: &'static str, team: &'static Team) -> Self {
        Self {
            scenario,
            about,
            team,
            measured: Vec::new(),
        }
    }

    fn spread(&self, number: impl Fn(&Measured) -> f64) -> (f64, f64) {
        let numbers: Vec<_> = self.measured.iter().map(number).collect();
        Spread::of(&numbers).map_or((0.0, 0.0), |spread| (spread.median, spread.high))
    }

    fn sum(&self, number: impl Fn(&Measured) -> usize) -> usize {
        self.measured.iter().map(number).sum()
    }

    fn targets(&self) -> impl Iterator<Item = &'static Target> {
        TARGETS
            .iter()
            .filter(|target| target.team == self.team.name && target.about == self.about)
    }

    fn row(&self, what: &str) -> Vec<String> {
        let (outage, longest) = self.spread(|seen| seen.outcome.outage.as_secs_f64() * 1000.0);
        let (lost, most) = self.spread(|seen| seen.outcome.lost as f64);
        let (_, both) = self.spread(|seen| seen.both.as_secs_f64() * 1000.0);
        let endless = self.measured.iter().any(|seen| !seen.outcome.is_over);
        let verdicts = self.targets().map(|target| {
            let word = if target.is_met(&self.measured) {
                "met"
            } else {
                "MISSED"
            };
            format!("{}: {word}", target.wanted())
        });
        vec![
            what.to_owned(),
            self.team.name.to_owned(),
            format!("{outage:.0}"),
            format!("{}{longest:.0}", if endless { ">" } else { "" }),
            format!("{lost:.0}"),
            format!("{most:.0}"),
            self.sum(|seen| seen.outcome.asked).to_string(),
            format!("{both:.0}"),
            format!(
                "{}/{}",
                self.sum(|seen| usize::from(seen.held == [true; 2])),
                self.measured.len()
            ),
            verdicts.collect::<Vec<_>>().join("; "),
        ]
    }

    fn json(&self) -> Value {
        let runs = self.measured.iter().map(|seen| {
            let by = seen.outcome.answered_by.iter();
            json!({
                "outage_ms": seen.outcome.outage.as_secs_f64() * 1000.0,
                "is_over": seen.outcome.is_over,
                "asked": seen.outcome.asked,
                "lost": seen.outcome.lost,
                "answered_by": by.map(|(who, count)| json!([who.to_string(), count])).collect::<Vec<_>>(),
                "moves": seen.moves,
                "both_ms": seen.both.as_secs_f64() * 1000.0,
                "held": seen.held,
            })
        });
        let targets = self
            .targets()
            .map(|target| json!({ "wanted": target.wanted(), "met": target.is_met(&self.measured) }));
        json!({
            "scenario": self.scenario, "what": self.about, "pair": self.team.name,
            "runs": runs.collect::<Vec<_>>(), "targets": targets.collect::<Vec<_>>(),
        })
    }
}

/// One run in a few words.
pub(crate) fn brief(seen: &Measured) -> String {
    let holders = match seen.held {
        [true, true] => "both nodes",
        [true, false] => "the first node",
        [false, true] => "the second node",
        [false, false] => "no node",
    };
    format!(
        "{:.0} ms, {} of {} lost; address on {holders}",
        seen.outcome.outage.as_secs_f64() * 1000.0,
        seen.outcome.lost,
        seen.outcome.asked
    )
}

/// Everything.
pub(crate) struct Sheet {
    conditions: Vec<String>,
    notes: Vec<String>,
    /// The lines, of one pair after the other.
    pub(crate) cells: Vec<Cell>,
}

impl Sheet {
    /// Nothing measured yet.
    pub(crate) fn new(conditions: Vec<String>) -> Self {
        Self {
            conditions,
            notes: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Something a reader has to know.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// One line per pair below each thing that happened, then in words what was missed.
    pub(crate) fn table(&self) -> String {
        let head = [
            "",
            "pair",
            "outage ms",
            "max",
            "lost",
            "max",
            "asked",
            "on two ms",
            "at end",
            "wanted",
        ];
        let mut rows = vec![head.map(String::from).to_vec()];
        let mut told: Vec<&str> = Vec::new();
        for cell in &self.cells {
            if told.contains(&cell.about) {
                continue;
            }
            told.push(cell.about);
            for (number, same) in self
                .cells
                .iter()
                .filter(|other| other.about == cell.about)
                .enumerate()
            {
                rows.push(same.row(if number == 0 { cell.about } else { "" }));
            }
        }
        let mut text = self.conditions.join("\n") + "\n\n" + &align(&rows);
        text += "\nOutage: from the first lost query to the next one answered; lost: in one run; medians and maxima of the runs.\n\
                 asked: in all runs; on two: for how long both nodes had the address, at most; at end: runs that ended so.\n";
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        text + &self.sentences()
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let lines: Vec<_> = self.cells.iter().map(Cell::json).collect();
        format!(
            "{:#}\n",
            json!({ "conditions": self.conditions, "notes": self.notes, "lines": lines })
        )
    }

    fn sentences(&self) -> String {
        let (mut text, mut met, mut all) = (String::new(), 0, 0);
        for (cell, target) in self
            .cells
            .iter()
            .flat_map(|cell| cell.targets().map(move |target| (cell, target)))
        {
            all += 1;
            if target.is_met(&cell.measured) {
                met += 1;
            } else {
                let _ = writeln!(
                    text,
                    "Target missed: {}, {}: {}.",
                    cell.team.name,
                    cell.about,
                    target.wanted()
                );
            }
        }
        let _ = writeln!(text, "{met} of {all} targets met.");
        text
    }
}
