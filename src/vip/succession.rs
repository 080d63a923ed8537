//! An upgrade in place: this process becomes another program, which goes on where it was.
//!
//! ```text
//!   old program ── bequest (a file), the line to the guard, the caller's connection ──▶ new program, same process
//!                                       guard of the old one: watches meanwhile, until the new one has its own
//! ```
//!
//! Addresses stay on their interfaces, and the next advert comes when it would have come anyhow: neither the other node
//! nor a client notices. When the new program does not come up, the guard sees its line end and withdraws the addresses,
//! as it does when `weir vip` dies.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_config::vip::VipSettings;
use weir_linux::inherit;
use weir_vrrp::{Condition, Legacy, RouterState};

use super::driver::Driver;
use super::front::Front;
use super::trackers::Trackers;
use crate::clock;
use crate::status_socket::Caller;
use crate::succession;

/// What a program leaves to the one that it becomes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bequest {
    /// Routers that are more than at a start, by name.
    routers: Vec<(String, State)>,
    /// What is known of trackers, by name.
    trackers: Vec<(String, Known)>,
    /// The line to the guard.
    pub(super) guard: RawFd,
    /// The connection of whoever waits for it.
    caller: RawFd,
    /// The same, taken: before anything is started that would inherit it, too.
    #[serde(skip)]
    connection: Option<OwnedFd>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum State {
    Master,
    HeldBack,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Known {
    Unknown,
    Holds,
    Fails,
    Number(i32),
}

impl Bequest {
    /// Takes what was left at `path`; `None`, and a word about it, when it is of no use.
    pub(super) fn take(path: &Path) -> Option<Self> {
        let taken = succession::take(path).and_then(|mut bequest: Self| {
            bequest.connection = Some(inherit::take(bequest.caller)?);
            Ok(bequest)
        });
        taken
            .inspect_err(|error| tracing::error!("{}: {error}; starts afresh", path.display()))
            .ok()
    }

    /// What is known of a tracker.
    pub(super) fn tracker(&self, name: &str) -> Option<Condition> {
        let mut trackers = self.trackers.iter();
        let (_, known) = trackers.find(|(other, _)| other == name)?;
        Some(match known {
            Known::Unknown => Condition::Unknown,
            Known::Holds => Condition::Holds,
            Known::Fails => Condition::Fails,
            Known::Number(number) => Condition::Number(*number),
        })
    }

    /// What a router takes over.
    pub(super) fn router(&self, name: &str) -> Option<Legacy> {
        let mut routers = self.routers.iter();
        let (_, state) = routers.find(|(other, _)| other == name)?;
        Some(match state {
            State::Master => Legacy::Master,
            State::HeldBack => Legacy::HeldBack,
        })
    }

    /// Knows what the program before knew.
    pub(super) fn recall(
        &self,
        settings: &mut VipSettings,
        trackers: &mut Trackers,
        front: Option<&mut Front>,
    ) {
        settings.node.startup_delay = Duration::ZERO;
        for (number, tracker) in settings.node.trackers.iter_mut().enumerate() {
            if let Some(condition) = self.tracker(&tracker.name) {
                tracker.initially = condition;
                trackers.set(number, condition);
            }
        }
        if let Some((front, (front_end, backend))) = front.zip(trackers.front()) {
            front.inherit(front_end, backend);
        }
    }
}

impl Driver {
    /// Goes on where the program before was, and tells whoever waits for it.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub(super) fn inherit(&mut self, bequest: Bequest) -> io::Result<()> {
        for (number, (router, _)) in self.settings.node.routers.iter().enumerate() {
            if let Some(legacy) = bequest.router(&router.name) {
                self.node.inherit(number, legacy);
            }
        }
        self.look_at_links()?;
        self.perform();
        super::remove_leftovers(&mut self.network, &self.settings, &self.poller)?;
        self.guard.renew(&self.poller);
        let connection = bequest.connection;
        let caller = connection.and_then(|fd| self.connections.adopt(fd, clock::now(), &self.poller));
        if let Some(caller) = caller {
            let version = env!("CARGO_PKG_VERSION");
            self.connections
                .answer(caller, &format!("goes on as weir {version}\n"));
        }
        Ok(())
    }

    /// Becomes the program at `path`. Returns, and tells `caller` why, when that is not to be had now.
    pub(super) fn become_program(&mut self, caller: Caller, path: &Path) {
        let why = match self.bequest(caller) {
            Err(error) => error,
            Ok(bequest) => {
                tracing::info!("becomes {}", path.display());
                succession::become_program(path, &self.place.bequest, &bequest)
            }
        };
        self.keep_no_more(caller);
        tracing::error!("does not become {}: {why}", path.display());
        self.connections
            .answer(caller, &format!("error: {}: {why}\n", path.display()));
    }

    /// What there is to leave, unless something is on its way that cannot be left.
    fn bequest(&self, caller: Caller) -> io::Result<Bequest> {
        if self.front.as_ref().is_some_and(Front::is_ours) {
            return Err(io::Error::other(
                "the front end is a child of this program, and would end",
            ));
        }
        let mut routers = Vec::new();
        for (number, (router, _)) in self.settings.node.routers.iter().enumerate() {
            let Some(status) = self.node.status(number) else {
                continue;
            };
            match status.state {
                RouterState::Stalled
                | RouterState::Offering
                | RouterState::Yielding
                | RouterState::Stopped => {
                    let why = format!("{} is {}", router.name, status.state);
                    return Err(io::Error::other(why));
                }
                RouterState::Master => routers.push((router.name.clone(), State::Master)),
                RouterState::Initialize | RouterState::Fault | RouterState::Backup if status.held_back => {
                    routers.push((router.name.clone(), State::HeldBack));
                }
                RouterState::Initialize | RouterState::Fault | RouterState::Backup => {}
            }
        }
        let trackers = self.settings.node.trackers.iter().zip(self.trackers.conditions());
        let known = |condition| match condition {
            Condition::Unknown => Known::Unknown,
            Condition::Holds => Known::Holds,
            Condition::Fails => Known::Fails,
            Condition::Number(number) => Known::Number(number),
        };
        let trackers = trackers.map(|(tracker, (_, condition))| (tracker.name.clone(), known(condition)));
        let trackers = trackers.collect();
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let line = self.guard.line().ok_or_else(gone)?;
        let connection = self.connections.descriptor(caller).ok_or_else(gone)?;
        inherit::keep(line)?;
        inherit::keep(connection)?;
        Ok(Bequest {
            routers,
            trackers,
            guard: line.as_raw_fd(),
            caller: connection.as_raw_fd(),
            connection: None,
        })
    }

    /// Has children not inherit what they are not to have.
    fn keep_no_more(&self, caller: Caller) {
        for fd in { self.guard.line() }
            .into_iter()
            .chain(self.connections.descriptor(caller))
        {
            let _ = inherit::keep_no_more(fd);
        }
    }
}
