//! The control socket of a running laboratory: a request comes in on a line, text goes out, the connection ends.
//!
//! The socket is an abstract one (unix(7)): it leaves no file, and as it can be bound only once there is one laboratory
//! at a time. Who listens there is told by the kernel, and is the way into the laboratory. Both sides talk to root only.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::{Arc, Mutex, TryLockError};
use std::thread;
use std::time::Duration;

use weir_lab::lab::Lab;
use weir_lab::wait_for;
use weir_linux::peer;
use weir_linux::privileges::Uid;

use super::drill::{self, ERROR, Wanted};

/// The socket's name.
const NAME: &str = "weir-lab";
/// How long a request may take to come.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a laboratory may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// What is asked.
const STATUS: &str = "status";
const DOWN: &str = "down";
const DRILL: &str = "drill ";
/// What is said to whoever has to wait until it is over.
const BUSY: &str = "a drill is going on";

fn address() -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(NAME)
}

/// Takes the name, before anything is started.
///
/// # Errors
/// Another laboratory has it.
pub(super) fn listen() -> io::Result<UnixListener> {
    UnixListener::bind_addr(&address()?)
}

/// Answers, until the laboratory is told to end.
pub(super) fn serve(listener: &UnixListener, lab: Lab) -> io::Result<()> {
    let lab = Arc::new(Mutex::new(lab));
    loop {
        let (stream, _) = listener.accept()?;
        if peer::of(&stream)?.user == Uid(0) {
            let lab = Arc::clone(&lab);
            // What a peer does to its connection is its own business.
            thread::spawn(move || answer(stream, &lab));
        }
    }
}

fn answer(mut stream: UnixStream, lab: &Mutex<Lab>) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let mut request = String::new();
    BufReader::new(&stream).read_line(&mut request)?;
    let request = request.trim_end();
    if request == DOWN {
        // The kernel ends everything else.
        process::exit(0);
    }
    let mut lab = match lab.try_lock() {
        Ok(lab) => lab,
        Err(TryLockError::Poisoned(_)) => return writeln!(stream, "{ERROR}something in it has failed"),
        Err(TryLockError::WouldBlock) => return writeln!(stream, "{ERROR}{BUSY}"),
    };
    match request.strip_prefix(DRILL) {
        Some(order) => Wanted::carry_out(order, &mut lab, stream),
        None if request == STATUS => writeln!(stream, "{}", lab.status()),
        None => writeln!(stream, "{ERROR}unknown request"),
    }
}

/// The laboratory that runs on this machine.
#[derive(Debug)]
pub(super) struct Running {
    stream: UnixStream,
    /// Its process.
    pub(super) pid: u32,
}

impl Running {
    /// Looks for it.
    pub(super) fn find() -> io::Result<Option<Self>> {
        let stream = match UnixStream::connect_addr(&address()?) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(None),
            other => other?,
        };
        let peer = peer::of(&stream)?;
        match peer.pid {
            Some(pid) if peer.user == Uid(0) => Ok(Some(Self { stream, pid })),
            _ => Err(io::Error::other(format!("what listens at @{NAME} is not root's"))),
        }
    }

    /// What stands where, as JSON.
    pub(super) fn status(mut self) -> io::Result<serde_json::Value> {
        writeln!(self.stream, "{STATUS}")?;
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer)?;
        match answer.strip_prefix(ERROR) {
            Some(why) => Err(io::Error::other(why.trim_end().to_owned())),
            None => serde_json::from_str(&answer).map_err(io::Error::other),
        }
    }

    /// Lets drills happen in it, and shows them.
    pub(super) fn drill(mut self, wanted: &Wanted) -> io::Result<ExitCode> {
        writeln!(self.stream, "{DRILL}{}", wanted.order()?)?;
        drill::show(BufReader::new(self.stream))
    }

    /// Ends it, and waits until nothing of it is left.
    pub(super) fn end(mut self) -> io::Result<()> {
        // The first process inside is its parent; the kernel lets it go when all the others have gone.
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let first = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        let first = first.ok_or_else(|| io::Error::other("the laboratory has no parent"))?;
        let first = Path::new("/proc").join(first.trim());
        writeln!(self.stream, "{DOWN}")?;
        wait_for("the laboratory has ended", END_TIMEOUT, || !first.exists()).map(drop)
    }
}
