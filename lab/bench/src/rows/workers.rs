//! Throughput with one worker and with two.
//!
//! It takes three CPUs: one for the load generator. On two, the generator shares one with the second worker, so
//! throughput says little; then the CPU time per answer shows whether workers get in each other's way.

use std::io;

use crate::bench::{Bench, WINDOW, popular, sample};
use crate::load::{Clients, Enough, Run};
use crate::pace::Pace;
use crate::report::{Line, Ratio, Spread, Target};
use crate::server::{Kind, Setting};

/// So many clients that the kernel spreads them evenly over the workers' sockets.
const CLIENTS: u32 = 4_096;
/// CPUs for two workers and the load generator.
const CPUS: usize = 3;

/// Answers per second and CPU time per answer.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Line>> {
    let first = bench.programs.cpu;
    let second = bench.programs.second_cpu;
    let Some(second) = second else {
        let note = "there is only one CPU".to_owned();
        return Ok(vec![Line::new("two workers", "1000/s", [None; 3]).noted([note])]);
    };
    let both = format!("{first},{second}");
    let fleet = [
        bench.start_one(Kind::Weir, Setting::PLAIN, &first.to_string())?,
        bench.start_one(Kind::Weir, Setting::PLAIN, &both)?,
    ];
    let mut rates = [const { Vec::new() }; 2];
    let mut costs = [const { Vec::new() }; 2];
    let mut notes = Vec::new();
    for _ in 0..bench.effort.rounds {
        for (index, server) in fleet.iter().enumerate() {
            let Ok(server) = server else { continue };
            let plan = popular(
                server,
                Pace::Window(2 * WINDOW),
                Enough::Time(bench.effort.sample),
            );
            let plan = Run {
                clients: Clients::Many {
                    first: 0,
                    count: CLIENTS,
                },
                ..plan
            };
            let sample = sample(server, &plan, None)?;
            rates[index].push(sample.outcome.rate() / 1000.0);
            costs[index].push(sample.cost_us);
        }
    }
    notes.extend(fleet.iter().filter_map(|server| server.as_ref().err().cloned()));
    let enough_cpus = bench.programs.cpus >= CPUS;
    if !enough_cpus {
        let why = "not judged: the load generator needs the second worker's CPU and is the limit; with enough CPUs \
                   throughput is workers divided by CPU time per answer";
        notes.push(why.to_owned());
    }
    let target = if enough_cpus {
        Target::AtLeast(1.5)
    } else {
        Target::None
    };
    let throughput = rates.map(|values| Spread::of(&values));
    let cost = costs.map(|values| Spread::of(&values));
    let mut lines = Vec::new();
    for (what, unit, [one, two], target) in [
        ("cached answers per second", "1000/s", throughput, target),
        ("CPU time per cached answer", "µs CPU", cost, Target::None),
    ] {
        lines.push(Line::new(format!("1 worker: {what}"), unit, [None, one, None]));
        let mut line = Line::new(format!("2 workers: {what}"), unit, [None, two, None]);
        line.ratios.extend(Ratio::of(two, one, "1 worker", target));
        lines.push(line.noted(std::mem::take(&mut notes)));
    }
    Ok(lines)
}
