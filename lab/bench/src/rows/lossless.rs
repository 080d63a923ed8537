//! The highest rate at which no query is lost: a search by halves between nothing and a little more than the server
//! carries in a closed loop.

use std::io;

use crate::backend::Backend;
use crate::bench::{Bench, Effort, WINDOW, failures, popular, sample};
use crate::load::Enough;
use crate::pace::Pace;
use crate::report::{Line, Spread, Target};
use crate::server::{Kind, Server};

/// Halvings: the result is within 1 % of the range.
const STEPS: u32 = 7;
/// The machine has other work: a step fails when so many tries in a row lose queries.
const TRIES: u32 = 2;
/// Where the search ends, in relation to the rate of the closed loop.
const ABOVE_SATURATION: f64 = 1.2;

/// One search.
struct Found {
    /// Queries per second.
    rate: f64,
    /// Whether the generator could send no more; then the server may be faster.
    by_generator: bool,
}

/// Queries per second at no loss.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Line>> {
    bench.stand_by()?;
    let mut rates = [const { Vec::new() }; 3];
    let mut bounded = [0; 3];
    for _ in 0..bench.effort.rounds {
        for (server, (rates, bounded)) in bench.fleet.iter().zip(rates.iter_mut().zip(&mut bounded)) {
            let Ok(server) = server else { continue };
            let found = search(server, &bench.effort, &mut bench.backend)?;
            rates.push(found.rate / 1000.0);
            *bounded += usize::from(found.by_generator);
        }
    }
    let cells = rates.map(|rates| Spread::of(&rates));
    bench.lossless = Some(cells);
    let rounds = bench.effort.rounds;
    let limits = Kind::ALL.iter().zip(bounded).filter(|(_, times)| *times > 0);
    let limits = limits.map(|(kind, times)| {
        format!(
            "the load generator was the limit for {} in {times} of {rounds} searches",
            kind.name()
        )
    });
    let line = Line::new("cached answers at no loss", "1000/s", cells)
        .against(Kind::Dnsdist, Target::AtLeast(1.0))
        .against(Kind::Echo, Target::None)
        .noted(limits)
        .noted(failures(&bench.fleet));
    Ok(vec![line])
}

fn search(server: &Server, effort: &Effort, backend: &mut Backend) -> io::Result<Found> {
    let saturated = popular(server, Pace::Window(WINDOW), Enough::Time(effort.step));
    let top = sample(server, &saturated, Some(&mut *backend))?.outcome.rate() * ABOVE_SATURATION;
    let (mut low, mut high) = (0.0, top);
    let (mut carried, mut by_generator) = (0.0, false);
    for _ in 0..STEPS {
        let middle = (low + high) / 2.0;
        match carries(server, middle, effort, backend)? {
            Step::Carried(rate) => (low, carried) = (middle, rate),
            Step::Overloaded => (high, by_generator) = (middle, false),
            Step::TooFast => (high, by_generator) = (middle, true),
        }
    }
    Ok(Found {
        rate: carried,
        by_generator,
    })
}

/// What came of one rate.
enum Step {
    /// Every query was answered, so many per second.
    Carried(f64),
    /// Some were not, or had to wait for ever longer.
    Overloaded,
    /// Every query was answered, but the generator could not send as many as it should.
    TooFast,
}

fn carries(server: &Server, rate: f64, effort: &Effort, backend: &mut Backend) -> io::Result<Step> {
    let mut result = Step::Overloaded;
    for _ in 0..TRIES {
        let plan = popular(server, Pace::Rate(rate), Enough::Time(effort.step));
        let outcome = sample(server, &plan, Some(&mut *backend))?.outcome;
        let steady = outcome.lost == 0 && !outcome.fell_behind();
        match (steady, outcome.kept_pace()) {
            (true, true) => return Ok(Step::Carried(outcome.rate())),
            (true, false) => result = Step::TooFast,
            (false, _) => {}
        }
    }
    Ok(result)
}
