//! Taking leave of children on a thread of ordinary priority.
//!
//! The kernel forgets a child together with what it remembers of the child's directory in `/proc`. Where another program
//! was looking there (`ps`, a monitoring agent) and had to give its processor to a thread of real-time priority, such a
//! thread that reaps the child spins in wait4(2): the other program cannot go on, and the kernel does not give up until
//! the real-time share of a second is used up (0.95 s). A loop that sends adverts must not reap.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::process::{Pid, WaitOptions, waitpid};

/// Enough for a loop; all of it may be locked in memory.
const STACK_BYTES: usize = 64 * 1024;

/// Has a child that has ended reaped. Its number may belong to others from now on.
pub(super) fn reap(pid: Pid) {
    static REAPER: OnceLock<Option<Sender<Pid>>> = OnceLock::new();
    let is_taken = { REAPER.get_or_init(start) }
        .as_ref()
        .is_some_and(|reaper| reaper.send(pid).is_ok());
    if !is_taken {
        // Out of threads: better late than never.
        reap_here(pid);
    }
}

fn start() -> Option<Sender<Pid>> {
    let (sender, ended): (_, Receiver<Pid>) = channel();
    let thread = thread::Builder::new()
        .name("reaper".to_owned())
        .stack_size(STACK_BYTES);
    thread.spawn(move || ended.into_iter().for_each(reap_here)).ok()?;
    Some(sender)
}

fn reap_here(pid: Pid) {
    // It has ended, and is ours: there is nothing to learn.
    let _ = waitpid(Some(pid), WaitOptions::NOHANG);
}
