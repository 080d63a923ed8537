//! For people at a terminal.

use super::{Drilled, Report, Tested, side_by_side};

/// The whole report: the drills, why some failed, the blueprint's tests. Several sites stand side by side.
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

/// A line for each drill, and reasons below it; of several sites a group of columns for each, which stand under their letter.
fn drills(reports: &[Report]) -> String {
    let letters: Vec<String> = ('A'..).take(reports.len()).map(String::from).collect();
    let mut text = String::new();
    let mut rows = Vec::new();
    let mut right = Vec::new();
    let mut notes = vec![Vec::new()];
    if let [report] = reports {
        right.extend([2, 3, 4, 5]);
        rows.push(row([
            "",
            "drill",
            "outage",
            "lost",
            "of",
            "1/s",
            "served by",
            "failed as expected",
        ]));
        for drill in &report.drills {
            rows.push(alone(drill));
            notes.push(drill.verdict.reasons().to_vec());
        }
    } else {
        let mut head = row(["drill"]);
        for (site, (letter, report)) in letters.iter().zip(reports).enumerate() {
            text += &format!("{letter}: {}\n", report.about);
            right.extend([2, 3, 4].map(|column| 4 * site + column));
            head.extend(row([letter.as_str(), "outage", "lost", "1/s"]));
        }
        text += "\n";
        rows.push(head);
        for group in side_by_side(reports) {
            let mut line: Vec<String> = { group.iter().take(1) }
                .map(|(_, drill)| drill.name.clone())
                .collect();
            let mut reasons = Vec::new();
            for (letter, report) in letters.iter().zip(reports) {
                let drill = group.iter().find(|(of, _)| std::ptr::eq(*of, report));
                let Some((_, drill)) = drill else {
                    line.extend(row([""; 4]));
                    continue;
                };
                line.extend(beside(drill));
                let why = drill.verdict.reasons().iter();
                reasons.extend(why.map(|reason| format!("{letter}: {reason}")));
            }
            rows.push(line);
            notes.push(reasons);
        }
    }
    for (line, notes) in columns(&rows, &right).iter().zip(notes) {
        text += &format!("{line}\n");
        for note in notes {
            text += &format!("{INDENT}{note}\n");
        }
    }
    text
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// A drill of the only site.
fn alone(drill: &Drilled) -> Vec<String> {
    let mut cells = vec![drill.verdict.word().to_owned(), drill.name.clone()];
    if drill.measured.queries.is_empty() {
        cells.extend(row([""; 6]));
        return cells;
    }
    let seen = drill.summary();
    cells.extend([
        format!("{} ms", seen.outage.as_millis()),
        seen.lost.to_string(),
        seen.asked.to_string(),
        format!("{}/{}", seen.every_second.0, seen.every_second.1),
        seen.served,
        seen.broken,
    ]);
    cells
}

/// The same beside others.
fn beside(drill: &Drilled) -> Vec<String> {
    let mut cells = vec![drill.verdict.word().to_owned()];
    if drill.measured.queries.is_empty() {
        cells.extend(row([""; 3]));
        return cells;
    }
    let seen = drill.summary();
    cells.extend([
        format!("{} ms", seen.outage.as_millis()),
        seen.lost.to_string(),
        format!("{}/{}", seen.every_second.0, seen.every_second.1),
    ]);
    cells
}

fn tests(tests: &[Tested]) -> String {
    let mut rows = vec![row(["", "section", "asked", "seen"])];
    rows.extend(tests.iter().map(|test| {
        let mark = if test.is_ok { "ok" } else { "FAIL" };
        row([mark, &test.section, &test.asked, &test.seen])
    }));
    columns(&rows, &[]).join("\n") + "\n"
}

/// Lines in which every column is as wide as its widest cell; these to the right.
fn columns(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            match right.contains(&column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
