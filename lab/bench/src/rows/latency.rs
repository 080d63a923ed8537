//! How long a cached answer takes, at half of what the slower front end carries without loss.

use std::io;

use crate::bench::{Bench, failures, popular, sample};
use crate::load::Enough;
use crate::pace::Pace;
use crate::report::{Line, Spread, Target};
use crate::rows::lossless;
use crate::server::Kind;

const MEDIAN: f64 = 0.5;
const TAIL: f64 = 0.99;

/// p50 and p99.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Line>> {
    let rates = match bench.lossless {
        Some(rates) => rates,
        None => {
            lossless::measure(bench)?;
            bench.lossless.unwrap_or_default()
        }
    };
    let [dnsdist, weir, echo] = rates;
    let fronts = [dnsdist, weir]
        .into_iter()
        .flatten()
        .map(|rate| rate.median)
        .reduce(f64::min);
    let Some(slowest) = fronts.or_else(|| echo.map(|rate| rate.median)) else {
        return Ok(vec![
            Line::new("latency", "µs", [None; 3]).noted(failures(&bench.fleet)),
        ]);
    };
    let rate = (slowest / 2.0 * 1000.0).max(1.0);
    let mut medians = [const { Vec::new() }; 3];
    let mut tails = [const { Vec::new() }; 3];
    for _ in 0..bench.effort.rounds {
        for (index, server) in bench.fleet.iter().enumerate() {
            let Ok(server) = server else { continue };
            let plan = popular(server, Pace::Rate(rate), Enough::Time(bench.effort.sample));
            let latency = sample(server, &plan, None)?.outcome.latency;
            let us = |share| latency.quantile(share).map(|ns| ns as f64 / 1000.0);
            medians[index].extend(us(MEDIAN));
            tails[index].extend(us(TAIL));
        }
    }
    let what = |name: &str| format!("latency {name} at {:.0},000/s", rate / 1000.0);
    let median = Line::new(what("p50"), "µs", medians.map(|values| Spread::of(&values)))
        .against(Kind::Dnsdist, Target::None);
    let tail = Line::new(what("p99"), "µs", tails.map(|values| Spread::of(&values)))
        .against(Kind::Dnsdist, Target::AtMost(1.0))
        .noted(failures(&bench.fleet));
    Ok(vec![median, tail])
}
