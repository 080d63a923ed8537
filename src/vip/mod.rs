//! The floating address: VRRP in keepalived's place, and a watch on the front end (`weir vip`).
//!
//! ```text
//!   driver     the loop: sockets, timers, processes in; effects out
//!   network    links, addresses, adverts, announcements     front      the front end's process and its answers
//!   guard      withdraws what this process leaves behind     scripts    check scripts, and `notify`
//!   requests   what `weir vip status` may ask of it          trackers   what routers depend on
//!   succession an upgrade in place
//! ```
//!
//! Deciding is `weir_vrrp`'s. Everything here runs on one thread, which never waits but in the loop. Starting order:
//! read and check the file, take the lock, start the guard, take away what a dead predecessor left, join the election.

mod arguments;
mod canary;
mod driver;
mod front;
mod guard;
mod listening;
mod load;
mod network;
mod notify;
mod place;
mod programs;
mod reload;
mod report;
mod requests;
mod scripts;
mod succession;
mod tokens;
mod trackers;

use std::fmt::Display;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

use weir_config::Diagnostic;
use weir_config::dialects::keepalived::{self, Disk};
use weir_config::vip::VipSettings;
use weir_control::journal::{Format, Journal};
use weir_linux::lock::{Lock, LockError};
use weir_linux::notify::State;
use weir_linux::poll::Poller;
use weir_linux::realtime;
use weir_linux::signals::Signals;

use crate::clock;
use crate::status_socket::{self, Connections, Tokens};
use arguments::{Command, Run, Running};
use canary::Canary;
use driver::{Driver, Parts};
use front::{Front, Watch, Whose};
use guard::Guard;
use load::LoadWatch;
use network::Network;
use place::Place;
use requests::Request;
use succession::Bequest;
use tokens::{Kind, token};
use trackers::{FrontEnd, Trackers};

pub use arguments::Arguments;

/// The real-time priority unless the configuration has one: above everything ordinary, below the guard.
const REALTIME_PRIORITY: u8 = 2;
const TOKENS: Tokens = Tokens {
    listener: token(Kind::StatusListener, 0),
    first: token(Kind::StatusConnection, 0),
};

/// Runs `weir vip`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    let journal = Journal {
        format: Format::Plain,
        verbose: arguments.run.verbose,
    };
    if let Err(error) = journal.install() {
        return fail(&error);
    }
    match arguments.command {
        Some(Command::Guard { line }) => guard::main(line),
        Some(Command::Status(status)) => show(&status),
        Some(Command::Handover(running)) => order(&running, Request::Handover),
        Some(Command::Resume(running)) => order(&running, Request::Resume),
        None if arguments.run.config_test => check(&arguments.run),
        None => match serve(arguments.run) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
    }
}

fn fail(why: &dyn Display) -> ExitCode {
    tracing::error!("{why}");
    ExitCode::FAILURE
}

/// `-t`: everything but touching the network.
fn check(run: &Run) -> ExitCode {
    match load(run) {
        Ok(_) => {
            tracing::info!("Configuration '{}' OK!", run.file.display());
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

/// Reads and checks the configuration; says what is to be said about it.
fn load(run: &Run) -> io::Result<VipSettings> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().split('.').next().unwrap_or_default();
    let id = run.config_id.as_deref().unwrap_or(host);
    let (settings, findings) = match keepalived::read(&run.file, id, &Disk) {
        Ok((settings, warnings)) => (Some(settings), warnings),
        Err(findings) => (None, findings),
    };
    for finding in &findings {
        say(finding);
    }
    let settings = settings
        .ok_or_else(|| io::Error::other(format!("{} cannot be used: see above", run.file.display())))?;
    forbid_floating_question(run, &settings)?;
    Ok(settings)
}

fn say(finding: &Diagnostic) {
    match finding.severity {
        weir_config::Severity::Warning => tracing::warn!("{finding}"),
        weir_config::Severity::Error => tracing::error!("{finding}"),
    }
}

/// A node that asked the front end at the floating address would hear the other node's front end.
fn forbid_floating_question(run: &Run, settings: &VipSettings) -> io::Result<()> {
    match run.front {
        Some(front) if floating(settings).contains(&front.ip()) => Err(io::Error::other(format!(
            "--front {front} is a floating address, where the other node may answer: give an address of this node's \
             own, such as 127.0.0.1:{}",
            front.port()
        ))),
        _ => Ok(()),
    }
}

fn floating(settings: &VipSettings) -> Vec<IpAddr> {
    let addresses = settings
        .routers
        .iter()
        .flat_map(|attachment| &attachment.addresses);
    addresses.map(|floating| floating.address).collect()
}

/// Holds the address until a signal.
fn serve(run: Run) -> io::Result<()> {
    let mut settings = load(&run)?;
    let signals = Signals::block()?;
    let place = Place::of(run.run.as_deref());
    place.prepare()?;
    let _lock = lock(&place.lock)?;
    become_urgent(settings.realtime_priority);
    let poller = Poller::new()?;
    let bequest = if run.successor {
        Bequest::take(&place.bequest)
    } else {
        None
    };
    let guard = match &bequest {
        Some(bequest) => Guard::adopt(bequest.guard, &poller)?,
        None => Guard::start(&poller)?,
    };
    let mut network = Network::open(&settings, &poller)?;
    if bequest.is_none() {
        remove_leftovers(&mut network, &settings, &poller)?;
    }
    let connections = Connections::listen(&place.socket, TOKENS, &poller)?;
    let mut front = front(&run, &settings)?;
    let watched = if front.is_some() {
        FrontEnd::Watched
    } else {
        FrontEnd::NotWatched
    };
    let mut trackers = Trackers::new(&mut settings, watched);
    if let Some(bequest) = &bequest {
        bequest.recall(&mut settings, &mut trackers, front.as_mut());
    }
    let socket = place.socket.clone();
    let mut driver = Driver::new(Parts {
        settings,
        trackers,
        network,
        guard,
        front,
        load: LoadWatch::new(&run),
        run,
        connections,
        place,
        poller,
        signals,
    })?;
    match bequest {
        Some(bequest) => driver.inherit(bequest)?,
        None => driver.look_at_links()?,
    }
    tell_supervisor(State::Ready);
    let outcome = driver.run();
    tell_supervisor(State::Stopping);
    // It is in nobody's way when it stays: the next one removes it.
    let _ = fs::remove_file(&socket);
    outcome
}

/// Takes away what nobody holds.
fn remove_leftovers(network: &mut Network, settings: &VipSettings, poller: &Poller) -> io::Result<()> {
    for address in network.remove_leftovers(settings, poller)? {
        tracing::warn!("{address} was left behind by a dead predecessor, and is removed");
    }
    Ok(())
}

fn lock(path: &Path) -> io::Result<Lock> {
    Lock::acquire(path).map_err(|error| {
        let what = match error {
            LockError::Held(_) => "another weir vip runs here; two would fight over the address",
            LockError::File(_) => "cannot take the lock",
        };
        io::Error::other(format!("{what}: {}: {error}", path.display()))
    })
}

/// A loop that is late looks dead to the other node. Where the system does not allow more, it runs as it is.
fn become_urgent(priority: Option<u8>) {
    let priority = priority.unwrap_or(REALTIME_PRIORITY);
    if priority > 0
        && let Err(error) = realtime::run_first(priority)
    {
        tracing::warn!("cannot run before other programs (SCHED_FIFO): {error}; CAP_SYS_NICE allows it");
    }
    if let Err(error) = realtime::lock_memory() {
        tracing::warn!("cannot keep memory from being paged out: {error}; CAP_IPC_LOCK allows it");
    }
}

/// What is watched as the command line says, if it says anything.
fn front(run: &Run, settings: &VipSettings) -> io::Result<Option<Front>> {
    let whose = match (&run.pidfile, run.child.is_empty()) {
        (Some(path), _) => Whose::File(path.clone()),
        (None, false) => Whose::Ours(run.child.clone()),
        (None, true) if run.front.is_none() => return Ok(None),
        (None, true) => Whose::Unknown,
    };
    let watch = Watch {
        whose,
        address: run.front,
        floating: floating(settings),
        zone: run.backend_name.clone(),
    };
    let front = Front::new(watch, Canary::start()?, clock::now());
    front
        .map(Some)
        .map_err(|error| io::Error::other(format!("--backend-name {}: {error}", run.backend_name)))
}

/// Says to systemd how we are; that it does not listen is no reason not to run.
fn tell_supervisor(state: State) {
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET") {
        let _ = weir_linux::notify::notify(&path, state);
    }
}

/// `weir vip status`.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn show(status: &arguments::Status) -> ExitCode {
    let request = if status.metrics {
        Request::Metrics
    } else {
        Request::Status
    };
    let answer = match ask(&status.running, request) {
        Ok(answer) => answer,
        Err(error) => return fail(&error),
    };
    if status.metrics || status.json {
        println!("{}", answer.trim_end());
        return ExitCode::SUCCESS;
    }
    match serde_json::from_str(&answer) {
        Ok(value) => print!("{}", report::page(&value)),
        Err(_) => print!("{answer}"),
    }
    ExitCode::SUCCESS
}

/// What the `weir vip` whose directory this is says of itself, as JSON.
///
/// # Errors
/// None answers there.
pub(crate) fn status(run: &Path) -> io::Result<String> {
    status_socket::ask(&Place::of(Some(run)).socket, &Request::Status)
}

/// Has the `weir vip` whose directory this is become the program at `path`, and go on where it was.
///
/// # Errors
/// None answers there.
pub(crate) fn become_program(run: &Path, path: &Path) -> io::Result<String> {
    status_socket::ask(&Place::of(Some(run)).socket, &Request::Become(path.to_owned()))
}

/// `weir vip handover` and `weir vip resume`.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn order(running: &Running, request: Request) -> ExitCode {
    match ask(running, request) {
        Err(error) => fail(&error),
        Ok(answer) if answer.starts_with("error") => fail(&answer.trim_end()),
        Ok(answer) => {
            print!("{answer}");
            ExitCode::SUCCESS
        }
    }
}

fn ask(running: &Running, request: Request) -> io::Result<String> {
    let place = Place::of(running.run.as_deref());
    status_socket::ask(&place.socket, &request).map_err(|error| {
        io::Error::other(format!(
            "no weir vip answers at {}: {error}",
            place.socket.display()
        ))
    })
}
