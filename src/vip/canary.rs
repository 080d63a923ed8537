//! How late ordinary programs run: a thread of ordinary priority that does nothing but note the time.
//!
//! The loop itself runs before all others and is never late, so its own lateness says nothing about a front end that
//! waits for a processor. This thread waits for one as a front end does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use weir_linux::clock;
use weir_wire::Timestamp;

/// How often the thread wants to run.
const TICK: Duration = Duration::from_millis(10);

/// When the thread last ran.
pub(super) struct Canary(Arc<AtomicU64>);

impl Canary {
    /// Starts the thread. It ends with the program.
    ///
    /// # Errors
    /// Out of threads.
    pub(super) fn start() -> io::Result<Self> {
        let seen = Arc::new(AtomicU64::new(clock::monotonic_ns()));
        let own = Arc::clone(&seen);
        let tick = move || {
            loop {
                thread::sleep(TICK);
                own.store(clock::monotonic_ns(), Relaxed);
            }
        };
        thread::Builder::new().name("canary".to_owned()).spawn(tick)?;
        Ok(Self(seen))
    }

    /// How late the thread is now.
    pub(super) fn lateness(&self, now: Timestamp) -> Duration {
        let seen = Timestamp::from_nanos(self.0.load(Relaxed));
        now.since(seen).saturating_sub(TICK)
    }
}
