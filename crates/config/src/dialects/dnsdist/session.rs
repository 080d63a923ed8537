//! A configuration's Lua machine, from loading the file to the last line of the console.

use std::path::Path;

use mlua::{Lua, MultiValue, Value};

use super::failure::{Failure, diagnose};
use super::functions;
use super::state::{Carry, Command, Live, State};
use super::values::Address;
use super::vm::{self, MAX_INSTRUCTIONS};
use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::settings::{Listen, Secret};
use crate::spec::Spec;

/// What stands for the file in messages about the command line.
const COMMAND_LINE: &str = "command line";

/// What stands for the file in messages about a line of the console.
const CONSOLE: &str = "console";

/// Most lines that `delta()` remembers.
const MAX_HISTORY: usize = 1000;

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Addresses to listen on instead of the file's (`-l`).
    pub local: Vec<String>,
    /// Masks that replace the default access list before the file is read (`--acl`).
    pub acl: Vec<String>,
    /// Servers in addition to the file's.
    pub servers: Vec<String>,
    /// The console's key (`-k`).
    pub key: Option<String>,
    /// Details in the journal (`-v`).
    pub verbose: bool,
}

/// A file that was read.
#[derive(Debug)]
pub struct Loaded {
    /// To run lines of the console in.
    pub session: Session,
    /// What the file printed.
    pub output: String,
    /// Things that work, but hardly as intended.
    pub warnings: Vec<Diagnostic>,
}

/// What a line of the console did.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// What it printed, with the value of an expression.
    pub output: String,
    /// The configuration, when it is not what it was: to be checked, built and published. If that fails, call
    /// [`Session::undo`].
    pub changed: Option<Spec>,
    /// What it asks of the program.
    pub commands: Vec<Command>,
}

/// A Lua machine after a file was read.
#[derive(Debug)]
pub struct Session {
    lua: Lua,
    /// The spec before the last line that changed it.
    before: Spec,
    /// Lines that changed the spec, for `delta()`.
    history: Vec<String>,
}

impl Session {
    /// Runs `source`, the text of `file`. On a reload `carry` is that of the session before, see
    /// [`Self::carry`].
    ///
    /// # Errors
    /// What is wrong, with its line. Lua stops at the first mistake.
    pub fn load(
        source: &str,
        file: &Path,
        overrides: &Overrides,
        carry: Carry,
    ) -> Result<Loaded, Vec<Diagnostic>> {
        let whole = Place::new(file.display().to_string(), 0);
        let mut state = State::new(&whole, carry);
        override_before(&mut state, overrides).map_err(|error| vec![error])?;
        let failed = |error: &mlua::Error| vec![diagnose(error, &whole)];
        let lua = vm::new(state).map_err(|error| failed(&error))?;
        let (chunk, mut warnings) = vm::compile(&lua, source, file).map_err(|error| vec![error])?;
        chunk.call::<()>(()).map_err(|error| failed(&error))?;
        let mut session = Self {
            before: Spec::new(&whole),
            lua,
            history: Vec::new(),
        };
        let (output, before) = session.with_state(|state| {
            override_after(state, overrides)?;
            warnings.append(&mut state.warnings);
            state.is_changed = false;
            state.whole = Place::new(CONSOLE, 0);
            Ok((std::mem::take(&mut state.output), state.spec.clone()))
        })?;
        session.before = before;
        Ok(Loaded {
            session,
            output,
            warnings,
        })
    }

    /// The configuration as it is now.
    pub fn spec(&self) -> Spec {
        let state = self.lua.app_data_ref::<State>();
        // The state is put there when the machine is made and never taken away.
        state.map_or_else(|| self.before.clone(), |state| state.spec.clone())
    }

    /// What the session of a reloaded file goes on with.
    pub fn carry(&self) -> Option<Carry> {
        let state = self.lua.app_data_ref::<State>()?;
        Some(Carry {
            limiters: state.carry.limiters.next_generation(),
            names: state.carry.names,
        })
    }

    /// Runs a line of the console in sight of the running program. The value of an expression is printed.
    ///
    /// # Errors
    /// What is wrong with the line; the configuration is then what it was.
    pub fn eval(&mut self, line: &str, live: Live) -> Result<Evaluated, String> {
        vm::limit(&self.lua, MAX_INSTRUCTIONS).map_err(|error| error.to_string())?;
        let before = self.spec();
        let history = self.history.clone();
        self.with_state(|state| {
            state.live = Some(live);
            state.history = history;
            Ok(())
        })
        .map_err(|errors| text(&errors))?;
        let result = self.run_line(line);
        let after = self.with_state(|state| {
            state.live = None;
            let evaluated = Evaluated {
                output: std::mem::take(&mut state.output),
                changed: std::mem::take(&mut state.is_changed).then(|| state.spec.clone()),
                commands: std::mem::take(&mut state.requests),
            };
            let warnings = std::mem::take(&mut state.warnings);
            if result.is_err() {
                state.spec = before.clone();
            }
            Ok((evaluated, warnings))
        });
        let (mut evaluated, warnings) = after.map_err(|errors| text(&errors))?;
        result?;
        for warning in &warnings {
            evaluated.output.push_str(&format!("{warning}\n"));
        }
        if evaluated.changed.is_some() {
            self.before = before;
            if self.history.len() < MAX_HISTORY {
                self.history.push(line.to_owned());
            }
        }
        Ok(evaluated)
    }

    /// Takes back what the last changing line did to the configuration.
    pub fn undo(&mut self) {
        let before = self.before.clone();
        self.history.pop();
        let _ = self.with_state(|state| {
            state.spec = before;
            Ok(())
        });
    }

    /// An expression first, then a statement, as dnsdist does.
    fn run_line(&self, line: &str) -> Result<(), String> {
        let whole = Place::new(CONSOLE, 0);
        let failed = |error: &mlua::Error| diagnose(error, &whole).message;
        let compile = |text: String| {
            self.lua
                .load(text)
                .set_name(format!("={CONSOLE}"))
                .into_function()
        };
        let chunk = compile(format!("return {line}")).or_else(|_| compile(line.to_owned()));
        let values: MultiValue = chunk
            .and_then(|chunk| chunk.call(()))
            .map_err(|error| failed(&error))?;
        for value in values {
            let text = self.display(&value).map_err(|error| failed(&error))?;
            if let Some(text) = text {
                self.with_state(|state| {
                    state.print_line(text);
                    Ok(())
                })
                .map_err(|errors| self::text(&errors))?;
            }
        }
        Ok(())
    }

    /// A value as the console prints it: nothing for nil, a table as `{"key": value}`.
    fn display(&self, value: &Value) -> mlua::Result<Option<String>> {
        /// Pairs of a table that are printed.
        const MAX_PAIRS: usize = 10_000;
        Ok(match value {
            Value::Nil => None,
            Value::Table(table) => {
                let mut pairs = Vec::new();
                for pair in table.pairs::<Value, Value>().take(MAX_PAIRS) {
                    let (key, value) = pair?;
                    let value = match value {
                        Value::Table(_) => "{...}".to_owned(),
                        value => value.to_string()?,
                    };
                    pairs.push((key.to_string()?, value));
                }
                pairs.sort_unstable();
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(key, value)| format!("\"{key}\": {value}"))
                    .collect();
                Some(format!("{{{}}}", pairs.join(", ")))
            }
            other => Some(other.to_string()?),
        })
    }

    fn with_state<T>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, Diagnostic>,
    ) -> Result<T, Vec<Diagnostic>> {
        let broken = || Diagnostic::error(Place::new(CONSOLE, 0), "the machine is in use");
        let mut state = self.lua.app_data_mut::<State>().ok_or_else(|| vec![broken()])?;
        act(&mut state).map_err(|error| vec![error])
    }
}

fn text(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| diagnostic.message.clone())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What the command line says before the file has its say.
fn override_before(state: &mut State, overrides: &Overrides) -> Result<(), Diagnostic> {
    let place = Place::new(COMMAND_LINE, 0);
    if !overrides.acl.is_empty() {
        state.spec.acl.clear();
        for mask in &overrides.acl {
            state
                .spec
                .acl
                .add(mask)
                .map_err(|error| Diagnostic::error(place.clone(), format!("--acl: {error}")))?;
        }
    }
    state.spec.console.key = overrides.key.as_ref().map(Secret::new);
    state.spec.logging.verbose = overrides.verbose;
    Ok(())
}

/// What the command line says instead of the file, and in addition to it.
fn override_after(state: &mut State, overrides: &Overrides) -> Result<(), Diagnostic> {
    let place = Place::new(COMMAND_LINE, 0);
    let read = |text: &str| {
        let wrong = || {
            Diagnostic::error(
                place.clone(),
                format!("'{text}' is not an IP address with or without a port"),
            )
        };
        Address::<53>::parse(text)
            .map(|Address(address)| address)
            .ok_or_else(wrong)
    };
    if !overrides.local.is_empty() {
        state.spec.listen.clear();
    }
    for address in &overrides.local {
        state.spec.listen.push(Placed {
            value: Listen::new(read(address)?),
            place: place.clone(),
        });
    }
    for address in &overrides.servers {
        let settings = weir_balance::BackendSettings::new(read(address)?);
        functions::servers::add(state, settings, &[], &place)
            .map_err(|Failure(why)| Diagnostic::error(place.clone(), why))?;
    }
    Ok(())
}
