//! What the program takes from the machine, and what the machine says of its network: `/proc`, read when somebody
//! asks.
//!
//! A file that cannot be read or has another form leaves its values at zero: a scrape must not fail because a
//! container hides a file.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// Values that are 100 to the second on every Linux architecture (USER_HZ).
const USER_HZ: u64 = 100;

/// One reading of `/proc`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Since the program started.
    pub uptime: Duration,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Open file descriptors.
    pub open_files: u64,
    /// CPU spent in the program.
    pub user_ms: u64,
    /// CPU spent in the kernel for the program.
    pub system_ms: u64,
    /// Time that the machine's CPUs waited for I/O, in USER_HZ.
    pub iowait: u64,
    /// Time stolen from the virtual machine, in USER_HZ.
    pub steal: u64,
    /// The machine's UDP over IPv4.
    pub udp: UdpErrors,
    /// The machine's UDP over IPv6.
    pub udp6: UdpErrors,
    /// Connections refused because a listen queue was full.
    pub listen_overflows: u64,
}

/// What the kernel did not deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpErrors {
    /// InErrors.
    pub in_errors: u64,
    /// NoPorts.
    pub no_ports: u64,
    /// RcvbufErrors.
    pub receive_buffer: u64,
    /// SndbufErrors.
    pub send_buffer: u64,
    /// InCsumErrors.
    pub checksum: u64,
}

impl Usage {
    /// Reads `/proc` for a program that started at `started`.
    pub fn read(started: Instant) -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        let (user_ms, system_ms) = process_times_ms(&text("/proc/self/stat")).unwrap_or_default();
        let (iowait, steal) = machine_times(&text("/proc/stat")).unwrap_or_default();
        let snmp = paired_lines(&text("/proc/net/snmp"));
        let snmp6 = single_lines(&text("/proc/net/snmp6"));
        let netstat = paired_lines(&text("/proc/net/netstat"));
        Self {
            uptime: started.elapsed(),
            memory_bytes: resident_bytes(&text("/proc/self/status")).unwrap_or_default(),
            open_files: fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
            user_ms,
            system_ms,
            iowait,
            steal,
            udp: UdpErrors::of(&snmp, "Udp"),
            udp6: UdpErrors::of(&snmp6, "Udp6"),
            listen_overflows: netstat.get("TcpExtListenOverflows").copied().unwrap_or_default(),
        }
    }
}

impl UdpErrors {
    fn of(values: &HashMap<String, u64>, protocol: &str) -> Self {
        let value = |name| {
            values
                .get(&format!("{protocol}{name}"))
                .copied()
                .unwrap_or_default()
        };
        Self {
            in_errors: value("InErrors"),
            no_ports: value("NoPorts"),
            receive_buffer: value("RcvbufErrors"),
            send_buffer: value("SndbufErrors"),
            checksum: value("InCsumErrors"),
        }
    }
}

/// utime and stime of `/proc/self/stat`: fields 14 and 15, counted behind the name, which may hold spaces.
fn process_times_ms(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut next_ms = || Some(fields.next()?.parse::<u64>().ok()? * 1000 / USER_HZ);
    Some((next_ms()?, next_ms()?))
}

/// iowait and steal of `/proc/stat`'s first line.
fn machine_times(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_ascii_whitespace();
    let iowait = fields.nth(4)?.parse().ok()?;
    Some((iowait, fields.nth(2)?.parse().ok()?))
}

/// VmRSS of `/proc/self/status`.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// `/proc/net/snmp` and `netstat`: a line of names, then one of values, both behind `Protocol:`.
fn paired_lines(text: &str) -> HashMap<String, u64> {
    let lines: Vec<&str> = text.lines().collect();
    let (pairs, _) = lines.as_chunks::<2>();
    let values = pairs.iter().filter_map(|[names, values]| {
        let (protocol, names) = names.split_once(':')?;
        let (_, values) = values.split_once(':')?;
        let named = names
            .split_ascii_whitespace()
            .zip(values.split_ascii_whitespace());
        Some(named.filter_map(move |(name, value)| Some((format!("{protocol}{name}"), value.parse().ok()?))))
    });
    values.flatten().collect()
}

/// `/proc/net/snmp6`: a name and a value per line.
fn single_lines(text: &str) -> HashMap<String, u64> {
    let values = text.lines().filter_map(|line| {
        let (name, value) = line.split_once(char::is_whitespace)?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_times_are_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 31 12 13 14";
        assert_eq!(process_times_ms(stat), Some((2500, 310)));
        assert_eq!(process_times_ms("42 (a) S 1"), None);
        assert_eq!(process_times_ms(""), None);
    }

    #[test]
    fn machine_times_are_the_fifth_and_the_eighth() {
        let stat = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 0 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(machine_times(stat), Some((5, 8)));
        assert_eq!(machine_times("cpu  1 2\n"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(
            resident_bytes("Name:\tweir\nVmRSS:\t    1234 kB\n"),
            Some(1234 * 1024)
        );
        assert_eq!(resident_bytes("Name:\tweir\n"), None);
    }

    #[test]
    fn network_counters_have_names_in_two_forms() {
        let snmp = "Tcp: A\nTcp: 1\nUdp: NoPorts InErrors Odd\nUdp: 294 7 -1\nUdpLite: InErrors\n";
        let udp = UdpErrors::of(&paired_lines(snmp), "Udp");
        assert_eq!(
            udp,
            UdpErrors {
                in_errors: 7,
                no_ports: 294,
                ..UdpErrors::default()
            }
        );
        let snmp6 = "Ip6InReceives   3\nUdp6RcvbufErrors                \t4\n\nUdp6InCsumErrors x\n";
        let udp6 = UdpErrors::of(&single_lines(snmp6), "Udp6");
        assert_eq!(
            udp6,
            UdpErrors {
                receive_buffer: 4,
                ..UdpErrors::default()
            }
        );
    }

    #[test]
    fn this_machine_answers() {
        let usage = Usage::read(Instant::now());
        assert!(usage.memory_bytes > 100_000, "{usage:?}");
        assert!(usage.open_files >= 3, "{usage:?}");
    }
}
