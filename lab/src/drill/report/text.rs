//! For people at a terminal.

use super::{Drilled, Report, Tested, side_by_side};

/// The whole report: the drills, why some failed, the blueprint's tests. Several sites: one table, a line for each.
pub fn text(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        text += &format!(
            "{} ({}), {}\n{}\n\n",
            report.site,
            report.about,
            report.began,
            report.promise()
        );
    }
    text += &drills(reports);
    for report in reports.iter().filter(|report| !report.tests.is_empty()) {
        text += &format!("\nThe blueprint's tests: {}\n", report.about);
        text += &tests(&report.tests);
    }
    for report in reports {
        text += &format!("\n{}: {}", report.about, report.tally());
    }
    text + "\n"
}

/// One drill in a line, as it is told while others still run.
pub fn line(drill: &Drilled) -> String {
    let mut text = format!("{:<7}  {:<22}  ", drill.verdict.word(), drill.name);
    if !drill.measured.queries.is_empty() {
        let seen = drill.summary();
        text += &format!(
            "out {} ms, {} of {} lost, {} of {} once per second, {}",
            seen.outage.as_millis(),
            seen.lost,
            seen.asked,
            seen.every_second.0,
            seen.every_second.1,
            seen.served
        );
    }
    let reasons = drill.verdict.reasons();
    reasons.iter().fold(text, |text, reason| {
        let text = text.trim_end();
        format!("{text}\n{INDENT}{reason}")
    })
}

/// Reasons stand below the name of their drill.
const INDENT: &str = "         ";

/// With one site or several: a line for each drill and site.
fn drills(reports: &[Report]) -> String {
    let head = [
        "",
        "drill",
        "outage",
        "lost",
        "of",
        "1/s",
        "served by",
        "failed as expected",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let mut notes = vec![Vec::new()];
    for (report, drill) in side_by_side(reports).into_iter().flatten() {
        rows.push(cells(drill, (reports.len() > 1).then_some(report.about.as_str())));
        notes.push(drill.verdict.reasons().to_vec());
    }
    let mut table = String::new();
    for (line, notes) in columns(&rows, &[2, 3, 4, 5]).iter().zip(notes) {
        table += &format!("{line}\n");
        for note in notes {
            table += &format!("{INDENT}{note}\n");
        }
    }
    table
}

fn cells(drill: &Drilled, site: Option<&str>) -> [String; 8] {
    let name = match site {
        Some(site) => format!("{}  {site}", drill.name),
        None => drill.name.clone(),
    };
    let word = drill.verdict.word().to_owned();
    if drill.measured.queries.is_empty() {
        let mut cells: [String; 8] = Default::default();
        [cells[0], cells[1]] = [word, name];
        return cells;
    }
    let seen = drill.summary();
    [
        word,
        name,
        format!("{} ms", seen.outage.as_millis()),
        seen.lost.to_string(),
        seen.asked.to_string(),
        format!("{}/{}", seen.every_second.0, seen.every_second.1),
        seen.served,
        seen.broken,
    ]
}

fn tests(tests: &[Tested]) -> String {
    let mut rows = vec![["", "section", "asked", "seen"].map(str::to_owned)];
    rows.extend(tests.iter().map(|test| {
        let mark = if test.is_ok { "ok" } else { "FAIL" };
        [
            mark.to_owned(),
            test.section.clone(),
            test.asked.clone(),
            test.seen.clone(),
        ]
    }));
    columns(&rows, &[]).join("\n") + "\n"
}

/// Lines in which every column is as wide as its widest cell; these to the right.
fn columns<const N: usize>(rows: &[[String; N]], right: &[usize]) -> Vec<String> {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            match right.contains(&column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
