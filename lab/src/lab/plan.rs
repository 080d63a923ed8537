//! What stands where: the blueprint's hosts and addresses, in one network or in three.
//!
//! ```text
//!                      one network       three networks
//!                      eth0              eth0 subscribers   eth1 backend    eth2 management
//!   client             10.10.2.166       10.10.2.166
//!   dd1, dd2           10.10.2.161, .162 10.10.2.161, .162  10.10.3.161 …   10.10.4.161 …
//!   auth1, rec1, rec2  10.10.2.163 …                        10.10.3.163 …   10.10.4.163 …
//!   admin                                                                   10.10.4.200
//!   internet           10.10.2.1         10.10.2.1          10.10.3.1
//! ```
//!
//! The Internet's host is the router: between subscribers and the servers, in three networks, stand only the
//! firewalls of the nodes.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::enclosure;

/// What answers on the floating address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Front {
    /// `weir front`
    Weir,
    /// Debian's dnsdist
    Dnsdist,
}

/// What holds the floating address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Vip {
    /// `weir vip`
    Weir,
    /// Debian's keepalived
    Keepalived,
}

/// What serves the site's own zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Debian's BIND
    Named,
}

/// What resolves everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rec {
    /// Debian's Unbound
    Unbound,
    /// Debian's BIND
    Named,
}

/// How many networks there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Networks {
    #[value(name = "1")]
    /// Everything in one, as in the blueprint's laboratory.
    One,
    #[value(name = "3")]
    /// Subscribers, backend and management apart, as it recommends for production; each node with its firewall.
    Three,
}

/// A laboratory to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The executable that every node runs.
    pub weir: PathBuf,
    /// LAB-DD1's and LAB-DD2's front end.
    pub front: Front,
    /// Their speaker of VRRP.
    pub vip: Vip,
    /// LAB-AUTH1's server.
    pub auth: Auth,
    /// LAB-REC1's and LAB-REC2's server.
    pub rec: [Rec; 2],
    /// Their networks.
    pub networks: Networks,
}

impl Plan {
    /// Our own roles where we have them, the blueprint's one network.
    pub fn new(weir: &Path) -> Self {
        Self {
            weir: weir.to_owned(),
            front: Front::Weir,
            vip: Vip::Weir,
            auth: Auth::Named,
            rec: [Rec::Named, Rec::Unbound],
            networks: Networks::One,
        }
    }

    /// The same with what the blueprint installs on LAB-DD1 and LAB-DD2.
    pub fn debian(weir: &Path) -> Self {
        Self {
            front: Front::Dnsdist,
            vip: Vip::Keepalived,
            ..Self::new(weir)
        }
    }

    /// The programs that it needs and that are not on this machine.
    pub fn missing_programs(&self) -> Vec<&'static str> {
        let mut needed = vec![
            "ip",
            "unshare",
            "nsenter",
            "nft",
            "knotd",
            "named",
            "named-checkconf",
        ];
        needed.extend((self.front == Front::Dnsdist).then_some("dnsdist"));
        if self.vip == Vip::Keepalived {
            // Its script asks with dig.
            needed.extend(["keepalived", "dig"]);
        }
        needed.extend(self.rec.contains(&Rec::Unbound).then_some("unbound"));
        let folders = enclosure::search_path();
        needed.retain(|program| !folders.iter().any(|folder| folder.join(program).is_file()));
        needed
    }

    /// The networks that a host of this kind is in.
    pub(super) fn lans_of(&self, kind: Kind) -> &'static [Lan] {
        match (self.networks, kind) {
            (Networks::One, _) | (Networks::Three, Kind::Client) => &[Lan::Subscribers],
            (Networks::Three, Kind::Front) => &[Lan::Subscribers, Lan::Backend, Lan::Management],
            (Networks::Three, Kind::Server) => &[Lan::Backend, Lan::Management],
            (Networks::Three, Kind::Router) => &[Lan::Subscribers, Lan::Backend],
            (Networks::Three, Kind::Admin) => &[Lan::Management],
        }
    }
}

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lan {
    Subscribers,
    Backend,
    Management,
}

impl Lan {
    /// Its interface on every host.
    pub(super) const fn interface(self) -> &'static str {
        match self {
            Self::Subscribers => "eth0",
            Self::Backend => "eth1",
            Self::Management => "eth2",
        }
    }

    /// A host's address in it, by the last byte.
    pub(super) const fn address(self, last: u8) -> IpAddr {
        let network = match self {
            Self::Subscribers => 2,
            Self::Backend => 3,
            Self::Management => 4,
        };
        IpAddr::V4(Ipv4Addr::new(10, 10, network, last))
    }
}

/// What a host is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A subscriber.
    Client,
    /// A node with front end and floating address.
    Front,
    /// A node behind those.
    Server,
    /// The Internet's host, which is everybody's router.
    Router,
    /// Who runs the site, where there is a network for that.
    Admin,
}

/// The nodes at the start: name, kind, the last byte of their addresses.
pub(super) const NODES: [(&str, Kind, u8); 5] = [
    ("dd1", Kind::Front, 161),
    ("dd2", Kind::Front, 162),
    ("auth1", Kind::Server, 163),
    ("rec1", Kind::Server, 164),
    ("rec2", Kind::Server, 165),
];
/// The last byte of the floating address.
pub(super) const FLOATING: u8 = 160;
/// The last byte of LAB-CLIENT1's address.
pub(super) const CLIENT: u8 = 166;
/// The last byte of a second subscriber's address; the same host has it.
pub(super) const NEIGHBOUR: u8 = 167;
/// The last byte of the first address for nodes that come later.
pub(super) const LATER: u8 = 168;
/// The last byte of the router's addresses.
pub(super) const ROUTER: u8 = 1;
/// The last byte of the address of who runs the site.
pub(super) const ADMIN: u8 = 200;
/// Subscribers behind CGNAT: LAB-CLIENT1 has every address of it.
pub const CGNAT: &str = "100.64.0.0/16";
/// Nobody's subscribers: the Internet's host has every address of it (benchmarks, RFC 2544).
pub const STRANGERS: &str = "198.18.0.0/16";
