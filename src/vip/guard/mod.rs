//! The guard: a process that outlives `weir vip`, to withdraw what it leaves behind.
//!
//! ```text
//!   weir vip ── will, heartbeats ──▶ guard     socketpair; its end is the end of the other
//!      ▲ a new one, when this one ends ──┘
//! ```
//!
//! The guard is started before any address is held, deaf to every signal that can be ignored. When the line ends without
//! a farewell, or is silent for longer than other routers wait, it takes the addresses of the last will off their
//! interfaces and sends adverts of priority zero.
//!
//! A kill that is meant for `weir vip` should not meet its guard, so the guard is no child of it and in no group with it,
//! and has a name of its own: neither `kill -- -GROUP` nor `pkill -P` nor `killall weir` finds it. What stops a control
//! group does, after it has stopped `weir vip`; after a stop in good order the guard ends by itself.
//!
//! What both leave behind when both are killed at once goes by the lifetime that every address has
//! ([`super::network`]).

mod child;
mod will;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::process::{Command, Stdio};

use weir_linux::child::{Child, Launch, spawn, start};
use weir_linux::poll::{Interest, Poller};
use weir_linux::seqpacket::{Delivery, Seqpacket};

use super::tokens::{Kind, token};
use will::Word;

pub(super) use child::main;
pub(super) use will::{Farewell, Held, Will};

/// This process's end of the line, and the will as the guard has it.
pub(super) struct Guard {
    /// The line to the guard, while it runs.
    line: Option<Seqpacket>,
    /// The process from which the guard parts at its start, until it has ended.
    starter: Option<Child>,
    will: Will,
    /// The guard has not got the will yet: its line was full.
    unsaid: bool,
}

impl Guard {
    /// Starts the guard.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(super) fn start(poller: &Poller) -> io::Result<Self> {
        let (line, starter) = launch(poller, spawn)?;
        Ok(Self {
            line: Some(line),
            starter: Some(starter),
            will: Will::default(),
            unsaid: false,
        })
    }

    /// Goes on with the guard of the program that this process was until now, by the number of its line.
    ///
    /// # Errors
    /// There is no such line.
    pub(super) fn adopt(line: RawFd, poller: &Poller) -> io::Result<Self> {
        let line = Seqpacket::adopt(line)?;
        poller.add(&line, token(Kind::GuardLine, 0), Interest::Read)?;
        Ok(Self {
            line: Some(line),
            starter: None,
            will: Will::default(),
            unsaid: false,
        })
    }

    /// The line to the guard.
    pub(super) fn line(&self) -> Option<BorrowedFd<'_>> {
        self.line.as_ref().map(AsFd::as_fd)
    }

    /// Starts a guard that is this very program, in the place of one that is the program before. That one stays where
    /// none can be started.
    pub(super) fn renew(&mut self, poller: &Poller) {
        match launch(poller, start) {
            Ok((line, starter)) => {
                self.unsaid = line.send(&Word::Will(self.will.clone()).encode()).is_err();
                if let Some(old) = self.line.replace(line) {
                    let _ = old.send(&Word::Done.encode());
                }
                self.starter = Some(starter);
            }
            Err(error) => tracing::warn!("cannot start a guard, the old one stays: {error}"),
        }
    }

    /// Says what is to be withdrawn from now on.
    pub(super) fn keep(&mut self, will: Will, poller: &Poller) {
        self.will = will;
        self.unsaid = !self.say(&Word::Will(self.will.clone()), poller);
    }

    /// Says that the loop runs, and finds out whether the guard does.
    pub(super) fn beat(&mut self, poller: &Poller) {
        let parted = self
            .starter
            .take_if(|starter| !matches!(starter.try_wait(), Ok(None)));
        if let Some(error) = parted.and_then(|mut starter| starter.refusal()) {
            tracing::error!("cannot run a guard: {error}");
        }
        self.say(&Word::Heartbeat, poller);
        if self.unsaid {
            self.unsaid = !self.say(&Word::Will(self.will.clone()), poller);
        }
    }

    /// The line is readable: it has ended, for the guard says nothing. The next heartbeat starts another guard, and not
    /// this moment: one that cannot run would be started without end.
    pub(super) fn on_ready(&mut self) {
        let ended = |line: &Seqpacket| matches!(line.receive(&mut [0; 1]), Ok(Delivery::Closed) | Err(_));
        if self.line.take_if(|line| ended(line)).is_some() {
            tracing::warn!("the guard has ended; starting another");
        }
    }

    /// Lets the guard go, with nothing to withdraw.
    pub(super) fn dismiss(self) {
        if let Some(line) = self.line {
            // A guard that does not hear it withdraws what is withdrawn already.
            let _ = line.send(&Word::Done.encode());
        }
    }

    /// Whether it was said. Not when the guard is behind, on a machine that is busy: it still sees the line end.
    fn say(&mut self, word: &Word, poller: &Poller) -> bool {
        match self.line.as_ref().map(|line| line.send(&word.encode())) {
            Some(Ok(())) => true,
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => false,
            Some(Err(_)) | None => {
                self.replace(poller);
                !self.unsaid
            }
        }
    }

    /// Starts another guard in the place of one that has ended, and tells it the will.
    fn replace(&mut self, poller: &Poller) {
        (self.line, self.unsaid) = (None, true);
        match launch(poller, start) {
            Ok((line, starter)) => {
                self.unsaid = line.send(&Word::Will(self.will.clone()).encode()).is_err();
                (self.line, self.starter) = (Some(line), Some(starter));
            }
            // Tried again with the next heartbeat.
            Err(error) => tracing::error!("cannot start a guard: {error}"),
        }
    }
}

fn launch(
    poller: &Poller,
    start: fn(Command, &Launch<'_>) -> io::Result<Child>,
) -> io::Result<(Seqpacket, Child)> {
    let (near, far) = Seqpacket::pair()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["vip", "guard", &far.number().to_string()])
        .stdin(Stdio::null());
    let launch = Launch {
        inherit: &[far.as_fd()],
        ..Launch::default()
    };
    let child = start(command, &launch)?;
    poller.add(&near, token(Kind::GuardLine, 0), Interest::Read)?;
    Ok((near, child))
}
