//! The guard: a process that outlives `weir vip`, to withdraw what it leaves behind.
//!
//! ```text
//!   weir vip ── will, heartbeats ──▶ guard     socketpair; its end is the end of the other
//!      ▲ a new one, when this one ends ──┘
//! ```
//!
//! The guard is started before any address is held, in a process group of its own, deaf to every signal that can be
//! ignored. When the line ends without a farewell, or is silent for longer than other routers wait, it takes the
//! addresses of the last will off their interfaces and sends adverts of priority zero. What both leave behind when
//! both are killed at once goes by the lifetime that every address has ([`super::network`]).

mod child;
mod will;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::process::{Command, Stdio};

use weir_linux::child::{Child, Launch, spawn};
use weir_linux::poll::{Interest, Poller};
use weir_linux::seqpacket::{Delivery, Seqpacket};

use super::tokens::{Kind, token};
use will::Word;

pub(super) use child::main;
pub(super) use will::{Farewell, Held, Will};

/// This process's end of the line, and the will as the guard has it.
pub(super) struct Guard {
    running: Option<(Seqpacket, Child)>,
    will: Will,
    /// The guard has not got the will yet: its line was full.
    unsaid: bool,
    /// The guard of the program before, which has been dismissed.
    leaving: Option<Child>,
}

impl Guard {
    /// Starts the guard.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub(super) fn start(poller: &Poller) -> io::Result<Self> {
        Ok(Self {
            running: Some(launch(poller)?),
            will: Will::default(),
            unsaid: false,
            leaving: None,
        })
    }

    /// Goes on with the guard of the program that this process was until now, by the number of its line and its own.
    ///
    /// # Errors
    /// There is no such line or process.
    pub(super) fn adopt((line, pid): (RawFd, u32), poller: &Poller) -> io::Result<Self> {
        let (line, child) = (Seqpacket::adopt(line)?, Child::adopt(pid)?);
        poller.add(&line, token(Kind::GuardLine, 0), Interest::Read)?;
        Ok(Self {
            running: Some((line, child)),
            will: Will::default(),
            unsaid: false,
            leaving: None,
        })
    }

    /// The line to the guard, and the guard's number.
    pub(super) fn running(&self) -> Option<(BorrowedFd<'_>, u32)> {
        let running = self.running.as_ref();
        running.map(|(line, child)| (line.as_fd(), child.id()))
    }

    /// Starts a guard that is this very program, in the place of one that is the program before. That one stays where
    /// none can be started.
    pub(super) fn renew(&mut self, poller: &Poller) {
        match launch(poller) {
            Ok((line, child)) => {
                self.unsaid = line.send(&Word::Will(self.will.clone()).encode()).is_err();
                if let Some((old, child)) = self.running.replace((line, child)) {
                    let _ = old.send(&Word::Done.encode());
                    self.leaving = Some(child);
                }
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
        self.leaving
            .take_if(|child| !matches!(child.try_wait(), Ok(None)));
        self.say(&Word::Heartbeat, poller);
        if self.unsaid {
            self.unsaid = !self.say(&Word::Will(self.will.clone()), poller);
        }
    }

    /// The line is readable: it has ended, for the guard says nothing.
    pub(super) fn on_ready(&mut self, poller: &Poller) {
        let ended = self
            .running
            .as_ref()
            .is_none_or(|(line, _)| matches!(line.receive(&mut [0; 1]), Ok(Delivery::Closed) | Err(_)));
        if ended {
            self.unsaid = !self.replace(poller);
        }
    }

    /// Lets the guard go, with nothing to withdraw.
    pub(super) fn dismiss(self) {
        if let Some((line, _)) = self.running {
            // A guard that does not hear it withdraws what is withdrawn already.
            let _ = line.send(&Word::Done.encode());
        }
    }

    /// Whether it was said. Not when the guard is behind, on a machine that is busy: it still sees the line end.
    fn say(&mut self, word: &Word, poller: &Poller) -> bool {
        match self.running.as_ref().map(|(line, _)| line.send(&word.encode())) {
            Some(Ok(())) => true,
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => false,
            Some(Err(_)) | None => self.replace(poller),
        }
    }

    /// Starts another guard in the place of one that has ended, and says whether it has the will.
    fn replace(&mut self, poller: &Poller) -> bool {
        if let Some((_, mut child)) = self.running.take() {
            tracing::warn!("the guard has ended; starting another");
            // It has ended, or is about to: what is not reaped now is when this process ends.
            let _ = child.try_wait();
        }
        match launch(poller) {
            Ok((line, child)) => {
                let said = line.send(&Word::Will(self.will.clone()).encode()).is_ok();
                self.running = Some((line, child));
                said
            }
            // Tried again with the next heartbeat.
            Err(error) => {
                tracing::error!("cannot start a guard: {error}");
                false
            }
        }
    }
}

fn launch(poller: &Poller) -> io::Result<(Seqpacket, Child)> {
    let (near, far) = Seqpacket::pair()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["vip", "guard", &far.number().to_string()])
        .stdin(Stdio::null());
    let launch = Launch {
        inherit: &[far.as_fd()],
        ..Launch::default()
    };
    let child = spawn(command, &launch)?;
    poller.add(&near, token(Kind::GuardLine, 0), Interest::Read)?;
    Ok((near, child))
}
