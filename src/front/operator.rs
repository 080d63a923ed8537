//! What the operator asks of the running program: reload, a line of the console, the end. Runs on the main thread,
//! which also drives the web server and sweeps the caches.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use weir_cache::{Backing, Cache};
use weir_config::dialects::dnsdist::{Command, Evaluated, FrontendNumbers, Live};
use weir_config::{ConsoleSettings, Pool, Snapshot};
use weir_control::console::{Answer, Console};
use weir_control::counters::{FrontendCounter, FrontendCounters, Value};
use weir_control::journal::{Format, Journal};
use weir_control::usage::Usage;
use weir_control::web::Status;
use weir_control::{Control, Rates};
use weir_linux::notify::State;
use weir_linux::signals::{Signal, Signals};
use weir_wire::Timestamp;

use super::configuration::Configuration;
use super::listeners::Listeners;
use super::site::Site;
use super::warn;
use crate::clock;

/// How often the main thread looks whether something is due that no descriptor announces.
const TICK: Duration = Duration::from_millis(200);

/// The main thread's state.
pub(crate) struct Operator {
    configuration: RefCell<Configuration>,
    listeners: RefCell<Listeners>,
    console: RefCell<Door>,
    web: RefCell<Door>,
    rates: RefCell<Arc<Mutex<Rates>>>,
    is_done: Cell<bool>,
    /// Console and web server are still those of a predecessor.
    is_early: Cell<bool>,
    /// The journal that the command line wants.
    journal: Journal,
    site: Arc<Site>,
}

/// The listening socket of the console or of the web server.
#[derive(Debug, Default)]
struct Door {
    /// Where it listens.
    address: Option<SocketAddr>,
    /// What the control thread has not been told yet.
    news: News,
}

/// A new socket, or none any more; `None` when nothing changes.
type News = Option<Option<TcpListener>>;

/// Where the console and the web server are to listen.
fn door_addresses(snapshot: &Snapshot) -> [Option<SocketAddr>; 2] {
    let console = snapshot.console.as_ref().map(|settings| settings.address);
    let web = snapshot.web.as_ref().map(|settings| settings.address);
    [console, web]
}

impl Door {
    /// Opens a socket if `wanted` is another address; `None` when nothing has to change.
    fn prepare(&self, wanted: Option<SocketAddr>) -> Result<News, String> {
        if self.address == wanted {
            return Ok(None);
        }
        let bind = |address| {
            TcpListener::bind(address).map_err(|error| format!("Cannot listen on {address}: {error}"))
        };
        wanted.map(bind).transpose().map(Some)
    }

    fn change(&mut self, wanted: Option<SocketAddr>, opened: News) {
        if let Some(listener) = opened {
            self.address = wanted;
            self.news = Some(listener);
        }
    }
}

impl Operator {
    /// An operator for a site that runs on what `configuration` says; its doors are closed.
    pub(crate) fn new(configuration: Configuration, listeners: Listeners, site: Arc<Site>) -> Rc<Self> {
        let operator = Rc::new(Self {
            configuration: RefCell::new(configuration),
            listeners: RefCell::new(listeners),
            console: RefCell::default(),
            web: RefCell::default(),
            rates: RefCell::default(),
            is_done: Cell::new(false),
            is_early: Cell::new(false),
            journal: Journal::current(),
            site,
        });
        operator.change_journal(&operator.site.snapshot.load());
        operator
    }

    /// Opens the sockets of console and web server.
    pub(crate) fn open_doors(&self) -> Result<(), String> {
        let snapshot = self.site.snapshot.load_full();
        let doors = self.prepare_doors(&snapshot)?;
        self.change_doors(&snapshot, doors);
        Ok(())
    }

    /// Has them opened as soon as that can be done.
    pub(crate) fn open_doors_later(&self) {
        self.is_early.set(true);
    }

    /// Carries out what signals and console ask, until one of them asks for the end.
    pub(crate) fn run(self: &Rc<Self>, signals: &Signals) -> io::Result<()> {
        let console: Rc<dyn Console> = Rc::<Self>::clone(self);
        let mut control = Control::new(Arc::<Site>::clone(&self.site), console)?;
        *self.rates.borrow_mut() = control.rates();
        self.site.say(State::Ready);
        let mut swept = clock::now();
        while !self.is_done.get() {
            if self.is_early.get() {
                self.is_early.set(self.open_doors().is_err());
            }
            self.announce_doors(&mut control)?;
            control.serve(signals, TICK)?;
            while let Some(signal) = signals.next()? {
                match signal {
                    Signal::Terminate | Signal::Interrupt => return Ok(()),
                    // The journal has said what was wrong.
                    Signal::Hangup => drop(self.reload()),
                    Signal::User1 => {}
                }
            }
            swept = self.sweep_caches(swept, clock::now());
        }
        Ok(())
    }

    /// Reads the file again and puts it in force, or says why not and changes nothing.
    fn reload(&self) -> Result<(), String> {
        self.site.say(State::Reloading);
        let current = self.site.snapshot.load_full();
        let outcome = self
            .configuration
            .borrow()
            .reload(&current)
            .map_err(|rejected| rejected.to_string());
        let outcome = outcome.and_then(|(session, snapshot, warnings)| {
            warn(&warnings);
            self.put_in_force(snapshot)?;
            self.configuration.borrow_mut().replace(session);
            Ok(())
        });
        match &outcome {
            Ok(()) => tracing::info!("Configuration reloaded"),
            Err(why) => tracing::error!("Configuration not reloaded, the running one is kept: {why}"),
        }
        self.site.count_reload(outcome.is_ok());
        self.site.say(State::Ready);
        outcome
    }

    /// Opens what is new and swaps the pointer. Everything that can fail comes before anything changes.
    fn put_in_force(&self, snapshot: Snapshot) -> Result<(), String> {
        self.site
            .log_files
            .open_all(&snapshot.log_targets)
            .map_err(|error| error.to_string())?;
        let workers = self.configuration.borrow().workers();
        let doors = self.prepare_doors(&snapshot)?;
        let mut listeners = self.listeners.borrow_mut();
        listeners
            .follow(&snapshot.listen, &self.site, workers)
            .map_err(|error| error.to_string())?;
        self.change_doors(&snapshot, doors);
        self.change_journal(&snapshot);
        self.site.publish(snapshot);
        Ok(())
    }

    /// Writes the journal as the configuration says, where it says something (`setStructuredLogging`,
    /// `setVerbose`).
    fn change_journal(&self, snapshot: &Snapshot) {
        let format = match snapshot.logging.structured {
            Some(true) => Format::Structured,
            Some(false) if self.journal.format == Format::Structured => Format::Plain,
            _ => self.journal.format,
        };
        let verbose = self.journal.verbose || snapshot.logging.verbose;
        Journal { format, verbose }.change();
    }

    /// Opens the sockets of console and web server where they have a new address.
    fn prepare_doors(&self, snapshot: &Snapshot) -> Result<[News; 2], String> {
        let [console, web] = door_addresses(snapshot);
        Ok([
            self.console.borrow().prepare(console)?,
            self.web.borrow().prepare(web)?,
        ])
    }

    fn change_doors(&self, snapshot: &Snapshot, [console, web]: [News; 2]) {
        let addresses = door_addresses(snapshot);
        self.console.borrow_mut().change(addresses[0], console);
        self.web.borrow_mut().change(addresses[1], web);
    }

    fn announce_doors(&self, control: &mut Control) -> io::Result<()> {
        if let Some(listener) = self.console.borrow_mut().news.take() {
            control.listen_console(listener)?;
        }
        if let Some(listener) = self.web.borrow_mut().news.take() {
            control.listen_web(listener)?;
        }
        Ok(())
    }

    /// Removes expired entries from all caches when it is time; returns when that was.
    fn sweep_caches(&self, last: Timestamp, now: Timestamp) -> Timestamp {
        let snapshot = self.site.snapshot.load_full();
        if now < last + snapshot.cache_cleaning.delay {
            return last;
        }
        let mut caches: Vec<&Arc<Cache>> = snapshot
            .pools
            .iter()
            .filter_map(|pool| pool.cache.as_ref())
            .collect();
        caches.sort_by_key(|cache| Arc::as_ptr(cache));
        caches.dedup_by(|one, other| Arc::ptr_eq(one, other));
        for cache in caches {
            let uses_it = |pool: &&Pool| pool.cache.as_ref().is_some_and(|own| Arc::ptr_eq(own, cache));
            let is_backed = snapshot.pools.iter().filter(uses_it).all(Pool::is_available);
            let backing = if is_backed { Backing::Usable } else { Backing::Down };
            let share_kept = 100 - usize::from(snapshot.cache_cleaning.percentage.min(100));
            cache.purge_expired(now, cache.checked().max_entries() * share_kept / 100, backing);
        }
        now
    }

    /// The running program as a line of the console sees it.
    fn live(&self) -> Live {
        let snapshot = self.site.snapshot.load_full();
        let rates = self.rates.borrow();
        let rates = rates.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = |backend| {
            let rate = rates.of(backend);
            (rate.queries, rate.drops)
        };
        Live {
            rates: snapshot.backends.iter().map(|backend| rate(backend)).collect(),
            statistics: self.statistics(),
            frontends: frontend_numbers(&self.site.frontends()),
            now: clock::now(),
            snapshot,
        }
    }

    fn statistics(&self) -> Vec<(String, f64)> {
        let usage = Usage::read(self.site.started());
        let number = |value| match value {
            Value::Whole(whole) => whole as f64,
            Value::Average(average) => average,
        };
        let all = self.site.counters.statistics(&usage);
        all.map(|statistic| (statistic.metric.name.to_owned(), number(statistic.value)))
            .collect()
    }

    fn carry_out(&self, evaluated: Evaluated) -> Answer {
        for command in &evaluated.commands {
            match command {
                Command::Reload => self.reload()?,
                Command::Shutdown => self.is_done.set(true),
            }
        }
        Ok(evaluated.output)
    }
}

impl Console for Operator {
    fn settings(&self) -> Option<ConsoleSettings> {
        self.site.snapshot.load().console.clone()
    }

    fn evaluate(&self, command: &str) -> Answer {
        let live = self.live();
        let current = Arc::clone(&live.snapshot);
        let (evaluated, snapshot) = self
            .configuration
            .borrow_mut()
            .evaluate(command, live, &current)?;
        if let Some(snapshot) = snapshot
            && let Err(why) = self.put_in_force(snapshot)
        {
            self.configuration.borrow_mut().undo();
            return Err(why);
        }
        self.carry_out(evaluated)
    }
}

/// The counters of all workers' sockets, added up per address and transport.
fn frontend_numbers(frontends: &[Arc<FrontendCounters>]) -> Vec<FrontendNumbers> {
    let mut sums: Vec<(FrontendNumbers, u32)> = Vec::new();
    for counters in frontends {
        let is_it = |(known, _): &(FrontendNumbers, u32)| {
            known.address == counters.address && known.transport == counters.transport
        };
        let count = |counter| counters.count(counter);
        let [queries_per_connection, connection_ms, _] = counters.averages();
        let own = FrontendNumbers {
            address: counters.address,
            transport: counters.transport,
            queries: count(FrontendCounter::Queries),
            connections: count(FrontendCounter::TcpCurrentConnections),
            most_connections: count(FrontendCounter::TcpMaxConcurrentConnections),
            died_reading: count(FrontendCounter::TcpDiedReadingQuery),
            died_sending: count(FrontendCounter::TcpDiedSendingResponse),
            gave_up: count(FrontendCounter::TcpGaveUp),
            client_timeouts: count(FrontendCounter::TcpClientTimeouts),
            downstream_timeouts: count(FrontendCounter::TcpDownstreamTimeouts),
            queries_per_connection,
            connection_ms,
        };
        match sums.iter_mut().find(|sum| is_it(sum)) {
            Some((sum, sockets)) => {
                add(sum, &own, *sockets);
                *sockets += 1;
            }
            None => sums.push((own, 1)),
        }
    }
    sums.into_iter().map(|(sum, _)| sum).collect()
}

/// Adds the numbers of one more socket to those of `sockets`; averages are averaged.
fn add(sum: &mut FrontendNumbers, own: &FrontendNumbers, sockets: u32) {
    sum.queries += own.queries;
    sum.connections += own.connections;
    sum.most_connections += own.most_connections;
    sum.died_reading += own.died_reading;
    sum.died_sending += own.died_sending;
    sum.gave_up += own.gave_up;
    sum.client_timeouts += own.client_timeouts;
    sum.downstream_timeouts += own.downstream_timeouts;
    let weight = f64::from(sockets);
    let mean = |sum: f64, own: f64| (sum * weight + own) / (weight + 1.0);
    sum.queries_per_connection = mean(sum.queries_per_connection, own.queries_per_connection);
    sum.connection_ms = mean(sum.connection_ms, own.connection_ms);
}
