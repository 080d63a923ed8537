//! The Lua machine: what is in it, and how much it may do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mlua::{Function as LuaFunction, HookTriggers, Lua, MultiValue, Value, VmState};

use super::call;
use super::enums;
use super::failure::{Failure, Located, diagnose};
use super::functions;
use super::objects::{Wrapped, policy::ServerPolicy};
use super::repair::{self, Repair};
use super::state::State;
use super::tables::{Does, Function, RunFailure};
use crate::diagnostics::{Diagnostic, Place};

/// Instructions that one file, or one line of the console, may run: some ten seconds. A million lines need ten
/// million; what needs more does not end.
const MAX_INSTRUCTIONS: u64 = 1_000_000_000;

/// Instructions between two looks at the count.
const INSTRUCTIONS_PER_LOOK: u32 = 10_000;

/// Counts what is left of [`MAX_INSTRUCTIONS`].
#[derive(Clone, Debug)]
pub(crate) struct Fuel(Arc<AtomicU64>);

impl Fuel {
    /// Allows a full measure from now on.
    pub(crate) fn refill(&self) {
        self.0.store(MAX_INSTRUCTIONS, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn set(&self, instructions: u64) {
        self.0.store(instructions, Ordering::Relaxed);
    }
}

/// A machine with dnsdist's names in it.
pub(crate) fn new(state: State) -> mlua::Result<(Lua, Fuel)> {
    let lua = Lua::new();
    // Compiled traces run no hooks, so the count below would not see a loop that never ends.
    lua.load("jit.off()").exec()?;
    lua.set_app_data(state);
    enums::install(&lua)?;
    for function in functions::all() {
        lua.globals().raw_set(function.name, callable(&lua, function)?)?;
    }
    for kind in weir_balance::POLICIES {
        lua.globals().raw_set(kind.name, Wrapped(ServerPolicy(kind)))?;
    }
    let fuel = limit(&lua)?;
    Ok((lua, fuel))
}

fn callable(lua: &Lua, function: &'static Function) -> mlua::Result<LuaFunction> {
    let name = function.name;
    lua.create_function(move |lua, arguments: MultiValue| match function.does {
        Does::Calls(body) => call::dispatch(lua, name, arguments, body),
        Does::NotYet => call::dispatch(lua, name, MultiValue::new(), |_| {
            Err(Failure::new("not supported yet"))
        }),
        Does::Runs(run) => {
            let place = call::caller(lua);
            match run(lua, &arguments.into_vec()) {
                Ok(()) => Ok(Value::Nil),
                Err(RunFailure::Inner(error)) => Err(error),
                Err(RunFailure::Own(Failure(why))) => Err(mlua::Error::external(Located {
                    message: format!("{name}: {why}"),
                    place,
                })),
            }
        }
    })
}

fn limit(lua: &Lua) -> mlua::Result<Fuel> {
    let fuel = Fuel(Arc::new(AtomicU64::new(MAX_INSTRUCTIONS)));
    let left = Arc::clone(&fuel.0);
    lua.set_global_hook(
        HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_LOOK),
        move |lua, _| {
            let used = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(u64::from(INSTRUCTIONS_PER_LOOK))
            });
            match used {
                Ok(_) => Ok(VmState::Continue),
                Err(_) => {
                    let message =
                        format!("stopped after {MAX_INSTRUCTIONS} instructions: does a loop here never end?");
                    Err(mlua::Error::external(Located {
                        place: call::running(lua),
                        message,
                    }))
                }
            }
        },
    )?;
    Ok(fuel)
}

/// Compiles a file; what had to be repaired for that is said as warnings.
pub(crate) fn compile(
    lua: &Lua,
    source: &str,
    file: &Path,
) -> Result<(LuaFunction, Vec<Diagnostic>), Diagnostic> {
    let name = file.display().to_string();
    let whole = Place::new(name.as_str(), 0);
    let compile = |text: &str| lua.load(text).set_name(format!("@{name}")).into_function();
    match (compile(source), repair::repair(source)) {
        (Ok(chunk), _) => Ok((chunk, Vec::new())),
        (Err(error), None) => Err(diagnose(&error, &whole)),
        (Err(_), Some((repaired, repairs))) => {
            let chunk = compile(&repaired).map_err(|error| diagnose(&error, &whole))?;
            let warn = |Repair { line, what }| Diagnostic::warning(Place::new(name.as_str(), line), what);
            Ok((chunk, repairs.into_iter().map(warn).collect()))
        }
    }
}
