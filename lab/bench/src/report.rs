//! What was measured, as a table for people and as JSON: numbers, ratios, targets, and in words what was missed.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::server::Kind;

/// The median of repeated measurements, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The middle one.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) low: f64,
    /// The largest.
    pub(crate) high: f64,
    /// How many.
    pub(crate) rounds: usize,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let median = if sorted.len() % 2 == 1 {
            upper
        } else {
            (sorted[middle - 1] + upper) / 2.0
        };
        Some(Self {
            median,
            low: sorted[0],
            high: sorted[sorted.len() - 1],
            rounds: sorted.len(),
        })
    }

    /// All of it multiplied.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            low: self.low * factor,
            high: self.high * factor,
            ..self
        }
    }
}

/// What a ratio has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Told, not judged.
    None,
}

/// Weir's number in relation to another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratio {
    /// What it is divided by.
    pub(crate) to: &'static str,
    /// The ratio, of the medians.
    pub(crate) value: f64,
    /// What it has to be.
    pub(crate) target: Target,
}

impl Ratio {
    /// Weir's median divided by the other's; `None` when one is missing.
    pub(crate) fn of(
        weir: Option<Spread>,
        other: Option<Spread>,
        to: &'static str,
        target: Target,
    ) -> Option<Self> {
        let (weir, other) = (weir?, other?);
        (other.median > 0.0).then(|| Self {
            to,
            value: weir.median / other.median,
            target,
        })
    }

    /// Whether the target is met, where there is one. What is printed is what is judged: two decimals.
    fn met(&self) -> Option<bool> {
        let rounded = (self.value * 100.0).round() / 100.0;
        match self.target {
            Target::AtMost(limit) => Some(rounded <= limit),
            Target::AtLeast(limit) => Some(rounded >= limit),
            Target::None => None,
        }
    }

    fn verdict(&self) -> String {
        let value = format!("{:.2} × {}", self.value, self.to);
        let word = if self.met() == Some(false) {
            "MISSED"
        } else {
            "met"
        };
        match self.target {
            Target::AtMost(limit) => format!("{value}, ≤ {limit:.2}: {word}"),
            Target::AtLeast(limit) => format!("{value}, ≥ {limit:.2}: {word}"),
            Target::None => value,
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// What was measured.
    pub(crate) what: String,
    /// What the numbers are.
    pub(crate) unit: &'static str,
    /// A number per [`Kind::ALL`], where there is one.
    pub(crate) cells: [Option<Spread>; 3],
    /// Weir's in relation to others.
    pub(crate) ratios: Vec<Ratio>,
    /// What a reader has to know: why a number is missing, what bounded it.
    pub(crate) notes: Vec<String>,
}

impl Line {
    /// A line without ratios and notes.
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, cells: [Option<Spread>; 3]) -> Self {
        Self {
            what: what.into(),
            unit,
            cells,
            ratios: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// With weir's number in relation to that of another column.
    pub(crate) fn against(mut self, kind: Kind, target: Target) -> Self {
        let [.., weir, _] = self.cells;
        let other = self.cells[kind as usize];
        self.ratios.extend(Ratio::of(weir, other, kind.name(), target));
        self
    }

    /// With these notes.
    pub(crate) fn noted(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Report {
    /// The machine and its load, the programs: a line each.
    pub(crate) conditions: Vec<String>,
    /// What was measured.
    pub(crate) lines: Vec<Line>,
}

impl Report {
    /// An aligned table, the notes, and a sentence for each target that was missed.
    pub(crate) fn table(&self) -> String {
        let head = ["", "dnsdist", "weir", "echo", "weir is"]
            .map(String::from)
            .to_vec();
        let mut rows = vec![head];
        for line in &self.lines {
            let mut row = vec![format!("{} [{}]", line.what, line.unit)];
            row.extend(
                line.cells
                    .iter()
                    .map(|cell| cell.map_or_else(|| "–".to_owned(), cell_text)),
            );
            let verdicts: Vec<_> = line.ratios.iter().map(Ratio::verdict).collect();
            row.push(verdicts.join("; "));
            rows.push(row);
        }
        let mut text = self.conditions.join("\n");
        text.push_str("\n\n");
        text.push_str(&align(&rows));
        text.push_str("\nNumbers are medians (smallest–largest); ratios are those of the medians.\n");
        let mut told = Vec::new();
        for line in &self.lines {
            // A server that did not start is missing in several lines for one reason.
            for note in line
                .notes
                .iter()
                .filter(|note| !told.contains(note))
                .collect::<Vec<_>>()
            {
                let _ = writeln!(text, "  {}: {note}", line.what);
                told.push(note);
            }
        }
        text.push_str(&self.sentences());
        text
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> String {
        let lines: Vec<Value> = self.lines.iter().map(line_json).collect();
        format!("{:#}", json!({ "conditions": self.conditions, "lines": lines }))
    }

    fn sentences(&self) -> String {
        let judged = self
            .lines
            .iter()
            .flat_map(|line| line.ratios.iter().map(move |ratio| (line, ratio)));
        let judged: Vec<_> = judged
            .filter_map(|(line, ratio)| Some((line, ratio, ratio.met()?)))
            .collect();
        let mut text = String::new();
        for (line, ratio, _) in judged.iter().filter(|(.., met)| !met) {
            let wanted = match ratio.target {
                Target::AtMost(limit) => format!("at most {limit:.2}"),
                Target::AtLeast(limit) => format!("at least {limit:.2}"),
                Target::None => continue,
            };
            let _ = writeln!(
                text,
                "Target missed: {}: weir is {:.2} times {}, and has to be {wanted} times.",
                line.what, ratio.value, ratio.to
            );
        }
        let met = judged.iter().filter(|(.., met)| *met).count();
        let _ = writeln!(text, "{met} of {} targets met.", judged.len());
        text
    }
}

/// Three significant digits, or all of a large number.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn cell_text(cell: Spread) -> String {
    if cell.rounds == 1 {
        return number(cell.median);
    }
    format!(
        "{} ({}–{})",
        number(cell.median),
        number(cell.low),
        number(cell.high)
    )
}

/// Columns as wide as their widest cell; the last one as it is.
pub(crate) fn align(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(line, "{cell:<width$}  ", width = width(column));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn line_json(line: &Line) -> Value {
    let mut object = Map::new();
    object.insert("what".into(), json!(line.what));
    object.insert("unit".into(), json!(line.unit));
    for (kind, cell) in Kind::ALL.iter().zip(line.cells) {
        let value = cell.map(
            |Spread {
                 median,
                 low,
                 high,
                 rounds,
             }| { json!({ "median": median, "low": low, "high": high, "rounds": rounds }) },
        );
        object.insert(kind.name().into(), json!(value));
    }
    let ratios = line.ratios.iter().map(|ratio| {
        let (at_most, at_least) = match ratio.target {
            Target::AtMost(limit) => (Some(limit), None),
            Target::AtLeast(limit) => (None, Some(limit)),
            Target::None => (None, None),
        };
        json!({
            "to": ratio.to, "ratio": ratio.value, "at_most": at_most, "at_least": at_least, "met": ratio.met()
        })
    });
    object.insert("ratios".into(), ratios.collect());
    object.insert("notes".into(), json!(line.notes));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(dnsdist: &[f64], weir: &[f64]) -> Line {
        Line::new("cost", "µs", [Spread::of(dnsdist), Spread::of(weir), None])
            .against(Kind::Dnsdist, Target::AtMost(0.8))
            .against(Kind::Echo, Target::AtMost(1.1))
    }

    fn report(lines: Vec<Line>) -> Report {
        Report {
            conditions: vec!["a machine".into()],
            lines,
        }
    }

    #[test]
    fn a_median_is_the_middle_one_of_any_order() {
        let spread = Spread::of(&[5.0, 1.0, 3.0]).unwrap();
        assert_eq!(
            spread,
            Spread {
                median: 3.0,
                low: 1.0,
                high: 5.0,
                rounds: 3
            }
        );
        assert_eq!(Spread::of(&[4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_target_is_met_or_missed_in_words() {
        let met = report(vec![line(&[10.0], &[8.0])]).table();
        assert!(met.contains("0.80 × dnsdist, ≤ 0.80: met"), "{met}");
        assert!(
            met.contains("1 of 1 targets met.") && !met.contains("missed"),
            "{met}"
        );
        let missed = report(vec![line(&[10.0], &[8.1])]).table();
        assert!(missed.contains("0.81 × dnsdist, ≤ 0.80: MISSED"), "{missed}");
        let sentence = "Target missed: cost: weir is 0.81 times dnsdist, and has to be at most 0.80 times.\n";
        assert!(
            missed.contains(sentence) && missed.contains("0 of 1 targets met."),
            "{missed}"
        );
    }

    #[test]
    fn what_is_missing_is_neither_met_nor_missed() {
        let text = report(vec![line(&[10.0], &[]).noted(["weir: no such file".to_owned()])]).table();
        assert!(
            text.contains("0 of 0 targets met.") && text.contains("cost: weir: no such file"),
            "{text}"
        );
    }

    #[test]
    fn columns_stand_below_each_other() {
        let text = report(vec![
            line(&[10.0], &[8.0]),
            line(&[1000.0, 1010.0, 990.0], &[8.0]),
        ])
        .table();
        let weir: Vec<_> = text
            .lines()
            .filter(|line| line.contains("8.00") || line.contains("weir is"))
            .map(|line| {
                line.chars()
                    .take_while(|&c| c != 'w')
                    .count()
                    .min(line.find("8.00").unwrap_or(99))
            })
            .collect();
        assert_eq!(weir.len(), 3, "{text}");
        assert!(text.contains("1000 (990–1010)  8.00"), "{text}");
        assert!(text.contains("10.0             8.00"), "{text}");
    }

    #[test]
    fn json_has_the_same_numbers() {
        let parsed: Value = serde_json::from_str(&report(vec![line(&[10.0], &[8.0])]).json()).unwrap();
        let line = &parsed["lines"][0];
        assert_eq!(line["dnsdist"]["median"], 10.0);
        assert_eq!(line["echo"], Value::Null);
        assert_eq!(
            line["ratios"][0],
            json!({
                "to": "dnsdist", "ratio": 0.8, "at_most": 0.8, "at_least": null, "met": true
            })
        );
    }
}
