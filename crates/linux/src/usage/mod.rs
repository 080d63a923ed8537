//! What this process has used, and what the kernel counted on its behalf: the numbers that only `/proc` has.
//!
//! They are read when metrics are scraped, not per packet. A counter that this kernel does not have reads zero.

mod proc;

use std::fs::{self, File};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::Duration;

/// More than any of the files read here ever has; `/proc/stat` has a line per CPU and a number per interrupt.
const FILE_LIMIT_BYTES: u64 = 4 << 20;

/// What this process has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// CPU time in the program, over all threads.
    pub user_time: Duration,
    /// CPU time in the kernel, over all threads.
    pub system_time: Duration,
    /// Memory resident, in bytes.
    pub resident_bytes: u64,
    /// Descriptors open.
    pub open_files: u64,
}

/// Reads [`Process`].
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is free to read it with.
pub fn process() -> io::Result<Process> {
    let (user_time, system_time) = cpu_times()?;
    let resident_pages = proc::resident_pages(&read("/proc/self/statm")?);
    // The directory is open while it is counted, and listed in itself.
    let open_files = (fs::read_dir("/proc/self/fd")?.count() as u64).saturating_sub(1);
    let resident_bytes = resident_pages.saturating_mul(rustix::param::page_size() as u64);
    Ok(Process {
        user_time,
        system_time,
        resident_bytes,
        open_files,
    })
}

/// CPU time of this process in user and system mode, to the microsecond.
///
/// # Errors
/// None on a sound kernel.
pub fn cpu_times() -> io::Result<(Duration, Duration)> {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the kernel writes the whole structure, and it is read only after it said so.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        usage.assume_init()
    };
    let duration = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Ok((duration(usage.ru_utime), duration(usage.ru_stime)))
}

/// What went wrong with UDP in this network namespace, over all sockets (RFC 4113 and Linux additions).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpErrors {
    /// Datagrams not delivered, for any of the reasons below but the next (dnsdist's `udp-in-errors`).
    pub in_errors: u64,
    /// Datagrams for a port that nobody listens at.
    pub no_ports: u64,
    /// Datagrams lost because a socket's receive buffer was full.
    pub receive_buffer: u64,
    /// Datagrams lost because a socket's send buffer was full.
    pub send_buffer: u64,
    /// Datagrams with a wrong checksum.
    pub checksum: u64,
}

/// What the kernel counted in this network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// UDP over IPv4.
    pub udp: UdpErrors,
    /// UDP over IPv6.
    pub udp6: UdpErrors,
    /// TCP connections lost because a listener's queue was full.
    pub listen_overflows: u64,
}

/// Reads [`Network`].
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is free to read it with.
pub fn network() -> io::Result<Network> {
    // Missing where IPv6 is switched off.
    let snmp6 = match read("/proc/net/snmp6") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        result => result?,
    };
    Ok(Network {
        udp: proc::udp_errors(&read("/proc/net/snmp")?),
        udp6: proc::udp6_errors(&snmp6),
        listen_overflows: proc::listen_overflows(&read("/proc/net/netstat")?),
    })
}

/// Time that all CPUs together did not spend on us although they might have, in clock ticks of 10 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalled {
    /// Idle, with input or output outstanding.
    pub iowait: u64,
    /// Taken by the hypervisor for other machines.
    pub steal: u64,
}

/// Reads [`Stalled`].
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is free to read it with.
pub fn stalled() -> io::Result<Stalled> {
    Ok(proc::stalled(&read("/proc/stat")?))
}

/// How many threads have been running, ready to run, or waiting for a disk, on average over the last minute.
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is free to read it with.
pub fn load_average() -> io::Result<f64> {
    Ok(proc::load_average(&read("/proc/loadavg")?))
}

fn read(path: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read_bytes(path)?).into_owned())
}

/// A file of `/proc`, cut off where none of them ever ends.
pub(crate) fn read_bytes(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_LIMIT_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Instant;

    use super::*;

    #[test]
    fn cpu_time_advances_with_work() {
        let total = || cpu_times().map(|(user, system)| user + system).unwrap();
        let (before, start) = (total(), Instant::now());
        while start.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let used = total() - before;
        assert!(
            used > Duration::from_millis(1) && used < Duration::from_secs(60),
            "{used:?}"
        );
    }

    #[test]
    fn memory_and_descriptors_are_those_of_this_process() {
        let before = process().unwrap();
        let ballast = vec![1u8; 64 << 20];
        let sockets: Vec<_> = (0..400)
            .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
            .collect();
        let after = process().unwrap();
        assert!(
            after.resident_bytes - before.resident_bytes > 48 << 20,
            "{before:?} {after:?}"
        );
        assert!(
            after.open_files >= before.open_files + 300,
            "{before:?} {after:?}"
        );
        drop((ballast, sockets));
    }

    #[test]
    fn a_datagram_to_a_closed_port_is_counted() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let closed = UdpSocket::bind(address).unwrap().local_addr().unwrap();
            let count = || {
                network()
                    .map(|network| (network.udp.no_ports, network.udp6.no_ports))
                    .unwrap()
            };
            let before = count();
            UdpSocket::bind(address).unwrap().send_to(b"x", closed).unwrap();
            let after = count();
            let (before, after) = if closed.is_ipv4() {
                (before.0, after.0)
            } else {
                (before.1, after.1)
            };
            assert!(after > before, "{address}");
        }
    }

    #[test]
    fn the_load_average_is_a_number() {
        assert!((0.0..1e6).contains(&load_average().unwrap()));
    }

    #[test]
    fn stalled_time_never_runs_backwards() {
        let (before, after) = (stalled().unwrap(), stalled().unwrap());
        assert!(after.steal >= before.steal);
    }
}
