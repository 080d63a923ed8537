//! The front end: every subscriber's queries, policy, cache and pools (`weir front`, in dnsdist's place).
//!
//! ```text
//!   main thread   signals, console, web server; owns the configuration's Lua machine; publishes snapshots
//!   worker × n    sockets, pending queries, connections (`worker`); decides by `journey`
//!   prober        health checks (`health`)
//! ```
//!
//! Threads share a `site::Site` and nothing else: the snapshot in force, counters, and doors where the main
//! thread leaves listening sockets. Starting order: read and check the file, open sockets and log files, become an
//! ordinary user, start threads, say READY.

mod arguments;
mod configuration;
mod console;
mod health;
mod journey;
mod listeners;
mod operator;
mod query_log;
mod site;
mod slab;
mod tcp;
mod worker;

use std::fmt::Display;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use weir_config::dialects::dnsdist::Overrides;
use weir_config::{Diagnostic, Seeds, Snapshot};
use weir_control::counters::{Counters, WorkerCounters};
use weir_control::journal::{Format, Journal};
use weir_linux::{affinity, privileges, signals};

pub use arguments::Arguments;

use crate::clock;
use configuration::{Configuration, Rejected, Secrets, Source};
use journey::Desk;
use listeners::Listeners;
use operator::Operator;
use site::Site;
use worker::Worker;

/// Threads at most: beyond it somebody has mistyped.
const MAX_WORKERS: usize = 1024;

/// Runs `weir front`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    if arguments.version {
        return print_version();
    }
    let format = match (arguments.structured_logging, arguments.log_timestamps) {
        (true, _) => Format::Structured,
        (false, true) => Format::PlainWithTime,
        (false, false) => Format::Plain,
    };
    if let Err(error) = (Journal {
        format,
        verbose: arguments.verbose,
    })
    .install()
    {
        return fail(&error);
    }
    if arguments.client.is_some() || arguments.execute.is_some() {
        return console::run(&arguments);
    }
    if arguments.check_config {
        return check(&arguments);
    }
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(why: &dyn Display) -> ExitCode {
    tracing::error!("{why}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "this is what the flag is for")]
fn print_version() -> ExitCode {
    println!(
        "weir {} (front end; reads dnsdist configurations, LuaJIT)",
        env!("CARGO_PKG_VERSION")
    );
    println!("Enabled features: recvmmsg/sendmmsg lua(luajit) prometheus");
    ExitCode::SUCCESS
}

/// `--check-config`: everything but opening sockets and files.
fn check(arguments: &Arguments) -> ExitCode {
    let source = source(arguments);
    let file = source.file.display().to_string();
    let checked = secrets().map_err(|error| error.to_string());
    let checked =
        checked.and_then(|secrets| Configuration::load(source, secrets, 1).map_err(|e| e.to_string()));
    match checked {
        Ok((_, _, warnings)) => {
            warn(&warnings);
            if arguments.structured_logging {
                tracing::info!(target: "setup", "Configuration OK");
            } else {
                tracing::info!("Configuration '{file}' OK!");
            }
            ExitCode::SUCCESS
        }
        Err(why) => fail(&why),
    }
}

fn source(arguments: &Arguments) -> Source {
    Source {
        file: arguments.config.clone(),
        overrides: Overrides {
            local: arguments.local.clone(),
            acl: arguments.acl.clone(),
            servers: arguments.servers.clone(),
            key: arguments.setkey.clone(),
            verbose: arguments.verbose,
        },
    }
}

fn secrets() -> io::Result<Secrets> {
    let perturbation = clock::Random::from_kernel()?.next_u64() as u32;
    Ok(Secrets {
        seeds: Seeds {
            cache: clock::seed()?,
            perturbation,
        },
        rules: clock::seed()?,
    })
}

fn warn(warnings: &[Diagnostic]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// Starts everything and stays until a signal or the console ends it.
fn serve(arguments: &Arguments) -> Result<(), Failure> {
    let signals = signals::Signals::block()?;
    let cpus = affinity::usable_cpus()?.len().clamp(1, MAX_WORKERS);
    let (configuration, snapshot, warnings) = Configuration::load(source(arguments), secrets()?, cpus)?;
    warn(&warnings);
    let workers = configuration.workers();
    let (site, desks) = furnish(snapshot, workers)?;
    let mut listeners = Listeners::default();
    let snapshot = site.snapshot.load_full();
    site.log_files.open_all(&snapshot.log_targets)?;
    listeners
        .follow(&snapshot.listen, &site, workers)
        .map_err(|error| Failure(error.to_string()))?;
    let operator = Operator::new(configuration, listeners, Arc::clone(&site));
    if arguments.successor {
        operator.open_doors_later();
    } else {
        operator.open_doors().map_err(Failure)?;
    }
    let _ = privileges::raise_open_files();
    become_ordinary(arguments)?;
    let threads = start(&site, desks)?;
    let outcome = operator.run(&signals);
    site.stop();
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("A thread has died of a bug; see standard error");
        }
    }
    site.say(weir_linux::notify::State::Stopping);
    outcome.map_err(Failure::from)
}

/// The site, and a desk with its own counters for each worker.
fn furnish(snapshot: Snapshot, workers: usize) -> Result<(Arc<Site>, Vec<Arc<WorkerCounters>>), Failure> {
    let mut counters = Counters::default();
    let desks = (0..workers).map(|_| counters.register()).collect();
    let own = counters.register();
    Ok((Arc::new(Site::new(snapshot, counters, own, workers)?), desks))
}

/// `-u` and `-g`: gives up root, but not the right to open ports that a reload adds.
fn become_ordinary(arguments: &Arguments) -> Result<(), Failure> {
    let user = arguments.uid.as_deref().map(privileges::resolve_user).transpose();
    let user = user.map_err(|error| {
        Failure(format!(
            "-u {}: {error}",
            arguments.uid.as_deref().unwrap_or_default()
        ))
    })?;
    let group = arguments
        .gid
        .as_deref()
        .map(privileges::resolve_group)
        .transpose();
    let group = group.map_err(|error| {
        Failure(format!(
            "-g {}: {error}",
            arguments.gid.as_deref().unwrap_or_default()
        ))
    })?;
    if user.is_some() || group.is_some() {
        let keep = [
            privileges::Capability::NetBindService,
            privileges::Capability::NetRaw,
        ];
        privileges::drop_to(user, group, &keep)?;
    }
    Ok(())
}

/// Starts workers and prober.
fn start(site: &Arc<Site>, desks: Vec<Arc<WorkerCounters>>) -> io::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::with_capacity(desks.len() + 1);
    for (number, counters) in desks.into_iter().enumerate() {
        let site = Arc::clone(site);
        let run = move || {
            let desk = Desk::new(number, counters);
            let worker = Worker::new(Arc::clone(&site), desk);
            let outcome =
                worker.and_then(|worker| site.waker(number).map_or(Ok(()), |waker| worker.run(waker)));
            if let Err(error) = outcome {
                tracing::error!("Worker {number} has ended: {error}");
                // Its sockets would be read by nobody; whoever supervises us starts a whole program again.
                std::process::exit(1);
            }
        };
        threads.push(
            thread::Builder::new()
                .name(format!("worker/{number}"))
                .spawn(run)?,
        );
    }
    let site = Arc::clone(site);
    let probe = move || {
        if let Err(error) = health::run(Arc::clone(&site), site.prober()) {
            tracing::error!("Health checks have ended: {error}");
        }
    };
    threads.push(thread::Builder::new().name("prober".into()).spawn(probe)?);
    Ok(threads)
}

/// Why the front end does not run.
#[derive(Debug)]
struct Failure(String);

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self(rejected.to_string())
    }
}
