//! What time it is, without entering the kernel: the vDSO answers. And whether it is the right time.

use std::io;
use std::mem::MaybeUninit;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds since boot, not counting sleep (`CLOCK_MONOTONIC`). About 20 ns.
pub fn monotonic_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// The same as of the last timer tick, up to 10 ms ago: for what is counted in seconds. A few nanoseconds.
pub fn monotonic_coarse_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::MonotonicCoarse))
}

/// Seconds since 1970, in UTC; it jumps when someone sets the clock.
pub fn wall_seconds() -> u64 {
    clock_gettime(ClockId::Realtime).tv_sec.try_into().unwrap_or(0)
}

/// Nanoseconds since 1970, in UTC; it jumps when someone sets the clock.
pub fn wall_nanos() -> u64 {
    nanoseconds(clock_gettime(ClockId::Realtime))
}

/// Whether somebody keeps the time of day right: an NTP client has told the kernel so, not longer ago than the kernel
/// believes it (adjtimex(2)).
///
/// # Errors
/// None on a sound kernel.
pub fn is_synchronised() -> io::Result<bool> {
    // SAFETY: the structure holds numbers only, for which zeros are values; no mode means that nothing is changed.
    let mut request: libc::timex = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the kernel reads and writes a `timex` that is borrowed mutably across the call.
    match unsafe { libc::adjtimex(&raw mut request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(request.status & libc::STA_UNSYNC == 0),
    }
}

/// The kernel reports neither time as negative, and the sum lasts 584 years.
fn nanoseconds(time: Timespec) -> u64 {
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn monotonic_time_advances_in_nanoseconds() {
        let start = monotonic_ns();
        std::thread::sleep(Duration::from_millis(2));
        let elapsed = monotonic_ns() - start;
        assert!((2_000_000..10_000_000_000).contains(&elapsed), "{elapsed}");
    }

    #[test]
    fn seconds_and_nanoseconds_add_up() {
        assert_eq!(
            nanoseconds(Timespec {
                tv_sec: 3,
                tv_nsec: 7
            }),
            3_000_000_007
        );
    }

    #[test]
    fn coarse_time_lags_by_a_tick_at_most() {
        let coarse = monotonic_coarse_ns();
        let lag = monotonic_ns() - coarse;
        assert!(lag < 1_000_000_000, "{lag}");
    }

    #[test]
    fn the_kernel_says_whether_the_time_is_right() {
        let shown = std::process::Command::new("adjtimex").arg("--print").output();
        let first = is_synchronised().unwrap();
        assert_eq!(first, is_synchronised().unwrap());
        if let Ok(shown) = shown {
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            let status = text.lines().find_map(|line| line.trim().strip_prefix("status:"));
            let status: i32 = status.unwrap().trim().parse().unwrap();
            assert_eq!(first, status & libc::STA_UNSYNC == 0);
        }
    }

    #[test]
    fn wall_time_is_that_of_the_standard_library() {
        let expected = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(wall_seconds().abs_diff(expected) <= 1);
        assert!((wall_nanos() / 1_000_000_000).abs_diff(expected) <= 1);
    }
}
