//! The front end under watch: its process by a pidfd, its sockets by questions.
//!
//! A front end is somebody else's process, known by its address and perhaps by a file with its number, or it is our
//! child. The pure [`FrontEnd`] decides when to ask and what silence means; here questions are sent, each from a
//! socket of its own, so that every worker of the front end is asked in its turn, and processes are watched and
//! started again.

mod process;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use weir_linux::poll::{Interest, Poller};
use weir_linux::random;
use weir_vrrp::{Answer, Condition, FrontEffect, FrontEnd, FrontSettings, Question, QuestionKind};
use weir_wire::{NameError, Rcode, Timestamp};

use crate::question;

use super::canary::Canary;
use super::listening;
use super::tokens::{Kind, token};
use process::{Change, Process};

pub(super) use process::Whose;

/// Questions without an answer that are still listened for; the dead time is over long before the oldest is dropped.
const MAX_OPEN: usize = 64;
/// Replies are looked at up to here.
const REPLY_LEN: usize = 512;
/// How often the address is looked for while the process has no listening socket yet.
const SEARCH: Duration = Duration::from_millis(20);

/// The front end and everything that is known about it.
pub(super) struct Front {
    machine: FrontEnd,
    canary: Canary,
    process: Process,
    /// The address that the command line gave, or `None` when it is to be found by the process.
    given: Option<SocketAddr>,
    /// Where questions go.
    address: Option<SocketAddr>,
    search: Timestamp,
    /// Floating addresses: asked there, the other node would answer.
    floating: Vec<IpAddr>,
    zone: String,
    open: Vec<Option<Open>>,
    next: usize,
    learnt: Option<(Condition, Condition)>,
}

/// A question that waits for its answer.
struct Open {
    socket: UdpSocket,
    question: Question,
}

/// What is watched, and how.
pub(super) struct Watch {
    pub(super) whose: Whose,
    pub(super) address: Option<SocketAddr>,
    pub(super) floating: Vec<IpAddr>,
    pub(super) zone: String,
}

impl Front {
    /// Watches a front end.
    ///
    /// # Errors
    /// When the zone to ask below is no name.
    pub(super) fn new(watch: Watch, canary: Canary, now: Timestamp) -> Result<Self, NameError> {
        question::unique(0, 0, &watch.zone)?;
        Ok(Self {
            machine: FrontEnd::new(FrontSettings::default(), now),
            canary,
            process: Process::new(watch.whose, now),
            given: watch.address,
            address: watch.address.map(reachable),
            search: now,
            floating: watch.floating,
            zone: watch.zone,
            open: (0..MAX_OPEN).map(|_| None).collect(),
            next: 0,
            learnt: None,
        })
    }

    /// Whether the front end is a child of ours.
    pub(super) const fn is_ours(&self) -> bool {
        self.process.is_ours()
    }

    /// What the program before knew holds, until there is news.
    pub(super) const fn inherit(&mut self, front_end: Condition, backend: Condition) {
        self.machine.inherit(front_end, backend);
    }

    /// Where the front end is asked.
    pub(super) const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What has been learnt since the last call: whether the front end answers, and through a live backend.
    pub(super) const fn learnt(&mut self) -> Option<(Condition, Condition)> {
        self.learnt.take()
    }

    /// Asks what is due, and looks after the process.
    pub(super) fn on_deadline(&mut self, now: Timestamp, poller: &Poller) {
        if let Some(change) = self.process.on_deadline(now, poller) {
            self.on_change(change, now);
        }
        if self.address.is_none() && self.search <= now {
            self.search = now + SEARCH;
            let found = self
                .process
                .id()
                .and_then(|pid| listening::dns_socket(pid, &self.floating));
            self.address = found.map(reachable);
        }
        self.machine.on_lateness(now, self.canary.lateness(now));
        self.machine.on_deadline(now);
        self.perform(poller);
    }

    /// When [`Self::on_deadline`] is to be called.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let search = (self.address.is_none() && self.process.id().is_some()).then_some(self.search);
        [self.machine.next_deadline(), self.process.next_deadline(), search]
            .into_iter()
            .flatten()
            .min()
    }

    /// The process has ended, or there is an answer.
    pub(super) fn on_ready(&mut self, kind: Kind, index: usize, now: Timestamp, poller: &Poller) {
        if kind == Kind::FrontProcess {
            if let Some(change) = self.process.on_exit(now) {
                self.on_change(change, now);
            }
        } else {
            self.on_answer(index, now);
        }
        self.perform(poller);
    }

    /// Ends a front end that is our child, and waits until it has ended.
    pub(super) fn stop(&mut self) {
        self.process.stop();
    }

    fn on_change(&mut self, change: Change, now: Timestamp) {
        // Whoever listens next may do so elsewhere.
        self.address = self.given.map(reachable);
        match change {
            Change::Started => self.machine.on_start(now),
            Change::Ended => self.machine.on_exit(now),
        }
    }

    fn on_answer(&mut self, index: usize, now: Timestamp) {
        let Some(place) = self.open.get_mut(index) else {
            return;
        };
        let Some(open) = place else { return };
        let mut reply = [0; REPLY_LEN];
        match open.socket.recv(&mut reply) {
            Ok(length) => {
                let packet = reply.get(..length).unwrap_or_default();
                let Some(rcode) = question::answer(packet, open.question.id) else {
                    return;
                };
                let answer = if rcode == Rcode::SERVFAIL {
                    Answer::Bad
                } else {
                    Answer::Good
                };
                self.machine.on_answer(now, open.question, answer);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.machine.on_refused(now),
            Err(_) => {}
        }
        // Closing takes the descriptor out of the poller's set.
        *place = None;
    }

    fn perform(&mut self, poller: &Poller) {
        while let Some(effect) = self.machine.next_effect() {
            match effect {
                FrontEffect::Learnt { front_end, backend } => self.learnt = Some((front_end, backend)),
                FrontEffect::Ask(question) => {
                    // A question that cannot be sent is one that is not answered.
                    let _ = self.ask(question, poller);
                }
            }
        }
    }

    fn ask(&mut self, question: Question, poller: &Poller) -> io::Result<()> {
        let Some(address) = self.address else {
            return Ok(());
        };
        let packet = match question.kind {
            QuestionKind::Liveness if question.id.is_multiple_of(2) => question::empty(question.id),
            QuestionKind::Liveness => question::ordinary(question.id, &self.zone).unwrap_or_default(),
            QuestionKind::Backend => question::unique(question.id, number()?, &self.zone).unwrap_or_default(),
        };
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        let index = self.next % MAX_OPEN;
        poller.add(&socket, token(Kind::Question, index), Interest::Read)?;
        socket.send(&packet)?;
        self.next = index + 1;
        if let Some(place) = self.open.get_mut(index) {
            *place = Some(Open { socket, question });
        }
        Ok(())
    }
}

/// Where a listener is asked that listens everywhere.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn number() -> io::Result<u64> {
    let mut bytes = [0; 8];
    random::fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
