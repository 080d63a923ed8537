//! Pools.

use std::collections::BTreeSet;

use mlua::Value;

use super::servers::give_servers;
use crate::dialects::dnsdist::objects::pool::ServerPool;
use crate::dialects::dnsdist::tables::Function;

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "getPool",
        "(name)",
        "the pool of this name, made when it is not there yet",
        |call| {
            let name: String = call.required("name")?;
            let pool = match call.state.spec.pools.find(&name) {
                Some(pool) => pool.name.clone(),
                None => call.state.edit().pools.intern(&name, &call.place)?,
            };
            call.give_object(ServerPool(pool))
        },
    ),
    Function::new(
        "getPoolNames",
        "()",
        "the names of all pools, as a list",
        |call| {
            let names: BTreeSet<_> = call
                .state
                .spec
                .pools
                .iter()
                .map(|pool| pool.name.to_string())
                .collect();
            let table = call.lua.create_sequence_from(names)?;
            Ok(Value::Table(table))
        },
    ),
    Function::new(
        "getPoolServers",
        "(name)",
        "the servers of a pool, as a list",
        |call| {
            let name: String = call.required("name")?;
            let backends = call.state.spec.backends.iter();
            let members = backends.filter(|backend| backend.pools.iter().any(|pool| pool.as_str() == name));
            let keys: Vec<_> = members.map(|backend| backend.key).collect();
            give_servers(call, &keys)
        },
    ),
];
