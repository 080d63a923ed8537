//! What rules do to replies: one row per reply action of `weir-policy`.

use std::sync::Arc;

use mlua::Value;
use weir_policy::reply_actions::{
    Allow, Delay, Drop, LimitTtl, Log, SetMaxReturnedTtl, SetReducedTtl, SetSkipCache, SetTag,
};
use weir_policy::{LogFormat, ReplyAction};
use weir_wire::QType;

use super::actions::{read_delay, read_log};
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::rule::DnsResponseAction;
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::OneOrMore;

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "AllowResponseAction",
        "()",
        "sends the reply; no further rule is asked",
        |call| give(call, Allow),
    ),
    Function::new("DropResponseAction", "()", "forgets the reply", |call| {
        give(call, Drop)
    }),
    Function::new(
        "DelayResponseAction",
        "(milliseconds)",
        "holds the reply back, over UDP",
        |call| {
            let delay = read_delay(call)?;
            give(call, Delay::new(delay))
        },
    ),
    Function::new(
        "LimitTTLResponseAction",
        "(min[, max[, types]])",
        "raises TTLs to min and lowers them to max, of all records or of those of some types",
        |call| {
            let min = call.required("min")?;
            let max = call.optional("max")?.unwrap_or(u32::MAX);
            let OneOrMore(types) = call.optional("types")?.unwrap_or(OneOrMore(Vec::<QType>::new()));
            give(call, LimitTtl::new(min, max)?.of_types(&types))
        },
    ),
    Function::new("SetMinTTLResponseAction", "(seconds)", "raises TTLs", |call| {
        let min = call.required("seconds")?;
        give(call, LimitTtl::at_least(min))
    }),
    Function::new("SetMaxTTLResponseAction", "(seconds)", "lowers TTLs", |call| {
        let max = call.required("seconds")?;
        give(call, LimitTtl::at_most(max))
    }),
    Function::new(
        "SetReducedTTLResponseAction",
        "(percentage)",
        "keeps so much of each TTL",
        |call| {
            let percentage = call.required("percentage")?;
            give(call, SetReducedTtl::new(percentage)?)
        },
    ),
    Function::new(
        "SetMaxReturnedTTLResponseAction",
        "(seconds)",
        "tells the client no longer TTLs",
        |call| {
            let max = call.required("seconds")?;
            give(call, SetMaxReturnedTtl::new(max))
        },
    ),
    Function::new(
        "LogResponseAction",
        "([file[, append[, buffered[, verboseOnly[, includeTimestamp]]]]])",
        "logs the reply's question into a file, or into the journal",
        |call| {
            let path: String = call.optional("file")?.unwrap_or_default();
            let (id, target) = read_log(call, path, LogFormat::Text)?;
            give(call, Log::new(id, &target))
        },
    ),
    Function::new(
        "SetSkipCacheResponseAction",
        "()",
        "does not store the reply",
        |call| give(call, SetSkipCache),
    ),
    Function::new(
        "SetTagResponseAction",
        "(name, value)",
        "sets a tag, for TagRule()",
        |call| {
            let (name, value): (String, String) = (call.required("name")?, call.required("value")?);
            give(call, SetTag::new(&name, &value))
        },
    ),
];

fn give(call: &Call<'_>, action: impl ReplyAction + 'static) -> Result<Value, Failure> {
    call.give_object(DnsResponseAction(Arc::new(action)))
}
