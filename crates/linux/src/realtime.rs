//! Running before everything else, and never waiting for memory: for a loop whose lateness looks like its death.

use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// Makes the calling thread run before all threads of ordinary priority (`SCHED_FIFO`, sched(7)), at a priority
/// from 1 to 99. Threads and processes that it starts are ordinary (`SCHED_RESET_ON_FORK`): a check script must not
/// be able to starve the machine.
///
/// A thread that never sleeps then has its processor for itself, but for the share that the kernel keeps back
/// (`sched_rt_runtime_us`, 5 % by default).
///
/// # Errors
/// `InvalidInput` for another priority; `PermissionDenied` without `CAP_SYS_NICE` or a limit that allows it
/// (`RLIMIT_RTPRIO`, systemd's `LimitRTPRIO=`), and in a control group without a share of real time.
pub fn run_first(priority: u8) -> io::Result<()> {
    let parameters = libc::sched_param {
        sched_priority: priority.into(),
    };
    // SAFETY: the kernel reads one structure, which lives across the call; zero is the calling thread.
    let result = unsafe {
        libc::sched_setscheduler(
            0,
            libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK,
            &raw const parameters,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Keeps all memory of the process, what it has and what it will have, from being paged out (`mlockall`). Children
/// are not affected.
///
/// With a limit on locked memory this would let a later allocation fail, which ends the program. So it is done
/// without one or not at all: `CAP_IPC_LOCK` is needed, and has to be kept, or a hard limit that is none
/// (`RLIMIT_MEMLOCK`, systemd's `LimitMEMLOCK=infinity`).
///
/// # Errors
/// `PermissionDenied` without either; `OutOfMemory` when memory is short now.
pub fn lock_memory() -> io::Result<()> {
    let exempt = capabilities(None)?.effective.contains(CapabilitySet::IPC_LOCK);
    if !exempt {
        if getrlimit(Resource::Memlock).maximum.is_some() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let unlimited = Rlimit {
            current: None,
            maximum: None,
        };
        setrlimit(Resource::Memlock, unlimited)?;
    }
    Ok(mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::apart::assert_passes_apart;
    use crate::privileges::{Uid, drop_to};

    /// Scheduling policy and real-time priority of a thread, from its `stat` file (proc(5), fields 40 and 41).
    fn scheduling(stat: &str) -> (u8, u8) {
        let after_name = stat.rsplit_once(')').unwrap().1;
        let field = |number: usize| {
            after_name
                .split_whitespace()
                .nth(number - 3)
                .unwrap()
                .parse()
                .unwrap()
        };
        (field(41), field(40))
    }

    #[test]
    #[ignore = "needs root: real-time priority"]
    fn lab_the_thread_runs_first_and_its_children_do_not() {
        assert_passes_apart("realtime::tests::apart_run_first");
    }

    #[test]
    #[ignore = "run by lab_the_thread_runs_first_and_its_children_do_not"]
    fn apart_run_first() {
        assert_eq!(run_first(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(run_first(100).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        run_first(7).unwrap();
        let own = || std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        assert_eq!(scheduling(&own()), (1, 7));
        let child = Command::new("cat").arg("/proc/self/stat").output().unwrap();
        assert_eq!(scheduling(&String::from_utf8(child.stdout).unwrap()), (0, 0));
        assert_eq!(scheduling(&std::thread::spawn(own).join().unwrap()), (0, 0));
    }

    #[test]
    #[ignore = "needs root: locked memory"]
    fn lab_memory_is_locked_unless_a_limit_could_end_the_program() {
        assert_passes_apart("realtime::tests::apart_lock_memory");
        assert_passes_apart("realtime::tests::apart_lock_memory_with_a_limit");
    }

    fn locked_kilobytes() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmLck:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    #[ignore = "run by lab_memory_is_locked_unless_a_limit_could_end_the_program"]
    fn apart_lock_memory() {
        lock_memory().unwrap();
        let before = locked_kilobytes();
        assert!(before > 100, "{before}");
        let ballast = vec![1u8; 8 << 20];
        assert!(locked_kilobytes() >= before + (8 << 10));
        drop(ballast);
    }

    #[test]
    #[ignore = "run by lab_memory_is_locked_unless_a_limit_could_end_the_program"]
    fn apart_lock_memory_with_a_limit() {
        let limit = Rlimit {
            current: Some(1 << 16),
            maximum: Some(1 << 16),
        };
        setrlimit(Resource::Memlock, limit).unwrap();
        drop_to(Some(Uid(65534)), None, &[]).unwrap();
        assert_eq!(lock_memory().unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(run_first(7).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(locked_kilobytes(), 0);
    }
}
