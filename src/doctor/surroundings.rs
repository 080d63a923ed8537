//! What the doctor knows before the first question: the site, which of its nodes this machine is, and the kernel's view
//! of the network.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_config::site::{DEFAULT_FILE, Floating, Node, Site};
use weir_linux::netlink::{Assigned, Links};
use weir_linux::{Family, Link, LinkIndex, privileges};
use weir_wire::NameBuf;

use super::arguments::{Arguments, RUN_DIRECTORY};
use crate::site_file;

/// Everything that a question may start from.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// The site, and where its file is.
    pub(super) site: Option<(Site, PathBuf)>,
    /// The node that this machine is; `None` for a client.
    pub(super) node: Option<Arc<Node>>,
    /// Servers that are asked besides.
    pub(super) servers: Vec<SocketAddr>,
    /// A zone of theirs.
    pub(super) zone: Option<NameBuf>,
    /// The run directory of `weir up`.
    pub(super) run: PathBuf,
    /// Whether this is root, who may see more.
    pub(super) is_root: bool,
    /// What the kernel says.
    pub(super) network: Network,
}

/// The kernel's view of this machine's network.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// The interfaces.
    pub(super) links: Vec<Link>,
    /// Their addresses.
    pub(super) addresses: Vec<Assigned>,
}

impl Surroundings {
    /// Looks around.
    ///
    /// # Errors
    /// What to tell the operator: there is nothing to ask, no such node, or the site file is none.
    pub(super) fn new(arguments: &Arguments) -> Result<Self, String> {
        let site = match arguments.site_file() {
            Some(file) => Some((site_file::load(&file)?, file)),
            None if arguments.servers.is_empty() => {
                return Err(format!(
                    "there is no {DEFAULT_FILE}: say where the site file is with -f FILE, or whom to ask with --server ADDR"
                ));
            }
            None => None,
        };
        let node = match (&site, &arguments.node) {
            _ if arguments.client => None,
            (Some((site, _)), Some(name)) => {
                site_file::node(site, name)?;
                site.node(name).cloned()
            }
            (Some((site, _)), None) => site_file::own_node(site, &site_file::host_name()).cloned(),
            (None, Some(_)) => return Err("--node is a node of a site file: there is none".to_owned()),
            (None, None) => None,
        };
        Ok(Self {
            site,
            node,
            servers: arguments.servers.clone(),
            zone: arguments.zone,
            run: arguments.run.clone(),
            is_root: privileges::is_root(),
            network: Network::look().map_err(|error| format!("cannot list interfaces: {error}"))?,
        })
    }

    /// The floating addresses of the site.
    pub(super) fn floating(&self) -> &[Floating] {
        self.site.as_ref().map_or(&[], |(site, _)| &site.floating)
    }

    /// Whether this machine is the node of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.node.as_ref().is_some_and(|node| node.name == name)
    }

    /// The command that shows a node's share in a format of `weir render`.
    pub(super) fn render(&self, node: &str, format: &str) -> String {
        match &self.site {
            Some((_, file)) if file != Path::new(DEFAULT_FILE) => {
                format!("weir render {node} {format} -f {}", file.display())
            }
            _ => format!("weir render {node} {format}"),
        }
    }

    /// The command that shows what runs on this node.
    pub(super) fn status(&self) -> String {
        if self.run.join("up.sock").exists() {
            format!("weir status{}", self.run_flag())
        } else {
            "systemctl status weir".to_owned()
        }
    }

    /// The command that shows who holds the addresses, and why.
    pub(super) fn vip_status(&self) -> String {
        if self.run.join("vip.sock").exists() {
            format!("weir vip status{}", self.run_flag())
        } else {
            self.status()
        }
    }

    fn run_flag(&self) -> String {
        if self.run == Path::new(RUN_DIRECTORY) {
            String::new()
        } else {
            format!(" --run {}", self.run.display())
        }
    }
}

impl Network {
    fn look() -> io::Result<Self> {
        let mut links = Links::open()?;
        Ok(Self {
            links: links.list()?,
            addresses: links.addresses()?,
        })
    }

    /// The interface of this name.
    pub(super) fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The interface that has an address.
    pub(super) fn holder(&self, address: IpAddr) -> Option<&Link> {
        let assigned = self
            .addresses
            .iter()
            .find(|assigned| assigned.address == address)?;
        self.by_index(assigned.index)
    }

    /// An interface through which an address is reached without a router, and an address of this machine there that is
    /// not among `floating`.
    pub(super) fn towards(&self, address: IpAddr, floating: &[IpAddr]) -> Option<(&Link, IpAddr)> {
        let mut near = self.addresses.iter().filter(|assigned| {
            let prefix = weir_policy::Netmask::new(assigned.address, assigned.prefix);
            assigned.usable
                && !floating.contains(&assigned.address)
                && prefix.is_ok_and(|prefix| prefix.contains(address))
        });
        let own = near.next()?;
        Some((self.by_index(own.index)?, own.address))
    }

    fn by_index(&self, index: LinkIndex) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }
}

/// The family of an address.
pub(super) const fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}
