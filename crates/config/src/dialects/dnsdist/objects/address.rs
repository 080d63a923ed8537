//! `ComboAddress`: an IP address with a port.

use std::net::{IpAddr, SocketAddr};

use super::Object;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::Method;

/// An IP address with a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ComboAddress(pub(crate) SocketAddr);

impl Object for ComboAddress {
    const KIND: &'static str = "ComboAddress";
    const EXPECTED: &'static str = "an address from newCA()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new("getPort", "()", "the port", |this, call| call.give(this.0.port())),
        Method::new("isIPv4", "()", "whether this is an IPv4 address", |this, call| {
            call.give(this.0.is_ipv4())
        }),
        Method::new("isIPv6", "()", "whether this is an IPv6 address", |this, call| {
            call.give(this.0.is_ipv6())
        }),
        Method::new(
            "isMappedIPv4",
            "()",
            "whether this is an IPv4 address within ::ffff:0:0/96",
            |this, call| call.give(this.mapped().is_some()),
        ),
        Method::new(
            "mapToIPv4",
            "()",
            "the IPv4 address of one within ::ffff:0:0/96",
            |this, call| {
                let mapped = this.mapped().unwrap_or_else(|| this.0.ip());
                call.give_object(Self(SocketAddr::new(mapped, this.0.port())))
            },
        ),
        Method::new(
            "toStringWithPort",
            "()",
            "the address and the port",
            |this, call| call.give(this.0.to_string()),
        ),
        Method::new("tostring", "()", "the address", |this, call| {
            call.give(this.0.ip().to_string())
        }),
        Method::new(
            "tostringWithPort",
            "()",
            "the address and the port",
            |this, call| call.give(this.0.to_string()),
        ),
        Method::not_yet("ipdecrypt", "decrypts the address"),
        Method::not_yet("ipencrypt", "encrypts the address"),
        Method::not_yet("truncate", "keeps the first bits"),
    ];

    fn describe(&self, _: &State) -> String {
        self.0.ip().to_string()
    }
}

impl ComboAddress {
    fn mapped(self) -> Option<IpAddr> {
        match self.0.ip() {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map(IpAddr::V4),
            IpAddr::V4(_) => None,
        }
    }
}
