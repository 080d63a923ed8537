//! A node's share of the site in other programs' formats: pure functions from a site and a node to a text.
//!
//! A text never holds a secret: dnsdist's configuration reads it from its file, keepalived's includes a file that
//! whoever starts keepalived writes ([`keepalived::password_file`]).

mod dnsdist;
mod keepalived;
mod named;
mod nftables;
mod sysctl;
mod unbound;

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use weir_policy::Netmask;

pub use keepalived::{password_file, password_text};

use super::model::{Node, Site};
use super::values::Word;
use super::words::{AuthServer, ResolveServer, RoleName};

/// A format that a node's share is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `dnsdist.conf`.
    Dnsdist,
    /// `keepalived.conf`.
    Keepalived,
    /// `named.conf`.
    Named,
    /// `unbound.conf`.
    Unbound,
    /// A file of `/etc/sysctl.d`.
    Sysctl,
    /// A file for `nft -f`.
    Nftables,
}

impl Word for Format {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("dnsdist", Self::Dnsdist),
        ("keepalived", Self::Keepalived),
        ("named", Self::Named),
        ("unbound", Self::Unbound),
        ("sysctl", Self::Sysctl),
        ("nftables", Self::Nftables),
    ];
}

impl Format {
    /// Every format with its name.
    pub fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::WORDS.iter().copied()
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::all();
        all.find(|(known, _)| *known == name)
            .map(|(_, format)| format)
            .ok_or_else(|| format!("there is no format '{name}'"))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A node has no share in what the format is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoShare(String);

impl fmt::Display for NoShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoShare {}

/// The share of `node`. `directory` is where the program keeps what it writes, and looks for what is written for it.
/// For named on a node that has both roles, `role` says whose configuration it is.
///
/// # Errors
/// When the node does not have the role that the format is for.
pub fn render(
    format: Format,
    site: &Site,
    node: &Node,
    role: Option<RoleName>,
    directory: &Path,
) -> Result<String, NoShare> {
    let body = match format {
        Format::Dnsdist if node.has(RoleName::Front) => dnsdist::render(site, node),
        Format::Keepalived if node.has(RoleName::Vip) => keepalived::render(site, node, directory),
        Format::Named => named::render(site, node, named_role(node, role)?, directory),
        Format::Unbound if node.roles.resolve == Some(ResolveServer::Unbound) => {
            unbound::render(site, node, directory)
        }
        Format::Sysctl => sysctl::render(site, node),
        Format::Nftables => nftables::render(site, node),
        Format::Dnsdist => return Err(lacks(node, "the role front")),
        Format::Keepalived => return Err(lacks(node, "the role vip")),
        Format::Unbound => return Err(lacks(node, "unbound in the role resolve")),
    };
    let comment = match format {
        Format::Dnsdist => "--",
        Format::Keepalived => "!",
        Format::Named => "//",
        Format::Unbound | Format::Sysctl | Format::Nftables => "#",
    };
    let Site { name, digest, .. } = site;
    Ok(format!(
        "{comment} {} in the site {name}: rendered by Weir, for {format}. Change the site file, not this one.\n\
         {comment} Site file: SHA-256 {digest}\n{body}",
        node.name
    ))
}

/// The role that named has on the node.
fn named_role(node: &Node, wanted: Option<RoleName>) -> Result<RoleName, NoShare> {
    let auth = (node.roles.auth == Some(AuthServer::Named)).then_some(RoleName::Auth);
    let resolve = (node.roles.resolve == Some(ResolveServer::Named)).then_some(RoleName::Resolve);
    match (wanted, auth, resolve) {
        (None, Some(_), Some(_)) => Err(NoShare(format!(
            "{} runs named twice, in the roles auth and resolve: say which one is meant",
            node.name
        ))),
        (None, auth, resolve) => auth.or(resolve).ok_or_else(|| lacks(node, "named in any role")),
        (Some(role), auth, resolve) if auth == Some(role) || resolve == Some(role) => Ok(role),
        (Some(role), ..) => Err(lacks(node, &format!("named in the role {role}"))),
    }
}

fn lacks(node: &Node, what: &str) -> NoShare {
    NoShare(format!("{} does not have {what}", node.name))
}

/// Where front ends ask the node in this role.
fn backend(node: &Node, role: RoleName) -> Option<SocketAddr> {
    let own = node.backend_addresses().next()?;
    Some(SocketAddr::new(own.address, node.port(role)))
}

/// Addresses of front ends in backend networks: those that may ask the servers behind them.
fn front_addresses(site: &Site) -> Vec<IpAddr> {
    let addresses = site.fronts().flat_map(|node| node.backend_addresses());
    addresses.map(|own| own.address).collect()
}

/// Networks that people run the site from, and subscribers do not ask from. In a network that is for both, nothing tells
/// them apart.
fn management_alone(site: &Site) -> Vec<Netmask> {
    let alone = { site.networks.iter() }
        .filter(|network| network.purposes.management && !network.purposes.subscribers);
    alone
        .flat_map(|network| network.prefixes.iter().copied())
        .collect()
}

/// The masks without those that another one contains.
fn covering(masks: impl IntoIterator<Item = Netmask>) -> Vec<Netmask> {
    let mut kept: Vec<Netmask> = Vec::new();
    for mask in masks {
        let contains = |one: Netmask, other: Netmask| {
            one.prefix_len() <= other.prefix_len() && one.contains(other.network())
        };
        if !kept.iter().any(|other| contains(*other, mask)) {
            kept.retain(|other| !contains(mask, *other));
            kept.push(mask);
        }
    }
    kept
}

/// The mask that is this one address.
fn host(address: IpAddr) -> Option<Netmask> {
    Netmask::new(address, if address.is_ipv4() { 32 } else { 128 }).ok()
}

/// Who may ask the front end `node`: subscribers, those who run the site, and the node itself, which asks whether it
/// still answers.
fn may_ask(site: &Site, node: &Node) -> Vec<Netmask> {
    let subscribers = site
        .subscribers
        .networks
        .iter()
        .chain(&site.subscribers.cgnat)
        .copied();
    let own = node.addresses.iter().filter_map(|own| host(own.address));
    covering(subscribers.chain(site.management()).chain(own))
}

/// Whether the front end `node` answers queries from this address.
pub fn answers(site: &Site, node: &Node, client: IpAddr) -> bool {
    may_ask(site, node).iter().any(|mask| mask.contains(client))
}

/// Whether the servers behind the front ends answer queries from this address: a front end's, or one of those who run
/// the site.
pub fn servers_answer(site: &Site, client: IpAddr) -> bool {
    front_addresses(site).contains(&client) || management_alone(site).iter().any(|mask| mask.contains(client))
}

/// Items one after the other, each with `end` behind it.
fn each<T: fmt::Display>(items: impl IntoIterator<Item = T>, end: &str) -> String {
    items.into_iter().fold(String::new(), |mut text, item| {
        // Writing into a String does not fail.
        let _ = write!(text, "{item}{end}");
        text
    })
}

/// Items with commas in between.
fn commas<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}
