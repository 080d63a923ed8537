//! Errors on their way through Lua, and what they look like when they come out.

use std::fmt;
use std::sync::Arc;

use weir_policy::Invalid;

use super::reference;
use crate::diagnostics::{Diagnostic, Place};
use crate::nearest::nearest;

/// Why a function cannot do what was asked: one sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self(invalid.to_string())
    }
}

impl From<mlua::Error> for Failure {
    fn from(error: mlua::Error) -> Self {
        Self(error.to_string())
    }
}

/// A [`Failure`] of a function that the line at `place` called.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) place: Place,
    pub(crate) message: String,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Located {}

/// What went wrong in a chunk, with the place that Lua names or else `whole`.
pub(crate) fn diagnose(error: &mlua::Error, whole: &Place) -> Diagnostic {
    match error {
        mlua::Error::CallbackError { cause, .. } => diagnose(cause, whole),
        mlua::Error::ExternalError(inner) => match inner.downcast_ref::<Located>() {
            Some(located) => Diagnostic::error(located.place.clone(), located.message.clone()),
            None => Diagnostic::error(whole.clone(), inner.to_string()),
        },
        mlua::Error::RuntimeError(message) | mlua::Error::SyntaxError { message, .. } => {
            of_text(message, whole)
        }
        other => Diagnostic::error(whole.clone(), first_line(&other.to_string())),
    }
}

/// Lua's own messages look like `file:line: what`, and a trace behind them.
fn of_text(message: &str, whole: &Place) -> Diagnostic {
    let message = first_line(message);
    let (place, what) = split_place(&message, whole).unwrap_or_else(|| (whole.clone(), message.clone()));
    Diagnostic::error(place, explain(&what))
}

fn first_line(message: &str) -> String {
    message
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches("runtime error: ")
        .to_owned()
}

/// Splits `file:line: what`. Lua shortens long names of files to `...tail`.
fn split_place(message: &str, whole: &Place) -> Option<(Place, String)> {
    let mut at = 0;
    while let Some(colon) = message.get(at..)?.find(':') {
        let rest = message.get(at + colon + 1..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (line, behind) = rest.split_at_checked(digits)?;
        if let (Ok(line), Some(what)) = (
            line.parse(),
            behind.strip_prefix(": ").or_else(|| behind.strip_prefix(":")),
        ) {
            let file = message.get(..at + colon)?;
            let is_short = file
                .strip_prefix("...")
                .is_some_and(|tail| whole.file.ends_with(tail));
            let file = if is_short {
                Arc::clone(&whole.file)
            } else {
                Arc::from(file)
            };
            return Some((Place::new(file, line), what.trim_start().to_owned()));
        }
        at += colon + 1;
    }
    None
}

/// Says in the operator's words what Lua says in its own.
fn explain(what: &str) -> String {
    for (start, kind) in [
        ("attempt to call global '", Unknown::Function),
        ("attempt to call method '", Unknown::Method),
        ("attempt to index global '", Unknown::Variable),
    ] {
        let name = what
            .strip_prefix(start)
            .and_then(|rest| rest.split_once('\''))
            .filter(|(_, rest)| rest.contains("nil"));
        if let Some((name, _)) = name {
            return kind.explain(name);
        }
    }
    what.to_owned()
}

#[derive(Clone, Copy)]
enum Unknown {
    Function,
    Method,
    Variable,
}

impl Unknown {
    fn explain(self, name: &str) -> String {
        let (what, known): (_, Vec<&str>) = match self {
            Self::Function => ("is not a dnsdist function", reference::function_names().collect()),
            Self::Method => (
                "is not a method of this object",
                reference::method_names().collect(),
            ),
            Self::Variable => ("has no value", reference::global_names().collect()),
        };
        match nearest(name, known) {
            Some(near) => format!("'{name}' {what}; did you mean '{near}'?"),
            None => format!("'{name}' {what}"),
        }
    }
}
