//! The Internet, small: three name servers (Knot DNS) in one namespace, so that recursion really walks the tree.
//!
//! ```text
//! 192.0.2.1  a.root-servers.net   .            → com. net.
//! 192.0.2.2  a.gtld-servers.net   com. net.    → google.com. example.com.
//! 192.0.2.3  ns1.google.com       google.com. example.com. with wildcards: every name asked for the first time
//!                                 is a cache miss everywhere
//! 192.0.2.4  wayward.com          wayward.com. a server that behaves as told
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::{Ask, Client, Namespace, Network, Process, Responder, Scratch};

/// The gateway of the laboratory's network towards [`PREFIX`].
pub const GATEWAY: &str = "10.10.2.1";
/// Where the Internet's servers live (TEST-NET-1, RFC 5737).
pub const PREFIX: &str = "192.0.2.0/24";
/// A name with [`LARGE_RECORDS`] TXT records, over 3000 bytes in all.
pub const LARGE_NAME: &str = "large.google.com";
/// How many records [`LARGE_NAME`] has.
pub const LARGE_RECORDS: usize = 15;
/// The address of every `google.com` name.
pub const GOOGLE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 80));
/// A client out there.
pub const OUTSIDER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3));
/// The server of `wayward.com`.
const WAYWARD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 4)), 53);
/// What a recursive server reads to find the root.
pub const HINTS: &str = ". 3600000 NS a.root-servers.net.\na.root-servers.net. 3600000 A 192.0.2.1\n";

const ROOT: &str = "\
. 86400 SOA a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400
. 86400 NS a.root-servers.net.
com. 86400 NS a.gtld-servers.net.
net. 86400 NS a.gtld-servers.net.
a.gtld-servers.net. 86400 A 192.0.2.2
a.root-servers.net. 86400 A 192.0.2.1
";
const COM: &str = "\
com. 86400 SOA a.gtld-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 900
com. 86400 NS a.gtld-servers.net.
google.com. 86400 NS ns1.google.com.
example.com. 86400 NS ns1.google.com.
ns1.google.com. 86400 A 192.0.2.3
wayward.com. 86400 NS wayward.com.
wayward.com. 86400 A 192.0.2.4
";
const NET: &str = "\
net. 86400 SOA a.gtld-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 900
net. 86400 NS a.gtld-servers.net.
a.gtld-servers.net. 86400 A 192.0.2.2
a.root-servers.net. 86400 A 192.0.2.1
";
const GOOGLE_ZONE: &str = "\
google.com. 300 SOA ns1.google.com. dns-admin.google.com. 1 900 900 1800 60
google.com. 300 NS ns1.google.com.
google.com. 300 A 192.0.2.80
*.google.com. 300 A 192.0.2.80
ns1.google.com. 300 A 192.0.2.3
";
const EXAMPLE_ZONE: &str = "\
example.com. 300 SOA ns1.google.com. dns-admin.google.com. 1 900 900 1800 60
example.com. 300 NS ns1.google.com.
example.com. 300 A 192.0.2.81
*.example.com. 300 A 192.0.2.81
";

/// The running servers; gone when dropped.
#[derive(Debug)]
pub struct Internet {
    // Dropped in this order: processes before the host they run on.
    servers: Vec<Process>,
    wayward: Responder,
    host: Namespace,
}

impl Internet {
    /// Starts it behind `network`'s [`GATEWAY`] and waits until it answers.
    pub fn start(network: &Network, scratch: &Scratch) -> io::Result<Self> {
        let host = network.attach("internet", &[&format!("{GATEWAY}/24")])?;
        host.ip(&["address", "add", &format!("{}/32", WAYWARD.ip()), "dev", "lo"])?;
        let mut internet = Self {
            servers: Vec::new(),
            wayward: host.enter(|| Responder::start_zone("wayward.com.", WAYWARD))??,
            host,
        };
        internet.serve("root", "192.0.2.1", &[(".", ROOT)], scratch)?;
        internet.serve("tld", "192.0.2.2", &[("com.", COM), ("net.", NET)], scratch)?;
        let large = (0..LARGE_RECORDS).map(|number| format!("{LARGE_NAME}. 300 TXT \"{number:0200}\"\n"));
        let google = large.fold(GOOGLE_ZONE.to_owned(), |zone, record| zone + &record);
        let zones = [("google.com.", google.as_str()), ("example.com.", EXAMPLE_ZONE)];
        internet.serve("google", "192.0.2.3", &zones, scratch)?;
        Ok(internet)
    }

    /// The host that the servers run on.
    pub fn host(&self) -> &Namespace {
        &self.host
    }

    /// Lets the host send from every address of a network, and hear what is sent there.
    pub fn send_as(&self, network: &str) -> io::Result<()> {
        self.host.ip(&["route", "add", "local", network, "dev", "lo"])
    }

    /// The server of `wayward.com`, all names of which have an address unless it is told otherwise.
    pub fn wayward(&self) -> &Responder {
        &self.wayward
    }

    fn serve(
        &mut self,
        name: &str,
        address: &str,
        zones: &[(&str, &str)],
        scratch: &Scratch,
    ) -> io::Result<()> {
        self.host
            .ip(&["address", "add", &format!("{address}/32"), "dev", "lo"])?;
        let server = start_knot(&self.host, name, address, zones, scratch)?;
        self.servers.push(server);
        Ok(())
    }
}

/// Starts Knot DNS on `host` at `address`, port 53, with these zones (origin, content), and waits until it answers.
pub fn start_knot(
    host: &Namespace,
    name: &str,
    address: &str,
    zones: &[(&str, &str)],
    scratch: &Scratch,
) -> io::Result<Process> {
    let directory = scratch.path().join(name);
    let mut configuration = format!(
        "server:\n  rundir: {0}\n  listen: {address}@53\n  udp-workers: 1\n  tcp-workers: 1\n\
         \u{20} background-workers: 1\ndatabase:\n  storage: {0}\nlog:\n  - target: stderr\n    any: warning\nzone:\n",
        directory.display()
    );
    for (number, (origin, content)) in zones.iter().enumerate() {
        let file = scratch.write(&format!("{name}/{number}.zone"), content)?;
        configuration += &format!(
            "  - domain: {origin}\n    file: {}\n    zonefile-sync: -1\n",
            file.display()
        );
    }
    let file = scratch.write(&format!("{name}/knot.conf"), &configuration)?;
    let mut command = host.command("knotd");
    command.arg("-c").arg(file);
    let mut process = Process::start(name, command, scratch.path())?;
    let (origin, _) = zones
        .first()
        .copied()
        .ok_or_else(|| io::Error::other("no zones"))?;
    let address: IpAddr = address.parse().map_err(io::Error::other)?;
    let client = Client::to(SocketAddr::new(address, 53))
        .from(host)
        .patience(Duration::from_millis(200));
    let ask = Ask::new(origin, "SOA")?;
    process.wait_until(Duration::from_secs(10), || {
        client.udp(&ask).is_ok_and(|reply| reply.is_authoritative())
    })?;
    Ok(process)
}
