//! `DNSQType.A` and its like: tables of numbers.
//!
//! A name that a table does not have is nil, as in dnsdist: files test for names that way. It is remembered, so
//! that the function that then misses its argument can say what went wrong.

use std::sync::LazyLock;

use mlua::{Lua, Table, Value};
use weir_wire::{Class, Opcode, QType, Rcode};

use super::call::caller;
use super::state::State;
use crate::nearest::nearest;

/// One table of numbers.
pub(crate) struct Enum {
    /// The global variable.
    pub(crate) name: &'static str,
    /// What its numbers are, in one line.
    pub(crate) doc: &'static str,
    /// Names and numbers.
    pub(crate) members: Vec<(&'static str, u32)>,
}

/// Every table.
pub(crate) static ENUMS: LazyLock<Vec<Enum>> = LazyLock::new(|| {
    let qtypes = QType::REGISTRY
        .iter()
        .map(|(name, value)| (*name, u32::from(value.0)));
    // CHAOS is dnsdist's name, CH the registry's.
    let classes = Class::REGISTRY
        .iter()
        .map(|(name, value)| (*name, u32::from(value.0)));
    let rcodes = Rcode::REGISTRY
        .iter()
        .map(|(name, value)| (*name, u32::from(value.0)));
    let opcodes = Opcode::REGISTRY
        .iter()
        .map(|(name, value)| (*name, u32::from(value.0)));
    vec![
        Enum {
            name: "DNSQType",
            doc: "types of queries and records",
            members: qtypes.collect(),
        },
        Enum {
            name: "DNSClass",
            doc: "classes",
            members: classes.chain([("CHAOS", 3)]).collect(),
        },
        Enum {
            name: "DNSRCode",
            doc: "response codes",
            members: rcodes.chain([("BADSIG", 16)]).collect(),
        },
        Enum {
            name: "DNSOpcode",
            doc: "operation codes",
            members: opcodes.collect(),
        },
        Enum {
            name: "DNSAction",
            doc: "what Lua actions return",
            members: numbered(ACTIONS),
        },
        Enum {
            name: "DNSResponseAction",
            doc: "what Lua response actions return",
            members: numbered(RESPONSE_ACTIONS),
        },
        Enum {
            name: "DNSSection",
            doc: "sections of a message",
            members: numbered(&["Question", "Answer", "Authority", "Additional"]),
        },
        Enum {
            name: "EDNSOptionCode",
            doc: "EDNS options",
            members: vec![
                ("NSID", 3),
                ("DAU", 5),
                ("DHU", 6),
                ("N3U", 7),
                ("ECS", 8),
                ("EXPIRE", 9),
                ("COOKIE", 10),
                ("TCPKEEPALIVE", 11),
                ("PADDING", 12),
                ("CHAIN", 13),
                ("KEYTAG", 14),
                ("EXTENDEDERROR", 15),
            ],
        },
    ]
});

const ACTIONS: &[&str] = &[
    "Drop",
    "Nxdomain",
    "Refused",
    "Spoof",
    "Allow",
    "HeaderModify",
    "Pool",
    "Delay",
    "Truncate",
    "ServFail",
    "None",
    "NoOp",
    "NoRecurse",
    "SpoofRaw",
    "SpoofPacket",
    "SetTag",
];

const RESPONSE_ACTIONS: &[&str] = &[
    "Allow",
    "Delay",
    "Drop",
    "HeaderModify",
    "ServFail",
    "Truncate",
    "None",
];

fn numbered(names: &[&'static str]) -> Vec<(&'static str, u32)> {
    names.iter().copied().zip(0..).collect()
}

/// Makes the tables global.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    for table in ENUMS.iter() {
        let members = lua.create_table_from(table.members.iter().copied())?;
        let metatable = lua.create_table()?;
        let remember = lua.create_function(move |lua, (_, name): (Table, String)| {
            remember(lua, table, &name);
            Ok(Value::Nil)
        })?;
        metatable.raw_set("__index", remember)?;
        members.set_metatable(Some(metatable))?;
        lua.globals().raw_set(table.name, members)?;
    }
    Ok(())
}

fn remember(lua: &Lua, table: &Enum, name: &str) {
    let missed = match nearest(name, table.members.iter().map(|(member, _)| *member)) {
        Some(near) => format!("{}.{name} is not known; did you mean '{near}'?", table.name),
        None => format!("{}.{name} is not known", table.name),
    };
    let place = caller(lua);
    if let Ok(Some(mut state)) = lua.try_app_data_mut::<State>() {
        state.missed = Some((place, missed));
    }
}
