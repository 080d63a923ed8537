//! Which server of a pool gets a query.

use mlua::Value;
use weir_balance::{BalancingFactor, Exhausted, PolicyKind, policy_named};

use super::setting;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::Wrapped;
use crate::dialects::dnsdist::objects::policy::ServerPolicy;
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::{self, Read, Wrong};

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "setServerPolicy",
        "(policy)",
        "the policy of pools that have none of their own",
        |call| {
            let policy = read_policy(call)?;
            call.state.edit().policy = policy;
            Ok(Value::Nil)
        },
    ),
    Function::new(
        "setPoolServerPolicy",
        "(policy, pool)",
        "the policy of one pool",
        |call| {
            let policy = read_policy(call)?;
            set_pool_policy(call, Some(policy))
        },
    ),
    Function::new(
        "unsetPoolServerPolicy",
        "(pool)",
        "gives a pool the policy of all again",
        |call| set_pool_policy(call, None),
    ),
    Function::new(
        "showServerPolicy",
        "()",
        "prints the policy of pools that have none of their own",
        |call| {
            let name = call.state.spec.policy.name;
            call.state.print_line(name);
            Ok(Value::Nil)
        },
    ),
    Function::new(
        "showPoolServerPolicy",
        "(pool)",
        "prints the policy of one pool",
        |call| {
            let name: String = call.required("pool")?;
            let own = call.state.spec.pools.find(&name).and_then(|pool| pool.policy);
            let policy = own.unwrap_or(call.state.spec.policy).name;
            call.state.print_line(policy);
            Ok(Value::Nil)
        },
    ),
    setting!(
        "setConsistentHashingBalancingFactor",
        "(factor)",
        "bounds the load of chashed; 0 is off",
        Factor,
        |spec, Factor(factor)| spec.balancing.consistent_balancing = factor
    ),
    setting!(
        "setWeightedBalancingFactor",
        "(factor)",
        "bounds the load of wrandom and whashed; 0 is off",
        Factor,
        |spec, Factor(factor)| spec.balancing.weighted_balancing = factor
    ),
    setting!(
        "setWHashedPerturbation",
        "(number)",
        "shifts which name goes where under whashed and chashed",
        u32,
        |spec, perturbation| spec.perturbation = Some(perturbation)
    ),
    setting!(
        "setRoundRobinFailOnNoServer",
        "(fail)",
        "roundrobin picks no server when none is up",
        bool,
        |spec, fail| {
            spec.balancing.round_robin_exhausted = if fail { Exhausted::Fail } else { Exhausted::TryAny };
        }
    ),
    setting!(
        "setServFailWhenNoServer",
        "(servfail)",
        "answers SERVFAIL when a pool has no usable server",
        bool,
        |spec, servfail| spec.servfail_when_no_server = servfail
    ),
];

/// A policy under its bare name, or the name as a string.
fn read_policy(call: &mut Call<'_>) -> Result<&'static PolicyKind, Failure> {
    let value = call.value();
    if let Some(name) = value.as_string() {
        let name = name.to_string_lossy();
        return policy_named(&name).ok_or_else(|| {
            Failure::new(format!(
                "policy '{name}' is not known; it must be {}",
                Wrapped::<ServerPolicy>::EXPECTED
            ))
        });
    }
    let Wrapped(ServerPolicy(kind)) = values::read("policy", &value)?;
    Ok(kind)
}

fn set_pool_policy(call: &mut Call<'_>, policy: Option<&'static PolicyKind>) -> Result<Value, Failure> {
    let name: String = call.required("pool")?;
    let pools = &mut call.state.edit().pools;
    let pool = pools.intern(&name, &call.place)?;
    if let Some(pool) = pools.get_mut(pool.id()) {
        pool.policy = policy;
    }
    Ok(Value::Nil)
}

/// A balancing factor; 0 is none.
struct Factor(Option<BalancingFactor>);

impl Read for Factor {
    const EXPECTED: &'static str = "0, or a number of at least 1";

    fn read(value: &Value) -> Result<Self, Wrong> {
        match f64::read(value)? {
            0.0 => Ok(Self(None)),
            factor => BalancingFactor::new(factor)
                .map(|factor| Self(Some(factor)))
                .ok_or(Wrong::Kind),
        }
    }
}
