//! Whom a client's queries go to: the hardware address that it knows an address under.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Namespace;

/// How often the client's table is looked at.
const POLL: Duration = Duration::from_millis(5);
/// The kernel's table of neighbours, of this thread's host.
const TABLE: &str = "/proc/thread-self/net/arp";
/// What an entry holds that waits for an answer.
const UNKNOWN: &str = "00:00:00:00:00:00";

/// Since when which node.
type Log = Arc<Mutex<Vec<(Instant, usize)>>>;

/// Looks until it is dropped.
#[derive(Debug)]
pub(super) struct Neighbour {
    log: Log,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Neighbour {
    /// Watches which of these nodes `client` knows `address` under.
    pub(super) fn watch(client: &Namespace, address: IpAddr, nodes: [&Namespace; 2]) -> io::Result<Self> {
        let hardware = [hardware_address(nodes[0])?, hardware_address(nodes[1])?];
        let (log, stop) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let thread = client.spawn({
            let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
            move || {
                let address = address.to_string();
                let mut last = None;
                while !stop.load(Ordering::Relaxed) {
                    let table = fs::read_to_string(TABLE).unwrap_or_default();
                    let known = entry(&table, &address);
                    let node = known.and_then(|known| hardware.iter().position(|one| one == known));
                    // While nothing is known, no query goes anywhere.
                    if let Some(node) = node.filter(|node| last != Some(*node)) {
                        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                        log.push((Instant::now(), node));
                        last = Some(node);
                    }
                    std::thread::sleep(POLL);
                }
            }
        })?;
        Ok(Self {
            log,
            stop,
            thread: Some(thread),
        })
    }

    /// Which node it was, and from when until when, in this period.
    pub(super) fn periods(&self, from: Instant, until: Instant) -> Vec<(usize, Instant, Instant)> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = log.iter().skip(1).map(|(at, _)| *at).chain([until]);
        let periods = log
            .iter()
            .zip(ends)
            .map(|((since, node), end)| (*node, (*since).max(from), end.min(until)));
        periods.filter(|(_, since, end)| since < end).collect()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The hardware address of an address in the kernel's table; none while it is not known.
fn entry<'t>(table: &'t str, address: &str) -> Option<&'t str> {
    table.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(address)).then_some(())?;
        words.nth(2).filter(|known| *known != UNKNOWN)
    })
}

/// That of the host's first interface.
fn hardware_address(host: &Namespace) -> io::Result<String> {
    let output = host.command("cat").arg("/sys/class/net/eth0/address").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_from_the_kernels_table() {
        let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     10.10.2.161      0x1         0x2         02:00:00:00:00:01     *        eth0\n\
                     10.10.2.16       0x1         0x0         00:00:00:00:00:00     *        eth0\n";
        assert_eq!(entry(table, "10.10.2.161"), Some("02:00:00:00:00:01"));
        assert_eq!(entry(table, "10.10.2.16"), None);
        assert_eq!(entry(table, "10.10.2.1"), None);
    }
}
