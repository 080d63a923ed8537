//! The console: where it listens, who may, its key; and what the file says to people.

use std::io::Read as _;

use mlua::Value;

use super::listen::{add_masks, set_masks};
use super::{moot, setting};
use crate::base64;
use crate::diagnostics::Placed;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::state::Command;
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::{self, Address, OneOrMore};
use crate::settings::Secret;

/// Bytes of a console's key.
const KEY_LEN: usize = 32;

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "controlSocket",
        "([address=\"127.0.0.1:5199\"])",
        "opens the console",
        |call| {
            let address = call.optional::<Address<5199>>("address")?;
            let value = address.map_or_else(|| ([127, 0, 0, 1], 5199).into(), |Address(address)| address);
            let place = call.place.clone();
            call.state.edit().console.listen = Some(Placed { value, place });
            Ok(Value::Nil)
        },
    ),
    Function::new(
        "setKey",
        "(key)",
        "the key that console and client share, from makeKey()",
        |call| {
            let key: String = call.required("key")?;
            if base64::decode(&key).is_none_or(|bytes| bytes.len() != KEY_LEN) {
                return Err(Failure::new(
                    "the key must be 32 bytes in base64, as makeKey() prints them",
                ));
            }
            call.state.edit().console.key = Some(Secret::new(key));
            Ok(Value::Nil)
        },
    ),
    Function::new("makeKey", "()", "prints a new key for setKey()", |call| {
        let mut key = [0; KEY_LEN];
        let drawn = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut key));
        drawn.map_err(|error| Failure::new(format!("/dev/urandom: {error}")))?;
        call.state
            .print_line(format_args!("setKey(\"{}\")", base64::encode(&key)));
        Ok(Value::Nil)
    }),
    Function::new(
        "setConsoleACL",
        "(mask or list of masks)",
        "lets these prefixes use the console only",
        |call| {
            let masks = call.required::<OneOrMore<String>>("mask")?;
            set_masks(&mut call.state.edit().console.acl, &masks)
        },
    ),
    Function::new(
        "addConsoleACL",
        "(mask)",
        "lets this prefix use the console too",
        |call| {
            let masks = call.required::<OneOrMore<String>>("mask")?;
            add_masks(&mut call.state.edit().console.acl, &masks)
        },
    ),
    Function::new("showConsoleACL", "()", "prints who may use the console", |call| {
        let masks: Vec<_> = call.state.spec.console.acl.to_masks().collect();
        masks.iter().for_each(|mask| call.state.print_line(mask));
        Ok(Value::Nil)
    }),
    setting!(
        "setConsoleMaximumConcurrentConnections",
        "(connections)",
        "connections at once; 0 is no limit",
        u32,
        |spec, limit| spec.console.max_connections = limit
    ),
    moot!(
        "setConsoleBindFatal",
        "ends when the console cannot listen; always so"
    ),
    moot!("setConsoleConnectionsLogging", "logs connections to the console"),
    moot!(
        "setConsoleOutputMaxMsgSize",
        "the longest output; it is bounded anyway"
    ),
    Function::new(
        "reload",
        "()",
        "reads the file again; on an error nothing changes",
        |call| request(call, Command::Reload),
    ),
    Function::new("shutdown", "()", "answers what is pending and ends", |call| {
        request(call, Command::Shutdown)
    }),
    Function::new(
        "delta",
        "()",
        "prints the lines that changed the configuration since it was read",
        |call| {
            for line in std::mem::take(&mut call.state.history) {
                call.state.print_line(line);
            }
            Ok(Value::Nil)
        },
    ),
    Function::new("print", "(...)", "prints its arguments", |call| {
        let mut separator = "";
        for value in call.rest::<Shown>("argument")? {
            call.state.print(format_args!("{separator}{}", value.0));
            separator = "\t";
        }
        call.state.print("\n");
        Ok(Value::Nil)
    }),
    Function::new("infolog", "(line)", "prints a line", say),
    Function::new("warnlog", "(line)", "prints a line", say),
    Function::new("errlog", "(line)", "prints a line", say),
    Function::new(
        "vinfolog",
        "(line)",
        "prints a line when the program is verbose",
        |call| {
            let line: String = call.required("line")?;
            if call.state.spec.logging.verbose {
                call.state.print_line(line);
            }
            Ok(Value::Nil)
        },
    ),
];

fn say(call: &mut Call<'_>) -> Result<Value, Failure> {
    let line: String = call.required("line")?;
    call.state.print_line(line);
    Ok(Value::Nil)
}

fn request(call: &mut Call<'_>, command: Command) -> Result<Value, Failure> {
    if call.state.live.is_none() {
        return Err(Failure::new("only at the console"));
    }
    call.state.requests.push(command);
    Ok(Value::Nil)
}

/// Any value, as `print` shows it.
struct Shown(String);

impl values::Read for Shown {
    const EXPECTED: &'static str = "anything";

    fn read(value: &Value) -> Result<Self, values::Wrong> {
        Ok(Self(match value {
            Value::String(text) => text.to_string_lossy(),
            other => values::show(other),
        }))
    }
}
