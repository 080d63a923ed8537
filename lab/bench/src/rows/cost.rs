//! Server CPU time per query: cached and forwarded, saturated and at a rate that all can carry.

use std::io;

use crate::bench::{Bench, WINDOW, failures, popular, sample};
use crate::load::{Enough, Run};
use crate::pace::Pace;
use crate::packets::Zone;
use crate::report::{Line, Spread, Target};
use crate::server::Kind;

/// Queries per second that every server here can carry with time to spare: most queries come alone, and each wakes
/// the server.
const LOW_RATE: f64 = 50_000.0;
/// Queries per second that keep a server busy most of the time: some come in company.
const BUSY_RATE: f64 = 200_000.0;
/// Names that are forwarded: so many that none is asked for twice at a time.
const FORWARDED_NAMES: u32 = 1_000_000;
const UNIT: &str = "µs CPU";

/// Cached answers.
pub(crate) fn cached(bench: &mut Bench) -> io::Result<Vec<Line>> {
    paces()
        .into_iter()
        .map(|(how, pace)| cached_at(bench, how, pace))
        .collect()
}

/// Forwarded queries, beside two echoes.
pub(crate) fn forwarded(bench: &mut Bench) -> io::Result<Vec<Line>> {
    paces()
        .into_iter()
        .map(|(how, pace)| forwarded_at(bench, how, pace))
        .collect()
}

/// From the full batches of a closed loop to queries that come alone.
fn paces() -> [(&'static str, Pace); 3] {
    [
        ("saturated", Pace::Window(WINDOW)),
        ("at 200,000/s", Pace::Rate(BUSY_RATE)),
        ("at 50,000/s", Pace::Rate(LOW_RATE)),
    ]
}

fn cached_at(bench: &mut Bench, how: &str, pace: Pace) -> io::Result<Line> {
    let cells = costs(bench, pace, Zone::Cached)?;
    Ok(Line::new(format!("cached answer, {how}"), UNIT, cells)
        .against(Kind::Dnsdist, Target::AtMost(0.8))
        .against(Kind::Echo, Target::AtMost(1.1))
        .noted(failures(&bench.fleet)))
}

fn forwarded_at(bench: &mut Bench, how: &str, pace: Pace) -> io::Result<Line> {
    let [dnsdist, weir, echo] = costs(bench, pace, Zone::Forwarded)?;
    let cells = [dnsdist, weir, echo.map(|one| one.times(2.0))];
    Ok(Line::new(format!("forwarded query, {how}"), UNIT, cells)
        .against(Kind::Dnsdist, Target::AtMost(0.9))
        .against(Kind::Echo, Target::AtMost(1.1))
        .noted(["the echo's column is two echoes".to_owned()])
        .noted(failures(&bench.fleet)))
}

/// The cost of a query in microseconds, for each server of the fleet.
fn costs(bench: &mut Bench, pace: Pace, zone: Zone) -> io::Result<[Option<Spread>; 3]> {
    bench.stand_by()?;
    let mut costs = [const { Vec::new() }; 3];
    for _ in 0..bench.effort.rounds {
        for (server, costs) in bench.fleet.iter().zip(&mut costs) {
            let Ok(server) = server else { continue };
            let plan = popular(server, pace, Enough::Time(bench.effort.sample));
            let plan = match zone {
                Zone::Cached => plan,
                Zone::Forwarded => Run {
                    zone,
                    names: FORWARDED_NAMES,
                    ..plan
                },
            };
            costs.push(sample(server, &plan, Some(&mut bench.backend))?.cost_us);
        }
    }
    Ok(costs.map(|costs| Spread::of(&costs)))
}
