//! `weir-bench`: what a query costs, side by side with Debian's dnsdist and with a bare echo, in one run.
//!
//! Both front ends load the same file. Each server runs on the first CPU, the load generator and the backend together
//! on the last; servers take turns, in rounds, so that whatever else the machine does falls on all of them alike.
//! Everything stays on loopback. Nothing is judged by its exit status: a missed target is said in words.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command line program talks on stdout")]

mod backend;
mod bench;
mod drill;
mod histogram;
mod load;
mod machine;
mod pace;
mod packets;
mod report;
mod rows;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, io};

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use weir_lab::{Scratch, interrupt};
use weir_linux::affinity;

use crate::backend::Backend;
use crate::bench::{Bench, Effort};
use crate::machine::Priority;
use crate::report::{Line, Report};
use crate::rows::ROWS;
use crate::server::{Kind, Programs};

/// About four minutes.
const FULL: Effort = Effort {
    rounds: 7,
    sample: Duration::from_millis(500),
    step: Duration::from_millis(250),
    entries: 500_000,
    clients: 1_000_000,
};
/// Less than a minute: for whoever changes something and looks at one number.
const QUICK: Effort = Effort {
    rounds: 5,
    sample: Duration::from_millis(200),
    step: Duration::from_millis(80),
    entries: 200_000,
    clients: 200_000,
};

/// What a query costs, side by side with Debian's dnsdist and with a bare echo.
#[derive(Parser)]
#[command(name = "weir-bench", after_help = list_of_rows(), args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// Less than a minute, for a first look.
    #[arg(long)]
    quick: bool,
    /// Measure this row only; may be repeated.
    #[arg(long, value_name = "ROW", value_parser = PossibleValuesParser::new(ROWS.map(|row| row.name)))]
    only: Vec<String>,
    /// The weir executable; without it the one beside this program.
    #[arg(long, value_name = "PATH")]
    front: Option<PathBuf>,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// What is measured instead of a front end.
#[derive(Subcommand)]
enum Other {
    Drill(drill::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = interrupt::watch().and_then(|()| match &arguments.other {
        Some(Other::Drill(drill)) => drill::run(drill),
        None => run(&arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let (before, began) = (machine::ticks()?, Instant::now());
    let priority = Priority::raise();
    let mut bench = prepare(arguments, priority.is_raised)?;
    let mut conditions = conditions(&bench);
    let mut lines = Vec::new();
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    for row in ROWS.iter().filter(|row| wanted(row.name)) {
        eprintln!("measuring: {}", row.about);
        match (row.measure)(&mut bench) {
            Ok(measured) => lines.extend(measured),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => lines.push(Line::new(row.about, "–", [None; 3]).noted([error.to_string()])),
        }
    }
    let after = machine::ticks()?;
    let share = |part: u64| part as f64 * 100.0 / (after.total - before.total).max(1) as f64;
    conditions.push(format!(
        "{:.0} s; the machine was idle for {:.0} % of it, its hypervisor took {:.1} %; load average {} at the end",
        began.elapsed().as_secs_f64(),
        share(after.idle - before.idle),
        share(after.stolen - before.stolen),
        machine::load_average(),
    ));
    let report = Report { conditions, lines };
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

fn prepare(arguments: &Arguments, privileged: bool) -> io::Result<Bench> {
    let cpus = affinity::usable_cpus()?;
    let (Some(&first), Some(&last)) = (cpus.first(), cpus.last()) else {
        return Err(io::Error::other("no CPU to run on"));
    };
    affinity::pin_current_thread(last)?;
    let directory = env::current_exe()?;
    let beside = |name: &str| directory.with_file_name(name);
    let programs = Programs {
        weir: arguments.front.clone().unwrap_or_else(|| beside("weir")),
        echo: beside("examples").join("echo"),
        scratch: Scratch::create()?,
        cpu: first,
        second_cpu: cpus.get(1).copied(),
        cpus: cpus.len(),
        privileged,
    };
    Ok(Bench {
        programs,
        backend: Backend::bind()?,
        effort: if arguments.quick { QUICK } else { FULL },
        fleet: Vec::new(),
        lossless: None,
    })
}

/// What is known before anything is measured.
fn conditions(bench: &Bench) -> Vec<String> {
    let Programs {
        cpu,
        cpus,
        privileged,
        ..
    } = bench.programs;
    let priority = if privileged {
        format!(", niceness {}", machine::PRIORITY)
    } else {
        String::new()
    };
    let versions = Kind::ALL.map(|kind| server::version(kind, &bench.programs));
    vec![
        format!(
            "{}; load average {} at the start",
            machine::describe(cpus),
            machine::load_average()
        ),
        format!(
            "{}; server on CPU {cpu}, load and backend on the last CPU{priority}",
            versions.join(", ")
        ),
        format!(
            "{} rounds in turn; closed loop of {} queries, or open loop where a rate is named",
            bench.effort.rounds,
            bench::WINDOW
        ),
    ]
}

fn list_of_rows() -> String {
    let rows: Vec<_> = ROWS
        .iter()
        .map(|row| format!("  {:<10} {}", row.name, row.about))
        .collect();
    format!("Rows:\n{}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
        let parsed =
            Arguments::try_parse_from(["weir-bench", "--only", "cached", "--only", "memory", "--quick"]);
        assert_eq!(
            parsed.map(|arguments| arguments.only).unwrap_or_default(),
            ["cached", "memory"]
        );
        assert!(Arguments::try_parse_from(["weir-bench", "--only", "nothing"]).is_err());
    }
}
