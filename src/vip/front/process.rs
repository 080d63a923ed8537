//! The front end's process: not ours, named by a file, or our child.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use weir_linux::child::{self, Child, Ending, Launch};
use weir_linux::pidfd::Pidfd;
use weir_linux::poll::{Events, Interest, Poller};
use weir_wire::Timestamp;

use super::super::tokens::{Kind, token};

/// How often a file is read that names no running process.
const READ: Duration = Duration::from_millis(50);
/// The first pause before a child that ended is started again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A child that ran for so long has been well: its next pause is the first one again.
const WELL: Duration = Duration::from_secs(30);
/// How long a child may take to end when it is told to.
const ENDING_TIMEOUT: Duration = Duration::from_secs(5);

/// Whose process the front end is.
#[derive(Clone, Debug)]
pub(in crate::vip) enum Whose {
    /// Somebody's; only its address is known.
    Unknown,
    /// Its number is in this file.
    File(PathBuf),
    /// Ours: this command runs it.
    Ours(Vec<String>),
}

/// What became of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It runs.
    Started,
    /// It does not run any more.
    Ended,
}

/// The process under watch.
pub(super) struct Process {
    whose: Whose,
    running: Option<Running>,
    /// When to look for it, or start it, again.
    again: Timestamp,
    pause: Duration,
}

enum Running {
    Foreign { pid: u32, _pidfd: Pidfd },
    Ours { child: Child, since: Timestamp },
}

impl Process {
    pub(super) const fn new(whose: Whose, now: Timestamp) -> Self {
        Self {
            whose,
            running: None,
            again: now,
            pause: FIRST_PAUSE,
        }
    }

    pub(super) const fn is_ours(&self) -> bool {
        matches!(self.whose, Whose::Ours(_))
    }

    /// Its number, while it runs and is known.
    pub(super) fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| match running {
            Running::Foreign { pid, .. } => *pid,
            Running::Ours { child, .. } => child.id(),
        })
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(super) const fn next_deadline(&self) -> Option<Timestamp> {
        match (&self.whose, &self.running) {
            (Whose::Unknown, _) | (_, Some(_)) => None,
            (Whose::File(_) | Whose::Ours(_), None) => Some(self.again),
        }
    }

    /// Looks for the process, or starts it.
    pub(super) fn on_deadline(&mut self, now: Timestamp, poller: &Poller) -> Option<Change> {
        if self.next_deadline().is_none_or(|at| at > now) {
            return None;
        }
        match &self.whose {
            Whose::Unknown => None,
            Whose::File(path) => {
                self.again = now + READ;
                let pid = fs::read_to_string(path).ok()?.trim().parse().ok()?;
                let pidfd = Pidfd::open(pid).ok()?;
                // A zombie's number stands in the file until its parent takes note.
                if pidfd.has_exited().unwrap_or(true) {
                    return None;
                }
                poller
                    .add(&pidfd, token(Kind::FrontProcess, 0), Interest::Read)
                    .ok()?;
                self.running = Some(Running::Foreign { pid, _pidfd: pidfd });
                Some(Change::Started)
            }
            Whose::Ours(words) => match start(words, poller) {
                Ok(child) => {
                    tracing::info!("front end started as process {}", child.id());
                    self.running = Some(Running::Ours { child, since: now });
                    Some(Change::Started)
                }
                Err(error) => {
                    tracing::error!(
                        "front end: {}: {error}",
                        words.first().map_or("?", String::as_str)
                    );
                    self.rest(now);
                    Some(Change::Ended)
                }
            },
        }
    }

    /// It has ended.
    pub(super) fn on_exit(&mut self, now: Timestamp) -> Option<Change> {
        match self.running.take()? {
            Running::Foreign { pid, .. } => {
                tracing::warn!("front end: process {pid} has ended");
                self.again = now;
            }
            Running::Ours { mut child, since } => {
                let status = child.try_wait().ok().flatten();
                let how = match (child.refusal(), status) {
                    (Some(error), _) => error.to_string(),
                    (None, Some(status)) => status.to_string(),
                    (None, None) => "it has ended".to_owned(),
                };
                tracing::warn!("front end: process {}: {how}", child.id());
                if now.since(since) >= WELL {
                    self.pause = FIRST_PAUSE;
                }
                self.rest(now);
            }
        }
        Some(Change::Ended)
    }

    /// Ends a child of ours and waits for its end, with force when it takes too long.
    pub(super) fn stop(&mut self) {
        let Some(Running::Ours { mut child, .. }) = self.running.take() else {
            return;
        };
        if end(&mut child).is_err() {
            // It has ended, or nothing can be done about it.
            let _ = child.end(Ending::Force);
        }
    }

    fn rest(&mut self, now: Timestamp) {
        self.again = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// Asks a child to end and waits until it has.
fn end(child: &mut Child) -> io::Result<()> {
    let (poller, mut events) = (Poller::new()?, Events::new(1));
    poller.add(&*child, 0, Interest::Read)?;
    child.end(Ending::Ask)?;
    poller.wait(&mut events, Some(ENDING_TIMEOUT))?;
    child
        .try_wait()?
        .map(drop)
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}

fn start(words: &[String], poller: &Poller) -> io::Result<Child> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let launch = Launch {
        // Whoever starts us again would start a second one beside it.
        with_parent: Some(Ending::Ask),
        ..Launch::default()
    };
    let child = child::start(command, &launch)?;
    poller.add(&child, token(Kind::FrontProcess, 0), Interest::Read)?;
    Ok(child)
}
