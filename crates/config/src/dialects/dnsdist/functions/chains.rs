//! The chains of rules: adding, moving and removing.
//!
//! dnsdist has the same functions for each chain under names of their own; here each chain is one line that names
//! its functions, and the functions are written once.

use std::fmt::{self, Write};
use std::sync::Arc;

use mlua::Value;
use weir_policy::{Action, MAX_RULES, ReplyAction, Rule, Uuid};
use weir_wire::hash::{self, Seed};

use super::options::{RuleDraft, read_rule};
use super::selectors::selector_from;
use crate::diagnostics::Placed;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::Wrapped;
use crate::dialects::dnsdist::objects::rule::{DnsAction, DnsResponseAction, RuleAction};
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::{self, List, Read, Wrong};
use crate::spec::RuleSpecs;

/// The functions of one chain: what it is called in documentation, the field of the spec, the type of its actions,
/// then the names of the functions.
macro_rules! chain {
    ($what:literal, $field:ident, $action:ty, $add:literal, $remove:literal, $move:literal, $to_top:literal, $clear:literal) => {
        [
            Function::new(
                $add,
                "(rule, action[, options])",
                concat!("adds a rule ", $what),
                |call| add::<$action>(call, |rules| &mut rules.$field),
            ),
            Function::new(
                $remove,
                "(number, UUID or name)",
                concat!("removes a rule ", $what),
                |call| remove(call, |rules| &mut rules.$field),
            ),
            Function::new($move, "(from, to)", concat!("moves a rule ", $what), |call| {
                reorder(call, |rules| &mut rules.$field)
            }),
            Function::new(
                $to_top,
                "()",
                concat!("makes the last rule the first ", $what),
                |call| last_to_top(call, |rules| &mut rules.$field),
            ),
            Function::new($clear, "()", concat!("removes all rules ", $what), |call| {
                call.state.edit().rules.$field.clear();
                Ok(Value::Nil)
            }),
        ]
    };
}

const QUERY: [Function; 5] = chain!(
    "for queries",
    query,
    dyn Action,
    "addAction",
    "rmRule",
    "mvRule",
    "mvRuleToTop",
    "clearRules"
);
const CACHE_MISS: [Function; 5] = chain!(
    "for queries that the cache has no answer to",
    cache_miss,
    dyn Action,
    "addCacheMissAction",
    "rmCacheMissRule",
    "mvCacheMissRule",
    "mvCacheMissRuleToTop",
    "clearCacheMissRules"
);
const REPLY: [Function; 5] = chain!(
    "for replies",
    reply,
    dyn ReplyAction,
    "addResponseAction",
    "rmResponseRule",
    "mvResponseRule",
    "mvResponseRuleToTop",
    "clearResponseRules"
);
const CACHE_HIT: [Function; 5] = chain!(
    "for replies from the cache",
    cache_hit_reply,
    dyn ReplyAction,
    "addCacheHitResponseAction",
    "rmCacheHitResponseRule",
    "mvCacheHitResponseRule",
    "mvCacheHitResponseRuleToTop",
    "clearCacheHitResponseRules"
);
const CACHE_INSERTED: [Function; 5] = chain!(
    "for replies that were put into the cache",
    cache_inserted_reply,
    dyn ReplyAction,
    "addCacheInsertedResponseAction",
    "rmCacheInsertedResponseRule",
    "mvCacheInsertedResponseRule",
    "mvCacheInsertedResponseRuleToTop",
    "clearCacheInsertedResponseRules"
);
const SELF_ANSWERED: [Function; 5] = chain!(
    "for replies that a rule gave",
    self_answered_reply,
    dyn ReplyAction,
    "addSelfAnsweredResponseAction",
    "rmSelfAnsweredResponseRule",
    "mvSelfAnsweredResponseRule",
    "mvSelfAnsweredResponseRuleToTop",
    "clearSelfAnsweredResponseRules"
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

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "newRuleAction",
        "(rule, action[, options])",
        "a pair for setRules()",
        |call| {
            let rule = read::<dyn Action>(call)?;
            call.give_object(RuleAction(rule))
        },
    ),
    Function::new("setRules", "(list)", "replaces all rules for queries", |call| {
        let List(rules) = call.required::<List<Wrapped<RuleAction>>>("list")?;
        let place = call.place.clone();
        let placed = |Wrapped(RuleAction(value))| Placed {
            value,
            place: place.clone(),
        };
        call.state.edit().rules.query = rules.into_iter().map(placed).collect();
        Ok(Value::Nil)
    }),
    Function::new(
        "getAction",
        "(number)",
        "the action of a rule for queries",
        |call| {
            let number: usize = call.required("number")?;
            match call.state.spec.rules.query.get(number) {
                Some(rule) => call.give_object(DnsAction(Arc::clone(&rule.value.action))),
                None => Err(Failure::new(format!("there is no rule {number}"))),
            }
        },
    ),
];

/// The rules of one chain.
type Rules<A> = Vec<Placed<Rule<A>>>;

/// Kinds of actions.
trait FromLua {
    fn from_value(value: &Value) -> Result<Arc<Self>, Failure>;
}

impl FromLua for dyn Action {
    fn from_value(value: &Value) -> Result<Arc<Self>, Failure> {
        if values::object::<DnsResponseAction>(value).is_some() {
            return Err(Failure::new(
                "action is for replies; use the function for response actions",
            ));
        }
        values::read("action", value).map(|Wrapped(DnsAction(action))| action)
    }
}

impl FromLua for dyn ReplyAction {
    fn from_value(value: &Value) -> Result<Arc<Self>, Failure> {
        if values::object::<DnsAction>(value).is_some() {
            return Err(Failure::new(
                "action is for queries; replies take those with Response in their name",
            ));
        }
        values::read("action", value).map(|Wrapped(DnsResponseAction(action))| action)
    }
}

fn read<A: FromLua + fmt::Display + ?Sized>(call: &mut Call<'_>) -> Result<Rule<A>, Failure> {
    let value = call.value();
    let selector = selector_from(call, &value)?;
    let action = A::from_value(&call.value())?;
    let RuleDraft { name, uuid } = read_rule(call)?;
    let creation_order = call.state.rules_made;
    call.state.rules_made += 1;
    let uuid = uuid.unwrap_or_else(|| {
        let first = derive_uuid(format_args!("{}\n{name}\n{action}\n{selector}", call.name));
        let twins = call.state.rule_twins.entry(first).or_default();
        *twins += 1;
        // Equal rules get identities by their order.
        if *twins == 1 {
            first
        } else {
            derive_uuid(format_args!("{first} {twins}"))
        }
    });
    Ok(Rule {
        name,
        uuid,
        creation_order,
        selector,
        action,
    })
}

fn add<A: FromLua + fmt::Display + ?Sized>(
    call: &mut Call<'_>,
    chain: fn(&mut RuleSpecs) -> &mut Rules<A>,
) -> Result<Value, Failure> {
    let value = read::<A>(call)?;
    let place = call.place.clone();
    let rules = chain(&mut call.state.edit().rules);
    if rules.len() >= MAX_RULES {
        return Err(Failure::new(format!(
            "there are {MAX_RULES} rules already; put names into a SuffixMatchNode instead"
        )));
    }
    rules.push(Placed { value, place });
    Ok(Value::Nil)
}

fn remove<A: ?Sized>(
    call: &mut Call<'_>,
    chain: fn(&mut RuleSpecs) -> &mut Rules<A>,
) -> Result<Value, Failure> {
    let which: Which = call.required("rule")?;
    let rules = chain(&mut call.state.edit().rules);
    let Some(number) = which.position(rules) else {
        return Err(Failure::new("there is no such rule"));
    };
    rules.remove(number);
    Ok(Value::Nil)
}

/// As dnsdist: `to` is the number before the move; one behind the last is the end.
fn reorder<A: ?Sized>(
    call: &mut Call<'_>,
    chain: fn(&mut RuleSpecs) -> &mut Rules<A>,
) -> Result<Value, Failure> {
    let (from, to): (usize, usize) = (call.required("from")?, call.required("to")?);
    let rules = chain(&mut call.state.edit().rules);
    if from >= rules.len() || to > rules.len() {
        return Err(Failure::new(format!(
            "there are {} rules; cannot move rule {from} to {to}",
            rules.len()
        )));
    }
    let rule = rules.remove(from);
    rules.insert(if to > from { to - 1 } else { to }, rule);
    Ok(Value::Nil)
}

fn last_to_top<A: ?Sized>(
    call: &mut Call<'_>,
    chain: fn(&mut RuleSpecs) -> &mut Rules<A>,
) -> Result<Value, Failure> {
    let rules = chain(&mut call.state.edit().rules);
    if let Some(last) = rules.pop() {
        rules.insert(0, last);
    }
    Ok(Value::Nil)
}

/// A rule by number, identity or name.
enum Which {
    Number(usize),
    Text(String),
}

impl Read for Which {
    const EXPECTED: &'static str = "a rule's number, UUID or name";

    fn read(value: &Value) -> Result<Self, Wrong> {
        match value {
            Value::String(_) => String::read(value).map(Self::Text),
            _ => usize::read(value).map(Self::Number),
        }
    }
}

impl Which {
    fn position<A: ?Sized>(&self, rules: &Rules<A>) -> Option<usize> {
        match self {
            Self::Number(number) => Some(*number).filter(|number| *number < rules.len()),
            Self::Text(text) => {
                let uuid = text.parse::<Uuid>().ok();
                let is_it =
                    |rule: &Rule<A>| Some(rule.uuid) == uuid || (!text.is_empty() && rule.name == *text);
                rules.iter().position(|rule| is_it(&rule.value))
            }
        }
    }
}

/// The identity of a rule that was given none: the same for the same rule after a reload, so that its counter goes
/// on.
fn derive_uuid(rule: fmt::Arguments<'_>) -> Uuid {
    /// Fixed on purpose: nothing secret.
    const SEEDS: [Seed; 2] = [
        Seed::new([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]),
        Seed::new([0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89]),
    ];
    let mut text = Beginning(String::new());
    // What does not fit is cut off.
    let _ = text.write_fmt(rule);
    Uuid::from_random(SEEDS.map(|seed| hash::of_bytes(seed, text.0.as_bytes())))
}

/// The beginning of a text: a million names need not be written out to tell rules apart.
struct Beginning(String);

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const LONGEST: usize = 4096;
        self.0.push_str(text);
        if self.0.len() > LONGEST {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}
