//! Names, sets of names, addresses, groups of prefixes.

use std::sync::Arc;

use weir_policy::{NameSet, SuffixSet};

use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::address::ComboAddress;
use crate::dialects::dnsdist::objects::dns_name::DnsName;
use crate::dialects::dnsdist::objects::netmask_group::NetmaskGroup;
use crate::dialects::dnsdist::objects::sets::{DnsNameSet, SuffixMatchNode};
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::{Address, Bytes, OneOrMore};

pub(super) const ROWS: &[Function] = &[
    Function::new("newDNSName", "(name)", "a domain name", |call| {
        let name = call.required("name")?;
        call.give_object(DnsName(name))
    }),
    Function::new(
        "newDNSNameFromRaw",
        "(bytes)",
        "a domain name, from its form on the wire",
        |call| {
            let Bytes(bytes) = call.required("bytes")?;
            let name = weir_wire::Name::parse(&bytes, 0).map(|name| name.to_buf());
            match name {
                Ok(name) => call.give_object(DnsName(name)),
                Err(error) => Err(Failure::new(format!("not a domain name: {error}"))),
            }
        },
    ),
    Function::new(
        "newDNSNameSet",
        "()",
        "an empty set of names, for QNameSetRule()",
        |call| {
            let names = NameSet::new(call.state.carry.names);
            call.give_object(DnsNameSet(Arc::new(names)))
        },
    ),
    Function::new(
        "newSuffixMatchNode",
        "()",
        "an empty set of names that mean all below them too",
        |call| {
            let names = SuffixSet::new(call.state.carry.names);
            call.give_object(SuffixMatchNode(Arc::new(names)))
        },
    ),
    Function::new("newCA", "(address)", "an address with a port", |call| {
        let Address(address) = call.required::<Address<0>>("address")?;
        call.give_object(ComboAddress(address))
    }),
    Function::new(
        "newNMG",
        "([mask or list of masks])",
        "a group of prefixes, for NetmaskGroupRule()",
        |call| {
            let mut group = weir_policy::NetmaskGroup::default();
            if let Some(OneOrMore(masks)) = call.optional::<OneOrMore<String>>("mask")? {
                for mask in &masks {
                    group.add(mask)?;
                }
            }
            call.give_object(NetmaskGroup(group))
        },
    ),
];
