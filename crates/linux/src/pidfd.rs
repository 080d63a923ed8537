//! Watching another process end, without being its parent and without its number being reused meanwhile.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};

use crate::child::Ending;

/// A running process. Readable, to a [`Poller`](crate::poll::Poller), once it has ended.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// Watches the process that has this number now.
    ///
    /// # Errors
    /// `InvalidInput` for a number that no process can have; else there is no such process.
    pub fn open(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// Whether it has ended, without waiting for it.
    ///
    /// # Errors
    /// None on a sound kernel.
    pub fn has_exited(&self) -> io::Result<bool> {
        Ok(poll(
            &mut [PollFd::new(&self.0, PollFlags::IN)],
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )? > 0)
    }

    /// Ends it alone, not its group.
    ///
    /// # Errors
    /// It has ended and was reaped, or is not ours to end.
    pub fn end(&self, how: Ending) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.0, how.signal())?)
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_end_of_a_process_is_seen_before_its_parent_asks() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let watched = Pidfd::open(child.id()).unwrap();
        assert!(!watched.has_exited().unwrap());
        drop(child.stdin.take());
        poll(&mut [PollFd::new(&watched, PollFlags::IN)], None).unwrap();
        assert!(watched.has_exited().unwrap());
        child.wait().unwrap();
    }

    #[test]
    fn numbers_that_no_process_has_are_errors() {
        assert_eq!(Pidfd::open(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            Pidfd::open(u32::MAX).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert!(Pidfd::open(i32::MAX as u32).is_err());
    }
}
