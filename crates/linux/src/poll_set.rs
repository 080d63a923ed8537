//! Waiting for sockets that are used all the time (`ppoll`).
//!
//! A socket in an epoll set has a waiter at all times, and for each packet that leaves through it the kernel looks
//! whether that waiter wants to know about the room: two locks per packet, a tenth of what an answer costs. Here
//! the kernel knows a waiter only while it sleeps. The price is a look at every descriptor per wait, so this is for
//! a worker's few UDP sockets; its connections stay in a [`Poller`](crate::poll::Poller), whose own descriptor can
//! be one of the set.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// Descriptors to be read from, each under a number of the caller's choice.
///
/// A descriptor that is closed has to be removed: its number may come back as another file.
#[derive(Debug, Default)]
pub struct PollSet {
    descriptors: Vec<libc::pollfd>,
    tokens: Vec<u64>,
}

impl PollSet {
    /// Adds a descriptor, to be reported under `token`.
    pub fn add(&mut self, fd: impl AsFd, token: u64) {
        self.descriptors.push(libc::pollfd {
            fd: fd.as_fd().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        });
        self.tokens.push(token);
    }

    /// Removes what was added under `token`.
    pub fn remove(&mut self, token: u64) {
        while let Some(position) = self.tokens.iter().position(|known| *known == token) {
            self.descriptors.swap_remove(position);
            self.tokens.swap_remove(position);
        }
    }

    /// Waits until a descriptor can be read from or has an error, or `timeout` is over (`None`: for as long as it
    /// takes). A signal ends it early.
    ///
    /// # Errors
    /// Out of memory.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.map(|time| libc::timespec {
            tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        for descriptor in &mut self.descriptors {
            descriptor.revents = 0;
        }
        // SAFETY: the pointer and the count are those of a vector that is borrowed mutably across the call; the
        // timeout is null or leads to a value that lives across it; a null mask leaves signals as they are.
        let ready = unsafe {
            libc::ppoll(
                self.descriptors.as_mut_ptr(),
                self.descriptors.len() as libc::nfds_t,
                timeout,
                std::ptr::null(),
            )
        };
        let error = io::Error::last_os_error();
        if ready < 0 && error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        Ok(())
    }

    /// What the last wait found ready.
    pub fn ready(&self) -> impl Iterator<Item = u64> + '_ {
        let found = self.descriptors.iter().zip(&self.tokens);
        found
            .filter(|(descriptor, _)| descriptor.revents != 0)
            .map(|(_, token)| *token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Waker;

    #[test]
    fn what_is_ready_is_reported_until_it_is_read() {
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        let mut set = PollSet::default();
        for (token, waker) in (7..).zip(&wakers) {
            set.add(waker, token);
        }
        set.wait(Some(Duration::ZERO)).unwrap();
        assert_eq!(set.ready().count(), 0);
        wakers[1].wake();
        for _ in 0..2 {
            set.wait(None).unwrap();
            assert_eq!(set.ready().collect::<Vec<_>>(), [8]);
        }
        wakers[1].drain();
        set.wait(Some(Duration::from_micros(1))).unwrap();
        assert_eq!(set.ready().count(), 0);
    }

    #[test]
    fn what_was_removed_is_not_reported() {
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        let mut set = PollSet::default();
        for (token, waker) in (1..).zip(&wakers) {
            set.add(waker, token);
            waker.wake();
        }
        set.remove(1);
        set.wait(None).unwrap();
        assert_eq!(set.ready().collect::<Vec<_>>(), [2]);
    }
}
