//! Programs that we start: check and notify scripts, the guard, a front end.
//!
//! Two ways to start one: [`spawn`] returns when the program runs, and says why when it does not; [`start`] returns at
//! once, for a loop that must not wait. A child that waits for a processor, or for the file system that its program is
//! on, keeps the caller of [`spawn`] waiting with it.
//!
//! A child leads a process group of its own, so that a key pressed at our terminal is not for it and that everything it
//! starts can be ended with it. It stays in our session: the kernel schedules a new session as a group of its own
//! (autogroup, sched(7)), which on a busy machine gets its first turn seconds later. Our signal mask, our ignored
//! `SIGPIPE` and our real-time priority are not inherited: the standard library resets the first two, and
//! [`run_first`](crate::realtime::run_first) sees to the third.

mod reaper;

use std::ffi::CStr;
use std::fmt;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt, parent_id};
use std::process::{self, Command, ExitStatus};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, kill_process, kill_process_group,
    set_parent_process_death_signal, setpgid, waitid, waitpid,
};
use rustix::thread::{CapabilitySet, capability_is_in_bounding_set, remove_capability_from_bounding_set};

use crate::pidfd::Pidfd;
use crate::privileges::{self, Account, Capability};

/// How a child is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `SIGTERM`: it may finish what it is doing.
    Ask,
    /// `SIGKILL`.
    Force,
}

impl Ending {
    pub(crate) const fn signal(self) -> Signal {
        match self {
            Self::Ask => Signal::TERM,
            Self::Force => Signal::KILL,
        }
    }
}

/// How a child is started, beyond what a [`Command`] says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Launch<'a> {
    /// Who it runs as, without supplementary groups; `None` is who we are.
    pub account: Option<Account>,
    /// What happens to it when the thread that started it ends; `None` is nothing. Programs with set-user-ID bits
    /// escape it.
    pub with_parent: Option<Ending>,
    /// Descriptors that it inherits, under the numbers they have here. All others are closed.
    pub inherit: &'a [BorrowedFd<'a>],
    /// The capabilities that it and its children can ever have, as root as well; `None` is those that we can have.
    pub at_most: Option<&'a [Capability]>,
}

/// A started program. Readable, to a [`Poller`](crate::poll::Poller), once it has ended; then it has to be
/// [reaped](Self::try_wait). Dropping this neither ends nor reaps it.
pub struct Child {
    pid: Pid,
    ended: Option<ExitStatus>,
    pidfd: Pidfd,
    refusal: Option<Refusal>,
}

/// Where a child of [`start`] leaves the number of the error that keeps it from becoming its program.
struct Refusal {
    program: String,
    number: PipeReader,
}

/// The exit status of a child of [`start`] that could not become its program, as shells have it.
const NOT_RUN: libc::c_int = 127;

/// Starts a program. It returns once the program runs, or does not: the calling thread waits for the child to be
/// scheduled and for the program's file to be read: 0.3 ms on an idle machine, a second on a busy one, whatever the
/// priority of the caller.
///
/// The command must not ask for a user, group or process group of its own, nor for a pipe.
///
/// # Errors
/// There is no such program, it may not be run, or not as that user; out of processes, memory or descriptors; limits of
/// its capabilities are asked for without `CAP_SETPCAP`.
pub fn spawn(mut command: Command, launch: &Launch<'_>) -> io::Result<Child> {
    prepare(&mut command, launch);
    let mut process = command.spawn()?;
    let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    match Pidfd::open(process.id()).and_then(|pidfd| Ok((pid.ok_or(io::ErrorKind::InvalidData)?, pidfd))) {
        Ok((pid, pidfd)) => Ok(Child {
            pid,
            ended: None,
            pidfd,
            refusal: None,
        }),
        Err(error) => {
            process.kill()?;
            process.wait()?;
            Err(error)
        }
    }
}

/// Starts a program and does not wait for it: all that the caller pays for is the fork. A child that cannot become its
/// program ends with status 127 and a [refusal](Child::refusal). One that is kept waiting, by a file system that does
/// not answer, keeps none of our descriptors meanwhile: no lock stays taken, no connection open.
///
/// The command must not ask for a user, group, process group or environment of its own, nor for a pipe.
///
/// # Errors
/// `InvalidInput` for a command that changes the environment; out of processes, memory or descriptors.
pub fn start(mut command: Command, launch: &Launch<'_>) -> io::Result<Child> {
    if command.get_envs().next().is_some() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    prepare(&mut command, launch);
    let (number, mut teller) = io::pipe()?;
    rustix::io::ioctl_fionbio(&number, true)?;
    let program = command.get_program().to_string_lossy().into_owned();
    let mut kept: Vec<RawFd> = launch.inherit.iter().map(AsRawFd::as_raw_fd).collect();
    kept.push(teller.as_raw_fd());
    kept.sort_unstable();
    // SAFETY: as in `prepare`; the standard library has put the streams in their places before.
    unsafe {
        command.pre_exec(move || {
            close_all_but(&kept);
            Ok(())
        });
    }
    // SAFETY: the child makes system calls only, and ends without running what belongs to us: with an environment that
    // is not changed, `exec` allocates nothing, and `become_child` neither.
    let pid = match unsafe { libc::fork() } {
        0 => {
            let number = command.exec().raw_os_error().unwrap_or(libc::EINVAL);
            // Without a reader nobody wants to know.
            let _ = teller.write_all(&number.to_ne_bytes());
            // SAFETY: takes a number.
            unsafe { libc::_exit(NOT_RUN) }
        }
        pid => Pid::from_raw(pid)
            .filter(|_| pid > 0)
            .ok_or_else(io::Error::last_os_error)?,
    };
    // The child does it too, and may be ended, with its group, before it has; after it has, this is refused.
    let _ = setpgid(Some(pid), Some(pid));
    match Pidfd::open(number_of(pid)) {
        Ok(pidfd) => Ok(Child {
            pid,
            ended: None,
            pidfd,
            refusal: Some(Refusal { program, number }),
        }),
        Err(error) => {
            kill_process(pid, Signal::KILL)?;
            waitpid(Some(pid), WaitOptions::empty())?;
            Err(error)
        }
    }
}

/// Parts from the parent: goes on in a new process of this name (15 bytes), whose parent is process 1, or whoever
/// collects orphans (prctl(2), `PR_SET_CHILD_SUBREAPER`). The process until here ends, with status 0. Who looks for the
/// children of the old parent does not find the new one, nor who looks for the program's name; systemd does, for the
/// control group is the same. To be called before any thread is started.
///
/// # Errors
/// Out of processes or memory.
pub fn part(name: &CStr) -> io::Result<()> {
    rustix::thread::set_name(name)?;
    // SAFETY: takes nothing; the new process has all threads that the old one had, which is one.
    match unsafe { libc::fork() } {
        0 => Ok(()),
        // SAFETY: takes a number.
        pid if pid > 0 => unsafe { libc::_exit(0) },
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has the command be started as `launch` says.
fn prepare(command: &mut Command, launch: &Launch<'_>) {
    if let Some(account) = launch.account {
        command.uid(account.user.0).gid(account.group.0);
    }
    command.process_group(0);
    let inherited: Vec<RawFd> = launch.inherit.iter().map(AsRawFd::as_raw_fd).collect();
    let with_parent = launch.with_parent.map(Ending::signal);
    let parent = process::id();
    let at_most = launch.at_most.map(privileges::set_of);
    // SAFETY: between fork and exec the closure makes system calls only: it neither allocates nor takes a lock that
    // another thread could have held at the fork. The descriptors are borrowed from the caller until it has run.
    unsafe {
        command.pre_exec(move || become_child(&inherited, with_parent, parent, at_most));
    }
}

/// What the child does before it becomes the program, after it has become its user.
fn become_child(
    inherited: &[RawFd],
    with_parent: Option<Signal>,
    parent: u32,
    at_most: Option<CapabilitySet>,
) -> io::Result<()> {
    // A capability that the kernel does not have is in nobody's set.
    let given_up = at_most.map_or(CapabilitySet::empty(), |kept| CapabilitySet::all() - kept);
    for capability in given_up.iter() {
        if capability_is_in_bounding_set(capability).unwrap_or(false) {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    for fd in inherited {
        // SAFETY: takes numbers only.
        if unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if let Some(signal) = with_parent {
        // A change of user clears it, so it comes after that.
        set_parent_process_death_signal(Some(signal))?;
        // The parent may have ended before we asked.
        if parent_id() != parent {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
    }
    Ok(())
}

/// Closes all descriptors but the standard streams and these, which are in order. Before Linux 5.9 they stay open until
/// the child becomes its program.
fn close_all_but(kept: &[RawFd]) {
    let mut next = libc::STDERR_FILENO + 1;
    for fd in kept.iter().copied().chain([libc::c_int::MAX]) {
        if next < fd {
            // SAFETY: takes numbers only; nothing in the child uses these descriptors any more.
            unsafe { libc::syscall(libc::SYS_close_range, next, fd - 1, 0) };
        }
        next = next.max(fd.saturating_add(1));
    }
}

const fn number_of(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

impl Child {
    /// A child that this process has started as another program, which was [spawned](spawn) and is not reaped.
    ///
    /// # Errors
    /// There is no process with this number.
    pub fn adopt(pid: u32) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        Ok(Self {
            pid: number.ok_or(io::ErrorKind::NotFound)?,
            ended: None,
            pidfd: Pidfd::open(pid)?,
            refusal: None,
        })
    }

    /// Its process number, which is that of its group as well.
    pub fn id(&self) -> u32 {
        number_of(self.pid)
    }

    /// Ends it and everything in its group. When it has ended but is not reaped, that is what it has left behind.
    ///
    /// # Errors
    /// `NotFound` after it was reaped: its number may belong to others by now.
    pub fn end(&self, how: Ending) -> io::Result<()> {
        Ok(kill_process_group(self.pid()?, how.signal())?)
    }

    /// Tells it to read its configuration again (`SIGHUP`); its group hears nothing.
    ///
    /// # Errors
    /// `NotFound` after it was reaped.
    pub fn hang_up(&self) -> io::Result<()> {
        Ok(kill_process(self.pid()?, Signal::HUP)?)
    }

    /// Its number as long as nobody else can have it.
    fn pid(&self) -> io::Result<Pid> {
        match self.ended {
            None => Ok(self.pid),
            Some(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// How it ended, without waiting; `None` while it runs. The first time that it says so, a thread of ordinary
    /// priority reaps it.
    ///
    /// # Errors
    /// It is no child of this process.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            self.ended = waitid(WaitId::Pid(self.pid), look)?.map(|seen| status(&seen));
            if self.ended.is_some() {
                reaper::reap(self.pid);
            }
        }
        Ok(self.ended)
    }

    /// Why a child of [`start`] that has ended never became its program; `None`, too, when it did. It is told once.
    pub fn refusal(&mut self) -> Option<io::Error> {
        let mut refusal = self.refusal.take()?;
        let mut number = [0; size_of::<i32>()];
        refusal.number.read_exact(&mut number).ok()?;
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes(number));
        Some(io::Error::new(
            error.kind(),
            format!("{}: {error}", refusal.program),
        ))
    }
}

/// An ending as wait(2) has it.
fn status(seen: &WaitIdStatus) -> ExitStatus {
    const DUMPED: i32 = 0x80;
    let code = seen.exit_status().map(|code| code << 8);
    let signal = seen.terminating_signal();
    let dumped = if seen.dumped() { DUMPED } else { 0 };
    ExitStatus::from_raw(code.or(signal).unwrap_or_default() | dumped)
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("pid", &self.id())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
