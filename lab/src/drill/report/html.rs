//! For people at 3 a.m.: one page that needs nothing from anywhere and no script, on paper and on a phone as well.

use std::fmt::Write as _;

use super::timeline::timeline;
use super::{Drilled, Report, Tested, side_by_side};
use crate::drill::measured::Phase;
use crate::drill::verdict::{Radius, Verdict, measured_radius};

const STYLE: &str = include_str!("report.css");

/// The page. Several sites stand side by side.
pub fn html(reports: &[Report]) -> String {
    let site = reports.first().map_or("", |report| &report.site);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Drill report: {0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header><h1>Drill report <span>{0}</span></h1>\n",
        escape(site)
    );
    for report in reports {
        page += &head(report);
    }
    page += "</header>\n<main>\n";
    page += &summary(reports);
    for report in reports {
        page += &tests(report);
    }
    page += &drills(reports);
    page + "</main>\n</body>\n</html>\n"
}

/// Text as HTML shows it, also inside of quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            _ => escaped.push(c),
        }
    }
    escaped
}

/// What ran, and how it ended.
fn head(report: &Report) -> String {
    let (class, word) = match report.passed() {
        true => ("pass", "PASS"),
        false => ("fail", "FAIL"),
    };
    format!(
        "<p class=\"tally {class}\"><b>{word}</b> <span>{}: {}</span></p>\n<p class=\"facts\">{}. Promised: {}.</p>\n",
        escape(&report.about),
        report.tally(),
        escape(&report.began),
        report.promise()
    )
}

fn badge(verdict: &Verdict) -> String {
    let class = match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail(_) => "fail",
        Verdict::NotRun(_) => "none",
    };
    format!("<b class=\"badge {class}\">{}</b>", verdict.word())
}

/// A line for each drill, and within it for each site.
fn summary(reports: &[Report]) -> String {
    let mut html = String::from(
        "<section><h2>Summary</h2>\n<div class=\"wide\"><table class=\"summary\">\n<thead><tr><th></th><th>drill</th>\
         <th class=\"n\">outage</th><th class=\"n\">lost</th><th class=\"n more\">once per second</th>\
         <th class=\"more\">served by</th><th class=\"more\">failed as expected</th></tr></thead>\n",
    );
    for group in side_by_side(reports) {
        html += "<tbody>\n";
        for (number, (report, drill)) in group.iter().enumerate() {
            let title = match number {
                0 => format!(
                    "<a href=\"#{}\">{}</a>",
                    escape(&drill.name),
                    escape(&drill.title)
                ),
                _ => String::new(),
            };
            let site = match reports.len() {
                1 => String::new(),
                _ => format!("<small>{}</small>", escape(&report.about)),
            };
            html += &line(drill, &(title + &site));
        }
        html += "</tbody>\n";
    }
    html + "</table></div></section>\n"
}

fn line(drill: &Drilled, name: &str) -> String {
    let why = matches!(drill.verdict, Verdict::Fail(_)).then(|| reasons(&drill.verdict));
    let mut html = format!(
        "<tr{}><td>{}</td><td>{name}</td>",
        if why.is_some() { " class=\"open\"" } else { "" },
        badge(&drill.verdict)
    );
    if drill.measured.queries.is_empty() {
        let reasons = drill.verdict.reasons().join("; ");
        let _ = writeln!(html, "<td colspan=\"5\">{}</td></tr>", escape(&reasons));
        return html;
    }
    let seen = drill.summary();
    let _ = writeln!(
        html,
        "<td class=\"n\">{} ms</td><td class=\"n\">{} of {}</td><td class=\"n more\">{} of {}</td>\
         <td class=\"more\">{}</td><td class=\"more\">{}</td></tr>",
        seen.outage.as_millis(),
        seen.lost,
        seen.asked,
        seen.every_second.0,
        seen.every_second.1,
        escape(&seen.served),
        escape(&seen.broken)
    );
    if let Some(why) = why {
        let _ = writeln!(
            html,
            "<tr class=\"because\"><td></td><td colspan=\"6\">{why}</td></tr>"
        );
    }
    html
}

fn tests(report: &Report) -> String {
    if report.tests.is_empty() {
        return String::new();
    }
    let mut html = format!(
        "<section><h2>The blueprint’s tests <small>{}</small></h2>\n<div class=\"wide\"><table class=\"tests\">\n<thead><tr><th></th>\
         <th>section</th><th>asked</th><th>seen</th></tr></thead>\n<tbody>\n",
        escape(&report.about)
    );
    for Tested {
        section,
        asked,
        seen,
        is_ok,
    } in &report.tests
    {
        let (class, word) = if *is_ok { ("pass", "ok") } else { ("fail", "FAIL") };
        let _ = writeln!(
            html,
            "<tr><td><b class=\"badge {class}\">{word}</b></td><td>{}</td><td><code>{}</code></td><td>{}</td></tr>",
            escape(section),
            escape(asked),
            escape(seen)
        );
    }
    html + "</tbody></table></div></section>\n"
}

/// The details: each drill with what every site made of it.
fn drills(reports: &[Report]) -> String {
    let mut html = format!("<section><h2>The drills</h2>\n{LEGEND}");
    for group in side_by_side(reports) {
        let Some((_, first)) = group.first() else {
            continue;
        };
        let badge_of_one = if reports.len() == 1 {
            badge(&first.verdict)
        } else {
            String::new()
        };
        let _ = writeln!(
            html,
            "<article id=\"{0}\"><h3>{badge_of_one} {1} <code>{0}</code></h3>",
            escape(&first.name),
            escape(&first.title)
        );
        for (report, drill) in group {
            if reports.len() > 1 {
                let _ = writeln!(
                    html,
                    "<h5>{} {}</h5>",
                    badge(&drill.verdict),
                    escape(&report.about)
                );
            }
            html += &reasons(&drill.verdict);
            if !drill.measured.queries.is_empty() {
                html += &timeline(drill);
                html += &radii(drill);
            }
        }
        html += "</article>\n";
    }
    html + "</section>\n"
}

const LEGEND: &str = "<p class=\"legend\"><span><i class=\"answered\"></i>answered</span> \
    <span><i class=\"lost\"></i>lost</span> <span><i class=\"held\"></i>node has the address</span> \
    <span><i class=\"served\"></i>and the client’s queries</span></p>\n";

fn reasons(verdict: &Verdict) -> String {
    let class = if matches!(verdict, Verdict::Fail(_)) {
        "why fail"
    } else {
        "why"
    };
    let mut html = String::new();
    for reason in verdict.reasons() {
        let _ = writeln!(html, "<p class=\"{class}\">{}</p>", escape(reason));
    }
    html
}

/// What was expected of each phase and what was seen.
fn radii(drill: &Drilled) -> String {
    let mut html = String::from("<ol class=\"phases\">\n");
    for (phase, expected) in drill.phases() {
        html += &radius(drill, phase, expected);
    }
    html + "</ol>\n"
}

fn radius(drill: &Drilled, phase: &Phase, expected: &Radius) -> String {
    let seen = measured_radius(&drill.measured, phase);
    let seen = match seen.is_empty() {
        true => "<span>every query was answered</span>".to_owned(),
        false => seen
            .iter()
            .map(|line| format!("<span>{}</span>", escape(line)))
            .collect(),
    };
    format!(
        "<li><h4>{} <small>at {} ms, watched for {} ms</small></h4>\n<dl><dt>expected</dt><dd>{}</dd>\
         <dt>measured</dt><dd>{seen}</dd></dl></li>\n",
        escape(&phase.about),
        phase.from.as_millis(),
        phase.until.saturating_sub(phase.from).as_millis(),
        escape(&expected.to_string())
    )
}
