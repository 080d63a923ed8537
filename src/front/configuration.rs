//! The configuration file and what became of it: read, checked, built, and changed by lines of the console.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use weir_config::dialects::dnsdist::{Carry, Evaluated, Live, Loaded, Overrides, Session};
use weir_config::{Built, Diagnostic, Seeds, Snapshot};
use weir_wire::hash::Seed;

/// The file, the Lua machine that it was read into, and what snapshots are built with.
pub(crate) struct Configuration {
    source: Source,
    session: Session,
    seeds: Seeds,
    workers: usize,
}

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The file.
    pub(crate) file: PathBuf,
    /// What the command line changes about it.
    pub(crate) overrides: Overrides,
}

/// What the program draws once, before anything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets {
    /// For snapshots.
    pub(crate) seeds: Seeds,
    /// For limiters and sets of names.
    pub(crate) rules: Seed,
}

/// Everything that speaks against a configuration.
#[derive(Debug)]
pub(crate) struct Rejected(Vec<Diagnostic>);

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.0.iter().enumerate() {
            let newline = if number > 0 { "\n" } else { "" };
            write!(f, "{newline}{diagnostic}")?;
        }
        Ok(())
    }
}

impl From<Vec<Diagnostic>> for Rejected {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self(diagnostics)
    }
}

impl Configuration {
    /// Reads the file for the first time. `workers` says how many there will be if the file does not.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn load(
        source: Source,
        secrets: Secrets,
        workers: usize,
    ) -> Result<(Self, Snapshot, Vec<Diagnostic>), Rejected> {
        let Loaded {
            session, warnings, ..
        } = source.read(Carry::new(secrets.rules))?;
        let spec = session.spec();
        let workers = spec.workers.unwrap_or(workers);
        let built = Snapshot::build(&spec, None, secrets.seeds, workers)?;
        let configuration = Self {
            source,
            session,
            seeds: secrets.seeds,
            workers,
        };
        Ok((configuration, built.snapshot, both(warnings, built.warnings)))
    }

    /// Threads that the snapshots are built for; a reload does not change it.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    /// Reads the file again, for [`Self::replace`] once the snapshot is in force.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub(crate) fn reload(
        &self,
        current: &Snapshot,
    ) -> Result<(Session, Snapshot, Vec<Diagnostic>), Rejected> {
        let Some(carry) = self.session.carry() else {
            return Err(Rejected(Vec::new()));
        };
        let Loaded {
            session, warnings, ..
        } = self.source.read(carry)?;
        let built = Snapshot::build(&session.spec(), Some(current), self.seeds, self.workers)?;
        Ok((session, built.snapshot, both(warnings, built.warnings)))
    }

    /// Lines of the console run in `session` from now on.
    pub(crate) fn replace(&mut self, session: Session) {
        self.session = session;
    }

    /// Takes back what the last line changed.
    pub(crate) fn undo(&mut self) {
        self.session.undo();
    }

    /// Runs a line of the console. When that changed the configuration, the second value is the snapshot to put
    /// in force.
    ///
    /// # Errors
    /// Why the line, or what it makes of the configuration, is wrong; nothing has changed then.
    pub(crate) fn evaluate(
        &mut self,
        line: &str,
        live: Live,
        current: &Snapshot,
    ) -> Result<(Evaluated, Option<Snapshot>), String> {
        let mut evaluated = self.session.eval(line, live)?;
        let Some(spec) = evaluated.changed.take() else {
            return Ok((evaluated, None));
        };
        match Snapshot::build(&spec, Some(current), self.seeds, self.workers) {
            Ok(Built { snapshot, warnings }) => {
                for warning in warnings {
                    evaluated.output.push_str(&format!("{warning}\n"));
                }
                Ok((evaluated, Some(snapshot)))
            }
            Err(diagnostics) => {
                self.session.undo();
                Err(Rejected(diagnostics).to_string())
            }
        }
    }
}

impl Source {
    fn read(&self, carry: Carry) -> Result<Loaded, Rejected> {
        // Bytes that are not UTF-8 are legal in Lua's comments and strings; nothing that counts is lost.
        let bytes = fs::read(&self.file).map_err(|error| self.unreadable(&error))?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(Session::load(&text, &self.file, &self.overrides, carry)?)
    }

    fn unreadable(&self, error: &std::io::Error) -> Rejected {
        let place = weir_config::Place::new(self.file.display().to_string(), 0);
        Rejected(vec![Diagnostic::error(
            place,
            format!("Unable to read the configuration: {error}"),
        )])
    }
}

fn both(mut first: Vec<Diagnostic>, mut second: Vec<Diagnostic>) -> Vec<Diagnostic> {
    first.append(&mut second);
    first
}
