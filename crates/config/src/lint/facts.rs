//! What the rules look at: the neutral picture of a site, whichever files it was drawn from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use weir_policy::Netmask;
use weir_vrrp::{Authentication, Family, Version};

use crate::diagnostics::{Diagnostic, Place, Placed};

/// Everything that the files say.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) subscribers: Subscribers,
    pub(super) fronts: Vec<Front>,
    pub(super) routers: Vec<Router>,
    pub(super) servers: Vec<Server>,
    pub(super) zones: Vec<Zone>,
    /// What stands side by side so that one may fail.
    pub(super) layers: Vec<Layer>,
    /// Priorities that comments speak of.
    pub(super) said_priorities: Vec<Placed<u8>>,
    /// Passwords of VRRP that are longer than what is sent of them.
    pub(super) cut_passwords: Vec<Place>,
    /// What the readers of the files said.
    pub(super) remarks: Vec<Diagnostic>,
    /// The interfaces of this machine, when the files are this machine's.
    pub(super) interfaces: Option<Vec<String>>,
}

/// Who may ask, as far as somebody said so.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    /// Where they ask from, CGNAT included.
    pub(super) networks: Vec<Netmask>,
    /// Networks whose addresses stand for many homes each.
    pub(super) cgnat: Vec<Netmask>,
    /// Other networks that they share with nodes of the site.
    pub(super) neighbours: Vec<Netmask>,
    pub(super) count: Option<u64>,
}

/// The language that a fix is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// That of the program whose file it is.
    Foreign,
    /// The site file's.
    Site,
}

/// A front end. All front ends of a site file are alike and make one.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) node: String,
    pub(super) language: Language,
    /// The file as a whole.
    pub(super) place: Place,
    pub(super) listen: Vec<Placed<SocketAddr>>,
    /// Addresses that are the node's own.
    pub(super) own: BTreeSet<IpAddr>,
    pub(super) acl: Placed<Vec<Netmask>>,
    pub(super) acl_origin: AclOrigin,
    /// The chain for queries, in order.
    pub(super) rules: Vec<Placed<Rule>>,
    pub(super) pools: Vec<Pool>,
    /// The pools that subscribers' queries for names outside of our zones go to.
    pub(super) internet: BTreeSet<String>,
    /// What becomes of a subscriber's query for type ANY.
    pub(super) any: Placed<Fate>,
    /// The same for class CHAOS.
    pub(super) chaos: Placed<Fate>,
    /// What becomes of a stranger's query for a name outside of our zones.
    pub(super) stranger: Placed<Fate>,
    /// What one address may ask.
    pub(super) limits: Vec<Limit>,
    pub(super) doors: Vec<Door>,
}

/// Where an access list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AclOrigin {
    /// Nobody said anything: dnsdist's own ranges.
    Default,
    /// dnsdist's own ranges and more.
    Extended,
    /// Every entry was written.
    Written,
}

/// What becomes of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The access list or a rule drops it, or answers it without a backend.
    Kept,
    /// A backend is asked.
    Forwarded,
}

/// A rule for queries.
#[derive(Debug)]
pub(super) struct Rule {
    /// `selector => action`, as `showRules()` has it.
    pub(super) text: String,
    /// Whether it limits a rate.
    pub(super) is_limit: bool,
    /// The regular expressions that it looks for.
    pub(super) patterns: Vec<String>,
    /// The earlier rule, by its position, that takes every query that this one could see.
    pub(super) hidden_by: Option<usize>,
    /// The pool that it sends queries to.
    pub(super) pool: Option<String>,
}

/// A pool of a front end.
#[derive(Debug)]
pub(super) struct Pool {
    /// Empty for dnsdist's default pool.
    pub(super) name: String,
    /// Where it was first mentioned.
    pub(super) place: Place,
    pub(super) backends: Vec<Backend>,
    /// The number of entries of its cache.
    pub(super) cache: Option<Placed<u64>>,
    /// How a server is picked.
    pub(super) policy: String,
}

/// A server of a pool.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    pub(super) place: Place,
    /// The name that it is asked for to learn whether it works, without the last dot; `None` is not asked.
    pub(super) probe: Option<Placed<String>>,
}

/// What one address may ask.
#[derive(Debug)]
pub(super) struct Limit {
    /// `None` is any subscriber.
    pub(super) cgnat: Option<Netmask>,
    /// Queries per second; `None` is as many as it likes.
    pub(super) per_second: Placed<Option<u64>>,
}

/// A page or a console that people and programs get in by.
#[derive(Debug)]
pub(super) struct Door {
    /// `status page`, `console`.
    pub(super) what: &'static str,
    pub(super) listen: Placed<SocketAddr>,
    /// What is asked of a visitor, such as `password`.
    pub(super) locks: Vec<(&'static str, Lock)>,
}

/// How good a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Absent,
    WellKnown,
    Secret,
}

/// A virtual router on one node.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) node: String,
    pub(super) language: Language,
    /// What the node calls itself.
    pub(super) router_id: Option<String>,
    pub(super) place: Place,
    pub(super) interface: Option<String>,
    pub(super) family: Family,
    pub(super) vrid: u8,
    pub(super) priority: u8,
    /// `state MASTER`.
    pub(super) starts_as_master: bool,
    pub(super) version: Version,
    pub(super) interval: Duration,
    pub(super) authentication: Authentication,
    pub(super) addresses: Vec<IpAddr>,
    /// Whether something that can tell a dead front end is tracked.
    pub(super) tracks: bool,
}

/// A name server behind the front ends.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) node: String,
    pub(super) language: Language,
    /// Whom it resolves names for, as written; `None`: for nobody.
    pub(super) recursion: Option<Placed<Vec<String>>>,
    /// Zones of its own.
    pub(super) zones: Vec<Placed<String>>,
    /// What else was written that should be the same on each server of the role.
    pub(super) options: BTreeMap<String, Placed<String>>,
}

/// A zone's own data.
#[derive(Debug)]
pub(super) struct Zone {
    /// Its apex in lower case, without the last dot.
    pub(super) apex: String,
    pub(super) place: Place,
    pub(super) serial: Option<Placed<u32>>,
    /// The names of the apex's NS records, as [`Self::apex`].
    pub(super) name_servers: Vec<Placed<String>>,
    /// Names that have an address.
    pub(super) addressed: BTreeSet<String>,
}

/// What stands side by side.
#[derive(Debug)]
pub(super) struct Layer {
    /// What it does, as in `the pool rec has one server`.
    pub(super) what: String,
    pub(super) place: Place,
    /// The machines.
    pub(super) members: BTreeSet<String>,
    /// What a second one would need.
    pub(super) fix: String,
}

impl Front {
    /// Whether it takes queries for `address` on port 53.
    pub(super) fn hears(&self, address: IpAddr) -> bool {
        self.listen.iter().any(|listen| {
            let own = listen.value;
            // `[::]` also takes what comes over IPv4.
            let is_wild = own.ip().is_unspecified() && (own.is_ipv6() || address.is_ipv4());
            own.port() == 53 && (is_wild || own.ip() == address)
        })
    }

    /// Networks that clients ask from, as far as the access list names some: dnsdist's own ranges, the machine itself
    /// and everybody are none.
    pub(super) fn written_masks(&self) -> impl Iterator<Item = Netmask> + '_ {
        let defaults = default_masks();
        let masks = self.acl.value.iter().copied();
        let masks = masks.filter(|mask| mask.prefix_len() > 0 && !is_local(*mask));
        masks.filter(move |mask| self.acl_origin == AclOrigin::Written || !defaults.contains(mask))
    }
}

impl Router {
    /// Whether both are one virtual router on two nodes, as far as their addresses tell. What a site file says and what
    /// foreign files say may be before and after a migration.
    pub(super) fn is_partner(&self, other: &Self) -> bool {
        let shares = self
            .addresses
            .iter()
            .any(|address| other.addresses.contains(address));
        shares && self.node != other.node && self.language == other.language
    }
}

impl Pool {
    /// What it is called in a sentence.
    pub(super) fn label(&self) -> String {
        match self.name.as_str() {
            "" => "the default pool".to_owned(),
            name => format!("the pool {name}"),
        }
    }
}

impl Facts {
    /// The pools that names of the Internet go to, with their front ends.
    pub(super) fn internet_pools(&self) -> impl Iterator<Item = (&Front, &Pool)> {
        let pools = self
            .fronts
            .iter()
            .flat_map(|front| front.pools.iter().map(move |pool| (front, pool)));
        pools.filter(|(front, pool)| front.internet.contains(&pool.name))
    }

    /// Where clients may ask from, as far as the files or the operator say.
    pub(super) fn client_networks(&self) -> Vec<Netmask> {
        let mut networks = self.subscribers.networks.clone();
        networks.extend(&self.subscribers.cgnat);
        networks.extend(&self.subscribers.neighbours);
        for front in &self.fronts {
            networks.extend(front.written_masks());
        }
        networks
    }
}

/// dnsdist's own ranges.
pub(super) fn default_masks() -> Vec<Netmask> {
    let masks = weir_policy::Acl::default_masks();
    masks.to_masks().filter_map(|mask| mask.parse().ok()).collect()
}

/// Whether nobody but the machine itself, or a neighbour without an address, is in it.
pub(super) fn is_local(mask: Netmask) -> bool {
    match mask.network() {
        IpAddr::V4(v4) => {
            (v4.is_loopback() && mask.prefix_len() >= 8) || (v4.is_link_local() && mask.prefix_len() >= 16)
        }
        IpAddr::V6(v6) => {
            (v6.is_loopback() && mask.prefix_len() == 128)
                || (v6.is_unicast_link_local() && mask.prefix_len() >= 10)
        }
    }
}

/// Whether every address of `inner` is in `outer`.
pub(super) fn covers(outer: Netmask, inner: Netmask) -> bool {
    outer.prefix_len() <= inner.prefix_len() && outer.contains(inner.network())
}

/// Items one after the other; of many, the first.
pub(super) fn commas<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    joined(items, ", ")
}

/// The same with something else in between.
pub(super) fn joined<T: ToString>(items: impl IntoIterator<Item = T>, between: &str) -> String {
    /// More of them tell nobody more.
    const MAX_SHOWN: usize = 12;
    let mut items = items.into_iter().map(|item| item.to_string());
    let mut shown: Vec<_> = items.by_ref().take(MAX_SHOWN).collect();
    let more = items.count();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(between)
}
