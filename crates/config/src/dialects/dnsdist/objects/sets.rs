//! `SuffixMatchNode` and `DNSNameSet`: many names that one rule asks.
//!
//! A rule gets the set as it is when the rule is made, as in dnsdist; until then it is not copied.

use std::sync::Arc;

use mlua::Value;
use weir_policy::{NameSet, SuffixSet};
use weir_wire::{Name, NameBuf};

use super::Object;
use super::dns_name::DnsName;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::Method;
use crate::dialects::dnsdist::values::OneOrMore;

/// Names that stand for themselves and all below.
#[derive(Clone, Debug)]
pub(crate) struct SuffixMatchNode(pub(crate) Arc<SuffixSet>);

impl Object for SuffixMatchNode {
    const KIND: &'static str = "SuffixMatchNode";
    const EXPECTED: &'static str = "a set from newSuffixMatchNode()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new(
            "add",
            "(name or list of names)",
            "adds names and what is below them",
            |this, call| each_name(call, |name| this.insert(name)),
        ),
        Method::new(
            "check",
            "(name)",
            "whether name or a name above it is in the set",
            |this, call| {
                let name: NameBuf = call.required("name")?;
                call.give(this.0.contains(name.as_name()))
            },
        ),
        Method::new(
            "getBestMatch",
            "(name)",
            "the longest name of the set at or above name",
            |this, call| {
                let name: NameBuf = call.required("name")?;
                match this.0.best_match(name.as_name()) {
                    Some(best) => call.give_object(DnsName(best.to_buf())),
                    None => Ok(Value::Nil),
                }
            },
        ),
        Method::new(
            "remove",
            "(name or list of names)",
            "removes names",
            |this, call| {
                let set = Arc::make_mut(&mut this.0);
                each_name(call, |name| {
                    set.remove(name);
                    Ok(())
                })
            },
        ),
    ];

    fn describe(&self, _: &State) -> String {
        listed(self.0.names())
    }
}

impl SuffixMatchNode {
    pub(crate) fn insert(&mut self, name: Name<'_>) -> Result<(), Failure> {
        Arc::make_mut(&mut self.0).insert(name)?;
        Ok(())
    }
}

/// Names that stand for themselves.
#[derive(Clone, Debug)]
pub(crate) struct DnsNameSet(pub(crate) Arc<NameSet>);

impl Object for DnsNameSet {
    const KIND: &'static str = "DNSNameSet";
    const EXPECTED: &'static str = "a set from newDNSNameSet()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new("add", "(name or list of names)", "adds names", |this, call| {
            let set = Arc::make_mut(&mut this.0);
            each_name(call, |name| {
                set.insert(name)?;
                Ok(())
            })
        }),
        Method::new("check", "(name)", "whether name is in the set", |this, call| {
            let name: NameBuf = call.required("name")?;
            call.give(this.0.contains(name.as_name()))
        }),
        Method::new("clear", "()", "removes all names", |this, call| {
            this.0 = Arc::new(NameSet::new(call.state.carry.names));
            Ok(Value::Nil)
        }),
        Method::new(
            "delete",
            "(name or list of names)",
            "removes names",
            |this, call| {
                let set = Arc::make_mut(&mut this.0);
                each_name(call, |name| {
                    set.remove(name);
                    Ok(())
                })
            },
        ),
        Method::new("empty", "()", "whether there is no name", |this, call| {
            call.give(this.0.is_empty())
        }),
        Method::new("size", "()", "the number of names", |this, call| {
            call.give(this.0.len())
        }),
    ];

    fn describe(&self, _: &State) -> String {
        listed(self.0.names())
    }
}

/// Does `change` with each name of the next argument.
fn each_name(
    call: &mut Call<'_>,
    mut change: impl FnMut(Name<'_>) -> Result<(), Failure>,
) -> Result<Value, Failure> {
    let OneOrMore(names) = call.required::<OneOrMore<NameBuf>>("name")?;
    for name in &names {
        change(name.as_name())?;
    }
    Ok(Value::Nil)
}

/// Names as `toString` lists them, sorted.
fn listed<'n>(names: impl Iterator<Item = Name<'n>>) -> String {
    let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
    names.sort_unstable();
    names.join(", ")
}
