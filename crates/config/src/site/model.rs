//! A checked site. References are resolved, what the file leaves out is derived, and no value is a bad one.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use weir_policy::Netmask;
use weir_wire::NameBuf;

use super::places::Places;
use super::values::Size;
use super::words::{
    AuthServer, BlockedAnswer, FrontServer, OverLimit, PickPolicy, ResolveServer, RoleName, Treatment,
    VipServer,
};

/// Where an authoritative server listens beside a front end.
const AUTH_BESIDE_FRONT: u16 = 5311;
/// Where a resolver listens beside another role.
const RESOLVE_BESIDE_OTHERS: u16 = 5312;

/// A checked site file.
#[derive(Clone, Debug)]
pub struct Site {
    /// What the site is called.
    pub name: String,
    /// Of the file's bytes.
    pub digest: Digest,
    /// Who may ask.
    pub subscribers: Subscribers,
    /// In the file's order, as everything below.
    pub networks: Vec<Arc<Network>>,
    /// The machines.
    pub nodes: Vec<Arc<Node>>,
    /// The addresses that move.
    pub floating: Vec<Floating>,
    /// Pools with at least one server each.
    pub pools: Vec<Arc<Pool>>,
    /// Our own zones.
    pub zones: Vec<Zone>,
    /// Which queries are answered.
    pub policy: Policy,
    /// How much one address may use.
    pub limits: Limits,
    /// What front ends remember.
    pub cache: Cache,
    /// How front ends find out that a server has failed.
    pub health: Health,
    /// The servers with the role `resolve`.
    pub resolver: Resolver,
    /// Status pages and consoles.
    pub monitoring: Monitoring,
    /// What a drill has to keep.
    pub targets: Targets,
    /// Where in the file each key is.
    pub places: Places,
}

/// SHA-256 of a site file; shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribers {
    /// Where they ask from.
    pub networks: Vec<Netmask>,
    /// Networks whose addresses each stand for many homes.
    pub cgnat: Vec<Netmask>,
    /// How many they are.
    pub count: u64,
}

/// A network that nodes have addresses in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its addresses; no two networks share any.
    pub prefixes: Vec<Netmask>,
    /// Who is reached through it.
    pub purposes: Purposes,
}

/// Who is reached through a network; at least one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purposes {
    /// Subscribers.
    pub subscribers: bool,
    /// Servers behind the front ends.
    pub backend: bool,
    /// People and programs that run the site.
    pub management: bool,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its host name.
    pub name: String,
    /// At least one; no two nodes share any.
    pub addresses: Vec<Address>,
    /// At least one.
    pub roles: Roles,
}

/// One of a node's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// The length of its network's prefix.
    pub prefix: u8,
    /// The network.
    pub network: Arc<Network>,
    /// The name of the interface; a node with the role `vip` has one wherever it holds floating addresses.
    pub interface: Option<String>,
}

/// The program for each role that a node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Serves clients' queries.
    pub front: Option<FrontServer>,
    /// Holds floating addresses.
    pub vip: Option<VipServer>,
    /// Serves our own zones.
    pub auth: Option<AuthServer>,
    /// Resolves everything else.
    pub resolve: Option<ResolveServer>,
}

/// An address that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floating {
    /// Its name.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// The length of its prefix.
    pub prefix: u8,
    /// The network that it is in, a subscribers' network.
    pub network: Arc<Network>,
    /// The nodes that may hold it, the preferred one first; each has the roles `vip` and `front`, an address of the same
    /// family in the network and an interface there.
    pub nodes: Vec<Arc<Node>>,
    /// The virtual router's number, unique for network and family.
    pub vrid: u8,
    /// The version of VRRP.
    pub version: VrrpVersion,
    /// From one advert to the next: whole seconds for version 2, at most 40.95 s for version 3.
    pub advert: Duration,
    /// Whether an earlier node takes it back.
    pub preempt: bool,
}

/// A version of VRRP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VrrpVersion {
    /// RFC 3768, with RFC 2338's password; IPv4 only.
    Two(Option<SecretSource>),
    /// RFC 9568.
    Three,
}

/// Where a secret is; its first line, without the end of line, is the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In this file.
    File(PathBuf),
    /// In a file of this name in the folder `$CREDENTIALS_DIRECTORY` (`systemd.exec(5)`).
    Credential(String),
}

/// Servers that share queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// At least one, all with the role that the use wants.
    pub nodes: Vec<Arc<Node>>,
    /// What it is for.
    pub used: PoolUse,
    /// How a server is picked.
    pub policy: PickPolicy,
}

/// What a pool is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolUse {
    /// Our zones.
    Zones,
    /// The rest of the Internet, for these clients; without any, for everybody who has no pool of their own.
    Internet(Vec<Netmask>),
}

/// One of our zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its apex.
    pub name: NameBuf,
    /// The zone file.
    pub file: PathBuf,
    /// Who serves it.
    pub pool: Arc<Pool>,
    /// The node of the pool that the others transfer it from; `None`: each reads the file.
    pub primary: Option<Arc<Node>>,
    /// Others that may transfer it.
    pub transfer_to: Vec<IpAddr>,
    /// Whether everybody may ask for it.
    pub public: bool,
}

/// Which queries are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Queries for type ANY.
    pub any: Treatment,
    /// Queries of class CHAOS.
    pub chaos: Treatment,
    /// Queries from outside of the subscribers' networks.
    pub strangers: Treatment,
    /// Names that are not resolved.
    pub blocked: Vec<NameBuf>,
    /// A file with more of them.
    pub blocked_file: Option<PathBuf>,
    /// What who asks for one gets.
    pub blocked_answer: BlockedAnswer,
}

/// How much one address may use; `None` is as much as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Queries per second of a subscriber's address.
    pub queries_per_address: Option<u64>,
    /// Queries per second of an address that stands for many homes.
    pub queries_per_cgnat_address: Option<u64>,
    /// What becomes of queries above.
    pub over_limit: OverLimit,
    /// Open TCP connections.
    pub tcp_connections_per_address: Option<u64>,
}

/// What front ends remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Answers; 0 is no cache.
    pub entries: u64,
    /// For no longer than this, at least a second.
    pub max_ttl: Duration,
    /// The same for what does not exist.
    pub max_negative_ttl: Duration,
    /// The same for failures.
    pub failure_ttl: Duration,
    /// How long after its end an answer is given while no server can be asked; zero is never.
    pub serve_stale: Duration,
}

/// How a server is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What resolvers are asked in turn; at least one.
    pub names: Vec<NameBuf>,
    /// From one probe to the next, whole seconds.
    pub interval: Duration,
    /// A slower one has failed.
    pub timeout: Duration,
    /// So many in a row take the server out.
    pub failures: u64,
    /// So many in a row bring it back.
    pub successes: u64,
}

/// The servers with the role `resolve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Memory for what one remembers.
    pub cache: Size,
    /// How many queries may wait at once.
    pub clients: u64,
    /// Threads of unbound.
    pub threads: u64,
    /// What validation starts from; empty is no validation.
    pub trust_anchors: Vec<TrustAnchor>,
    /// The root's name servers, unless built in.
    pub root_hints: Option<PathBuf>,
}

/// A DS record of the root zone (RFC 4034 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    /// The key's tag.
    pub key_tag: u16,
    /// The key's algorithm.
    pub algorithm: u8,
    /// The digest's type.
    pub digest_type: u8,
    /// The digest, in hexadecimal.
    pub digest: String,
}

/// Status pages and consoles of front ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitoring {
    /// The port of the page.
    pub port: u16,
    /// Who may see it.
    pub page: StatusPage,
    /// The port of the console, on 127.0.0.1.
    pub console_port: u16,
}

/// Who may see a status page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusPage {
    /// The node itself, on 127.0.0.1, without a password.
    Local,
    /// These networks, at the node's management address and with a password.
    Remote {
        /// Who.
        allow: Vec<Netmask>,
        /// The password.
        password: SecretSource,
    },
}

/// What a drill has to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets {
    /// An outage lasts no longer.
    pub convergence: Duration,
    /// A client that asks once per second loses no more.
    pub failed_queries: u64,
}

impl Site {
    /// The node of this name; host names have no case.
    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes
            .iter()
            .find(|node| node.name.eq_ignore_ascii_case(name))
    }

    /// The floating addresses that `node` may hold, each with the node's rank: 0 is preferred.
    pub fn floating_of<'s>(&'s self, node: &'s Node) -> impl Iterator<Item = (&'s Floating, usize)> {
        let ranked = |floating: &'s Floating| {
            let rank = floating.nodes.iter().position(|other| other.name == node.name)?;
            Some((floating, rank))
        };
        self.floating.iter().filter_map(ranked)
    }

    /// The zones that `node` serves.
    pub fn zones_of<'s>(&'s self, node: &'s Node) -> impl Iterator<Item = &'s Zone> {
        self.zones
            .iter()
            .filter(|zone| zone.pool.nodes.iter().any(|other| other.name == node.name))
    }

    /// The nodes with the role `front`.
    pub fn fronts(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.iter().filter(|node| node.roles.front.is_some())
    }

    /// The networks that people run the site from.
    pub fn management(&self) -> impl Iterator<Item = Netmask> {
        let networks = self.networks.iter().filter(|network| network.purposes.management);
        networks.flat_map(|network| network.prefixes.iter().copied())
    }
}

impl Node {
    /// Whether it has this role.
    pub fn has(&self, role: RoleName) -> bool {
        match role {
            RoleName::Front => self.roles.front.is_some(),
            RoleName::Vip => self.roles.vip.is_some(),
            RoleName::Auth => self.roles.auth.is_some(),
            RoleName::Resolve => self.roles.resolve.is_some(),
        }
    }

    /// The port of a role: 53, unless a role in front of it has taken that one on the same node.
    pub fn port(&self, role: RoleName) -> u16 {
        match role {
            RoleName::Auth if self.has(RoleName::Front) => AUTH_BESIDE_FRONT,
            RoleName::Resolve if self.has(RoleName::Front) || self.has(RoleName::Auth) => {
                RESOLVE_BESIDE_OTHERS
            }
            _ => 53,
        }
    }

    /// Its addresses in subscribers' networks: where a front end takes queries.
    pub fn subscriber_addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses
            .iter()
            .filter(|address| address.network.purposes.subscribers)
    }

    /// Its addresses in backend networks: where front ends and their servers meet.
    pub fn backend_addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses
            .iter()
            .filter(|address| address.network.purposes.backend)
    }

    /// Its addresses in management networks.
    pub fn management_addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses
            .iter()
            .filter(|address| address.network.purposes.management)
    }

    /// Its address of this family in a network.
    pub fn address_in(&self, network: &Network, like: IpAddr) -> Option<&Address> {
        let mut addresses = self.addresses.iter();
        addresses.find(|own| own.network.name == network.name && own.address.is_ipv4() == like.is_ipv4())
    }
}

impl Pool {
    /// The role that each of its nodes has.
    pub fn role(&self) -> RoleName {
        match self.used {
            PoolUse::Zones => RoleName::Auth,
            PoolUse::Internet(_) => RoleName::Resolve,
        }
    }
}

impl Floating {
    /// The VRRP priority of the node at this rank: 254 for the first, since the time in which others take over
    /// contains (256 - priority)/256 of an interval (RFC 9568 §6.1), and all different.
    pub fn priority(rank: usize) -> u8 {
        u8::try_from(rank).map_or(1, |rank| 254u8.saturating_sub(rank).max(1))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for TrustAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key_tag,
            algorithm,
            digest_type,
            digest,
        } = self;
        write!(f, "{key_tag} {algorithm} {digest_type} {digest}")
    }
}
