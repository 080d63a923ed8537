//! What all threads of the front end share, and how the main thread reaches the others.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use std::time::Instant;

use arc_swap::ArcSwap;
use weir_config::Snapshot;
use weir_control::counters::{Counter, Counters, FrontendCounters, WorkerCounters};
use weir_control::web::Status;
use weir_linux::notify::{State, notify};
use weir_linux::poll::Waker;
use weir_linux::{tcp, udp};
use weir_policy::Transport;

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
    /// What listening sockets have counted, those that are closed by now included.
    frontends: Mutex<Vec<Arc<FrontendCounters>>>,
    doors: Vec<Door>,
    prober: Waker,
    /// What the main thread counts.
    own: Arc<WorkerCounters>,
    /// The service manager's socket (`NOTIFY_SOCKET`), if there is one.
    supervisor: Option<OsString>,
    stopping: AtomicBool,
    started: Instant,
}

/// Where the main thread leaves things for one worker.
struct Door {
    waker: Waker,
    changes: Mutex<Vec<Change>>,
}

/// Tells apart what the configuration has listened on since the program started: one address may come twice, with
/// different interfaces, and come back with different options.
pub(crate) type ListenNumber = u64;

/// A listening socket that a worker is to serve, or to serve no longer.
pub(crate) enum Change {
    /// Serve UDP.
    OpenUdp {
        number: ListenNumber,
        listener: udp::Listener,
        counters: Arc<FrontendCounters>,
    },
    /// Serve TCP, with this many queries in flight per connection and connections at once; 0 is the default, or
    /// no limit.
    OpenTcp {
        number: ListenNumber,
        listener: tcp::Listener,
        counters: Arc<FrontendCounters>,
        max_in_flight: u32,
        max_connections: u32,
        /// Connections of all workers at this address.
        open: Arc<AtomicU32>,
    },
    /// Stop serving what was opened under this number.
    Close(ListenNumber),
}

impl Status for Site {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn frontends(&self) -> Vec<Arc<FrontendCounters>> {
        self.frontends
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn started(&self) -> Instant {
        self.started
    }
}

impl Site {
    /// A site for `workers` workers.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(crate) fn new(
        snapshot: Snapshot,
        counters: Counters,
        own: Arc<WorkerCounters>,
        workers: usize,
    ) -> io::Result<Self> {
        let door = || {
            Ok(Door {
                waker: Waker::new()?,
                changes: Mutex::default(),
            })
        };
        Ok(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            counters,
            tcp_clients: TcpClients::default(),
            log_files: LogFiles::default(),
            frontends: Mutex::default(),
            doors: (0..workers).map(|_| door()).collect::<io::Result<_>>()?,
            prober: Waker::new()?,
            own,
            supervisor: std::env::var_os("NOTIFY_SOCKET"),
            stopping: AtomicBool::new(false),
            started: Instant::now(),
        })
    }

    /// Puts a snapshot in force.
    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.snapshot.store(snapshot.into());
        self.wake_all();
    }

    /// Counters for a new listening socket of one worker; an address that is served again goes on with its own.
    pub(crate) fn frontend(
        &self,
        address: SocketAddr,
        transport: Transport,
        worker: usize,
    ) -> Arc<FrontendCounters> {
        let mut frontends = self.frontends.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |known: &&Arc<FrontendCounters>| {
            (known.address, known.transport, known.worker) == (address, transport, worker)
        };
        if let Some(known) = frontends.iter().find(is_it) {
            return Arc::clone(known);
        }
        let counters = Arc::new(FrontendCounters::new(address, transport, worker));
        frontends.push(Arc::clone(&counters));
        counters
    }

    /// Leaves something at a worker's door.
    pub(crate) fn leave(&self, worker: usize, change: Change) {
        if let Some(door) = self.doors.get(worker) {
            door.changes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(change);
            door.waker.wake();
        }
    }

    /// Takes what was left at a worker's door.
    pub(crate) fn take_changes(&self, worker: usize) -> Vec<Change> {
        let changes = self
            .doors
            .get(worker)
            .map(|door| door.changes.lock().unwrap_or_else(PoisonError::into_inner));
        changes
            .map(|mut changes| std::mem::take(&mut *changes))
            .unwrap_or_default()
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

    /// Tells the service manager how things are.
    pub(crate) fn say(&self, state: State) {
        if let Some(path) = &self.supervisor
            && let Err(error) = notify(path, state)
        {
            tracing::debug!("Cannot reach the service manager: {error}");
        }
    }

    /// Counts a reload; only the main thread may.
    pub(crate) fn count_reload(&self, succeeded: bool) {
        self.own.add(
            if succeeded {
                Counter::Reloads
            } else {
                Counter::ReloadFailures
            },
            1,
        );
    }

    fn wake_all(&self) {
        for door in &self.doors {
            door.waker.wake();
        }
        self.prober.wake();
    }
}
