//! All roles of a node, under supervision (`weir up`), and what is asked of it (`weir status`, `weir reload`,
//! `weir stop`, `weir start`, `weir upgrade`).
//!
//! ```text
//!   shares       site file ─▶ files, checked by the programs that they are for ─▶ where these read them
//!   programs     the programs that a role can be              supervision  when roles start and end: pure
//!   driver       the loop: signals, processes, answers in; what supervision wants out
//!   process      one role's process                           leftovers    those of a supervisor that was killed
//!   orders       of an operator about one role            nodes, reach  `status --site`
//!   report       what the status socket tells                 trial        `--try`
//!   upgrade      every role and this program go on as a new one
//! ```
//!
//! One thread, which waits only in the loop; a reload reads and checks in a thread of its own, so that nothing that dies
//! meanwhile has to wait. Starting order: take the lock, end what a killed predecessor left, read and check everything,
//! put the files in place, start the roles.

mod arguments;
mod driver;
mod leftovers;
mod nodes;
mod orders;
mod process;
mod programs;
mod reach;
mod report;
mod shares;
mod supervision;
mod trial;
mod upgrade;

use std::fmt::Display;
use std::fs;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use weir_config::site::{Node, RoleName};
use weir_control::journal::{Format, Journal};
use weir_linux::lock::Lock;
use weir_linux::poll::Poller;
use weir_linux::privileges;
use weir_linux::signals::Signals;

use crate::site_file;
use crate::status_socket;
use driver::Driver;
use reach::Way;
use report::Request;
use shares::{ROLES, Shares};
use upgrade::{Bequest, DONE};

pub use arguments::{Arguments, Order, Reload, Status, Upgrade};

/// How long a step of an upgrade may take: a front end starts, or finishes what is pending.
const STEP_TIMEOUT: Duration = Duration::from_secs(45);

/// What is run, and where.
#[derive(Clone, Debug)]
struct Options {
    source: Source,
    /// The configurations of the roles, and sockets.
    run: PathBuf,
    /// What servers keep.
    state: PathBuf,
    /// Who `weir front` becomes, if somebody said so.
    user: Option<String>,
    /// This program's own file.
    own: PathBuf,
    is_root: bool,
    /// This process has been another program until now, which has left its children.
    is_successor: bool,
}

/// Where the roles come from.
#[derive(Clone, Debug)]
enum Source {
    Site { file: PathBuf, node: Option<String> },
    Trial(SocketAddr),
}

impl Options {
    fn new(arguments: Arguments) -> io::Result<Self> {
        let run = match arguments.trial {
            None => arguments.run,
            Some(_) => std::env::temp_dir().join(format!("weir-try-{}", std::process::id())),
        };
        Ok(Self {
            source: match arguments.trial {
                Some(address) => Source::Trial(address),
                None => Source::Site {
                    file: arguments.file,
                    node: arguments.node,
                },
            },
            run,
            state: arguments.state,
            user: arguments.user,
            own: std::env::current_exe()?,
            is_root: privileges::is_root(),
            is_successor: arguments.successor,
        })
    }

    /// Where a role's configuration is.
    fn folder(&self, role: RoleName) -> PathBuf {
        self.run.join(role.to_string())
    }

    /// Where it is checked before.
    fn draft(&self, role: RoleName) -> PathBuf {
        self.run.join(shares::DRAFTS).join(role.to_string())
    }

    /// What a role's server keeps.
    fn state(&self, role: RoleName) -> PathBuf {
        self.state.join(role.to_string())
    }

    const fn is_trial(&self) -> bool {
        matches!(self.source, Source::Trial(_))
    }
}

/// The status socket in a run directory.
fn socket(run: &Path) -> PathBuf {
    run.join("up.sock")
}

/// Runs `weir up`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    let journal = Journal {
        format: Format::Plain,
        verbose: arguments.verbose,
    };
    let outcome = journal
        .install()
        .map_err(|error| error.to_string())
        .and_then(|()| {
            let options = Options::new(arguments).map_err(|error| error.to_string())?;
            serve(&options)
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => fail(&why),
    }
}

fn fail(why: &dyn Display) -> ExitCode {
    tracing::error!("{why}");
    ExitCode::FAILURE
}

/// Runs all roles until a signal.
fn serve(options: &Options) -> Result<(), String> {
    let signals = Signals::block().map_err(|error| error.to_string())?;
    let place = |error: io::Error| format!("{}: {error}", options.run.display());
    if options.is_trial() {
        shares::make_own(&options.run).map_err(place)?;
    } else {
        fs::create_dir_all(&options.run).map_err(place)?;
    }
    let outcome = supervise(options, signals);
    if options.is_trial() {
        let _ = fs::remove_dir_all(&options.run);
    }
    outcome
}

fn supervise(options: &Options, signals: Signals) -> Result<(), String> {
    let bequest = options.is_successor.then(|| Bequest::take(&options.run));
    let lock = options.run.join("up.lock");
    let _lock = Lock::acquire(&lock)
        .map_err(|error| format!("another weir up runs here: {}: {error}", lock.display()))?;
    let shares = Shares::prepare(options)?;
    let outcome = match bequest {
        Some(Ok(bequest)) => go_on(options, shares, bequest, signals),
        None => begin(options, shares, signals),
        Some(Err(error)) => {
            tracing::error!(
                "what the program before has left is of no use, and its roles start again: {error}"
            );
            begin(options, shares, signals)
        }
    };
    for role in ROLES {
        // Passwords are in there.
        let _ = fs::remove_dir_all(options.folder(role));
    }
    outcome.map_err(|error| error.to_string())
}

fn begin(options: &Options, shares: Shares, signals: Signals) -> io::Result<()> {
    leftovers::end(options)
        .map_err(|error| io::Error::other(format!("cannot end what a killed weir up has left: {error}")))?;
    shares.install(options)?;
    Driver::new(options.clone(), shares, signals, Poller::new()?)?.run()
}

fn go_on(options: &Options, mut shares: Shares, bequest: Bequest, signals: Signals) -> io::Result<()> {
    shares.read_installed(options);
    let mut driver = Driver::new(options.clone(), shares, signals, Poller::new()?)?;
    driver.inherit(bequest);
    driver.run()
}

/// Runs `weir status`; see [`Status`].
pub fn status(status: Status) -> ExitCode {
    if status.site {
        return match site_status(&status) {
            Ok(outcome) => outcome,
            Err(why) => site_file::fail(&why),
        };
    }
    let answer = ask(&status.run, &Request::Status);
    let answer = answer.and_then(|answer| report::with_addresses(&answer, &status.run));
    match answer {
        Ok(value) if status.json => site_file::say(&format!("{value}\n")),
        Ok(value) => site_file::say(&report::page(&value)),
        Err(why) => site_file::fail(&why),
    }
}

/// `weir status --site`.
fn site_status(status: &Status) -> Result<ExitCode, String> {
    let site = site_file::load(&status.file)?;
    let ssh = Way::parse(reach::SSH)?;
    // Whoever says how nodes are reached means all of them.
    let own = match status.via {
        None => site_file::own_node(&site, &site_file::host_name()).map(|node| node.name.clone()),
        Some(_) => None,
    };
    let ask_own = |node: &Node| {
        let is_own = own.as_ref() == Some(&node.name);
        is_own.then(|| ask(&status.run, &Request::Status))
    };
    let rows = nodes::ask(&site, status.via.as_ref().unwrap_or(&ssh), ask_own);
    let said = if status.json {
        site_file::say(&format!("{}\n", nodes::json(&site, &rows)))
    } else {
        site_file::say(&nodes::page(&site, &rows))
    };
    let is_well = nodes::are_well(&site, &rows);
    Ok(if is_well { said } else { ExitCode::FAILURE })
}

/// Runs `weir reload`; see [`Reload`].
pub fn reload(reload: Reload) -> ExitCode {
    order(&reload.run, &Request::Reload)
}

/// Runs `weir stop`; see [`Order`].
pub fn stop(stop: Order) -> ExitCode {
    order(&stop.run, &Request::Order(orders::Order::Stop, stop.role))
}

/// Runs `weir start`; see [`Order`].
pub fn start(start: Order) -> ExitCode {
    order(&start.run, &Request::Order(orders::Order::Start, start.role))
}

/// Runs `weir upgrade`; see [`Upgrade`].
pub fn upgrade(upgrade: &Upgrade) -> ExitCode {
    match follow_upgrade(upgrade) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => site_file::fail(&why),
    }
}

/// Says what is said, until everything is done.
fn follow_upgrade(upgrade: &Upgrade) -> Result<(), String> {
    let binary = match &upgrade.binary {
        Some(path) => Some(fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?),
        None => None,
    };
    if binary
        .as_ref()
        .is_some_and(|path| path.to_str().is_none_or(|path| path.contains('\n')))
    {
        return Err("the name of the new program's file has to be one line of text".to_owned());
    }
    let socket = socket(&upgrade.run);
    let answer = status_socket::follow(&socket, &Request::Upgrade(binary), STEP_TIMEOUT)
        .map_err(|error| format!("no weir up answers at {}: {error}", socket.display()))?;
    let mut lines = answer.lines();
    while let Some(line) = lines.next() {
        let line = line.map_err(|error| format!("weir up does not say how it goes on: {error}"))?;
        if line == DONE {
            return Ok(());
        }
        if let Some(why) = line.strip_prefix("error: ") {
            let rest = lines.map_while(Result::ok);
            return Err(std::iter::once(why.to_owned())
                .chain(rest)
                .collect::<Vec<_>>()
                .join("\n"));
        }
        site_file::say(&format!("{line}\n"));
    }
    Err("weir up has ended before it was done".to_owned())
}

fn order(run: &Path, request: &Request) -> ExitCode {
    match ask(run, request) {
        Ok(answer) if answer.is_empty() => site_file::fail("weir up ended before it was done"),
        Ok(answer) => match answer.strip_prefix("error: ") {
            Some(why) => site_file::fail(why.trim_end()),
            None => site_file::say(&answer),
        },
        Err(why) => site_file::fail(&why),
    }
}

fn ask(run: &Path, request: &Request) -> Result<String, String> {
    let socket = socket(run);
    status_socket::ask(&socket, request)
        .map_err(|error| format!("no weir up answers at {}: {error}", socket.display()))
}
