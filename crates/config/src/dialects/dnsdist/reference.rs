//! Everything the dialect knows, for documentation, completion and hints.

use super::enums::ENUMS;
use super::functions;
use super::objects::{
    Object, address::ComboAddress, cache::PacketCache, dns_name::DnsName, netmask_group::NetmaskGroup,
    policy::ServerPolicy, pool::ServerPool, rule, server::Server, sets,
};
use super::tables::{Function, Key, KeySupport, Support};

/// Every function, in the order of its themes.
pub fn reference() -> impl Iterator<Item = &'static Function> {
    functions::all()
}

/// One method, field, table key or variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The type of object, or the function whose table it is a key of; empty for a variable.
    pub of: &'static str,
    /// Its name.
    pub name: &'static str,
    /// A method's arguments; a key's type and default; a variable's members; empty for a field.
    pub args: String,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Whether it does anything yet.
    pub is_supported: bool,
}

/// Every method and field.
pub fn methods() -> Vec<Part> {
    let mut parts = Vec::new();
    add_methods::<ComboAddress>(&mut parts);
    add_methods::<DnsName>(&mut parts);
    add_methods::<sets::DnsNameSet>(&mut parts);
    add_methods::<rule::DnsRule>(&mut parts);
    add_methods::<rule::DnsAction>(&mut parts);
    add_methods::<rule::DnsResponseAction>(&mut parts);
    add_methods::<NetmaskGroup>(&mut parts);
    add_methods::<PacketCache>(&mut parts);
    add_methods::<Server>(&mut parts);
    add_methods::<ServerPolicy>(&mut parts);
    add_methods::<ServerPool>(&mut parts);
    add_methods::<sets::SuffixMatchNode>(&mut parts);
    parts
}

fn add_methods<T: Object>(parts: &mut Vec<Part>) {
    parts.extend(T::METHODS.iter().map(|method| Part {
        of: T::KIND,
        name: method.name,
        args: method.args.to_owned(),
        doc: method.doc,
        is_supported: matches!(method.body, Support::Built(_)),
    }));
    parts.extend(T::FIELDS.iter().map(|field| Part {
        of: T::KIND,
        name: field.name,
        args: String::new(),
        doc: field.doc,
        is_supported: true,
    }));
}

/// Every key of the tables of options.
pub fn keys() -> Vec<Part> {
    functions::keys()
}

/// Every table of numbers and every policy: names that are written without a call.
pub fn variables() -> Vec<Part> {
    let enums = ENUMS.iter().map(|table| Part {
        of: "",
        name: table.name,
        args: table
            .members
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", "),
        doc: table.doc,
        is_supported: true,
    });
    let policy = |kind: &'static weir_balance::PolicyKind| Part {
        of: "",
        name: kind.name,
        args: String::new(),
        doc: kind.doc,
        is_supported: true,
    };
    enums.chain(weir_balance::POLICIES.iter().map(policy)).collect()
}

/// The keys of one function's table of options.
pub(crate) fn parts_of<T>(of: &'static str, keys: &[Key<T>]) -> Vec<Part> {
    let part = |key: &Key<T>| Part {
        of,
        name: key.name,
        args: format!("{}; default {}", key.expected, key.default),
        doc: key.doc,
        is_supported: !matches!(key.set, KeySupport::NotYet(_)),
    };
    keys.iter().map(part).collect()
}

/// Every name that can be called.
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    reference().map(|function| function.name)
}

/// Every name behind a colon.
pub(crate) fn method_names() -> impl Iterator<Item = &'static str> {
    methods()
        .into_iter()
        .map(|method| method.name)
        .chain(["toString"])
}

/// Every global name.
pub(crate) fn global_names() -> impl Iterator<Item = &'static str> {
    function_names().chain(variables().into_iter().map(|variable| variable.name))
}
