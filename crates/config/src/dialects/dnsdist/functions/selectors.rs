//! What rules look at: one row per selector of `weir-policy`.

use std::sync::Arc;

use mlua::Value;
use weir_policy::selectors::{
    All, And, Comparison, Dnssec, EdnsOption, EdnsVersion, End, MaxQps, MaxQpsIp, NetmaskGroup, Not, Opcode,
    Or, PayloadSize, PoolAvailable, Probability, QClass, QName, QNameLabelsCount, QNameSet, QNameSuffix,
    QNameWireLength, QType, RCode, Rd, Regex, Tag, Tcp,
};
use weir_policy::{AddressLimit, Netmask, PrefixLengths, Rate, Selector, SuffixSet, Transport};
use weir_wire::NameBuf;

use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::rule::DnsRule;
use crate::dialects::dnsdist::objects::sets::{DnsNameSet, SuffixMatchNode};
use crate::dialects::dnsdist::objects::{Wrapped, netmask_group};
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::{self, List, OneOrMore};

pub(super) const ROWS: &[Function] = &[
    Function::new("AllRule", "()", "matches everything", |call| give(call, All)),
    Function::new("AndRule", "(rules)", "matches when all of the rules do", |call| {
        let parts = read_parts(call)?;
        give(call, And::new(parts))
    }),
    Function::new(
        "OrRule",
        "(rules)",
        "matches when one of the rules does",
        |call| {
            let parts = read_parts(call)?;
            give(call, Or::new(parts))
        },
    ),
    Function::new("NotRule", "(rule)", "matches when the rule does not", |call| {
        let Wrapped(DnsRule(part)) = call.required("rule")?;
        give(call, Not::new(part))
    }),
    Function::new("QTypeRule", "(qtype)", "matches queries for a type", |call| {
        let qtype = call.required("qtype")?;
        give(call, QType::new(qtype))
    }),
    Function::new("QClassRule", "(qclass)", "matches queries in a class", |call| {
        let class = call.required("qclass")?;
        give(call, QClass::new(class))
    }),
    Function::new("QNameRule", "(name)", "matches queries for a name", |call| {
        let name: NameBuf = call.required("name")?;
        give(call, QName::new(name))
    }),
    Function::new(
        "QNameSetRule",
        "(set)",
        "matches queries for the names of a set from newDNSNameSet()",
        |call| {
            let Wrapped(DnsNameSet(names)) = call.required("set")?;
            give(call, QNameSet::new(names))
        },
    ),
    Function::new(
        "QNameSuffixRule",
        "(name, list of names or set[, quiet])",
        "matches queries at or below names",
        suffix_rule,
    ),
    Function::new(
        "SuffixMatchNodeRule",
        "(set, name or list of names[, quiet])",
        "matches queries at or below names",
        suffix_rule,
    ),
    Function::new(
        "NetmaskGroupRule",
        "(group, mask or list of masks[, src=true[, quiet=false]])",
        "matches clients, or with src=false the addresses that they asked",
        |call| {
            let group = read_group(call)?;
            let end = if call.optional("src")?.unwrap_or(true) {
                End::Source
            } else {
                End::Destination
            };
            let rule = NetmaskGroup::new(&group, end);
            if call.optional("quiet")?.unwrap_or(false) {
                give(call, rule.quiet())
            } else {
                give(call, rule)
            }
        },
    ),
    Function::new(
        "MaxQPSRule",
        "(qps[, burst=qps])",
        "matches as long as queries stay BELOW the rate",
        |call| {
            let rate = read_rate(call)?;
            let limiter = call.state.carry.limiters.rate(rate);
            give(call, MaxQps::new(limiter))
        },
    ),
    Function::new(
        "MaxQPSIPRule",
        "(qps[, v4Mask=32[, v6Mask=64[, burst=qps[, expiration[, cleanupDelay[, scanFraction[, shards]]]]]]])",
        "matches queries of clients that are ABOVE the rate",
        |call| {
            let qps: u32 = call.required("qps")?;
            let defaults = PrefixLengths::default();
            let v4 = call.optional("v4Mask")?.unwrap_or(defaults.v4);
            let v6 = call.optional("v6Mask")?.unwrap_or(defaults.v6);
            let burst = call.optional("burst")?.unwrap_or(qps);
            // How a table that grows is cleaned: this one has a fixed size.
            call.ignore_rest();
            let weir = &call.state.weir;
            let mut limit = AddressLimit::new(Rate { qps, burst });
            limit.prefixes = PrefixLengths { v4, v6 };
            limit.mode = weir.limit_mode;
            limit.buckets = weir.limit_buckets.unwrap_or(limit.buckets);
            let limiter = call.state.carry.limiters.address(limit)?;
            give(call, MaxQpsIp::new(limiter))
        },
    ),
    Function::new("OpcodeRule", "(opcode)", "matches an operation code", |call| {
        let opcode = call.required("opcode")?;
        give(call, Opcode::new(opcode))
    }),
    Function::new("RDRule", "()", "matches queries with RD set", |call| {
        give(call, Rd)
    }),
    Function::new("DNSSECRule", "()", "matches queries with DO set", |call| {
        give(call, Dnssec)
    }),
    Function::new(
        "TCPRule",
        "([tcp=true])",
        "matches queries over TCP, or with false those over UDP",
        |call| {
            let transport = if call.optional("tcp")?.unwrap_or(true) {
                Transport::Tcp
            } else {
                Transport::Udp
            };
            give(call, Tcp::new(transport))
        },
    ),
    Function::new(
        "RCodeRule",
        "(rcode)",
        "matches replies with a response code",
        |call| {
            let rcode = call.required("rcode")?;
            give(call, RCode::new(rcode))
        },
    ),
    Function::new(
        "RegexRule",
        "(regex)",
        "matches names in which the expression is found",
        |call| {
            let pattern: String = call.required("regex")?;
            let rule = Regex::new(&pattern)?;
            give(call, rule)
        },
    ),
    Function::new(
        "PoolAvailableRule",
        "(pool)",
        "matches while a pool has a usable server",
        |call| {
            let name: String = call.required("pool")?;
            let pool = call.state.edit().pools.intern(&name, &call.place)?;
            give(call, PoolAvailable::new(pool))
        },
    ),
    Function::new(
        "ProbaRule",
        "(probability)",
        "matches by chance, from 0 (never) to 1 (always)",
        |call| {
            let probability: f64 = call.required("probability")?;
            // Any number that differs from rule to rule.
            call.state.rules_made += 1;
            let rule = Probability::new(probability, call.state.rules_made)?;
            give(call, rule)
        },
    ),
    Function::new(
        "PayloadSizeRule",
        "(comparison, size)",
        "matches messages by their length in bytes",
        |call| {
            let name: String = call.required("comparison")?;
            let comparison = Comparison::from_name(&name)?;
            let size = call.required("size")?;
            give(call, PayloadSize::new(comparison, size))
        },
    ),
    Function::new(
        "QNameLabelsCountRule",
        "(min, max)",
        "matches names with fewer or more labels",
        |call| {
            let (min, max) = (call.required("min")?, call.required("max")?);
            give(call, QNameLabelsCount::new(min..=max))
        },
    ),
    Function::new(
        "QNameWireLengthRule",
        "(min, max)",
        "matches names that are shorter or longer on the wire",
        |call| {
            let (min, max) = (call.required("min")?, call.required("max")?);
            give(call, QNameWireLength::new(min..=max))
        },
    ),
    Function::new(
        "EDNSVersionRule",
        "(version)",
        "matches queries with a higher EDNS version",
        |call| {
            let version = call.required("version")?;
            give(call, EdnsVersion::new(version))
        },
    ),
    Function::new(
        "EDNSOptionRule",
        "(code)",
        "matches queries with an EDNS option",
        |call| {
            let code = call.required("code")?;
            give(call, EdnsOption::new(code))
        },
    ),
    Function::new(
        "TagRule",
        "(name[, value])",
        "matches queries with a tag, of this value if one is given",
        |call| {
            let name: String = call.required("name")?;
            match call.optional::<String>("value")? {
                Some(value) => give(call, Tag::is_set_to(name, value)),
                None => give(call, Tag::is_set(name)),
            }
        },
    ),
    Function::new(
        "makeRule",
        "(mask, name or list of them)",
        "matches clients by prefix, or else names by suffix",
        |call| {
            let value = call.value();
            let rule = selector_from(call, &value)?;
            call.give_object(DnsRule(rule))
        },
    ),
];

fn give(call: &Call<'_>, selector: impl Selector + 'static) -> Result<Value, Failure> {
    call.give_object(DnsRule(Arc::new(selector)))
}

/// What a rule of `addAction` is: a selector, or strings that `makeRule` understands.
pub(super) fn selector_from(call: &Call<'_>, value: &Value) -> Result<Arc<dyn Selector>, Failure> {
    if let Some(DnsRule(selector)) = values::object(value) {
        return Ok(selector);
    }
    if let Some(SuffixMatchNode(set)) = values::object(value) {
        return Ok(Arc::new(QNameSuffix::new(set)));
    }
    if !value.is_string() && !value.is_table() {
        values::read::<Wrapped<DnsRule>>("rule", value)?;
    }
    let OneOrMore(texts) = values::read::<OneOrMore<String>>("rule", value)?;
    let masks = texts.iter().filter(|text| text.parse::<Netmask>().is_ok());
    let group = weir_policy::NetmaskGroup::from_masks(masks.map(String::as_str))?;
    if !group.is_empty() {
        return Ok(Arc::new(NetmaskGroup::new(&group, End::Source)));
    }
    let OneOrMore(names) = values::read::<OneOrMore<NameBuf>>("rule", value)?;
    Ok(Arc::new(QNameSuffix::new(Arc::new(suffixes(call, &names)?))))
}

fn suffixes(call: &Call<'_>, names: &[NameBuf]) -> Result<SuffixSet, Failure> {
    let mut set = SuffixSet::new(call.state.carry.names);
    for name in names {
        set.insert(name.as_name())?;
    }
    Ok(set)
}

fn suffix_rule(call: &mut Call<'_>) -> Result<Value, Failure> {
    let value = call.value();
    let set = match values::object::<SuffixMatchNode>(&value) {
        Some(SuffixMatchNode(set)) => set,
        None => {
            let OneOrMore(names) = values::read::<OneOrMore<NameBuf>>("name", &value)?;
            Arc::new(suffixes(call, &names)?)
        }
    };
    let rule = QNameSuffix::new(set);
    if call.optional("quiet")?.unwrap_or(false) {
        give(call, rule.quiet())
    } else {
        give(call, rule)
    }
}

fn read_parts(call: &mut Call<'_>) -> Result<Vec<Arc<dyn Selector>>, Failure> {
    let List(parts) = call.required::<List<Wrapped<DnsRule>>>("rules")?;
    Ok(parts.into_iter().map(|Wrapped(DnsRule(part))| part).collect())
}

fn read_group(call: &mut Call<'_>) -> Result<weir_policy::NetmaskGroup, Failure> {
    let value = call.value();
    if let Some(netmask_group::NetmaskGroup(group)) = values::object(&value) {
        return Ok(group);
    }
    let OneOrMore(masks) = values::read::<OneOrMore<String>>("group", &value)?;
    Ok(weir_policy::NetmaskGroup::from_masks(
        masks.iter().map(String::as_str),
    )?)
}

fn read_rate(call: &mut Call<'_>) -> Result<Rate, Failure> {
    let qps = call.required("qps")?;
    let burst = call.optional("burst")?.unwrap_or(qps);
    Ok(Rate { qps, burst })
}
