//! For programs. Times are in milliseconds from the drill's beginning.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::measured::{Measured, Tenure};
use super::{Drilled, Report};

/// `{"passed": …, "sites": [ … ]}`.
pub fn json(reports: &[Report]) -> String {
    let sites: Vec<Value> = reports.iter().map(site).collect();
    let passed = reports.iter().all(Report::passed);
    format!("{:#}\n", json!({ "passed": passed, "sites": sites }))
}

fn site(report: &Report) -> Value {
    let tests = report.tests.iter().map(
        |test| json!({ "section": test.section, "asked": test.asked, "seen": test.seen, "ok": test.is_ok }),
    );
    json!({
        "site": report.site,
        "about": report.about,
        "began": report.began,
        "passed": report.passed(),
        "targets": {
            "convergence_ms": ms(report.targets.convergence),
            "failed_queries": report.targets.failed_queries,
        },
        "drills": report.drills.iter().map(drill).collect::<Vec<_>>(),
        "tests": tests.collect::<Vec<_>>(),
    })
}

fn drill(drill: &Drilled) -> Value {
    let (seen, measured) = (drill.summary(), &drill.measured);
    let phases = drill.phases().map(|(phase, radius)| {
        let lanes = measured.lanes().into_iter().map(|lane| {
            let outcome = measured.outcome(lane, phase.from, phase.until);
            json!({
                "client": lane.client.to_string(),
                "class": lane.class.to_string(),
                "transport": lane.transport.to_string(),
                "expected": radius.of(lane).to_string(),
                "asked": outcome.asked,
                "lost": outcome.lost,
                "refused": outcome.refused,
                "outage_ms": ms(outcome.outage()),
                "over": outcome.is_over(),
                "slowest_ms": ms(outcome.slowest),
            })
        });
        json!({
            "about": phase.about,
            "from_ms": ms(phase.from),
            "until_ms": ms(phase.until),
            "lanes": lanes.collect::<Vec<_>>(),
        })
    });
    json!({
        "name": drill.name,
        "title": drill.title,
        "verdict": drill.verdict.word(),
        "reasons": drill.verdict.reasons(),
        "outage_ms": ms(seen.outage),
        "asked": seen.asked,
        "lost": seen.lost,
        "every_second": { "asked": seen.every_second.1, "failed": seen.every_second.0 },
        "answered_by": answered_by(measured),
        "held": measured.held.iter().map(tenure).collect::<Vec<_>>(),
        "held_twice_ms": ms(measured.held_twice()),
        "phases": phases.collect::<Vec<_>>(),
    })
}

fn answered_by(measured: &Measured) -> Vec<Value> {
    let answered = measured.answered_by().into_iter();
    answered
        .map(|(node, answers)| json!({ "node": node, "answers": answers }))
        .collect()
}

fn tenure(tenure: &Tenure) -> Value {
    json!({ "node": tenure.node, "from_ms": ms(tenure.from), "until_ms": ms(tenure.until) })
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
