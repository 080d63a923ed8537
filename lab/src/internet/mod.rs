//! The Internet, small: name servers (Knot DNS) in one namespace, so that recursion really walks the tree, and
//! validation its chain of keys.
//!
//! ```text
//! 192.0.2.1  a.root-servers.net   .            → com. net. org. pk. arpa.                           signed
//! 192.0.2.2  a.gtld-servers.net   com. net. …  → google.com. example.com. wayward.com. and domains  signed
//! 192.0.2.3  ns1.google.com       google.com. example.com.
//! 192.0.2.4  wayward.com          wayward.com. a server that behaves as told
//! 192.0.2.5  ns1.hosting.net      hundreds of domains, some signed, and one whose keys are others than its parent says
//! ```
//!
//! Every zone has a wildcard: a name asked for the first time is a cache miss everywhere, and has an address.

mod knot;
mod zones;

pub use zones::{Domain, domains};

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use knot::{Knot, Zone};
use zones::{Delegation, TOP};

use crate::{Namespace, Network, Responder, Scratch};

/// The gateway of the laboratory's network towards [`PREFIX`].
pub const GATEWAY: &str = "10.10.2.1";
/// Where the Internet's servers live (TEST-NET-1, RFC 5737).
pub const PREFIX: &str = "192.0.2.0/24";
/// A name with [`LARGE_RECORDS`] TXT records, over 3000 bytes in all.
pub const LARGE_NAME: &str = "large.google.com";
/// How many records [`LARGE_NAME`] has.
pub const LARGE_RECORDS: usize = 15;
/// The address of every `google.com` name.
pub const GOOGLE: IpAddr = address(80);
/// A client out there.
pub const OUTSIDER: IpAddr = address(3);
/// A zone whose signatures do not verify: its parent knows of another key.
pub const BOGUS: &str = "dnssec-failed.org";
/// What a recursive server reads to find the root.
pub const HINTS: &str = ". 3600000 NS a.root-servers.net.\na.root-servers.net. 3600000 A 192.0.2.1\n";

const WAYWARD: SocketAddr = SocketAddr::new(address(4), 53);

const fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// The running servers; gone when dropped.
#[derive(Debug)]
pub struct Internet {
    // Dropped in this order: processes before the host they run on.
    _servers: Vec<Knot>,
    wayward: Responder,
    host: Namespace,
    trust_anchors: Vec<String>,
}

impl Internet {
    /// Starts it behind `network`'s [`GATEWAY`] and waits until it answers. From the leaves to the root: a parent has to
    /// know its children's keys.
    pub fn start(network: &Network, scratch: &Scratch) -> io::Result<Self> {
        let host = network.attach("internet", &[&format!("{GATEWAY}/24")])?;
        host.ip(&["address", "add", &format!("{}/32", WAYWARD.ip()), "dev", "lo"])?;
        let wayward = host.enter(|| Responder::start_zone("wayward.com.", WAYWARD))??;
        let (mut servers, delegations) = leaves(&host, scratch)?;

        let top = |name: &&str| signed(zone(scratch, name, &zones::top(name, &delegations)));
        let tops = TOP.iter().map(top).collect::<io::Result<Vec<_>>>()?;
        let mut server = Knot::launch(&host, "tld", address(2), &tops, scratch)?;
        server.wait_until_ready(&host, "com")?;
        let delegations = TOP.iter().map(|name| {
            let ds = server.ds(&host, name)?;
            Ok(delegation(name, "a.gtld-servers.net.", ds))
        });
        let delegations = delegations.collect::<io::Result<Vec<_>>>()?;
        servers.push(server);

        let root = signed(zone(scratch, "", &zones::root(&delegations)))?;
        let mut server = Knot::launch(&host, "root", address(1), &[root], scratch)?;
        server.wait_until_ready(&host, ".")?;
        let trust_anchors = server.ds(&host, ".")?;
        servers.push(server);
        Ok(Self {
            _servers: servers,
            wayward,
            host,
            trust_anchors,
        })
    }

    /// The host that the servers run on.
    pub fn host(&self) -> &Namespace {
        &self.host
    }

    /// What validation starts from: DS records of the root.
    pub fn trust_anchors(&self) -> &[String] {
        &self.trust_anchors
    }

    /// Lets the host send from every address of a network, and hear what is sent there.
    pub fn send_as(&self, network: &str) -> io::Result<()> {
        self.host.ip(&["route", "add", "local", network, "dev", "lo"])
    }

    /// The server of `wayward.com`, all names of which have an address unless it is told otherwise.
    pub fn wayward(&self) -> &Responder {
        &self.wayward
    }
}

/// The servers of what has nothing below it, and what its parents have to say of it.
fn leaves(host: &Namespace, scratch: &Scratch) -> io::Result<(Vec<Knot>, Vec<Delegation>)> {
    let google = [
        zone(scratch, "google.com", &zones::google())?,
        zone(scratch, "example.com", zones::EXAMPLE)?,
    ];
    let mut google = Knot::launch(host, "google", address(3), &google, scratch)?;
    let bogus = Domain {
        name: BOGUS.to_owned(),
        is_signed: true,
    };
    let domains: Vec<Domain> = domains().into_iter().chain([bogus]).collect();
    let hosted = domains.iter().map(|domain| {
        let zone = zone(scratch, &domain.name, zones::DOMAIN);
        if domain.is_signed { signed(zone) } else { zone }
    });
    let hosted = hosted.collect::<io::Result<Vec<_>>>()?;
    let mut hosting = Knot::launch(host, "hosting", address(5), &hosted, scratch)?;
    google.wait_until_ready(host, "google.com")?;
    hosting.wait_until_ready(host, BOGUS)?;

    let own = ["google.com", "example.com"].map(|name| delegation(name, "ns1.google.com.", Vec::new()));
    let mut delegations = Vec::from(own);
    for domain in &domains {
        let mut ds = match domain.is_signed {
            true => hosting.ds(host, &domain.name)?,
            false => Vec::new(),
        };
        if domain.name == BOGUS {
            ds = ds.iter().map(|ds| of_another_key(ds)).collect();
        }
        delegations.push(delegation(&domain.name, "ns1.hosting.net.", ds));
    }
    Ok((vec![google, hosting], delegations))
}

/// A zone whose file says this, without keys.
fn zone(scratch: &Scratch, name: &str, content: &str) -> io::Result<Zone> {
    Ok(Zone {
        name: name.to_owned(),
        file: scratch.write(&format!("zones/{name}.zone"), content)?,
        is_signed: false,
    })
}

/// The zone with keys.
fn signed(zone: io::Result<Zone>) -> io::Result<Zone> {
    zone.map(|zone| Zone {
        is_signed: true,
        ..zone
    })
}

fn delegation(zone: &str, server: &'static str, ds: Vec<String>) -> Delegation {
    Delegation {
        zone: zone.to_owned(),
        server,
        ds,
    }
}

/// The DS record with another digest: no key has it.
fn of_another_key(ds: &str) -> String {
    let (kept, last) = ds.split_at(ds.len() - 1);
    format!("{kept}{}", if last == "0" { "F" } else { "0" })
}
