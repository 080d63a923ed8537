//! What all rows share: how much effort to spend, the servers that stand by, and one sample of one server.

use std::io;
use std::time::Duration;

use crate::backend::Backend;
use crate::load::{self, Clients, Enough, Outcome, Run};
use crate::pace::Pace;
use crate::packets::Zone;
use crate::report::Spread;
use crate::server::{self, Kind, Programs, Server, Setting};

/// Different names among cached answers. Entry and key of each are some hundred bytes: more than a first-level cache
/// holds, less than a last-level one, as with the popular names of an ISP.
pub(crate) const POPULAR_NAMES: u32 = 10_000;
/// Outstanding queries in a closed loop: four batches, so that the server never waits.
pub(crate) const WINDOW: u64 = 256;
/// How often to fill a cache before it is used: dnsdist leaves an answer out when another thread holds the shard.
const FILLS: usize = 10;

/// How much effort to spend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds in which each server gets its turn.
    pub(crate) rounds: usize,
    /// How long a sample takes.
    pub(crate) sample: Duration,
    /// How long a step of a search takes.
    pub(crate) step: Duration,
    /// Answers to fill a cache with.
    pub(crate) entries: u32,
    /// Different clients for the limiter.
    pub(crate) clients: u32,
}

/// The servers of one configuration; in place of one that did not start, why.
pub(crate) type Fleet = Vec<Result<Server, String>>;

/// The state of a whole run.
pub(crate) struct Bench {
    /// Where the programs are.
    pub(crate) programs: Programs,
    /// What answers forwarded queries.
    pub(crate) backend: Backend,
    /// How much to spend.
    pub(crate) effort: Effort,
    /// Servers that several rows use, in the order of [`Kind::ALL`], their caches warm.
    pub(crate) fleet: Fleet,
    /// Queries per second without loss, once that is known: the latency row is at half of it.
    pub(crate) lossless: Option<[Option<Spread>; 3]>,
}

/// One turn of one server.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// CPU time of the server per reply, in microseconds.
    pub(crate) cost_us: f64,
    /// What the load generator saw.
    pub(crate) outcome: Outcome,
}

impl Bench {
    /// Starts the servers that several rows use, unless they run already.
    pub(crate) fn stand_by(&mut self) -> io::Result<()> {
        if self.fleet.is_empty() {
            self.fleet = self.start(&Kind::ALL, Setting::PLAIN)?;
        }
        Ok(())
    }

    /// Starts these servers and fills their caches with the popular names.
    pub(crate) fn start(&mut self, kinds: &[Kind], setting: Setting) -> io::Result<Fleet> {
        let cpus = self.programs.cpu.to_string();
        kinds
            .iter()
            .map(|&kind| self.start_one(kind, setting, &cpus))
            .collect()
    }

    /// Starts one server on `cpus` and fills its cache with the popular names.
    pub(crate) fn start_one(
        &mut self,
        kind: Kind,
        setting: Setting,
        cpus: &str,
    ) -> io::Result<Result<Server, String>> {
        let server = match self.launch_on(kind, setting, cpus)? {
            Ok(server) => server,
            failure => return Ok(failure),
        };
        if kind == Kind::Echo {
            return Ok(Ok(server));
        }
        let mut hits = 0.0;
        for _ in 0..FILLS {
            fill(&server, POPULAR_NAMES, &mut self.backend)?;
            hits = cached_share(&server, POPULAR_NAMES, &mut self.backend)?;
            if hits == 1.0 {
                return Ok(Ok(server));
            }
        }
        let name = kind.name();
        Ok(Err(format!(
            "{name}: only {:.2} % of {POPULAR_NAMES} names stay in its cache",
            hits * 100.0
        )))
    }

    /// Starts one server on the CPU for servers, with an empty cache.
    pub(crate) fn launch(&mut self, kind: Kind, setting: Setting) -> io::Result<Result<Server, String>> {
        self.launch_on(kind, setting, &self.programs.cpu.to_string())
    }

    fn launch_on(&mut self, kind: Kind, setting: Setting, cpus: &str) -> io::Result<Result<Server, String>> {
        if let Err(missing) = server::availability(kind, &self.programs) {
            return Ok(Err(missing));
        }
        match Server::start(kind, setting, cpus, &self.programs, &mut self.backend) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            started => Ok(started.map_err(|error| format!("{}: {error}", kind.name()))),
        }
    }
}

/// The notes for servers that did not start.
pub(crate) fn failures(fleet: &Fleet) -> Vec<String> {
    fleet
        .iter()
        .filter_map(|server| server.as_ref().err().cloned())
        .collect()
}

/// Queries for the popular names from one client.
pub(crate) fn popular(server: &Server, pace: Pace, enough: Enough) -> Run {
    Run {
        server: server.address,
        zone: Zone::Cached,
        first: 0,
        names: POPULAR_NAMES,
        pace,
        enough,
        clients: Clients::One,
    }
}

/// One turn: the CPU time that the server spends on a run, and what came of it.
///
/// # Errors
/// Also when the replies of a front end are not all answers: then it measured something else.
pub(crate) fn sample(server: &Server, plan: &Run, backend: Option<&mut Backend>) -> io::Result<Sample> {
    let before = server.cpu_time()?;
    let outcome = load::run(plan, backend)?;
    let spent = server.cpu_time()?.saturating_sub(before);
    let name = server.kind.name();
    if server.kind != Kind::Echo && outcome.answers < outcome.replies {
        let wrong = outcome.replies - outcome.answers;
        return Err(io::Error::other(format!(
            "{name}: {wrong} of {} replies are no answers",
            outcome.replies
        )));
    }
    if outcome.replies == 0 {
        return Err(io::Error::other(format!(
            "{name}: no reply to {} queries",
            outcome.sent
        )));
    }
    Ok(Sample {
        cost_us: spent.as_secs_f64() * 1e6 / outcome.replies as f64,
        outcome,
    })
}

/// Asks once for each of so many names, answered by the backend.
pub(crate) fn fill(server: &Server, names: u32, backend: &mut Backend) -> io::Result<()> {
    let enough = Enough::Queries(u64::from(names));
    load::run(
        &Run {
            names,
            ..popular(server, Pace::Window(WINDOW), enough)
        },
        Some(backend),
    )
    .map(drop)
}

/// The share of so many names that is answered while the backend is silent.
pub(crate) fn cached_share(server: &Server, names: u32, backend: &mut Backend) -> io::Result<f64> {
    let enough = Enough::Queries(u64::from(names));
    let outcome = load::run(
        &Run {
            names,
            ..popular(server, Pace::Window(WINDOW), enough)
        },
        None,
    )?;
    backend.forget()?;
    Ok(outcome.answers as f64 / f64::from(names))
}
