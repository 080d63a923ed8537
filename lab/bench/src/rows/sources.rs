//! `MaxQPSIPRule` with a million clients, and then another million: what a query costs more, and what memory does.

use std::io;

use crate::bench::{Bench, Fleet, WINDOW, failures, popular, sample};
use crate::load::{Clients, Enough, Run};
use crate::pace::Pace;
use crate::report::{Line, Ratio, Spread, Target};
use crate::server::{Kind, Setting};

/// Growth by more than this is not flat: allocators and page counts are not exact.
const FLAT: f64 = 1.05;

/// Cost and memory.
pub(crate) fn measure(bench: &mut Bench) -> io::Result<Vec<Line>> {
    let limited = bench.start(&Kind::FRONTS, Setting::LIMITED)?;
    let free = bench.start(&Kind::FRONTS, Setting::PLAIN)?;
    let mut costs = [const { Vec::new() }; 2];
    let mut memory = vec![resident(&limited)?];
    for million in 0..2 {
        rounds(bench, million, &limited, &free, &mut costs)?;
        memory.push(resident(&limited)?);
    }
    let notes: Vec<_> = failures(&limited).into_iter().chain(failures(&free)).collect();
    let clients = bench.effort.clients;
    let [dnsdist, weir] = costs.map(|values| Spread::of(&values));
    let mut cost = Line::new(
        format!("cost with MaxQPSIPRule, {clients} clients"),
        "× without",
        [dnsdist, weir, None],
    );
    cost.ratios.extend(weir.map(|weir| Ratio {
        to: "no limiter",
        value: weir.median,
        target: Target::AtMost(1.1),
    }));
    let mut lines = vec![cost.noted(notes)];
    let names = [("its first", "start"), ("the next", "the first")];
    for (index, (which, since)) in names.into_iter().enumerate() {
        let [before, after] = [&memory[index], &memory[index + 1]];
        let growth = |kind: Kind| {
            let (before, after) = (before[kind as usize]?, after[kind as usize]?);
            Spread::of(&[after as f64 / before.max(1) as f64])
        };
        let [dnsdist, weir] = Kind::FRONTS.map(growth);
        let mut line = Line::new(
            format!("memory after {which} {clients} clients"),
            "× before",
            [dnsdist, weir, None],
        );
        line.ratios.extend(weir.map(|weir| Ratio {
            to: since,
            value: weir.median,
            target: Target::AtMost(FLAT),
        }));
        let megabytes = |bytes: &[Option<u64>; 2]| bytes.map(|bytes| bytes.unwrap_or_default() >> 20);
        let ([d0, w0], [d1, w1]) = (megabytes(before), megabytes(after));
        lines.push(line.noted([format!("dnsdist {d0} → {d1} MB, weir {w0} → {w1} MB")]));
    }
    Ok(lines)
}

/// All rounds of one million: each round has clients of its own, each server gets the same.
fn rounds(
    bench: &mut Bench,
    million: u32,
    limited: &Fleet,
    free: &Fleet,
    costs: &mut [Vec<f64>; 2],
) -> io::Result<()> {
    let rounds = bench.effort.rounds as u32;
    let count = bench.effort.clients / rounds;
    for round in 0..rounds {
        let clients = Clients::Many {
            first: (million * rounds + round) * count,
            count,
        };
        for (pair, costs) in limited.iter().zip(free).zip(&mut *costs) {
            let (Ok(limited), Ok(free)) = pair else { continue };
            let [with, without] = [limited, free].map(|server| {
                let enough = Enough::Queries(u64::from(count));
                let plan = Run {
                    clients,
                    ..popular(server, Pace::Window(WINDOW), enough)
                };
                sample(server, &plan, None).map(|sample| sample.cost_us)
            });
            costs.push(with? / without?);
        }
    }
    Ok(())
}

fn resident(fleet: &Fleet) -> io::Result<[Option<u64>; 2]> {
    let mut bytes = [None; 2];
    for (server, bytes) in fleet.iter().zip(&mut bytes) {
        if let Ok(server) = server {
            *bytes = Some(server.resident_bytes()?);
        }
    }
    Ok(bytes)
}
