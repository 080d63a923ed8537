//! What the functions share: the spec under construction, what was printed, and the running program's numbers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use weir_balance::Backend;
use weir_policy::{Limiters, Mode, Transport, Uuid};
use weir_wire::Timestamp;
use weir_wire::hash::Seed;

use crate::diagnostics::{Diagnostic, Place};
use crate::snapshot::Snapshot;
use crate::spec::{BackendKey, Spec};

/// Most bytes that one file or line may print.
const MAX_OUTPUT: usize = 8 << 20;

/// Most warnings that are kept.
const MAX_WARNINGS: usize = 1000;

/// What outlives a configuration and its rules are built on.
#[derive(Debug)]
pub struct Carry {
    /// Limiters that earlier rules asked for.
    pub limiters: Limiters,
    /// Keys the hash of sets of names. Drawn once.
    pub names: Seed,
}

impl Carry {
    /// For the first configuration of a process; `seed` is secret.
    pub fn new(seed: Seed) -> Self {
        Self {
            limiters: Limiters::new(seed),
            names: seed,
        }
    }
}

/// The running program, as a line of the console sees it.
#[derive(Debug)]
pub struct Live {
    /// What the program runs on.
    pub snapshot: Arc<Snapshot>,
    /// Every counter with its name, for `dumpStats`.
    pub statistics: Vec<(String, f64)>,
    /// Per listening address and transport.
    pub frontends: Vec<FrontendNumbers>,
    /// Per backend of the snapshot: queries and timeouts in the last second. May be empty.
    pub rates: Vec<(f64, f64)>,
    /// The time.
    pub now: Timestamp,
}

/// What one listening address has counted over one transport, all workers together.
#[derive(Clone, Copy, Debug)]
pub struct FrontendNumbers {
    /// The address.
    pub address: SocketAddr,
    /// The transport.
    pub transport: Transport,
    /// Queries received.
    pub queries: u64,
    /// TCP connections open now.
    pub connections: u64,
    /// Most TCP connections ever open at once.
    pub most_connections: u64,
    /// TCP connections that broke while a query was read.
    pub died_reading: u64,
    /// TCP connections that broke while a reply was sent.
    pub died_sending: u64,
    /// TCP connections given up.
    pub gave_up: u64,
    /// TCP connections that clients let time out.
    pub client_timeouts: u64,
    /// Queries over TCP that backends let time out.
    pub downstream_timeouts: u64,
    /// Average queries per TCP connection.
    pub queries_per_connection: f64,
    /// Average life of a TCP connection in milliseconds.
    pub connection_ms: f64,
}

/// What a line of the console asks of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read the file again.
    Reload,
    /// End.
    Shutdown,
}

/// What `weir{}` said about rules that follow.
#[derive(Clone, Debug, Default)]
pub(crate) struct WeirSettings {
    /// Whether limits act.
    pub(crate) limit_mode: Mode,
    /// Buckets of tables of limits; `None` is the default.
    pub(crate) limit_buckets: Option<usize>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) spec: Spec,
    /// The file that runs, or what stands for it.
    pub(crate) whole: Place,
    pub(crate) carry: Carry,
    pub(crate) weir: WeirSettings,
    /// Whether a file runs that another one included.
    pub(crate) is_including: bool,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) output: String,
    pub(crate) requests: Vec<Command>,
    pub(crate) live: Option<Live>,
    /// Whether the spec was changed since the last look.
    pub(crate) is_changed: bool,
    /// Rules made so far.
    pub(crate) rules_made: u64,
    /// How many rules were made with the same words, by the identity of the first.
    pub(crate) rule_twins: BTreeMap<Uuid, u32>,
    /// Lines of the console that changed something.
    pub(crate) history: Vec<String>,
    /// The last name that an enumeration did not have.
    pub(crate) missed: Option<(Place, String)>,
    backends_made: u32,
}

impl State {
    /// Nothing said yet; `whole` is the file.
    pub(crate) fn new(whole: &Place, carry: Carry) -> Self {
        Self {
            spec: Spec::new(whole),
            whole: whole.clone(),
            carry,
            weir: WeirSettings::default(),
            is_including: false,
            warnings: Vec::new(),
            output: String::new(),
            requests: Vec::new(),
            live: None,
            is_changed: false,
            rules_made: 0,
            rule_twins: BTreeMap::new(),
            history: Vec::new(),
            missed: None,
            backends_made: 0,
        }
    }

    /// The spec, to be changed.
    pub(crate) fn edit(&mut self) -> &mut Spec {
        self.is_changed = true;
        &mut self.spec
    }

    /// A key that no other backend has.
    pub(crate) fn next_backend(&mut self) -> BackendKey {
        self.backends_made += 1;
        BackendKey(self.backends_made)
    }

    pub(crate) fn warn(&mut self, warning: Diagnostic) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// Prints; what is too much is cut off.
    pub(crate) fn print(&mut self, text: impl std::fmt::Display) {
        let _ = write!(Bounded(&mut self.output), "{text}");
    }

    /// Prints a line.
    pub(crate) fn print_line(&mut self, text: impl std::fmt::Display) {
        self.print(format_args!("{text}\n"));
    }

    /// The running backend of this key.
    pub(crate) fn live_backend(&self, key: BackendKey) -> Option<&Arc<Backend>> {
        let settings = &self.spec.backend(key)?.settings;
        let backends = &self.live.as_ref()?.snapshot.backends;
        backends
            .iter()
            .find(|backend| backend.settings().same_identity(settings))
    }

    /// What an enumeration did not have when the line at `place` asked.
    pub(crate) fn missed_member(&self, place: &Place) -> Option<&str> {
        let (at, missed) = self.missed.as_ref()?;
        (at == place).then_some(missed)
    }
}

/// Takes no more than [`MAX_OUTPUT`].
struct Bounded<'o>(&'o mut String);

impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > MAX_OUTPUT {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}
