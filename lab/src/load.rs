//! Full load on every CPU, at the priority that everything has.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Threads that compute nothing, until this is dropped.
#[derive(Debug)]
pub struct Burning {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Burns every CPU, with one thread each.
pub fn burn() -> Burning {
    let stop = Arc::new(AtomicBool::new(false));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (0..cpus).map(|_| {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                (0..1000).for_each(|_| hint::spin_loop());
            }
        })
    });
    Burning {
        threads: threads.collect(),
        stop,
    }
}

impl Drop for Burning {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
