//! Waiting: which sockets are ready, until when, and being woken by another thread.
//!
//! Level-triggered, with one exception ([`Interest::ReadEdge`]). A worker that leaves something unread is told
//! again, which is what makes bounded work per wake-up safe.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, epoll, eventfd};

/// What to be told about a descriptor. Errors and hang-ups are always told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read, or to accept.
    Read,
    /// Something to read has arrived since the last wait that said so (edge-triggered): for busy UDP sockets,
    /// where it spares the kernel a look at an empty queue on every wait, some 3 % of a small answer's cost.
    ///
    /// It obliges to read until a batch comes back short: whoever stops earlier is not told again, and has to
    /// remember.
    ReadEdge,
    /// There is room to write, or a connection attempt has ended.
    Write,
    /// Both.
    ReadWrite,
}

/// A set of descriptors to wait for, each under a number of the caller's choice (`epoll`).
///
/// A descriptor leaves the set by [`remove`](Self::remove) or when its last copy is closed.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    /// Cleared when the kernel turns out to be older than `epoll_pwait2` (Linux 5.11).
    nanoseconds: AtomicBool,
}

impl AsFd for Poller {
    /// The set itself: readable while it has something to report.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// Out of descriptors or memory.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll,
            nanoseconds: AtomicBool::new(true),
        })
    }

    /// Adds a descriptor, to be reported under `token`.
    ///
    /// # Errors
    /// It is in the set already, or is of a kind that cannot be waited for, such as a regular file.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            fd,
            epoll::EventData::new_u64(token),
            flags(interest),
        )?)
    }

    /// Changes what is reported about a descriptor of the set.
    ///
    /// # Errors
    /// It is not in the set.
    pub fn modify(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            fd,
            epoll::EventData::new_u64(token),
            flags(interest),
        )?)
    }

    /// Removes a descriptor. Events already taken out by [`wait`](Self::wait) may still name it.
    ///
    /// # Errors
    /// It is not in the set.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until something happens or `timeout` is over (`None`: for as long as it takes), and replaces the
    /// contents of `events` by what did happen: nothing, after a timeout or a signal.
    ///
    /// The timeout counts in nanoseconds; before Linux 5.11, in milliseconds, rounded up, so that it never
    /// ends early.
    ///
    /// # Errors
    /// None on a sound kernel.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.length = 0;
        let result = if self.nanoseconds.load(Ordering::Relaxed) {
            match self.wait_nanoseconds(events, timeout) {
                Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                    self.nanoseconds.store(false, Ordering::Relaxed);
                    self.wait_milliseconds(events, timeout)
                }
                result => result,
            }
        } else {
            self.wait_milliseconds(events, timeout)
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => {
                events.length = result?;
                Ok(())
            }
        }
    }

    fn wait_nanoseconds(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        // SAFETY: the kernel writes at most `events.buffer.len()` events, and reads the timeout, which lives
        // across the call, or none. The call goes by number as glibc before 2.35 has no name for it.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                events.buffer.as_mut_ptr(),
                events.buffer.len() as libc::c_int,
                timeout.as_ref().map_or(ptr::null(), ptr::from_ref),
                ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    fn wait_milliseconds(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map_or(-1, |timeout| {
            timeout
                .as_nanos()
                .div_ceil(1_000_000)
                .try_into()
                .unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: the kernel writes at most `events.buffer.len()` events.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                events.buffer.as_mut_ptr(),
                events.buffer.len() as libc::c_int,
                timeout,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

const fn flags(interest: Interest) -> epoll::EventFlags {
    match interest {
        Interest::Read => epoll::EventFlags::IN,
        Interest::ReadEdge => epoll::EventFlags::IN.union(epoll::EventFlags::ET),
        Interest::Write => epoll::EventFlags::OUT,
        Interest::ReadWrite => epoll::EventFlags::IN.union(epoll::EventFlags::OUT),
    }
}

/// Room for what [`Poller::wait`] reports. It is apart from the poller, so that the loop over it may change the
/// set.
pub struct Events {
    buffer: Box<[libc::epoll_event]>,
    length: usize,
}

impl Events {
    /// Room for `capacity` events per wait, at least one; those that do not fit are reported by the next.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, Self::MAX);
        Self {
            buffer: vec![libc::epoll_event { events: 0, u64: 0 }; capacity].into(),
            length: 0,
        }
    }

    /// More than a worker should take on before it looks at its deadlines again.
    const MAX: usize = 65_536;

    /// What happened.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event> + '_ {
        self.buffer[..self.length].iter().map(|event| Event {
            token: event.u64,
            flags: event.events,
        })
    }
}

/// Something that happened to one descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// The number under which the descriptor was added.
    pub token: u64,
    flags: u32,
}

impl Event {
    /// Reading would not wait: it delivers data, the end, or an error.
    pub const fn is_readable(&self) -> bool {
        self.flags & (libc::EPOLLIN | libc::EPOLLHUP | libc::EPOLLERR) as u32 != 0
    }

    /// Writing would not wait: there is room, or it delivers an error.
    pub const fn is_writable(&self) -> bool {
        self.flags & (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32 != 0
    }
}

/// Wakes a [`Poller`] from another thread (`eventfd`). Add it with [`Interest::Read`].
#[derive(Debug)]
pub struct Waker {
    fd: OwnedFd,
}

impl Waker {
    /// A waker at rest.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            fd: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Makes the waker readable until it is drained. Waking twice is waking once.
    pub fn wake(&self) {
        // It can only fail because 2^64 - 2 earlier calls are undrained: the waker is awake, then.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }

    /// Puts the waker to rest. Look for work after this, not before, and no wake-up is lost.
    pub fn drain(&self) {
        // It can only fail because nobody has called `wake`.
        let _ = rustix::io::read(&self.fd, &mut [0u8; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    fn tokens(events: &Events) -> Vec<u64> {
        events.iter().map(|event| event.token).collect()
    }

    #[test]
    fn a_wake_from_another_thread_ends_the_wait_and_draining_ends_the_wake() {
        let (poller, waker, mut events) = (Poller::new().unwrap(), Waker::new().unwrap(), Events::new(4));
        poller.add(&waker, 7, Interest::Read).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| waker.wake());
            poller.wait(&mut events, Some(Duration::from_secs(10))).unwrap();
        });
        assert_eq!(tokens(&events), [7]);
        waker.wake();
        waker.drain();
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(tokens(&events).is_empty());
    }

    #[test]
    fn interest_decides_what_is_told() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (poller, mut events) = (Poller::new().unwrap(), Events::new(4));
        io::Write::write_all(&mut far, b"x").unwrap();
        poller.add(&near, 1, Interest::Write).unwrap();
        for (interest, readable, writable) in [
            (Interest::Read, true, false),
            (Interest::Write, false, true),
            (Interest::ReadWrite, true, true),
        ] {
            poller.modify(&near, 2, interest).unwrap();
            poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
            let event = events.iter().next().unwrap();
            assert_eq!(
                (event.token, event.is_readable(), event.is_writable()),
                (2, readable, writable)
            );
        }
        poller.remove(&near).unwrap();
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(events.iter().len(), 0);
    }

    #[test]
    fn an_edge_is_told_once_per_arrival() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (poller, mut events) = (Poller::new().unwrap(), Events::new(4));
        poller.add(&near, 1, Interest::ReadEdge).unwrap();
        for told in [1, 0, 1, 0] {
            if told == 1 {
                io::Write::write_all(&mut far, b"x").unwrap();
            }
            poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
            assert_eq!(events.iter().len(), told);
        }
    }

    #[test]
    fn a_hangup_is_told_whatever_the_interest() {
        let (near, far) = UnixStream::pair().unwrap();
        let (poller, mut events) = (Poller::new().unwrap(), Events::new(1));
        poller.add(&near, 1, Interest::Read).unwrap();
        drop(far);
        poller.wait(&mut events, None).unwrap();
        let event = events.iter().next().unwrap();
        assert!(event.is_readable() && event.is_writable());
    }

    #[test]
    fn what_does_not_fit_comes_with_the_next_wait() {
        let (poller, mut events) = (Poller::new().unwrap(), Events::new(1));
        let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
        for (token, waker) in wakers.iter().enumerate() {
            waker.wake();
            poller.add(waker, token as u64, Interest::Read).unwrap();
        }
        let mut seen = Vec::new();
        for _ in 0..2 {
            poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
            seen.extend(tokens(&events));
            for &token in &tokens(&events) {
                wakers[token as usize].drain();
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
    }

    #[test]
    fn no_timeout_ends_early_with_either_system_call() {
        for nanoseconds in [true, false] {
            let mut poller = Poller::new().unwrap();
            poller.nanoseconds = AtomicBool::new(nanoseconds);
            let timeout = Duration::from_micros(1300);
            let start = Instant::now();
            poller.wait(&mut Events::new(1), Some(timeout)).unwrap();
            assert!(start.elapsed() >= timeout, "nanoseconds: {nanoseconds}");
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "nanoseconds: {nanoseconds}"
            );
        }
    }

    #[test]
    fn an_endless_timeout_is_accepted() {
        let (poller, waker, mut events) = (Poller::new().unwrap(), Waker::new().unwrap(), Events::new(1));
        poller.add(&waker, 1, Interest::Read).unwrap();
        waker.wake();
        for nanoseconds in [true, false] {
            poller.nanoseconds.store(nanoseconds, Ordering::Relaxed);
            poller.wait(&mut events, Some(Duration::MAX)).unwrap();
            assert_eq!(tokens(&events), [1]);
        }
    }
}
