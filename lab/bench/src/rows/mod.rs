//! What is measured: one file per row of the table, all of them in this list.

mod cost;
mod latency;
mod lossless;
mod memory;
mod sources;
mod workers;

use std::io;

use crate::bench::Bench;
use crate::report::Line;

/// A measurement.
pub(crate) struct Row {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it measures, for `--help`.
    pub(crate) about: &'static str,
    /// Does it.
    pub(crate) measure: fn(&mut Bench) -> io::Result<Vec<Line>>,
}

/// All rows, in the order of the table.
pub(crate) const ROWS: [Row; 7] = [
    Row {
        name: "cached",
        about: "server CPU time per cached answer",
        measure: cost::cached,
    },
    Row {
        name: "forwarded",
        about: "server CPU time per forwarded query",
        measure: cost::forwarded,
    },
    Row {
        name: "lossless",
        about: "queries per second at no loss",
        measure: lossless::measure,
    },
    Row {
        name: "latency",
        about: "p50 and p99 at half of that",
        measure: latency::measure,
    },
    Row {
        name: "memory",
        about: "bytes per cached answer",
        measure: memory::measure,
    },
    Row {
        name: "sources",
        about: "MaxQPSIPRule with a million clients",
        measure: sources::measure,
    },
    Row {
        name: "workers",
        about: "throughput with one and two workers",
        measure: workers::measure,
    },
];
