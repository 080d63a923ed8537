//! `weir-bench drill`: what clients notice when a node, a program or a cable of a pair of front ends fails.
//!
//! Four pairs stand side by side in namespaces of their own and go through the same scenarios at the same time, each
//! fault at a random moment of the pair's timers. One query every 5 ms through the floating address is the measure.
//! Hardly anything runs meanwhile, so that pairs do not disturb each other; only the last drill, in which nothing
//! must happen, loads the machine.

mod scenario;
mod table;
mod target;
mod team;

use std::env;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use clap::builder::PossibleValuesParser;
use rustix::process::geteuid;
use weir_lab::pair::{Drill, Measured, Pair, Settings};
use weir_lab::{burn, interrupt, remove_leftovers};
use weir_linux::affinity;

use self::scenario::{Random, SCENARIOS, Scenario};
use self::table::{Cell, Sheet};
use self::team::{TEAMS, Team};
use crate::machine;

/// How long a pair may take until its first node serves: a start, or a return of which something is left to do.
const SETTLE: Duration = Duration::from_secs(30);
/// A fault comes this long after the pair came to rest, or less: as long as the longest of its timers, the check.
const PHASE: Duration = Duration::from_secs(2);
/// What `--only` calls the drill in which nothing must happen.
const SPURIOUS: &str = "spurious";
/// And what its line says.
const NOTHING: &str = "nothing, at full CPU load";

/// What clients notice when something fails, side by side with keepalived and dnsdist; needs root.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Two runs of each scenario and half a minute of load, for a first look.
    #[arg(long)]
    quick: bool,
    /// Runs of each scenario (default: 5).
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// For how many seconds nothing must happen at full load (default: 600).
    #[arg(long, value_name = "SECONDS")]
    spurious: Option<u64>,
    /// Only this scenario; may be repeated.
    #[arg(long, value_name = "SCENARIO", value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,
    /// Only this pair; may be repeated.
    #[arg(long, value_name = "PAIR", value_parser = PossibleValuesParser::new(TEAMS.map(|team| team.name)))]
    pair: Vec<String>,
    /// The address that floats is one of IPv6: the pairs of version 3 only.
    #[arg(long)]
    ipv6: bool,
    /// The weir executable; without it the one beside this program.
    #[arg(long, value_name = "PATH")]
    weir: Option<PathBuf>,
    /// Repeats the random moments of an earlier run.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn names() -> Vec<&'static str> {
    SCENARIOS
        .iter()
        .map(|scenario| scenario.name)
        .chain([SPURIOUS])
        .collect()
}

impl Arguments {
    fn runs(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 2 } else { 5 })
    }

    fn spurious(&self) -> Duration {
        Duration::from_secs(self.spurious.unwrap_or(if self.quick { 30 } else { 600 }))
    }

    /// What a pair's nodes read, if it takes part.
    fn settings(&self, team: &Team) -> Option<Settings> {
        let wanted = self.pair.is_empty() || self.pair.iter().any(|name| name == team.name);
        match (wanted, self.ipv6) {
            (false, _) => None,
            (true, false) => Some(team.settings),
            (true, true) => team.over_ipv6(),
        }
    }

    fn wants(&self, scenario: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == scenario)
    }

    /// How long it takes when every pair recovers as it should.
    fn estimate(&self) -> Duration {
        let scenarios = SCENARIOS.iter().filter(|scenario| self.wants(scenario.name));
        // The slowest pair is one of version 2.
        let once: Duration = scenarios.map(|scenario| scenario.duration() + PHASE / 2).sum();
        let load = if self.wants(SPURIOUS) {
            self.spurious()
        } else {
            Duration::ZERO
        };
        once * self.runs() as u32 + load + Duration::from_secs(10)
    }
}

/// Runs all of it and prints what came of it.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    if !geteuid().is_root() {
        return Err(io::Error::other("network namespaces need root: run this as root"));
    }
    remove_leftovers()?;
    let weir = match &arguments.weir {
        Some(path) => path.canonicalize()?,
        None => env::current_exe()?.with_file_name("weir"),
    };
    let seed = arguments.seed.unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
    });
    let mut sheet = Sheet::new(vec![
        format!(
            "{}; load average {} at the start",
            machine::describe(affinity::usable_cpus()?.len()),
            machine::load_average()
        ),
        format!(
            "seed {seed}, {} runs, IPv{}; one query per 5 ms, lost after 1 s; a fault within {PHASE:?} of rest",
            arguments.runs(),
            if arguments.ipv6 { 6 } else { 4 }
        ),
    ]);
    eprintln!(
        "this takes about {:.0} minutes; seed {seed}",
        (arguments.estimate().as_secs_f64() / 60.0).ceil()
    );
    let taking_part = |team| Some((team, arguments.settings(team)?));
    let mut stands = Vec::new();
    for (number, (team, settings)) in TEAMS.iter().filter_map(taking_part).enumerate() {
        match team.start(&weir, settings) {
            Ok(pair) => stands.push(Stand {
                team,
                settings,
                weir: weir.clone(),
                random: Random::new(seed + number as u64),
                drill: Drill::start(pair)?,
            }),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => sheet.note(format!("{}: {error}", team.name)),
        }
    }
    for cells in side_by_side(&mut stands, |stand| stand.all(arguments))? {
        sheet.cells.extend(cells);
    }
    if arguments.wants(SPURIOUS) {
        let _burning = burn();
        eprintln!("full load for {:?}: nothing must happen", arguments.spurious());
        sheet.cells.extend(side_by_side(&mut stands, |stand| {
            stand.spurious(arguments.spurious())
        })?);
    }
    drop(stands);
    print!(
        "{}",
        if arguments.json {
            sheet.json()
        } else {
            sheet.table()
        }
    );
    Ok(())
}

/// One pair, and what its runs need.
struct Stand {
    team: &'static Team,
    settings: Settings,
    weir: PathBuf,
    random: Random,
    drill: Drill,
}

/// Lets all pairs do the same at the same time.
fn side_by_side<T: Send>(
    stands: &mut [Stand],
    work: impl Fn(&mut Stand) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = stands
            .iter_mut()
            .map(|stand| scope.spawn(|| work(stand)))
            .collect();
        let joined = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    })
}

impl Stand {
    /// Every scenario, as often as asked.
    fn all(&mut self, arguments: &Arguments) -> io::Result<Vec<Cell>> {
        let mut cells = Vec::new();
        for scenario in SCENARIOS.iter().filter(|scenario| arguments.wants(scenario.name)) {
            if scenario.is_only_for_weir && !self.team.is_weir {
                continue;
            }
            let mut measured = scenario
                .steps
                .each_ref()
                .map(|step| Cell::new(scenario.name, step.about, self.team));
            for run in 1..=arguments.runs() {
                for (cell, seen) in measured.iter_mut().zip(self.once(scenario)?) {
                    eprintln!(
                        "{} {run}/{}: {}: {}",
                        self.team.name,
                        arguments.runs(),
                        cell.about,
                        table::brief(&seen)
                    );
                    cell.measured.push(seen);
                }
            }
            cells.extend(measured);
        }
        Ok(cells)
    }

    /// One run of a scenario, from rest to rest.
    fn once(&mut self, scenario: &Scenario) -> io::Result<[Measured; 2]> {
        self.rest()?;
        interrupt::sleep(self.random.up_to(PHASE))?;
        let [strike, mend] = &scenario.steps;
        let (protocol, random) = (self.settings.protocol, &mut self.random);
        let struck = self
            .drill
            .measure(strike.span.window(protocol), |pair| (strike.act)(pair, random))?;
        let mended = self
            .drill
            .measure(mend.span.window(protocol), |pair| (mend.act)(pair, random))?;
        Ok([struck, mended])
    }

    /// Waits until the pair is as it was at the start; one that does not get there is replaced.
    fn rest(&mut self) -> io::Result<()> {
        match self.drill.settle(0, SETTLE) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                eprintln!("{}: {error}; starting another pair", self.team.name);
                self.drill = Drill::start(self.team.start(&self.weir, self.settings)?)?;
                self.drill.settle(0, SETTLE).map(drop)
            }
            settled => settled.map(drop),
        }
    }

    /// Nothing is done to the pair.
    fn spurious(&mut self, window: Duration) -> io::Result<Cell> {
        self.rest()?;
        let mut cell = Cell::new(SPURIOUS, NOTHING, self.team);
        let seen = self.drill.measure(window, |_: &mut Pair| Ok(()))?;
        eprintln!("{}: {}: {}", self.team.name, cell.about, table::brief(&seen));
        cell.measured.push(seen);
        Ok(cell)
    }
}
