//! Ctrl-C, as a question that loops ask: namespaces and servers are removed by their owners' `Drop`, so an
//! interrupted laboratory has to return, not to die.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How often a sleeper looks whether someone asks to stop.
const TICK: Duration = Duration::from_millis(20);

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on SIGINT and SIGTERM only set a flag. A second one ends the process at once, as usual.
pub fn watch() -> io::Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// An error when someone asked to stop; for loops that wait.
pub fn check() -> io::Result<()> {
    match INTERRUPTED.get() {
        Some(flag) if flag.load(Ordering::Relaxed) => {
            Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"))
        }
        _ => Ok(()),
    }
}

/// Sleeps, unless someone asks to stop.
pub fn sleep(duration: Duration) -> io::Result<()> {
    let until = Instant::now() + duration;
    loop {
        check()?;
        let rest = until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(());
        }
        std::thread::sleep(rest.min(TICK));
    }
}
