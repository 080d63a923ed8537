//! Where queries are taken, and from whom.

use mlua::{Table, Value};
use weir_policy::NetmaskGroup;

use crate::diagnostics::Placed;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::dialects::dnsdist::values::{Address, OneOrMore};
use crate::settings::Listen;

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "setLocal",
        "(address[, options])",
        "listens on this address instead of those before",
        |call| {
            let listen = read_listen(call)?;
            call.state.edit().listen.clear();
            add(call, listen)
        },
    ),
    Function::new(
        "addLocal",
        "(address[, options])",
        "listens on this address too",
        |call| {
            let listen = read_listen(call)?;
            add(call, listen)
        },
    ),
    Function::new("getLocals", "()", "the addresses that are listened on", |call| {
        let addresses: Vec<_> = call
            .state
            .spec
            .listen
            .iter()
            .map(|listen| listen.value.address.to_string())
            .collect();
        call.give(addresses)
    }),
    Function::new("addACL", "(mask)", "takes queries from this prefix too", |call| {
        let masks = call.required::<OneOrMore<String>>("mask")?;
        add_masks(edit_acl(call), &masks)
    }),
    Function::new(
        "setACL",
        "(mask or list of masks)",
        "takes queries from these prefixes only",
        |call| {
            let masks = call.required::<OneOrMore<String>>("mask")?;
            set_masks(edit_acl(call), &masks)
        },
    ),
    Function::new(
        "rmACL",
        "(mask)",
        "takes a prefix out of the access list",
        |call| {
            let mask: String = call.required("mask")?;
            if !edit_acl(call).remove(&mask)? {
                call.warn(format_args!("'{mask}' is not in the access list"));
            }
            Ok(Value::Nil)
        },
    ),
    Function::new(
        "setACLFromFile",
        "(file)",
        "takes queries from the prefixes in a file only, one a line",
        |call| {
            let path: String = call.required("file")?;
            let text =
                std::fs::read_to_string(&path).map_err(|error| Failure::new(format!("{path}: {error}")))?;
            let lines = text
                .lines()
                .map(|line| line.split('#').next().unwrap_or_default().trim());
            let masks = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
            set_masks(edit_acl(call), &OneOrMore(masks))
        },
    ),
    Function::new("showACL", "()", "prints whose queries are taken", |call| {
        let masks: Vec<_> = call.state.spec.acl.to_masks().collect();
        masks.iter().for_each(|mask| call.state.print_line(mask));
        Ok(Value::Nil)
    }),
];

const KEYS: &[Key<Listen>] = &[
    key!("doTCP", "true", "listen on TCP too; always so", moot),
    key!(
        "reusePort",
        "false",
        "several sockets on one address; every worker has its own anyway",
        moot
    ),
    key!("cpus", "{}", "CPUs of the thread; workers choose theirs", moot),
    key!(
        "enableProxyProtocol",
        "true",
        "believe PROXY headers of those in setProxyProtocolACL; nobody is",
        moot
    ),
    key!(
        "interface",
        "\"\"",
        "take queries only from this interface",
        String,
        |listen, interface| {
            listen.interface = Some(interface).filter(|interface| !interface.is_empty());
        }
    ),
    key!(
        "maxConcurrentTCPConnections",
        "0",
        "TCP connections at once; 0 is no limit",
        u32,
        |listen, limit| {
            listen.max_tcp_connections = limit;
        }
    ),
    key!(
        "maxInFlight",
        "0",
        "queries of one TCP connection at once; 0 is one after the other",
        u32,
        |listen, limit| {
            listen.max_in_flight = limit;
        }
    ),
    key!(
        "tcpFastOpenQueueSize",
        "0",
        "TCP fast open: connections before their handshake; 0 is off",
        u32,
        |listen, size| {
            listen.tcp_fast_open = size;
        }
    ),
    key!(
        "tcpListenQueueSize",
        "SOMAXCONN",
        "TCP connections that wait to be accepted",
        u32,
        |listen, size| {
            listen.tcp_backlog = Some(size).filter(|size| *size > 0);
        }
    ),
    key!("xskSocket", "nil", "packets by AF_XDP", not yet unless |value| value.is_nil()),
];

pub(super) fn keys() -> Vec<Part> {
    parts_of("addLocal", KEYS)
}

fn read_listen(call: &mut Call<'_>) -> Result<Listen, Failure> {
    let Address(address) = call.required::<Address<53>>("address")?;
    let mut listen = Listen::new(address);
    if let Some(table) = call.optional::<Table>("options")? {
        read_keys(call, &table, &[KEYS], &mut listen)?;
    }
    Ok(listen)
}

fn add(call: &mut Call<'_>, value: Listen) -> Result<Value, Failure> {
    if call.state.live.is_some() {
        return Err(Failure::new(
            "addresses cannot change while the program runs; change the file and restart",
        ));
    }
    let place = call.place.clone();
    call.state.edit().listen.push(Placed { value, place });
    Ok(Value::Nil)
}

/// The access list of queries, to be changed by the line that is running.
fn edit_acl<'c>(call: &'c mut Call<'_>) -> &'c mut NetmaskGroup {
    let place = call.place.clone();
    let spec = call.state.edit();
    spec.acl_place = Some(place);
    &mut spec.acl
}

/// Adds masks to an access list.
pub(super) fn add_masks(
    list: &mut NetmaskGroup,
    OneOrMore(masks): &OneOrMore<String>,
) -> Result<Value, Failure> {
    for mask in masks {
        list.add(mask)?;
    }
    Ok(Value::Nil)
}

/// Replaces an access list; with a bad mask it stays what it was.
pub(super) fn set_masks(
    list: &mut NetmaskGroup,
    OneOrMore(masks): &OneOrMore<String>,
) -> Result<Value, Failure> {
    *list = NetmaskGroup::from_masks(masks.iter().map(String::as_str))?;
    Ok(Value::Nil)
}
