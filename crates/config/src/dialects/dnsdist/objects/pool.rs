//! `ServerPool`: a named set of servers.

use mlua::Value;
use weir_policy::PoolName;

use super::cache::PacketCache;
use super::{Object, Wrapped};
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::Method;
use crate::spec::PoolSpec;

/// A pool by its number.
#[derive(Clone, Debug)]
pub(crate) struct ServerPool(pub(crate) PoolName);

impl Object for ServerPool {
    const KIND: &'static str = "ServerPool";
    const EXPECTED: &'static str = "a pool from getPool()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new(
            "getCache",
            "()",
            "the pool's packet cache",
            |this, call| match call.state.spec.pools.get(this.0.id()).and_then(|pool| pool.cache) {
                Some(index) => call.give_object(PacketCache(index)),
                None => Ok(Value::Nil),
            },
        ),
        Method::new(
            "setCache",
            "(cache)",
            "gives the pool a cache from newPacketCache()",
            |this, call| {
                let Wrapped(PacketCache(index)) = call.required("cache")?;
                this.spec(call.state)?.cache = Some(index);
                Ok(Value::Nil)
            },
        ),
        Method::new("unsetCache", "()", "takes the pool's cache away", |this, call| {
            this.spec(call.state)?.cache = None;
            Ok(Value::Nil)
        }),
        Method::new(
            "getECS",
            "()",
            "whether queries carry the client's subnet; never",
            |_, call| call.give(false),
        ),
        Method::not_yet("setECS", "send the client's subnet to the pool's servers"),
        Method::new(
            "getZeroScope",
            "()",
            "whether replies for every subnet are looked up; never",
            |_, call| call.give(false),
        ),
        Method::not_yet("setZeroScope", "look up replies for every subnet"),
    ];

    fn describe(&self, _: &State) -> String {
        self.0.to_string()
    }
}

impl ServerPool {
    fn spec<'s>(&self, state: &'s mut State) -> Result<&'s mut PoolSpec, Failure> {
        state
            .edit()
            .pools
            .get_mut(self.0.id())
            .ok_or_else(|| Failure::new("the pool is gone"))
    }
}
