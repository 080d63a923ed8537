//! What can happen to a laboratory's hosts and cables.

use std::io;

use super::Lab;
use super::plan::{Kind, Lan};
use crate::Network;

impl Lab {
    /// A power cut: everything on the node is dead at once, and so are its cables.
    pub fn power_off(&mut self, node: &str) -> io::Result<()> {
        self.unplug(node)?;
        self.node_mut(node)?.lose_power()
    }

    /// Power is back: cables, addresses, `weir up`. Returns when all roles are up.
    pub fn power_on(&mut self, node: &str) -> io::Result<()> {
        self.plug(node)?;
        let node = self.node_mut(node)?;
        node.regain_power()?;
        node.start().map(drop)
    }

    /// Pulls all cables of a node or of `client`, `internet`: the carrier goes.
    pub fn unplug(&self, host: &str) -> io::Result<()> {
        for network in self.networks_of(host)? {
            network.unplug(host)?;
        }
        Ok(())
    }

    /// Puts them in again.
    pub fn plug(&self, host: &str) -> io::Result<()> {
        for network in self.networks_of(host)? {
            network.plug(host)?;
        }
        Ok(())
    }

    /// From now on, in each pair of hosts, the second does not hear the first, nor any frame that the first sends to
    /// all, in whatever network both are. Nobody's carrier tells.
    pub fn cut(&self, pairs: &[(&str, &str)]) -> io::Result<()> {
        self.networks
            .iter()
            .try_for_each(|(_, network)| network.cut(pairs))
    }

    /// Ends what [`cut`](Self::cut) began.
    pub fn join(&self, pairs: &[(&str, &str)]) -> io::Result<()> {
        self.networks
            .iter()
            .try_for_each(|(_, network)| network.join(pairs))
    }

    /// The switches that a host has a cable to.
    fn networks_of(&self, name: &str) -> io::Result<impl Iterator<Item = &Network>> {
        let lans: Vec<Lan> = match (name, &self.admin) {
            ("internet", _) => self.plan.lans_of(Kind::Router).to_vec(),
            ("client", _) => self.client.lans().collect(),
            ("admin", Some(admin)) => admin.lans().collect(),
            _ => self.node(name)?.host().lans().collect(),
        };
        let networks = self.networks.iter().filter(move |(lan, _)| lans.contains(lan));
        Ok(networks.map(|(_, network)| network))
    }
}
