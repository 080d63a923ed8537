//! `Server`: a backend. While the file is read its methods say what shall be; at the console they act at once.

use mlua::Value;
use weir_balance::{Backend, Counter, Mode, Status};

use super::Object;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::{Field, Method};
use crate::dialects::dnsdist::values::Unlimited;
use crate::spec::{BackendKey, BackendSpec};

/// A backend by its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server(pub(crate) BackendKey);

impl Object for Server {
    const KIND: &'static str = "Server";
    const EXPECTED: &'static str = "a server from newServer() or getServer()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new(
            "addPool",
            "(pool)",
            "puts the server into a pool",
            |this, call| {
                let name: String = call.required("pool")?;
                let pool = call.state.edit().pools.intern(&name, &call.place)?;
                let pools = &mut this.spec_mut(call.state)?.pools;
                if !pools.contains(&pool) {
                    pools.push(pool);
                }
                Ok(Value::Nil)
            },
        ),
        Method::new(
            "rmPool",
            "(pool)",
            "takes the server out of a pool",
            |this, call| {
                let name: String = call.required("pool")?;
                this.spec_mut(call.state)?
                    .pools
                    .retain(|pool| pool.as_str() != name);
                Ok(Value::Nil)
            },
        ),
        Method::new(
            "getDrops",
            "()",
            "queries that were not answered in time",
            |this, call| this.number(call, |backend| backend.total(Counter::Timeouts) as f64),
        ),
        Method::new(
            "getHealthCheckMode",
            "()",
            "active, lazy, up, down or drain",
            |this, call| {
                let mode = match call.state.live_backend(this.0) {
                    Some(backend) => backend.mode(),
                    None => this.spec(call.state)?.settings.mode,
                };
                call.give(match mode {
                    Mode::Auto => "active",
                    Mode::Lazy => "lazy",
                    Mode::Up => "up",
                    Mode::Down => "down",
                    Mode::Drain => "drain",
                })
            },
        ),
        Method::new(
            "getLatency",
            "()",
            "the average latency in milliseconds",
            |this, call| this.number(call, |backend| backend.latency_us() / 1000.0),
        ),
        Method::new(
            "getName",
            "()",
            "the server's name, or its address",
            |this, call| {
                let name = this.spec(call.state)?.settings.label().to_string();
                call.give(name)
            },
        ),
        Method::new(
            "getNameWithAddr",
            "()",
            "the server's name with its address",
            |this, call| {
                let settings = &this.spec(call.state)?.settings;
                let text = match settings.name.as_str() {
                    "" => settings.address.to_string(),
                    name => format!("{name} ({})", settings.address),
                };
                call.give(text)
            },
        ),
        Method::new(
            "getOutstanding",
            "()",
            "queries that wait for a reply",
            |this, call| this.number(call, |backend| f64::from(backend.outstanding())),
        ),
        Method::new("isUp", "()", "whether the server gets queries", |this, call| {
            let is_up = call
                .state
                .live_backend(this.0)
                .is_some_and(|backend| backend.is_up());
            call.give(is_up)
        }),
        Method::new(
            "setActiveAuto",
            "([up])",
            "lets probes at every interval decide",
            |this, call| this.set_auto(call, Mode::Auto),
        ),
        Method::new(
            "setAuto",
            "([up])",
            "lets probes at every interval decide; up is assumed until then",
            |this, call| this.set_auto(call, Mode::Auto),
        ),
        Method::new(
            "setDown",
            "()",
            "sends no new queries and does not probe",
            |this, call| this.set_mode(call, Mode::Down),
        ),
        Method::new(
            "setDrain",
            "()",
            "sends no new queries and lets pending ones finish",
            |this, call| this.set_mode(call, Mode::Drain),
        ),
        Method::new(
            "setLazyAuto",
            "([up])",
            "lets probes decide once queries fail",
            |this, call| this.set_auto(call, Mode::Lazy),
        ),
        Method::new(
            "setQPS",
            "(limit)",
            "queries per second above which firstAvailable goes on; 0 is no limit",
            |this, call| {
                let Unlimited(qps) = call.required("limit")?;
                this.spec_mut(call.state)?.settings.qps = qps;
                Ok(Value::Nil)
            },
        ),
        Method::new("setUp", "()", "sends queries and does not probe", |this, call| {
            this.set_mode(call, Mode::Up)
        }),
        Method::not_yet("getProtocol", "what carries queries to the server"),
        Method::not_yet("setHealthCheckParams", "changes the probe"),
        Method::not_yet(
            "setHealthCheckResponseValidator",
            "judges replies to probes in Lua",
        ),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "name",
            doc: "the server's name",
            get: |this, call| {
                let name = this.spec(call.state)?.settings.name.clone();
                call.give(name)
            },
            set: None,
        },
        Field {
            name: "order",
            doc: "lower is preferred",
            get: |this, call| {
                let order = this.spec(call.state)?.settings.order;
                call.give(order)
            },
            set: Some(|this, call| {
                let order = call.required("order")?;
                let mut spec = this.spec(call.state)?.clone();
                spec.settings.order = order;
                let edited = call.state.edit();
                edited.backends.retain(|backend| backend.key != this.0);
                edited.add_backend(spec);
                Ok(Value::Nil)
            }),
        },
        Field {
            name: "upStatus",
            doc: "whether the last probe was answered",
            get: |this, call| {
                let is_up = call
                    .state
                    .live_backend(this.0)
                    .is_some_and(|backend| backend.status() == Status::Up);
                call.give(is_up)
            },
            set: None,
        },
        Field {
            name: "weight",
            doc: "share of queries",
            get: |this, call| {
                let weight = this.spec(call.state)?.settings.weight.get();
                call.give(weight)
            },
            set: Some(|this, call| {
                let weight = call.required("weight")?;
                this.spec_mut(call.state)?.settings.weight = weight;
                Ok(Value::Nil)
            }),
        },
    ];

    fn describe(&self, state: &State) -> String {
        self.spec(state)
            .map_or_else(|_| String::new(), |backend| backend.settings.label().to_string())
    }
}

impl Server {
    fn spec<'s>(&self, state: &'s State) -> Result<&'s BackendSpec, Failure> {
        state
            .spec
            .backend(self.0)
            .ok_or_else(|| Failure::new("this server was removed"))
    }

    fn spec_mut<'s>(&self, state: &'s mut State) -> Result<&'s mut BackendSpec, Failure> {
        let mut backends = state.edit().backends.iter_mut();
        backends
            .find(|backend| backend.key == self.0)
            .ok_or_else(|| Failure::new("this server was removed"))
    }

    /// A number of the running backend; 0 before there is one.
    fn number(&self, call: &mut Call<'_>, of: impl Fn(&Backend) -> f64) -> Result<Value, Failure> {
        let number = call.state.live_backend(self.0).map_or(0.0, |backend| of(backend));
        call.give(number)
    }

    fn set_auto(&self, call: &mut Call<'_>, mode: Mode) -> Result<Value, Failure> {
        let assumed: Option<bool> = call.optional("up")?;
        self.set_mode(call, mode)?;
        if let (Some(up), Some(backend)) = (assumed, call.state.live_backend(self.0)) {
            if up {
                backend.assume_up()
            } else {
                backend.assume_down()
            }
        }
        Ok(Value::Nil)
    }

    /// At the console the running backend changes, and keeps that over a reload; before, the spec does.
    fn set_mode(&self, call: &mut Call<'_>, mode: Mode) -> Result<Value, Failure> {
        match call.state.live_backend(self.0) {
            Some(backend) => backend.set_mode(mode),
            None => self.spec_mut(call.state)?.settings.mode = mode,
        }
        Ok(Value::Nil)
    }
}
