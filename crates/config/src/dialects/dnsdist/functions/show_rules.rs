//! `showRules()`, `topRules()` and their like for each chain.

use mlua::{Table, Value};
use weir_policy::{Chain, Rule};

use crate::diagnostics::Placed;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::snapshot::Snapshot;
use crate::spec::RuleSpecs;

/// The functions that print one chain: its field in a spec, its field in a snapshot, the names.
macro_rules! chain {
    ($what:literal, $field:ident, $live:ident, $show:literal, $top:literal) => {
        [
            Function::new(
                $show,
                "([options])",
                concat!("prints the rules ", $what),
                |call| show(call, |rules| &rules.$field, |snapshot| &snapshot.$live),
            ),
            Function::new(
                $top,
                "([top=10[, options]])",
                concat!("prints the rules ", $what, " that match most"),
                |call| top(call, |rules| &rules.$field, |snapshot| &snapshot.$live),
            ),
        ]
    };
}

const QUERY: [Function; 2] = chain!("for queries", query, query_rules, "showRules", "topRules");
const CACHE_MISS: [Function; 2] = chain!(
    "for queries that the cache has no answer to",
    cache_miss,
    cache_miss_rules,
    "showCacheMissRules",
    "topCacheMissRules"
);
const REPLY: [Function; 2] = chain!(
    "for replies",
    reply,
    reply_rules,
    "showResponseRules",
    "topResponseRules"
);
const CACHE_HIT: [Function; 2] = chain!(
    "for replies from the cache",
    cache_hit_reply,
    cache_hit_reply_rules,
    "showCacheHitResponseRules",
    "topCacheHitResponseRules"
);
const CACHE_INSERTED: [Function; 2] = chain!(
    "for replies that were put into the cache",
    cache_inserted_reply,
    cache_inserted_reply_rules,
    "showCacheInsertedResponseRules",
    "topCacheInsertedResponseRules"
);
const SELF_ANSWERED: [Function; 2] = chain!(
    "for replies that a rule gave",
    self_answered_reply,
    self_answered_reply_rules,
    "showSelfAnsweredResponseRules",
    "topSelfAnsweredResponseRules"
);

/// The functions of each chain.
pub(super) const CHAINS: [&[Function]; 6] = [
    &QUERY,
    &CACHE_MISS,
    &REPLY,
    &CACHE_HIT,
    &CACHE_INSERTED,
    &SELF_ANSWERED,
];

/// How rules are printed.
struct Columns {
    with_uuids: bool,
    rule_width: usize,
}

const KEYS: &[Key<Columns>] = &[
    key!(
        "showUUIDs",
        "false",
        "prints identities and the order in which rules were made",
        bool,
        |columns, show| {
            columns.with_uuids = show;
        }
    ),
    key!(
        "truncateRuleWidth",
        "-1",
        "letters of a rule's text; -1 is all",
        i32,
        |columns, width| {
            columns.rule_width = usize::try_from(width).unwrap_or(usize::MAX);
        }
    ),
];

pub(super) fn keys() -> Vec<Part> {
    parts_of("showRules", KEYS)
}

fn read_columns(call: &mut Call<'_>) -> Result<Columns, Failure> {
    let mut columns = Columns {
        with_uuids: false,
        rule_width: usize::MAX,
    };
    if let Some(table) = call.optional::<Table>("options")? {
        read_keys(call, &table, &[KEYS], &mut columns)?;
    }
    Ok(columns)
}

/// A rule as it is printed.
struct Line {
    number: usize,
    name: String,
    uuid: String,
    creation_order: u64,
    matches: u64,
    rule: String,
    action: String,
}

type Written<A> = fn(&RuleSpecs) -> &Vec<Placed<Rule<A>>>;
type Running<A> = fn(&Snapshot) -> &Chain<A>;

fn show<A: std::fmt::Display + ?Sized>(
    call: &mut Call<'_>,
    written: Written<A>,
    running: Running<A>,
) -> Result<Value, Failure> {
    let columns = read_columns(call)?;
    let lines = lines(call, written, running, &columns);
    print(call, &columns, &lines);
    Ok(Value::Nil)
}

fn top<A: std::fmt::Display + ?Sized>(
    call: &mut Call<'_>,
    written: Written<A>,
    running: Running<A>,
) -> Result<Value, Failure> {
    let count = call.optional("top")?.unwrap_or(10);
    let columns = read_columns(call)?;
    let mut lines = lines(call, written, running, &columns);
    lines.sort_by_key(|line| std::cmp::Reverse(line.matches));
    lines.truncate(count);
    print(call, &columns, &lines);
    Ok(Value::Nil)
}

fn lines<A: std::fmt::Display + ?Sized>(
    call: &Call<'_>,
    written: Written<A>,
    running: Running<A>,
    columns: &Columns,
) -> Vec<Line> {
    let running = call.state.live.as_ref().map(|live| running(&live.snapshot));
    let matches = |rule: &Rule<A>| {
        let chain = running?;
        let number = chain.rules().iter().position(|other| other.uuid == rule.uuid)?;
        Some(chain.matches(number))
    };
    let line = |(number, Placed { value: rule, .. }): (usize, &Placed<Rule<A>>)| Line {
        number,
        name: rule.name.clone(),
        uuid: rule.uuid.to_string(),
        creation_order: rule.creation_order,
        matches: matches(rule).unwrap_or(0),
        rule: rule
            .selector
            .to_string()
            .chars()
            .take(columns.rule_width)
            .collect(),
        action: rule.action.to_string(),
    };
    written(&call.state.spec.rules)
        .iter()
        .enumerate()
        .map(line)
        .collect()
}

fn print(call: &mut Call<'_>, columns: &Columns, lines: &[Line]) {
    if columns.with_uuids {
        call.state.print_line(format_args!(
            "{:<3} {:<30} {:<38} {:>9} {:>9} {:<56} Action",
            "#", "Name", "UUID", "Cr. Order", "Matches", "Rule"
        ));
    } else {
        call.state.print_line(format_args!(
            "{:<3} {:<30} {:>9} {:<56} Action",
            "#", "Name", "Matches", "Rule"
        ));
    }
    for Line {
        number,
        name,
        uuid,
        creation_order,
        matches,
        rule,
        action,
    } in lines
    {
        if columns.with_uuids {
            call.state.print_line(format_args!(
                "{number:<3} {name:<30} {uuid:<38} {creation_order:>9} {matches:>9} {rule:<56} {action}"
            ));
        } else {
            call.state.print_line(format_args!(
                "{number:<3} {name:<30} {matches:>9} {rule:<56} {action}"
            ));
        }
    }
}
