//! The control thread: console and web server on one async runtime that only the program's main thread drives.

use std::io;
use std::net;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::{interval, timeout};

use crate::console::{self, Console};
use crate::rates::{self, Rates};
use crate::web::{self, Status, Web};

/// Why [`Control::serve`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The descriptor is readable.
    Readable,
    /// The time is over.
    TimedOut,
}

/// Console and web server. They make progress while [`serve`](Self::serve) runs, and only then.
///
/// Listeners come bound, so that the program can give up its privileges first. What they serve is asked of
/// [`Status`] and [`Console`] anew for each request; a reload needs no word here unless an address has changed.
pub struct Control {
    web: Web,
    commands: Rc<dyn Console>,
    web_task: Option<AbortHandle>,
    console_task: Option<AbortHandle>,
    // Tasks go before the runtime that they are registered with.
    tasks: LocalSet,
    runtime: Runtime,
}

impl Control {
    /// A control thread without listeners.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new(status: Arc<dyn Status>, commands: Rc<dyn Console>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let web = Web {
            status,
            rates: Arc::new(Mutex::new(Rates::default())),
        };
        let tasks = LocalSet::new();
        tasks.spawn_local(look_at_rates(web.clone()));
        Ok(Self {
            web,
            commands,
            web_task: None,
            console_task: None,
            tasks,
            runtime,
        })
    }

    /// Serves the web on `listener` from now on, and no longer on an earlier one.
    ///
    /// # Errors
    /// When the listener cannot be watched.
    pub fn listen_web(&mut self, listener: Option<net::TcpListener>) -> io::Result<()> {
        let listener = self.watch(listener)?;
        let serving = listener.map(|listener| web::serve(listener, self.web.clone()));
        let task = serving.map(|serving| self.tasks.spawn_local(serving).abort_handle());
        stop(std::mem::replace(&mut self.web_task, task));
        Ok(())
    }

    /// Serves the console on `listener` from now on, and no longer on an earlier one.
    ///
    /// # Errors
    /// When the listener cannot be watched.
    pub fn listen_console(&mut self, listener: Option<net::TcpListener>) -> io::Result<()> {
        let listener = self.watch(listener)?;
        let serving = listener.map(|listener| console::serve(listener, Rc::clone(&self.commands)));
        let task = serving.map(|serving| self.tasks.spawn_local(serving).abort_handle());
        stop(std::mem::replace(&mut self.console_task, task));
        Ok(())
    }

    /// Serves until `wake` is readable, as a queue of signals is, but for `time` at most.
    ///
    /// # Errors
    /// When the descriptor cannot be watched.
    #[expect(
        deprecated,
        reason = "the replacement is unsafe because a type may lie about its descriptor; BorrowedFd does not"
    )]
    pub fn serve(&mut self, wake: impl AsFd, time: Duration) -> io::Result<Woken> {
        self.tasks.block_on(&self.runtime, async {
            let wake = AsyncFd::with_interest(wake.as_fd(), Interest::READABLE)?;
            match timeout(time, wake.readable()).await {
                Ok(readable) => readable.map(|_| Woken::Readable),
                Err(_) => Ok(Woken::TimedOut),
            }
        })
    }

    /// What each backend did in the last second, for `showServers()`.
    pub fn rates(&self) -> Arc<Mutex<Rates>> {
        Arc::clone(&self.web.rates)
    }

    fn watch(&self, listener: Option<net::TcpListener>) -> io::Result<Option<TcpListener>> {
        let _entered = self.runtime.enter();
        let watch = |listener: net::TcpListener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        listener.map(watch).transpose()
    }
}

fn stop(task: Option<AbortHandle>) {
    if let Some(task) = task {
        task.abort();
    }
}

async fn look_at_rates(web: Web) {
    let mut ticks = interval(rates::INTERVAL);
    loop {
        ticks.tick().await;
        let snapshot = web.status.snapshot();
        let mut rates = web.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.look(&snapshot.backends, Instant::now());
    }
}
