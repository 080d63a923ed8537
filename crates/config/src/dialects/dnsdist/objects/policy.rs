//! `ServerPolicy`: what picks a server of a pool.

use weir_balance::PolicyKind;

use super::Object;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::{Field, Method};

/// A policy, known under its bare name: `setServerPolicy(leastOutstanding)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerPolicy(pub(crate) &'static PolicyKind);

impl Object for ServerPolicy {
    const KIND: &'static str = "ServerPolicy";
    const EXPECTED: &'static str = "leastOutstanding, firstAvailable, wrandom, whashed, chashed or roundrobin (policies in Lua: not supported yet)";
    const METHODS: &'static [Method<Self>] =
        &[Method::new("getName", "()", "the policy's name", |this, call| {
            call.give(this.0.name)
        })];
    const FIELDS: &'static [Field<Self>] = &[Field {
        name: "name",
        doc: "the policy's name",
        get: |this, call| call.give(this.0.name),
        set: None,
    }];

    fn describe(&self, _: &State) -> String {
        self.0.name.to_owned()
    }
}
