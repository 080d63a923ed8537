//! What `weir up` leaves to the program that it becomes: its children, and what it knows of them.
//!
//! The process stays the same, so that children stay its children and systemd has nothing to follow. When a program
//! cannot read what was left, it ends the children and starts its roles again, as it does after a `weir up` that was
//! killed ([`leftovers`](super::super::leftovers)).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::process;

use serde::{Deserialize, Serialize};
use weir_linux::inherit;
use weir_linux::notify::State as Said;
use weir_wire::Timestamp;

use super::super::arguments::role;
use super::super::driver::Driver;
use super::super::process::Process;
use super::super::supervision::{State, Ward};
use super::DONE;
use crate::clock::now;
use crate::status_socket::Caller;
use crate::succession;

/// What a program leaves to the one that it becomes. Times are those of the monotonic clock, in nanoseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::up) struct Bequest {
    started: u64,
    roles: Vec<Left>,
    /// The connection of whoever waits for the upgrade, if somebody still does.
    caller: Option<RawFd>,
    /// The same, taken: before anything is started that would inherit it, too.
    #[serde(skip)]
    connection: Option<OwnedFd>,
}

/// A role as it was left.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    role: String,
    /// Its process, and since when it has been up; without one it is to start.
    up: Option<(u32, u64)>,
    is_stopped: bool,
    failures: u64,
    reason: Option<String>,
}

impl Bequest {
    /// Takes what was left in the run directory.
    ///
    /// # Errors
    /// There is nothing, or nothing that can be used.
    pub(in crate::up) fn take(run: &Path) -> io::Result<Self> {
        let mut bequest: Self = succession::take(&file(run))?;
        bequest.connection = bequest.caller.map(inherit::take).transpose()?;
        Ok(bequest)
    }
}

fn file(run: &Path) -> PathBuf {
    run.join("up.bequest")
}

impl Driver {
    /// Goes on where the program before was, and tells whoever waits for it.
    pub(in crate::up) fn inherit(&mut self, bequest: Bequest) {
        self.started = Timestamp::from_nanos(bequest.started);
        for left in bequest.roles {
            let Ok(role) = role(&left.role) else {
                tracing::error!("there is no role {}; its process is left alone", left.role);
                continue;
            };
            let adopted = left
                .up
                .map(|(pid, since)| (Process::adopt(pid, role, &self.poller), since));
            let state = match adopted {
                Some((Ok(process), since)) => {
                    self.processes.push((role, process));
                    State::Up {
                        since: Timestamp::from_nanos(since),
                    }
                }
                Some((Err(error), _)) => {
                    tracing::error!("{role}: its process cannot be taken over: {error}");
                    State::Waiting
                }
                None if left.is_stopped => State::Stopped,
                None => State::Waiting,
            };
            self.supervision.inherit(role, state, left.failures, left.reason);
        }
        let caller = bequest
            .connection
            .and_then(|fd| self.connections.adopt(fd, now(), &self.poller));
        if let Some(caller) = caller {
            let (process, version) = (process::id(), env!("CARGO_PKG_VERSION"));
            let text = format!("up: process {process} goes on as weir {version}\n{DONE}\n");
            self.connections.answer(caller, &text);
        }
        tracing::info!(
            "goes on as weir {} ({})",
            env!("CARGO_PKG_VERSION"),
            self.options.own.display()
        );
    }

    /// Becomes the program at `path`; why it does not.
    pub(super) fn become_program(&mut self, caller: Caller, path: &Path) -> io::Error {
        let error = match self.bequest(caller) {
            Err(error) => error,
            Ok(bequest) => {
                self.say(Said::Watchdog);
                succession::become_program(path, &file(&self.options.run), &bequest)
            }
        };
        if let Some(connection) = self.connections.descriptor(caller) {
            let _ = inherit::keep_no_more(connection);
        }
        error
    }

    fn bequest(&self, caller: Caller) -> io::Result<Bequest> {
        let left = |ward: &Ward| Left {
            role: ward.role.to_string(),
            up: match ward.state {
                State::Up { since } => self.pid(ward.role).map(|pid| (pid, since.as_nanos())),
                State::Waiting
                | State::Starting { .. }
                | State::Resting { .. }
                | State::Ending { .. }
                | State::Stopped => None,
            },
            is_stopped: ward.state == State::Stopped,
            failures: ward.failures,
            reason: ward.reason.clone(),
        };
        let connection = self.connections.descriptor(caller);
        connection.map_or(Ok(()), inherit::keep)?;
        Ok(Bequest {
            started: self.started.as_nanos(),
            roles: self.supervision.wards().iter().map(left).collect(),
            caller: connection.map(|fd| fd.as_raw_fd()),
            connection: None,
        })
    }
}
