//! The picture of a drill: time to the right, a row for each kind of query and for each node.
//!
//! Rows and their labels have the same height, so that labels can be text beside the picture, which a phone breaks and
//! a screen reader reads. Positions to the right are percentages: the picture is as wide as there is room, and its
//! text is not stretched.

use std::fmt::Write as _;
use std::time::Duration;

use super::Drilled;
use super::html::escape;
use crate::drill::measured::{Client, Lane, Measured, Tenure};

/// Height of a row.
const ROW: usize = 18;
/// Room between queries and nodes.
const GAP: usize = 8;
/// Room for the markers above the rows.
const HEAD: usize = 22;
/// Room for the axis below them.
const FOOT: usize = 24;
/// An axis has no more ticks than this: they have to fit on a phone.
const TICKS: u128 = 6;
/// From this part of the width on there is room for a number in a bar.
const ROOM_PERCENT: f64 = 9.0;

/// Labels and picture.
pub(super) fn timeline(drill: &Drilled) -> String {
    let measured = &drill.measured;
    let span = measured.span().max(Duration::from_millis(1));
    let scale = Scale { span };
    let (lanes, nodes) = (measured.lanes(), nodes(measured));
    let below = HEAD + ROW * lanes.len() + GAP;
    let bottom = below + ROW * nodes.len();
    let mut picture = format!(
        "<svg role=\"img\" aria-label=\"timeline of {}\" width=\"100%\" height=\"{}\">\n",
        escape(&drill.name),
        bottom + FOOT
    );
    picture += &axis(&scale, bottom);
    for (row, lane) in lanes.iter().enumerate() {
        picture += &bars(measured, *lane, &scale, HEAD + ROW * row);
    }
    for (row, node) in nodes.iter().enumerate() {
        let top = below + ROW * row;
        picture += &tenures(&measured.held, node, &scale, top, "held", "has the address");
        picture += &tenures(&measured.served, node, &scale, top, "served", "gets the queries");
    }
    picture += &markers(measured, &scale, bottom);
    picture += "</svg>";
    format!(
        "<div class=\"timeline\"><div class=\"labels\">{}</div>\n{picture}</div>\n",
        labels(&lanes, &nodes)
    )
}

/// Where a moment is, in percent of the width.
struct Scale {
    span: Duration,
}

impl Scale {
    fn at(&self, moment: Duration) -> f64 {
        100.0 * moment.as_secs_f64() / self.span.as_secs_f64()
    }

    /// A rectangle's position and width.
    fn extent(&self, from: Duration, until: Duration) -> (f64, f64) {
        (self.at(from), self.at(until.saturating_sub(from)))
    }
}

/// The nodes that had the address, or got queries, by name.
fn nodes(measured: &Measured) -> Vec<&str> {
    let tenures = measured.held.iter().chain(&measured.served);
    let mut nodes: Vec<&str> = tenures.map(|tenure| tenure.node.as_str()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// The class is said once for the rows that share it.
fn labels(lanes: &[Lane], nodes: &[&str]) -> String {
    let mut html = String::new();
    let mut last = None;
    for lane in lanes {
        let group = (lane.client, lane.class);
        let name = match (last == Some(group), lane.client) {
            (true, _) => String::new(),
            (false, Client::Subscriber) => lane.class.to_string(),
            (false, client) => client.to_string(),
        };
        last = Some(group);
        let _ = writeln!(html, "<div><span>{name}</span> <b>{}</b></div>", lane.transport);
    }
    for (row, node) in nodes.iter().enumerate() {
        let name = if row == 0 { "address on" } else { "" };
        let class = if row == 0 { " class=\"below\"" } else { "" };
        let _ = writeln!(
            html,
            "<div{class}><span>{name}</span> <b>{}</b></div>",
            escape(node)
        );
    }
    html
}

/// Lines at round milliseconds.
fn axis(scale: &Scale, bottom: usize) -> String {
    let mut svg = String::new();
    let step = [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000, 300_000]
        .into_iter()
        .find(|step| scale.span.as_millis() / step < TICKS)
        .unwrap_or(1_000_000);
    for tick in 0..=scale.span.as_millis() / step {
        let ms = tick * step;
        let at = scale.at(Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX)));
        // The last text would stand half outside.
        let (class, unit) = match at {
            at if at < 3.0 => ("first", " ms"),
            at if at > 95.0 => ("last", ""),
            _ => ("tick", ""),
        };
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"{HEAD}\" y2=\"{bottom}\"/>\
             <text class=\"{class}\" x=\"{at:.2}%\" y=\"{}\">{ms}{unit}</text>",
            bottom + 16
        );
    }
    svg
}

/// A lane: a thin bar where queries were answered, a thick one where they were lost.
fn bars(measured: &Measured, lane: Lane, scale: &Scale, top: usize) -> String {
    let sent = measured.queries.iter().filter(|query| query.lane == lane);
    let first = sent.clone().map(|query| query.sent).min().unwrap_or_default();
    let outcome = measured.outcome(lane, Duration::ZERO, measured.span());
    let (x, width) = scale.extent(first, measured.span());
    let mut svg = format!(
        "<rect class=\"answered\" x=\"{x:.2}%\" y=\"{}\" width=\"{width:.2}%\" height=\"4\"/>\n",
        top + 7
    );
    for silence in &outcome.silences {
        let (x, width) = scale.extent(silence.from, silence.until);
        let ms = silence.length().as_millis();
        let _ = writeln!(
            svg,
            "<rect class=\"lost\" x=\"{x:.2}%\" y=\"{}\" width=\"{width:.2}%\" height=\"14\"><title>{lane}: {} lost, {ms} \
             ms</title></rect>",
            top + 2,
            silence.lost
        );
        if width > ROOM_PERCENT {
            let _ = writeln!(
                svg,
                "<text class=\"number\" x=\"{:.2}%\" y=\"{}\">{ms} ms</text>",
                x + width / 2.0,
                top + 13
            );
        }
    }
    svg
}

/// When a node had the address, or the client's queries.
fn tenures(tenures: &[Tenure], node: &str, scale: &Scale, top: usize, class: &str, what: &str) -> String {
    let (offset, height) = if class == "held" { (3, 12) } else { (7, 4) };
    let own = tenures.iter().filter(|tenure| tenure.node == node);
    own.fold(String::new(), |mut svg, tenure| {
        let (x, width) = scale.extent(tenure.from, tenure.until);
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.2}%\" y=\"{}\" width=\"{width:.2}%\" height=\"{height}\"><title>{} {what}: {} \
             to {} ms</title></rect>",
            top + offset,
            escape(node),
            tenure.from.as_millis(),
            tenure.until.as_millis()
        );
        svg
    })
}

/// What happened, as numbered lines; the numbers are those of the list below.
fn markers(measured: &Measured, scale: &Scale, bottom: usize) -> String {
    let mut svg = String::new();
    for (number, phase) in measured.phases.iter().enumerate() {
        let at = scale.at(phase.from);
        let _ = writeln!(
            svg,
            "<line class=\"event\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"4\" y2=\"{bottom}\"/>\
             <svg x=\"{at:.2}%\" y=\"0\" overflow=\"visible\"><circle class=\"event\" cx=\"0\" cy=\"10\" r=\"8\"/>\
             <text class=\"event\" x=\"0\" y=\"14\">{}</text><text class=\"about\" x=\"13\" y=\"14\">{}</text></svg>",
            number + 1,
            escape(&phase.about)
        );
    }
    svg
}
