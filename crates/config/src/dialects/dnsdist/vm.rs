//! The Lua machine: what is in it, and how much it may do.

use std::path::Path;
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
pub(crate) const MAX_INSTRUCTIONS: u64 = 1_000_000_000;

/// Instructions between two looks at the count.
const INSTRUCTIONS_PER_LOOK: u32 = 10_000;

/// A machine with dnsdist's names in it.
pub(crate) fn new(state: State) -> mlua::Result<Lua> {
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
    limit(&lua, MAX_INSTRUCTIONS)?;
    Ok(lua)
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

/// Stops what runs longer than `instructions` from now on.
pub(crate) fn limit(lua: &Lua, instructions: u64) -> mlua::Result<()> {
    let left = AtomicU64::new(instructions);
    let step = u64::from(INSTRUCTIONS_PER_LOOK);
    lua.set_global_hook(
        HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_LOOK),
        move |lua, _| {
            // One thread at a time runs Lua; the atomic only makes the count shareable.
            let remaining = left.load(Ordering::Relaxed);
            left.store(remaining.saturating_sub(step), Ordering::Relaxed);
            if remaining >= step {
                return Ok(VmState::Continue);
            }
            // From here on every instruction fails, so that a pcall in a loop does not catch one error after the other.
            lua.set_global_hook(HookTriggers::new().every_nth_instruction(1), |lua, _| {
                Err(endless(lua))
            })?;
            Err(endless(lua))
        },
    )
}

fn endless(lua: &Lua) -> mlua::Error {
    let message = "stopped: a loop here does not seem to end";
    mlua::Error::external(Located {
        place: call::running(lua),
        message: message.to_owned(),
    })
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
