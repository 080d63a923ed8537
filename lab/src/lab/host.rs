//! A host of the laboratory: its cables, addresses, routes and kernel settings, and how it loses its power.

use std::io;
use std::net::IpAddr;

use rustix::process::{Signal, kill_process};

use super::plan::Lan;
use crate::{Namespace, Network};

/// One machine.
#[derive(Debug)]
pub struct Host {
    name: String,
    namespace: Namespace,
    addresses: Vec<(Lan, IpAddr)>,
    routes: Vec<String>,
}

impl Host {
    /// A machine with these addresses, and a cable to each network that one of them is in.
    pub(super) fn create(
        name: &str,
        addresses: Vec<(Lan, IpAddr)>,
        networks: &[(Lan, Network)],
    ) -> io::Result<Self> {
        let namespace = Namespace::create(name)?;
        for (lan, network) in networks {
            if addresses.iter().any(|(own, _)| own == lan) {
                network.connect(&namespace, name, lan.interface())?;
            }
        }
        let host = Self {
            name: name.to_owned(),
            namespace,
            addresses,
            routes: Vec::new(),
        };
        host.take_addresses()?;
        Ok(host)
    }

    /// Its name, as in the site file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its network namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Its own addresses, the one that others ask first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(|(_, address)| *address)
    }

    /// The networks that it has a cable to.
    pub(super) fn lans(&self) -> impl Iterator<Item = Lan> {
        self.addresses.iter().map(|(lan, _)| *lan)
    }

    /// A route, as `ip route add` has it, which it has again after a loss of power.
    pub(super) fn add_route(&mut self, route: &str) -> io::Result<()> {
        self.routes.push(route.to_owned());
        self.take_routes()
    }

    /// What happens to a machine without power: everything stands still at once, is gone then, and with it the addresses.
    /// Its cables are its owner's business.
    pub(super) fn lose_power(&self) -> io::Result<()> {
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in self.namespace.processes()? {
                // One that is gone already needs no signal.
                let _ = kill_process(pid, signal);
            }
        }
        for lan in self.lans() {
            self.namespace.ip(&["address", "flush", "dev", lan.interface()])?;
        }
        Ok(())
    }

    /// What it has after its power is back.
    pub(super) fn regain_power(&self) -> io::Result<()> {
        self.take_addresses()?;
        self.take_routes()
    }

    fn take_addresses(&self) -> io::Result<()> {
        for (lan, address) in &self.addresses {
            let address = format!("{address}/24");
            self.namespace
                .ip(&["address", "replace", &address, "dev", lan.interface()])?;
        }
        Ok(())
    }

    fn take_routes(&self) -> io::Result<()> {
        for route in &self.routes {
            let words: Vec<&str> = route.split_whitespace().collect();
            self.namespace.ip(&[&["route", "replace"], &words[..]].concat())?;
        }
        Ok(())
    }
}
