//! Which nodes hold the floating address, at every moment.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::Namespace;

/// How often each node is looked at.
const POLL: Duration = Duration::from_millis(2);

/// A node took the address or lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    at: Instant,
    node: usize,
    is_held: bool,
}

type Log = Arc<Mutex<Vec<Change>>>;

/// Looks at so many nodes until it is dropped.
#[derive(Debug)]
pub struct Holders<const N: usize = 2> {
    log: Log,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl<const N: usize> Holders<N> {
    /// Watches for `address` on these hosts.
    pub fn watch(hosts: [&Namespace; N], address: IpAddr) -> io::Result<Self> {
        let (log, stop) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let mut threads = Vec::new();
        for (node, host) in hosts.into_iter().enumerate() {
            let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
            threads.push(host.spawn(move || look(node, address, &log, &stop))?);
        }
        Ok(Self { log, stop, threads })
    }

    /// Which nodes hold the address now.
    pub fn now(&self) -> [bool; N] {
        state(lock(&self.log).iter())
    }

    /// How often the address came or went in this period.
    pub fn changes(&self, from: Instant, until: Instant) -> usize {
        let log = lock(&self.log);
        log.iter()
            .filter(|change| change.at >= from && change.at < until)
            .count()
    }

    /// Which node held the address, and from when until when, in this period.
    pub fn periods(&self, from: Instant, until: Instant) -> Vec<(usize, Instant, Instant)> {
        let mut periods = Vec::new();
        let mut since = [None; N];
        for change in lock(&self.log).iter() {
            match (change.is_held, since[change.node].take()) {
                (true, _) => since[change.node] = Some(change.at),
                (false, Some(began)) => periods.push((change.node, began, change.at)),
                (false, None) => {}
            }
        }
        let still = since.into_iter().enumerate();
        periods.extend(still.filter_map(|(node, began)| Some((node, began?, until))));
        let within = periods
            .into_iter()
            .map(|(node, began, end)| (node, began.max(from), end.min(until)));
        within.filter(|(_, began, end)| began < end).collect()
    }

    /// For how long all nodes held the address in this period.
    pub fn both(&self, from: Instant, until: Instant) -> Duration {
        let log = lock(&self.log);
        let (before, within): (Vec<_>, Vec<_>) = log
            .iter()
            .filter(|change| change.at < until)
            .partition(|change| change.at < from);
        let mut held = state(before.into_iter());
        let (mut since, mut both) = (from, Duration::ZERO);
        let mut pass = |held: [bool; N], at: Instant| {
            if held == [true; N] {
                both += at - since;
            }
            since = at;
        };
        for change in within {
            pass(held, change.at);
            held[change.node] = change.is_held;
        }
        pass(held, until);
        both
    }
}

impl<const N: usize> Drop for Holders<N> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Whether a host has the address now.
pub fn has_address(host: &Namespace, address: IpAddr) -> io::Result<bool> {
    host.enter(|| has(address))
}

fn state<'c, const N: usize>(changes: impl Iterator<Item = &'c Change>) -> [bool; N] {
    changes.fold([false; N], |mut held, change| {
        held[change.node] = change.is_held;
        held
    })
}

fn lock(log: &Mutex<Vec<Change>>) -> MutexGuard<'_, Vec<Change>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the host has the address, by the cheapest questions, a few microseconds each: an interface to send multicast
/// from is named by an address that it has. Binding to an address succeeds everywhere where `ip_nonlocal_bind` is set,
/// which the hosts with an IPv6 address do not have.
fn has(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, None);
            socket.is_ok_and(|socket| socket.set_multicast_if_v4(&address).is_ok())
        }
        IpAddr::V6(_) => UdpSocket::bind((address, 0)).is_ok(),
    }
}

fn look(node: usize, address: IpAddr, log: &Mutex<Vec<Change>>, stop: &AtomicBool) {
    let mut was_held = false;
    while !stop.load(Ordering::Relaxed) {
        let is_held = has(address);
        if is_held != was_held {
            // The time is taken under the lock: the log is in order.
            let mut log = lock(log);
            let at = Instant::now();
            log.push(Change { at, node, is_held });
            was_held = is_held;
        }
        std::thread::sleep(POLL);
    }
}
