//! `weir lab`: the whole site on this machine, in network namespaces that vanish with it.
//!
//! ```text
//!   up       outside: starts itself again in an enclosure, shows progress, waits
//!            inside: starts the laboratory, answers at the control socket
//!   status, exec, drill, down   find the one that runs by that socket
//! ```

mod control;
mod drill;
mod page;
mod pieces;

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use clap::{Args, Subcommand};
use weir_lab::interrupt;
use weir_lab::lab::Lab;
use weir_lab::lab::enclosure;
use weir_linux::privileges;

use crate::site_file::{fail, say};
use control::Running;
use drill::Wanted;
pub(crate) use pieces::Pieces;

/// This is not the machine for it.
const CANNOT: u8 = 2;
/// Ended by Ctrl-C or SIGTERM.
const INTERRUPTED: u8 = 130;
/// What comes from inside when the laboratory is there; anything else is progress.
const READY: &str = "ready";
/// What may be tried next.
const NEXT: &str = "
try  weir lab exec client dig @10.10.2.160 www.zaibdns.lab
     weir lab exec client dig @10.10.2.160 google.com
     weir lab exec dd1 weir status
     weir lab drill --quick
     weir lab status
     weir lab down
";

/// `weir lab`: the whole site on this machine.
#[derive(Args, Debug)]
#[command(
    after_help = "Needs Linux and root. Nothing is written outside of the laboratory's own namespaces, and nothing is left when it\n\
    ends, also by SIGKILL.\n\
    Exit codes: 0, 1 it failed, 2 not on this machine, 130 ended by Ctrl-C or SIGTERM; of `exec`, those of the command."
)]
pub struct Arguments {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Start it and wait until `weir lab down` or Ctrl-C
    Up(Up),
    /// Show hosts, roles, who holds the address
    Status(Status),
    /// Run a command, for instance bash, on a host: client, dd1, dd2, auth1, rec1, rec2, internet, with three networks admin
    Exec(Exec),
    /// Rehearse failures in it
    Drill(Wanted),
    /// End it
    Down,
}

#[derive(Args, Debug)]
struct Up {
    #[command(flatten)]
    pieces: Pieces,

    /// Return when it is ready, and leave it running
    #[arg(short, long)]
    detach: bool,

    /// This process is inside already
    #[arg(long, hide = true)]
    enclosed: bool,
}

#[derive(Args, Debug)]
struct Status {
    /// JSON, for machines
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct Exec {
    /// The host
    host: String,

    /// The command
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Runs `weir lab`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    if !privileges::is_root() {
        fail("weir lab: network namespaces need root: run this as root");
        return ExitCode::from(CANNOT);
    }
    let outcome = match arguments.order {
        Order::Up(up) if up.enclosed && enclosure::is_first() => enclosure::be_first().map(ExitCode::from),
        Order::Up(up) if up.enclosed => inside(&up),
        Order::Up(up) => outside(&up),
        Order::Status(status) => running().and_then(Running::status).map(|seen| match status.json {
            true => say(&format!("{seen}\n")),
            false => say(&page::page(&seen)),
        }),
        Order::Exec(exec) => running().and_then(|running| {
            // On success this process is that command.
            Err(enclosure::command_at(running.pid, &exec.host, &exec.command)?.exec())
        }),
        Order::Drill(wanted) => running().and_then(|running| running.drill(&wanted)),
        Order::Down => running().and_then(Running::end).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::Interrupted => ExitCode::from(INTERRUPTED),
        io::ErrorKind::Unsupported => {
            fail(&format!("weir lab: {error}"));
            ExitCode::from(CANNOT)
        }
        _ => fail(&format!("weir lab: {error}")),
    })
}

fn running() -> io::Result<Running> {
    Running::find()?
        .ok_or_else(|| io::Error::other("no laboratory runs on this machine; weir lab up starts one"))
}

/// Starts the laboratory inside, shows how far it is and then what there is.
fn outside(up: &Up) -> io::Result<ExitCode> {
    if let Some(running) = Running::find()? {
        let pid = running.pid;
        let why = format!(
            "a laboratory runs already, process {pid}: weir lab status shows it, weir lab down ends it"
        );
        return Err(io::Error::other(why));
    }
    up.pieces.plan()?;
    interrupt::watch()?;
    let arguments = env::args_os().skip(1).chain(["--enclosed".into()]);
    let mut command = enclosure::command(arguments)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    if up.detach {
        // It must not end with this terminal, nor keep anything of it open.
        command.stderr(Stdio::piped()).process_group(0);
    }
    let mut child = command.spawn()?;
    let heard = listen(&mut child);
    let complaints = child
        .stderr
        .take()
        .map(|mut errors| thread::spawn(move || io::copy(&mut errors, &mut io::stderr())));
    let code = enclosure::attend(&mut child, || heard.try_iter().any(|line| is_ready(&line)))?;
    if let Some(code) = code {
        let _ = complaints.map(JoinHandle::join);
        return Ok(ExitCode::from(code));
    }
    say(&format!("\n{}{NEXT}", page::page(&running()?.status()?)));
    if up.detach {
        enclosure::let_stay(&mut child)?;
        return Ok(ExitCode::SUCCESS);
    }
    let code = enclosure::attend(&mut child, || false)?;
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The lines that come from inside.
fn listen(child: &mut Child) -> Receiver<String> {
    let (sender, heard) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines
                .map(|line| sender.send(line))
                .take_while(Result::is_ok)
                .count()
        });
    }
    heard
}

/// Whether the line says so; any other is passed on.
fn is_ready(line: &str) -> bool {
    if line != READY {
        say(&format!("{line}\n"));
    }
    line == READY
}

/// The laboratory itself; ends with its process.
fn inside(up: &Up) -> io::Result<ExitCode> {
    enclosure::end_with_input();
    let mut output = io::stdout();
    let mut tell = move |what: &str| {
        // Whoever waits outside may have gone; then so will this.
        let _ = writeln!(output, "{what}");
    };
    let listener = control::listen()?;
    let lab = Lab::start(&up.pieces.plan()?, &mut tell)?;
    tell(READY);
    control::serve(&listener, lab)?;
    Ok(ExitCode::SUCCESS)
}
