//! One call from Lua: its arguments, its place in the file, and the state that it may change.

use mlua::{IntoLua, Lua, MultiValue, Value};

use super::failure::{Failure, Located};
use super::state::State;
use super::values::{self, Read};
use crate::diagnostics::{Diagnostic, Place};

/// A call of a function or method of the tables.
pub(crate) struct Call<'l> {
    /// To make values with.
    pub(crate) lua: &'l Lua,
    /// What the file has said so far.
    pub(crate) state: &'l mut State,
    /// The line that calls.
    pub(crate) place: Place,
    /// The function's name.
    pub(crate) name: &'static str,
    arguments: std::vec::IntoIter<Value>,
}

/// What a row of the tables does.
pub(crate) type Body = fn(&mut Call<'_>) -> Result<Value, Failure>;

impl Call<'_> {
    /// The next argument as it is; nil when there is none.
    pub(crate) fn value(&mut self) -> Value {
        self.arguments.next().unwrap_or(Value::Nil)
    }

    /// The next argument.
    pub(crate) fn required<T: Read>(&mut self, what: &str) -> Result<T, Failure> {
        let value = self.value();
        values::read(what, &value).map_err(|Failure(why)| match self.state.missed_member(&self.place) {
            Some(missed) if value.is_nil() => Failure(format!("{why} ({missed})")),
            _ => Failure(why),
        })
    }

    /// The next argument, if it is there and not nil.
    pub(crate) fn optional<T: Read>(&mut self, what: &str) -> Result<Option<T>, Failure> {
        let value = self.value();
        if value.is_nil() {
            Ok(None)
        } else {
            values::read(what, &value).map(Some)
        }
    }

    /// What follows, each as a `T`.
    pub(crate) fn rest<T: Read>(&mut self, what: &str) -> Result<Vec<T>, Failure> {
        let values: Vec<_> = self.arguments.by_ref().collect();
        values.iter().map(|value| values::read(what, value)).collect()
    }

    /// Leaves the arguments that follow unread without a warning.
    pub(crate) fn ignore_rest(&mut self) {
        self.arguments.by_ref().for_each(drop);
    }

    /// Something that works, but hardly as intended.
    pub(crate) fn warn(&mut self, why: impl std::fmt::Display) {
        let warning = Diagnostic::warning(self.place.clone(), format!("{}: {why}", self.name));
        self.state.warn(warning);
    }

    /// Makes a Lua value.
    pub(crate) fn give(&self, value: impl IntoLua) -> Result<Value, Failure> {
        value.into_lua(self.lua).map_err(Failure::from)
    }
}

/// Runs the body of a row.
pub(crate) fn dispatch(
    lua: &Lua,
    name: &'static str,
    arguments: MultiValue,
    body: impl FnOnce(&mut Call<'_>) -> Result<Value, Failure>,
) -> mlua::Result<Value> {
    let place = caller(lua);
    let located = |Failure(message)| {
        let message = format!("{name}: {message}");
        mlua::Error::external(Located {
            place: place.clone(),
            message,
        })
    };
    let Ok(Some(mut state)) = lua.try_app_data_mut::<State>().map_err(drop) else {
        return Err(located(Failure::new("called while another function runs")));
    };
    let arguments = arguments.into_vec().into_iter();
    let mut call = Call {
        lua,
        state: &mut state,
        place: place.clone(),
        name,
        arguments,
    };
    let value = body(&mut call).map_err(located)?;
    let surplus = call.arguments.by_ref().filter(|value| !value.is_nil()).count();
    if surplus > 0 {
        call.warn(format_args!(
            "the last {surplus} of the arguments are not known and ignored"
        ));
    }
    Ok(value)
}

/// The line of Lua that called the running function.
pub(crate) fn caller(lua: &Lua) -> Place {
    place_from(lua, 1)
}

/// The line of Lua that runs, for a hook.
pub(crate) fn running(lua: &Lua) -> Place {
    place_from(lua, 0)
}

fn place_from(lua: &Lua, first: usize) -> Place {
    // A call in a `return` leaves no trace of its line; then it is the file as a whole.
    let whole = || {
        lua.try_app_data_ref::<State>()
            .ok()
            .flatten()
            .map(|state| state.whole.clone())
    };
    line_from(lua, first)
        .or_else(whole)
        .unwrap_or_else(|| Place::new("", 0))
}

fn line_from(lua: &Lua, first: usize) -> Option<Place> {
    // Functions that are not written in Lua, such as pcall, have no line.
    for level in first..first + 8 {
        let found = lua.inspect_stack(level, |frame| {
            let source = frame
                .source()
                .source
                .map(|source| source.into_owned())
                .unwrap_or_default();
            frame.current_line().map(|line| (source, line))
        });
        if let Some((source, line)) = found? {
            let file = source.trim_start_matches(['@', '=']).to_owned();
            return Some(Place::new(file, u32::try_from(line).unwrap_or(0)));
        }
    }
    None
}
