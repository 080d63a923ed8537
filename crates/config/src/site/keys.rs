//! Every key of the site file, declared once: how it is written, its default, its unit, what it means.
//!
//! From these rows derive reading and the near misses of unknown keys ([`super::read`]), `weir config explain` and
//! `weir config schema` ([`super::explain`]). A new key is one row here; [`super::check`] says what it does.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use weir_policy::Netmask;
use weir_wire::NameBuf;

use super::model::TrustAnchor;
use super::values::{
    Count, CredentialName, Form, Interface, InterfaceName, InterfaceNames, Item, NodeName, PoolName, Seconds,
    Size, Time, Value, Wrong,
};
use super::words::{
    AuthServer, BlockedAnswer, FrontServer, OverLimit, PickPolicy, Purpose, ResolveServer, RoleName,
    Treatment, VipServer,
};
use crate::diagnostics::{Place, Placed};

/// What is said about a key.
#[derive(Debug)]
pub struct Row {
    /// The key.
    pub name: &'static str,
    /// How it is written.
    pub form: Form,
    /// What holds when it is not.
    pub otherwise: Otherwise,
    /// What a number counts; empty where there is nothing to count.
    pub unit: &'static str,
    /// What it says, in one line.
    pub meaning: &'static str,
}

/// What holds when a key is not written.
#[derive(Debug)]
pub enum Otherwise {
    /// Nothing: it must be written.
    Required,
    /// What follows from the rest of the file.
    Derived(&'static str),
    /// This value, as the file would have it.
    Is(fn() -> String),
}

/// A key of a table that is read into an `S`.
pub(crate) struct Key<S: 'static> {
    pub(crate) row: Row,
    pub(crate) set: fn(&mut S, Item<'_>) -> Result<(), Wrong>,
}

/// A table of the site file, as it was written.
pub(crate) trait Keys: Sized + Default + 'static {
    /// Its keys.
    const KEYS: &'static [Key<Self>];
}

/// One row per key, `name: type = default, "unit", "meaning"`; instead of a default, `=> Required` or
/// `=> Derived("from what")`. Makes the struct that the table is read into: a `Placed<type>` where there is a default, an
/// `Option` of one elsewhere.
macro_rules! keys {
    ($(#[$doc:meta])* $spec:ident {
        $( $name:ident : $type:ty $(= $default:expr)? $(=> $otherwise:expr)? , $unit:literal , $meaning:literal ; )*
    }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $spec { $( pub(crate) $name: keys!(@type $type $(, $default)?), )* }

        impl Default for $spec {
            fn default() -> Self {
                Self { $( $name: keys!(@start $($default)?), )* }
            }
        }

        impl Keys for $spec {
            const KEYS: &'static [Key<Self>] = &[ $( Key {
                row: Row {
                    name: stringify!($name),
                    form: <$type as Value>::FORM,
                    otherwise: keys!(@otherwise $type $(, $default)? $(=> $otherwise)?),
                    unit: $unit,
                    meaning: $meaning,
                },
                set: |spec, item| {
                    let placed = Placed { value: <$type as Value>::read(item)?, place: item.place() };
                    spec.$name = keys!(@set placed $(, $default)?);
                    Ok(())
                },
            }, )* ];
        }
    };
    (@type $type:ty) => { Option<Placed<$type>> };
    (@type $type:ty, $default:expr) => { Placed<$type> };
    (@start) => { None };
    (@start $default:expr) => { Placed { value: $default, place: Place::new("default", 0) } };
    (@otherwise $type:ty => $otherwise:expr) => { $otherwise };
    (@otherwise $type:ty, $default:expr) => { Otherwise::Is(|| <$type as Value>::show(&$default)) };
    (@set $placed:ident) => { Some($placed) };
    (@set $placed:ident, $default:expr) => { $placed };
}

use Otherwise::{Derived, Required};

/// A list, each element with its place.
pub(crate) type Many<T> = Vec<Placed<T>>;

/// In seconds.
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

keys! {
    /// `[site]`
    SiteSpec {
        name: String => Required, "", "what the site is called in pages, logs and reports";
    }
}

keys! {
    /// `[subscribers]`
    SubscribersSpec {
        networks: Many<Netmask> => Required, "", "where subscribers ask from: they may query, others may not";
        cgnat: Many<Netmask> = Vec::new(), "", "networks whose addresses each stand for many homes; they may query as well";
        count: Count<1, 100_000_000> = Count(1000), "subscribers", "how many there are: cache and resolvers are sized by it";
    }
}

keys! {
    /// `[networks.NAME]`
    NetworkSpec {
        prefix: Many<Netmask> => Required, "", "the network's addresses, IPv4, IPv6 or both";
        purposes: Many<Purpose> => Derived("the purpose that the network is named after; all three in a site with one network"), "",
            "who is reached through it: subscribers, the servers behind the front ends, the people who run the site";
        interface: InterfaceName => Derived("none"), "", "the name that this network's interface has on every node";
    }
}

keys! {
    /// `[nodes.NAME]`
    NodeSpec {
        address: Many<Interface> => Required, "", "the node's own addresses, one per network; the network is the one that has the address";
        roles: Many<RoleName> => Required, "", "what the node does";
        interface: InterfaceNames => Derived("that of the network"), "", "the name of the node's interface, where it differs";
        front: FrontServer => Derived("servers.front"), "", "the program that has the role front on this node";
        vip: VipServer => Derived("servers.vip"), "", "the program that has the role vip on this node";
        auth: AuthServer => Derived("servers.auth"), "", "the program that has the role auth on this node";
        resolve: ResolveServer => Derived("servers.resolve"), "", "the program that has the role resolve on this node";
    }
}

keys! {
    /// `[servers]`
    ServersSpec {
        front: FrontServer = FrontServer::Weir, "", "the program that has the role front";
        vip: VipServer = VipServer::Weir, "", "the program that has the role vip";
        auth: AuthServer = AuthServer::Named, "", "the program that has the role auth";
        resolve: ResolveServer = ResolveServer::Unbound, "", "the program that has the role resolve";
    }
}

keys! {
    /// `[floating.NAME]`
    FloatingSpec {
        address: Interface => Required, "", "the address that subscribers are told; without a prefix length, the network's";
        nodes: Many<NodeName> => Derived("every node with the role vip, in the file's order"), "",
            "the nodes that may hold the address; the first one does while it can";
        vrid: Count<1, 255> => Derived("the last byte of the address"), "",
            "the virtual router's number (VRID), unique in its network";
        version: Count<2, 3> => Derived("2 with a password, otherwise 3"), "", "the version of VRRP";
        advert: Time<10, 255_000> => Derived("\"1s\" for version 2, \"300ms\" for version 3"), "",
            "from one advert to the next; the others take over after three of them";
        preempt: bool = true, "", "whether a node earlier in the list takes the address back when it returns";
        password_file: PathBuf => Derived("none"), "", "the file whose first line is the password of VRRP version 2, at most 8 bytes";
        password_credential: CredentialName => Derived("none"), "", "the systemd credential that is that password";
    }
}

keys! {
    /// `[pools.NAME]`
    PoolSpec {
        nodes: Many<NodeName> => Derived("for the pool auth, every node with that role; for rec, every node with the role resolve"), "",
            "the servers that share the pool's queries";
        policy: PickPolicy = PickPolicy::LeastOutstanding, "", "how a server is picked for each query";
        clients: Many<Netmask> => Derived("everybody; the pool rec has who is in no other"), "",
            "the subscribers whose queries for the Internet go here";
    }
}

keys! {
    /// `[zones.NAME]`
    ZoneSpec {
        file: PathBuf => Derived("/etc/weir/db.NAME"), "", "the zone file";
        pool: PoolName = PoolName("auth".to_owned()), "", "the pool that serves the zone";
        primary: NodeName => Derived("none: every node of the pool reads the file"), "",
            "the node that reads the file; the pool's others transfer the zone from it";
        transfer_to: Many<IpAddr> = Vec::new(), "", "other servers that may transfer the zone";
        public: bool = false, "", "whether the whole Internet may ask for it, not only subscribers";
    }
}

keys! {
    /// `[policy]`
    PolicySpec {
        any: Treatment = Treatment::Drop, "", "what becomes of queries for type ANY, which are mostly reflection attacks";
        chaos: Treatment = Treatment::Drop, "", "what becomes of queries of class CHAOS, which ask what runs here";
        strangers: Treatment = Treatment::Drop, "", "what becomes of queries from outside of the subscribers' networks";
        blocked: Many<NameBuf> = Vec::new(), "", "names that are not resolved, with everything below them";
        blocked_file: PathBuf => Derived("none"), "", "a file with more of them, one per line";
        blocked_answer: BlockedAnswer = BlockedAnswer::NxDomain, "", "what who asks for a blocked name gets";
    }
}

keys! {
    /// `[limits]`
    LimitsSpec {
        queries_per_address: Count<0, 1_000_000> = Count(200), "queries per second", "what one subscriber's address may ask; 0 is no limit";
        queries_per_cgnat_address: Count<0, 100_000_000> => Derived("100 times queries_per_address"), "queries per second",
            "what one address of subscribers.cgnat may ask, with all the homes behind it; 0 is no limit";
        over_limit: OverLimit = OverLimit::Drop, "", "what becomes of the queries above";
        tcp_connections_per_address: Count<0, 1_000_000> => Derived("20; 2000 with subscribers.cgnat"), "connections",
            "what one address may have open at once; 0 is no limit";
    }
}

keys! {
    /// `[cache]`
    CacheSpec {
        entries: Count<0, 100_000_000> => Derived("10 per subscriber, from 10000 to 5000000"), "answers", "what each front end remembers; 0 is no cache";
        max_ttl: Seconds<1, { 7 * DAY }> = Seconds(seconds(300)), "", "no answer is remembered for longer";
        max_negative_ttl: Seconds<1, DAY> = Seconds(seconds(60)), "", "the same for names and types that do not exist";
        failure_ttl: Seconds<0, HOUR> = Seconds(seconds(10)), "", "how long SERVFAIL and REFUSED are remembered";
        serve_stale: Seconds<0, { 7 * DAY }> = Seconds(seconds(3600)), "",
            "how long after its end an answer is given while no server can be asked; 0s is never";
    }
}

keys! {
    /// `[health]`
    HealthSpec {
        names: Many<NameBuf> => Derived("the root"), "",
            "what resolvers are asked, each server another one in turn, so that no single name outside decides over all";
        interval: Seconds<1, HOUR> = Seconds(seconds(1)), "", "from one probe of a server to the next";
        timeout: Time<10, 60_000> = Time(Duration::from_millis(500)), "", "a server that takes longer has failed the probe";
        failures: Count<1, 100> = Count(2), "probes", "failed in a row, they take the server out";
        successes: Count<1, 100> = Count(1), "probes", "passed in a row, they bring it back";
    }
}

keys! {
    /// `[resolver]`
    ResolverSpec {
        cache: Size => Derived("32 KiB per subscriber, from 64MiB to 8GiB"), "", "memory for what a resolver remembers";
        clients: Count<10, 1_000_000> => Derived("half the subscribers, from 1000 to 50000"), "queries", "how many may wait for an answer at once";
        threads: Count<1, 256> = Count(4), "threads", "how many unbound runs; named takes one per CPU";
        dnssec: bool = true, "", "whether answers are validated";
        trust_anchors: Many<TrustAnchor> => Derived("the root zone's keys 20326 and 38696"), "", "DS records of the root zone that validation starts from; without any, nothing is validated";
        root_hints: PathBuf => Derived("built in"), "", "a file with the root's name servers, as named.root";
    }
}

keys! {
    /// `[monitoring]`
    MonitoringSpec {
        port: Count<1, 65_535> = Count(8083), "port", "where a front end's status page and metrics are";
        allow: Many<Netmask> => Derived("the management networks"), "", "who may see them, with the password";
        password_file: PathBuf => Derived("none: the page is on 127.0.0.1 only"), "", "the file whose first line is the page's password";
        password_credential: CredentialName => Derived("none"), "", "the systemd credential that is that password";
        console_port: Count<1, 65_535> = Count(5199), "port", "where a front end's console is, on 127.0.0.1";
    }
}

keys! {
    /// `[targets]`
    TargetsSpec {
        convergence: Time<1, { 1000 * HOUR }> = Time(seconds(3)), "", "a drill fails when an outage lasts longer";
        failed_queries: Count<0, 1_000_000> = Count(1), "queries", "a drill fails when a client that asks once per second loses more";
    }
}
