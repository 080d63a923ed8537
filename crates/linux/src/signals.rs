//! Signals as something to read, instead of something that interrupts.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// The signals that a role answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// `SIGTERM`: finish what is pending and exit.
    Terminate,
    /// `SIGINT`: the same, from a terminal.
    Interrupt,
    /// `SIGHUP`: read the configuration again.
    Hangup,
    /// `SIGUSR1`.
    User1,
}

impl Signal {
    const ALL: [Self; 4] = [Self::Terminate, Self::Interrupt, Self::Hangup, Self::User1];

    const fn number(self) -> libc::c_int {
        match self {
            Self::Terminate => libc::SIGTERM,
            Self::Interrupt => libc::SIGINT,
            Self::Hangup => libc::SIGHUP,
            Self::User1 => libc::SIGUSR1,
        }
    }
}

/// Pending signals of this process (`signalfd`). Readable when there is one.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks every [`Signal`] in the calling thread, ignores `SIGPIPE`, and opens the queue.
    ///
    /// Call it before any thread is started: threads inherit the mask, and a thread without it would die of
    /// the first signal instead. The standard library clears the mask for child processes it spawns.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn block() -> io::Result<Self> {
        let set = set_of(&Signal::ALL);
        // SAFETY: the set is initialised and lives across the call; no old mask is asked for.
        let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        ignore_broken_pipes();
        // SAFETY: the set is initialised and lives across the call, which makes a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor has just been made and belongs to nobody else.
        Ok(Self {
            fd: unsafe { OwnedFd::from_raw_fd(fd) },
        })
    }

    /// Takes the next signal; `None` when there is none. The same signal sent twice may come once.
    ///
    /// # Errors
    /// None on a sound kernel.
    pub fn next(&self) -> io::Result<Option<Signal>> {
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.fd, &mut record) {
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            result => result?,
        };
        // The record begins with the number, as a u32.
        let number = record.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
        Ok(Signal::ALL
            .into_iter()
            .find(|signal| Some(signal.number()) == number))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Makes writing to a connection that the peer has closed an error instead of a death.
fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal installs no code of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

fn set_of(signals: &[Signal]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the whole set, and the numbers added to it are valid.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal.number());
        }
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn each_signal_is_read_once_and_kills_nobody() {
        let signals = Signals::block().unwrap();
        assert_eq!(signals.next().unwrap(), None);
        for signal in Signal::ALL {
            // SAFETY: sends a signal to this thread, which has just blocked it.
            assert_eq!(unsafe { libc::raise(signal.number()) }, 0);
            assert_eq!(signals.next().unwrap(), Some(signal));
            assert_eq!(signals.next().unwrap(), None);
        }
    }

    #[test]
    fn a_broken_pipe_is_an_error() {
        // SAFETY: restores the default action, which the next line must undo.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        ignore_broken_pipes();
        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
