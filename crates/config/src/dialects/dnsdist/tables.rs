//! The rows that everything about the dialect is made of: functions, methods, table keys.
//!
//! A row says what its name takes and means, in words and as code. What Lua can call, what the console completes
//! and what the documentation lists all come from rows; nothing else names a function.

use mlua::{Lua, Table, Value};

use super::call::{Body, Call};
use super::failure::Failure;
use super::values::{self, Read, Wrong};
use crate::nearest::nearest;

/// A global function of dnsdist.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, as documentation writes them.
    pub args: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    pub(crate) does: Does,
}

/// What happens when a function is called.
#[derive(Debug)]
pub(crate) enum Does {
    /// It looks at the state and changes it.
    Calls(Body),
    /// It runs more Lua.
    Runs(RunsLua),
    /// It fails: "not supported yet".
    NotYet,
}

/// A function that runs Lua itself, so that it must not hold the state meanwhile.
pub(crate) type RunsLua = fn(&Lua, &[Value]) -> Result<(), RunFailure>;

/// Why it could not: its own reason, or an error of the Lua that it ran.
pub(crate) enum RunFailure {
    Own(Failure),
    Inner(mlua::Error),
}

impl Function {
    /// A function that can be called.
    pub(crate) const fn new(name: &'static str, args: &'static str, doc: &'static str, body: Body) -> Self {
        Self {
            name,
            args,
            doc,
            does: Does::Calls(body),
        }
    }

    /// A function that runs more Lua.
    pub(crate) const fn running(
        name: &'static str,
        args: &'static str,
        doc: &'static str,
        run: RunsLua,
    ) -> Self {
        Self {
            name,
            args,
            doc,
            does: Does::Runs(run),
        }
    }

    /// A function of dnsdist that fails with "not supported yet".
    pub(crate) const fn not_yet(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            args: "(...)",
            doc,
            does: Does::NotYet,
        }
    }

    /// Whether it can be called.
    pub fn is_supported(&self) -> bool {
        !matches!(self.does, Does::NotYet)
    }
}

/// Whether a method of dnsdist is there for more than an error message.
#[derive(Debug)]
pub(crate) enum Support<B> {
    Built(B),
    NotYet,
}

/// A method of an object of type `T`.
pub(crate) struct Method<T: 'static> {
    pub(crate) name: &'static str,
    pub(crate) args: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) body: Support<MethodBody<T>>,
}

/// What a method does.
pub(crate) type MethodBody<T> = fn(&mut T, &mut Call<'_>) -> Result<Value, Failure>;

impl<T> Method<T> {
    pub(crate) const fn new(
        name: &'static str,
        args: &'static str,
        doc: &'static str,
        body: MethodBody<T>,
    ) -> Self {
        Self {
            name,
            args,
            doc,
            body: Support::Built(body),
        }
    }

    pub(crate) const fn not_yet(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            args: "(...)",
            doc,
            body: Support::NotYet,
        }
    }
}

/// A field of an object of type `T`.
pub(crate) struct Field<T: 'static> {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) get: fn(&T, &mut Call<'_>) -> Result<Value, Failure>,
    /// Takes the value as its argument; `None` is read-only.
    pub(crate) set: Option<MethodBody<T>>,
}

/// A key of a table of options that fills a `T`.
pub(crate) struct Key<T: 'static> {
    pub(crate) name: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) set: KeySupport<T>,
}

/// What becomes of a key's value.
pub(crate) enum KeySupport<T> {
    /// It is set.
    Set(fn(&mut T, &Value) -> Result<(), Wrong>),
    /// There is nothing to set: Weir has no such choice.
    Moot,
    /// An error, unless the value is the default, given here as a test.
    NotYet(fn(&Value) -> bool),
}

/// Fills `target` from `table`. Keys that no row knows are warned about, with the one that was probably meant.
pub(crate) fn read_keys<T>(
    call: &mut Call<'_>,
    table: &Table,
    keys: &[&[Key<T>]],
    target: &mut T,
) -> Result<(), Failure> {
    for key in keys.iter().copied().flatten() {
        let value: Value = table.raw_get(key.name)?;
        if value.is_nil() {
            continue;
        }
        match key.set {
            KeySupport::Set(set) => set(target, &value).map_err(|wrong| match wrong {
                Wrong::Kind => Failure::new(format!(
                    "{} must be {}, not {}",
                    key.name,
                    key.expected,
                    values::show(&value)
                )),
                Wrong::Because(why) => Failure::new(format!("{}: {why}", key.name)),
            })?,
            KeySupport::Moot => {}
            KeySupport::NotYet(is_default) if is_default(&value) => {}
            KeySupport::NotYet(_) => return Err(Failure::new(format!("{}: not supported yet", key.name))),
        }
    }
    warn_unknown(call, table, keys)
}

fn warn_unknown<T>(call: &mut Call<'_>, table: &Table, keys: &[&[Key<T>]]) -> Result<(), Failure> {
    let known: Vec<&str> = keys.iter().copied().flatten().map(|key| key.name).collect();
    let mut unknown = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair?;
        let name = String::read(&key).unwrap_or_else(|_| values::show(&key));
        if !known.contains(&name.as_str()) {
            unknown.push(name);
        }
    }
    // Lua's order of keys is not one.
    unknown.sort_unstable();
    for name in unknown {
        match nearest(&name, known.iter().copied()) {
            Some(near) => {
                return Err(Failure::new(format!(
                    "unknown key '{name}'; did you mean '{near}'?"
                )));
            }
            None => call.warn(format_args!(
                "unknown key '{name}' is ignored; known are {}",
                known.join(", ")
            )),
        }
    }
    Ok(())
}

/// A row of a table of keys: the field that takes the value as it is read.
macro_rules! key {
    ($name:literal, $default:literal, $doc:literal, $type:ty, |$target:ident, $value:pat_param| $set:expr) => {
        $crate::dialects::dnsdist::tables::Key {
            name: $name,
            expected: <$type as $crate::dialects::dnsdist::values::Read>::EXPECTED,
            default: $default,
            doc: $doc,
            set: $crate::dialects::dnsdist::tables::KeySupport::Set(|$target, value| {
                let $value = <$type as $crate::dialects::dnsdist::values::Read>::read(value)?;
                $set;
                Ok(())
            }),
        }
    };
    ($name:literal, $default:literal, $doc:literal, moot) => {
        $crate::dialects::dnsdist::tables::Key {
            name: $name,
            expected: "anything",
            default: $default,
            doc: $doc,
            set: $crate::dialects::dnsdist::tables::KeySupport::Moot,
        }
    };
    ($name:literal, $default:literal, $doc:literal, not yet unless |$value:ident| $is_default:expr) => {
        $crate::dialects::dnsdist::tables::Key {
            name: $name,
            expected: "anything",
            default: $default,
            doc: $doc,
            set: $crate::dialects::dnsdist::tables::KeySupport::NotYet(|$value| $is_default),
        }
    };
}
pub(crate) use key;
