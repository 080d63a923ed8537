//! The machine that the numbers are from, and how quiet it was.

use std::fs;
use std::io;

use rustix::process::{geteuid, setpriority_process};
use rustix::system::uname;

/// Niceness of servers and load generator when run as root: other work on the machine waits, and the measured lose
/// less to it. The same for all.
pub(crate) const PRIORITY: i32 = -20;
/// The group that this session's processes share CPUs as, where the kernel makes such groups (sched(7)); niceness
/// counts only inside of it.
const SESSION_GROUP: &str = "/proc/self/autogroup";

/// [`PRIORITY`] for this thread and for the session, which gets its own back when this is dropped.
#[derive(Debug)]
pub(crate) struct Priority {
    /// Whether it was given.
    pub(crate) is_raised: bool,
    session_before: Option<i32>,
}

impl Priority {
    /// Raises it, when run as root.
    pub(crate) fn raise() -> Self {
        let is_raised = geteuid().is_root() && setpriority_process(None, PRIORITY).is_ok();
        let group = fs::read_to_string(SESSION_GROUP).unwrap_or_default();
        let session_before = session_niceness(&group).filter(|_| is_raised);
        if session_before.is_some() {
            let _ = fs::write(SESSION_GROUP, PRIORITY.to_string());
        }
        Self {
            is_raised,
            session_before,
        }
    }
}

impl Drop for Priority {
    fn drop(&mut self) {
        if let Some(before) = self.session_before {
            let _ = fs::write(SESSION_GROUP, before.to_string());
        }
    }
}

/// One line: CPU, how many, kernel.
pub(crate) fn describe(cpus: usize) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_model(&cpuinfo).unwrap_or("unknown CPU");
    format!(
        "{model}, {cpus} CPUs, Linux {}",
        uname().release().to_string_lossy()
    )
}

/// CPU time of the whole machine, in clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticks {
    /// Everything.
    pub(crate) total: u64,
    /// Nothing to do.
    pub(crate) idle: u64,
    /// Taken by the hypervisor for others.
    pub(crate) stolen: u64,
}

/// Reads [`Ticks`].
pub(crate) fn ticks() -> io::Result<Ticks> {
    Ok(parse_ticks(&fs::read_to_string("/proc/stat")?))
}

/// Processes that were running or wanted to, on average over the last minute.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

fn cpu_model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// The number in `/autogroup-12 nice 0`.
fn session_niceness(group: &str) -> Option<i32> {
    group.trim_end().rsplit_once(" nice ")?.1.parse().ok()
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, and guests, which are
/// counted in user already. What is missing or not a number reads zero.
fn parse_ticks(stat: &str) -> Ticks {
    let line = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .unwrap_or_default();
    let mut numbers = [0; 8];
    for (number, word) in numbers.iter_mut().zip(line.split_whitespace()) {
        *number = word.parse().unwrap_or(0);
    }
    Ticks {
        total: numbers.iter().sum(),
        idle: numbers[3] + numbers[4],
        stolen: numbers[7],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_has_a_name() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Fast 9000: X\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(cpu_model(cpuinfo), Some("Fast 9000: X"));
        assert_eq!(cpu_model("processor : 0"), None);
    }

    #[test]
    fn a_session_has_a_niceness_or_no_group() {
        assert_eq!(session_niceness("/autogroup-12 nice -5\n"), Some(-5));
        assert_eq!(session_niceness(""), None);
    }

    #[test]
    fn ticks_are_found_by_their_place() {
        let stat = "cpu  1 2 3 40 5 6 7 8 9 10\ncpu0 1 1 1 1\n";
        assert_eq!(
            parse_ticks(stat),
            Ticks {
                total: 72,
                idle: 45,
                stolen: 8
            }
        );
        assert_eq!(
            parse_ticks("cpu  1 x 3"),
            Ticks {
                total: 4,
                idle: 0,
                stolen: 0
            }
        );
        assert_eq!(parse_ticks(""), Ticks::default());
        assert!(ticks().unwrap().total > 0);
    }
}
