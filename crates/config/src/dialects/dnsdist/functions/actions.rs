//! What rules do to queries: one row per action of `weir-policy`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mlua::Value;
use weir_policy::actions::{
    Allow, Delay, Drop, Log, Negative, NegativeAndSoa, None, Pool, Qps, QpsPool, RCode, SetMaxReturnedTtl,
    SetNoRecurse, SetSkipCache, SetTag, SetTempFailureCacheTtl, Soa, SoaSection, Spoof, SpoofCname, SpoofRaw,
    Tc, Then,
};
use weir_policy::{Action, LogFormat, LogId, LogTarget, PoolName, Rate};

use super::options::read_answer;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::rule::DnsAction;
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::{Bytes, OneOrMore};

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "AllowAction",
        "()",
        "lets the query pass; no further rule is asked",
        |call| give(call, Allow),
    ),
    Function::new("DropAction", "()", "forgets the query", |call| give(call, Drop)),
    Function::new(
        "NoneAction",
        "()",
        "does nothing; the rule counts its matches",
        |call| give(call, None),
    ),
    Function::new(
        "PoolAction",
        "(pool[, stop=true])",
        "sends the query to a pool",
        |call| {
            let pool = read_pool(call)?;
            let then = read_then(call)?;
            give(call, Pool::new(pool, then))
        },
    ),
    Function::new("QPSAction", "(qps)", "drops what is above the rate", |call| {
        let rate = Rate::per_second(call.required("qps")?);
        let limiter = call.state.carry.limiters.rate(rate);
        give(call, Qps::new(limiter))
    }),
    Function::new(
        "QPSPoolAction",
        "(qps, pool[, stop=true])",
        "sends what is below the rate to a pool",
        |call| {
            let rate = Rate::per_second(call.required("qps")?);
            let pool = read_pool(call)?;
            let then = read_then(call)?;
            let limiter = call.state.carry.limiters.rate(rate);
            give(call, QpsPool::new(limiter, pool, then))
        },
    ),
    Function::new(
        "RCodeAction",
        "(rcode[, options])",
        "answers with a response code",
        |call| {
            let rcode = call.required("rcode")?;
            let options = read_answer(call)?.options;
            give(call, RCode::new(rcode, options)?)
        },
    ),
    Function::new(
        "ERCodeAction",
        "(rcode[, options])",
        "answers with an extended response code",
        |call| {
            let rcode = call.required("rcode")?;
            let options = read_answer(call)?.options;
            give(call, RCode::new(rcode, options)?)
        },
    ),
    Function::new(
        "TCAction",
        "()",
        "answers with TC, so that the client comes back over TCP",
        |call| give(call, Tc),
    ),
    Function::new(
        "SpoofAction",
        "(address or list of addresses[, options])",
        "answers A and AAAA with addresses",
        |call| {
            let OneOrMore(addresses) = call.required::<OneOrMore<IpAddr>>("address")?;
            let options = read_answer(call)?.options;
            give(call, Spoof::new(&addresses, options)?)
        },
    ),
    Function::new(
        "SpoofCNAMEAction",
        "(name[, options])",
        "answers with an alias",
        |call| {
            let target = call.required("name")?;
            let options = read_answer(call)?.options;
            give(call, SpoofCname::new(target, options))
        },
    ),
    Function::new(
        "SpoofRawAction",
        "(data or list of data[, options])",
        "answers with record data as on the wire",
        |call| {
            let OneOrMore(data) = call.required::<OneOrMore<Bytes>>("data")?;
            let draft = read_answer(call)?;
            let data = data
                .into_iter()
                .map(|Bytes(bytes)| bytes.into_boxed_slice())
                .collect();
            give(call, SpoofRaw::new(data, draft.type_for_any, draft.options)?)
        },
    ),
    Function::new(
        "NegativeAndSOAAction",
        "(nxd, zone, ttl, mname, rname, serial, refresh, retry, expire, minimum[, options])",
        "answers that the name, or with nxd=false the data, does not exist",
        negative_and_soa,
    ),
    Function::new(
        "DelayAction",
        "(milliseconds)",
        "holds the reply back, over UDP",
        |call| {
            let delay = read_delay(call)?;
            give(call, Delay::new(delay))
        },
    ),
    Function::new(
        "LogAction",
        "([file=\"\"[, binary=true[, append=false[, buffered=true[, verboseOnly=true[, includeTimestamp=false]]]]]])",
        "logs the query into a file, or into the journal",
        |call| {
            let path: String = call.optional("file")?.unwrap_or_default();
            let is_binary = call.optional("binary")?.unwrap_or(true);
            // The journal is text.
            let format = if is_binary && !path.is_empty() {
                LogFormat::Binary
            } else {
                LogFormat::Text
            };
            let (id, target) = read_log(call, path, format)?;
            give(call, Log::new(id, &target))
        },
    ),
    Function::new(
        "SetTagAction",
        "(name, value)",
        "sets a tag, for TagRule()",
        |call| {
            let (name, value): (String, String) = (call.required("name")?, call.required("value")?);
            give(call, SetTag::new(&name, &value))
        },
    ),
    Function::new(
        "SetSkipCacheAction",
        "()",
        "neither looks into the packet cache nor stores the reply",
        |call| give(call, SetSkipCache),
    ),
    Function::new("SetNoRecurseAction", "()", "clears RD", |call| {
        give(call, SetNoRecurse)
    }),
    Function::new(
        "SetTempFailureCacheTTLAction",
        "(seconds)",
        "keeps SERVFAIL and REFUSED so long",
        |call| {
            let ttl = call.required("seconds")?;
            give(call, SetTempFailureCacheTtl::new(ttl))
        },
    ),
    Function::new(
        "SetMaxReturnedTTLAction",
        "(seconds)",
        "tells the client no longer TTLs",
        |call| {
            let max = call.required("seconds")?;
            give(call, SetMaxReturnedTtl::new(max))
        },
    ),
];

fn give(call: &Call<'_>, action: impl Action + 'static) -> Result<Value, Failure> {
    call.give_object(DnsAction(Arc::new(action)))
}

fn read_pool(call: &mut Call<'_>) -> Result<PoolName, Failure> {
    let name: String = call.required("pool")?;
    Ok(call.state.edit().pools.intern(&name, &call.place)?)
}

fn read_then(call: &mut Call<'_>) -> Result<Then, Failure> {
    Ok(if call.optional("stop")?.unwrap_or(true) {
        Then::Stop
    } else {
        Then::Continue
    })
}

/// A delay that a pending reply is held back by; the table of held replies must stay small.
pub(super) fn read_delay(call: &mut Call<'_>) -> Result<Duration, Failure> {
    /// Longer than any client waits.
    const LONGEST_MS: u32 = 60_000;
    let milliseconds: u32 = call.required("milliseconds")?;
    if milliseconds > LONGEST_MS {
        return Err(Failure::new(format!(
            "{milliseconds} ms is too long; no client waits for more than {LONGEST_MS}"
        )));
    }
    Ok(Duration::from_millis(u64::from(milliseconds)))
}

/// The last arguments of `LogAction`, and the number of what all of them describe.
pub(super) fn read_log(
    call: &mut Call<'_>,
    path: String,
    format: LogFormat,
) -> Result<(LogId, LogTarget), Failure> {
    let target = LogTarget {
        path,
        format,
        append: call.optional("append")?.unwrap_or(false),
        buffered: call.optional("buffered")?.unwrap_or(true),
        verbose_only: call.optional("verboseOnly")?.unwrap_or(true),
        timestamp: call.optional("includeTimestamp")?.unwrap_or(false),
    };
    let id = call.state.edit().log_targets.intern(&target)?;
    Ok((id, target))
}

fn negative_and_soa(call: &mut Call<'_>) -> Result<Value, Failure> {
    let negative = if call.required("nxd")? {
        Negative::Name
    } else {
        Negative::Data
    };
    let zone = (call.required("zone")?, call.required("ttl")?);
    let soa = Soa {
        mname: call.required("mname")?,
        rname: call.required("rname")?,
        serial: call.required("serial")?,
        refresh: call.required("refresh")?,
        retry: call.required("retry")?,
        expire: call.required("expire")?,
        minimum: call.required("minimum")?,
    };
    let draft = read_answer(call)?;
    let section = if draft.soa_in_authority {
        SoaSection::Authority
    } else {
        SoaSection::Additional
    };
    give(
        call,
        NegativeAndSoa::new(negative, zone, &soa, section, draft.options),
    )
}
