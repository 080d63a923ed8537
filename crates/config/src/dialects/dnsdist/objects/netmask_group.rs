//! `NetmaskGroup`: address prefixes.

use std::net::SocketAddr;

use mlua::Value;

use super::address::ComboAddress;
use super::{Object, Wrapped};
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::Method;
use crate::dialects::dnsdist::values::{self, Address, OneOrMore, Read, Wrong};

/// Address prefixes.
#[derive(Clone, Debug, Default)]
pub(crate) struct NetmaskGroup(pub(crate) weir_policy::NetmaskGroup);

impl Object for NetmaskGroup {
    const KIND: &'static str = "NetmaskGroup";
    const EXPECTED: &'static str = "a group from newNMG()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new(
            "addMask",
            "(mask or list of masks)",
            "adds prefixes; ! before one takes it out",
            |this, call| {
                let OneOrMore(masks) = call.required::<OneOrMore<String>>("mask")?;
                this.add(&masks)
            },
        ),
        Method::new("addMasks", "(list of masks)", "adds prefixes", |this, call| {
            let OneOrMore(masks) = call.required::<OneOrMore<String>>("masks")?;
            this.add(&masks)
        }),
        Method::new(
            "addNMG",
            "(group)",
            "adds all prefixes of another group",
            |this, call| {
                let Wrapped(other) = call.required::<Wrapped<Self>>("group")?;
                this.add(&other.0.to_masks().collect::<Vec<_>>())
            },
        ),
        Method::new("clear", "()", "removes all prefixes", |this, _| {
            this.0.clear();
            Ok(Value::Nil)
        }),
        Method::new(
            "match",
            "(address)",
            "whether the address is in the group",
            |this, call| {
                let Client(client) = call.required("address")?;
                call.give(this.0.contains(client.ip().to_canonical()))
            },
        ),
        Method::new("size", "()", "the number of prefixes", |this, call| {
            call.give(this.0.len())
        }),
    ];

    fn describe(&self, _: &State) -> String {
        self.0.to_string()
    }
}

impl NetmaskGroup {
    fn add(&mut self, masks: &[String]) -> Result<Value, Failure> {
        for mask in masks {
            self.0.add(mask)?;
        }
        Ok(Value::Nil)
    }
}

/// An address as an object or as a string.
struct Client(SocketAddr);

impl Read for Client {
    const EXPECTED: &'static str = "an address, from newCA() or as a string";

    fn read(value: &Value) -> Result<Self, Wrong> {
        if let Some(ComboAddress(address)) = values::object(value) {
            return Ok(Self(address));
        }
        Address::<0>::read(value).map(|Address(address)| Self(address))
    }
}
