//! Which CPUs there are to run on.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Numbers of the CPUs that this thread may run on, in ascending order: what is left after containers,
/// `taskset` and `CPUAffinity=`. Its length is how many workers make sense.
///
/// # Errors
/// The machine has more CPUs than the kernel interface's usual mask (1024).
pub fn usable_cpus() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
}

/// Keeps the calling thread on `cpu`. Threads it starts later inherit that.
///
/// # Errors
/// There is no such CPU, or it is not for us.
pub fn pin_current_thread(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_run_on_that_cpu_alone() {
        let last = *usable_cpus().unwrap().last().unwrap();
        // In a thread of its own, so that no other test stays pinned.
        std::thread::spawn(move || {
            pin_current_thread(last).unwrap();
            assert_eq!(usable_cpus().unwrap(), [last]);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_an_error() {
        assert!(pin_current_thread(1023).is_err());
        assert_eq!(
            pin_current_thread(usize::MAX).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
