//! What all threads of the front end share, and how the main thread reaches the others.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use weir_config::Snapshot;
use weir_control::counters::Counters;
use weir_linux::poll::Waker;
use weir_linux::{tcp, udp};

use super::query_log::LogFiles;
use super::tcp::clients::TcpClients;

/// Shared by workers, prober and main thread.
pub(crate) struct Site {
    /// The configuration in force; the one pointer that a reload swaps.
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// Everybody's counters.
    pub(crate) counters: Counters,
    /// TCP clients of all workers.
    pub(crate) tcp_clients: TcpClients,
    /// Where `LogAction` writes.
    pub(crate) log_files: LogFiles,
    doors: Vec<Door>,
    prober: Waker,
    stopping: AtomicBool,
}

/// Where the main thread leaves things for one worker.
struct Door {
    waker: Waker,
    changes: Mutex<Vec<Change>>,
}

/// A listening socket that a worker is to serve, or to serve no longer.
pub(crate) enum Change {
    /// Serve UDP.
    OpenUdp(udp::Listener),
    /// Serve TCP, with this many queries in flight per connection and connections at once; 0 is the default, or
    /// no limit.
    OpenTcp { listener: tcp::Listener, max_in_flight: u32, max_connections: u32 },
    /// Stop serving the address.
    Close(SocketAddr),
}

impl Site {
    /// A site for `workers` workers.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(crate) fn new(snapshot: Snapshot, counters: Counters, workers: usize) -> io::Result<Self> {
        let door = || Ok(Door { waker: Waker::new()?, changes: Mutex::default() });
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            counters,
            tcp_clients: TcpClients::default(),
            log_files: LogFiles::default(),
            doors: (0..workers).map(|_| door()).collect::<io::Result<_>>()?,
            prober: Waker::new()?,
            stopping: AtomicBool::new(false),
        })
    }

    /// Puts a snapshot in force.
    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(snapshot.into());
        self.wake_all();
    }

    /// Leaves something at a worker's door.
    pub(crate) fn leave(&self, worker: usize, change: Change) {
        if let Some(door) = self.doors.get(worker) {
            door.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
            door.waker.wake();
        }
    }

    /// Takes what was left at a worker's door.
    pub(crate) fn take_changes(&self, worker: usize) -> Vec<Change> {
        let changes = self.doors.get(worker).map(|door| door.changes.lock().unwrap_or_else(PoisonError::into_inner));
        changes.map(|mut changes| std::mem::take(&mut *changes)).unwrap_or_default()
    }

    /// A worker's waker.
    pub(crate) fn waker(&self, worker: usize) -> Option<&Waker> {
        self.doors.get(worker).map(|door| &door.waker)
    }

    /// The prober's waker.
    pub(crate) fn prober(&self) -> &Waker {
        &self.prober
    }

    /// Tells the prober that a backend needs a look now.
    pub(crate) fn wake_prober(&self) {
        self.prober.wake();
    }

    /// Asks every thread to finish what is pending and end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.wake_all();
    }

    /// Whether [`Self::stop`] was called.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn wake_all(&self) {
        for door in &self.doors {
            door.waker.wake();
        }
        self.prober.wake();
    }
}
