//! The control socket of a running laboratory: a request comes in on a line, text goes out, the connection ends.
//!
//! The socket is an abstract one (unix(7)): it leaves no file, and as it can be bound only once there is one laboratory
//! at a time. Who listens there is told by the kernel, and is the way into the laboratory. Both sides talk to root only.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process;
use std::sync::{Arc, Mutex, TryLockError};
use std::thread;
use std::time::Duration;

use weir_lab::lab::Lab;
use weir_lab::wait_for;
use weir_linux::peer;
use weir_linux::privileges::Uid;

/// The socket's name.
const NAME: &str = "weir-lab";
/// How long a request may take to come.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a laboratory may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// What is asked.
const STATUS: &str = "status";
const DOWN: &str = "down";

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
    match request.trim_end() {
        STATUS => {
            let status = match lab.try_lock() {
                Ok(mut lab) => lab.status().to_string(),
                Err(TryLockError::Poisoned(_)) => "error: something in the laboratory has failed".to_owned(),
                Err(TryLockError::WouldBlock) => "error: a drill is going on".to_owned(),
            };
            stream.write_all(status.as_bytes())
        }
        // The kernel ends everything else.
        DOWN => process::exit(0),
        _ => stream.write_all(b"error: unknown request"),
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
        match answer.strip_prefix("error: ") {
            Some(why) => Err(io::Error::other(why.to_owned())),
            None => serde_json::from_str(&answer).map_err(io::Error::other),
        }
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
