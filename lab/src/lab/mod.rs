//! The whole site on one machine: the blueprint's hosts, each running `weir up` with the same site file, and an
//! Internet behind them.
//!
//! ```text
//!   plan    what stands where                 site   the plan as `weir.toml`
//!   host    a machine: cables, addresses      node   one that runs `weir up`
//!   faults  what can happen to them           status what stands where now
//!   enclosure  a box around all of it, which leaves nothing behind
//! ```
//!
//! A [`Lab`] is the site while it runs. Dropping it ends everything in it.

pub mod enclosure;

mod faults;
mod host;
mod node;
mod plan;
mod site;
mod status;

pub use host::Host;
pub use node::Node;
pub use plan::{Auth, CGNAT, Front, Networks, Plan, Rec, STRANGERS, Vip};

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use plan::{ADMIN, CLIENT, FLOATING, Kind, LATER, Lan, NEIGHBOUR, NODES, ROUTER};

use crate::internet::Internet;
use crate::pair::Holders;
use crate::{Ask, Client, Namespace, Network, Scratch, wait_for};

/// How long the floating address may take until it answers, once all roles are up.
const READY: Duration = Duration::from_secs(20);

/// The running site.
#[derive(Debug)]
pub struct Lab {
    // Dropped in this order: programs before the hosts they run on, hosts before the switches.
    nodes: Vec<Node>,
    internet: Internet,
    client: Host,
    admin: Option<Host>,
    networks: Vec<(Lan, Network)>,
    scratch: Scratch,
    plan: Plan,
    site: PathBuf,
    added: u8,
}

impl Lab {
    /// Starts everything and waits until LAB-DD1 holds the address and answers. Needs root. Long work says what it is.
    pub fn start(plan: &Plan, progress: &mut dyn FnMut(&str)) -> io::Result<Self> {
        let began = Instant::now();
        let mut step = |what: &str| progress(&format!("{:5.1} s  {what}", began.elapsed().as_secs_f64()));
        step("networks, client, Internet");
        let mut lab = Self::create(plan)?;
        for node in &mut lab.nodes {
            node.launch()?;
        }
        for node in &mut lab.nodes {
            node.wait_until_up()?;
            step(&format!("{} is up", node.name()));
        }
        lab.wait_until_at_rest()?;
        step("dd1 holds the address, and it answers");
        Ok(lab)
    }

    /// Everything but what runs on the nodes.
    fn create(plan: &Plan) -> io::Result<Self> {
        let scratch = Scratch::create()?;
        let networks: Vec<(Lan, Network)> = { plan.lans_of(Kind::Front).iter() }
            .map(|lan| Ok((*lan, Network::create()?)))
            .collect::<io::Result<_>>()?;
        let internet = internet(plan, &networks, &scratch)?;
        let create = |name: &str, kind: Kind, last: u8| host(plan, &networks, name, kind, last);
        let mut client = create("client", Kind::Client, CLIENT)?;
        let neighbour = format!("{}/24", Lan::Subscribers.address(NEIGHBOUR));
        client
            .namespace()
            .ip(&["address", "add", &neighbour, "dev", "eth0"])?;
        client.add_route(&format!("local {CGNAT} dev lo"))?;
        // Who asks from an address of CGNAT must not ask for the way with it.
        client.namespace().set("net.ipv4.conf.all.arp_announce", "2")?;
        let admin = match plan.networks {
            Networks::One => None,
            Networks::Three => Some(create("admin", Kind::Admin, ADMIN)?),
        };
        for (name, content) in site::FILES {
            scratch.write(name, content)?;
        }
        let text = site::toml(plan, scratch.path(), internet.trust_anchors());
        let site = scratch.write("weir.toml", &text)?;
        let mut nodes = Vec::new();
        for (name, kind, last) in NODES {
            let directory = scratch.path().join(name);
            nodes.push(Node::new(create(name, kind, last)?, plan, &site, &directory)?);
        }
        Ok(Self {
            nodes,
            internet,
            client,
            admin,
            networks,
            scratch,
            plan: plan.clone(),
            site,
            added: 0,
        })
    }

    /// What it was started with.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The site file that every node runs.
    pub fn site_file(&self) -> &Path {
        &self.site
    }

    /// LAB-CLIENT1, which asks from [`subscribers`](Self::subscribers) and from every address of [`CGNAT`].
    pub fn client(&self) -> &Namespace {
        self.client.namespace()
    }

    /// The addresses of two subscribers, both LAB-CLIENT1's.
    pub fn subscribers(&self) -> [IpAddr; 2] {
        [CLIENT, NEIGHBOUR].map(|last| Lan::Subscribers.address(last))
    }

    /// The host in the management network, where there is one.
    pub fn admin(&self) -> Option<&Namespace> {
        self.admin.as_ref().map(Host::namespace)
    }

    /// The address that subscribers ask.
    pub fn floating(&self) -> SocketAddr {
        SocketAddr::new(Lan::Subscribers.address(FLOATING), 53)
    }

    /// The rest of the world; its host sends from every address of [`STRANGERS`], and from [`OUTSIDER`](crate::internet::OUTSIDER).
    pub fn internet(&self) -> &Internet {
        &self.internet
    }

    /// Every node, in the site file's order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> io::Result<&Node> {
        let found = self.nodes.iter().find(|node| node.name() == name);
        found.ok_or_else(|| no_host(name))
    }

    /// The same, to stop and start it.
    pub fn node_mut(&mut self, name: &str) -> io::Result<&mut Node> {
        let found = self.nodes.iter_mut().find(|node| node.name() == name);
        found.ok_or_else(|| no_host(name))
    }

    /// The number of the process that has a role on a node.
    pub fn role_pid(&self, node: &str, role: &str) -> io::Result<u32> {
        self.node(node)?.role_pid(role)
    }

    /// Runs a subcommand of weir on a node, told of its run directory.
    pub fn weir(&self, node: &str, words: &[&str]) -> io::Result<Output> {
        self.node(node)?.weir(words)
    }

    /// Begins to watch which of LAB-DD1 and LAB-DD2 hold the floating address.
    pub fn holders(&self) -> io::Result<Holders> {
        let hosts = [self.node("dd1")?.namespace(), self.node("dd2")?.namespace()];
        Holders::watch(hosts, self.floating().ip())
    }

    /// Changes the site file of all nodes and has those that run read it.
    ///
    /// # Errors
    /// What the first node that refuses it says; the file stays as it is then.
    pub fn rewrite_site(&mut self, change: impl FnOnce(&str) -> String) -> io::Result<()> {
        let text = change(&fs::read_to_string(&self.site)?);
        self.scratch.write("weir.toml", &text)?;
        for node in &mut self.nodes {
            if node.is_running() {
                node.reload()?;
            }
        }
        Ok(())
    }

    /// Puts one more recursive server beside those that run: first it, then the front ends learn of it.
    pub fn add_recursive(&mut self, name: &str) -> io::Result<()> {
        let host = host(&self.plan, &self.networks, name, Kind::Server, LATER + self.added)?;
        self.added += 1;
        let addresses: Vec<String> = host.addresses().map(|address| address.to_string()).collect();
        let text = site::with_recursive(&fs::read_to_string(&self.site)?, name, &addresses);
        self.scratch.write("weir.toml", &text)?;
        let directory = self.scratch.path().join(name);
        let mut node = Node::new(host, &self.plan, &self.site, &directory)?;
        node.start()?;
        self.nodes.push(node);
        self.rewrite_site(str::to_owned)
    }

    /// The address is where it belongs, and a name of each kind resolves through it.
    fn wait_until_at_rest(&self) -> io::Result<()> {
        let holders = self.holders()?;
        wait_for("dd1 alone holds the address", READY, || {
            holders.now() == [true, false]
        })?;
        let client = Client::to(self.floating()).from(self.client());
        let client = client.patience(Duration::from_millis(500));
        for name in ["www.zaibdns.lab", "google.com"] {
            let ask = Ask::new(name, "A")?;
            wait_for(&format!("{name} resolves"), READY, || {
                client.udp(&ask).is_ok_and(|reply| !reply.addresses().is_empty())
            })?;
        }
        Ok(())
    }
}

fn no_host(name: &str) -> io::Error {
    io::Error::other(format!("there is no host {name}"))
}

/// A host of this kind, which knows the way to everybody else.
fn host(plan: &Plan, networks: &[(Lan, Network)], name: &str, kind: Kind, last: u8) -> io::Result<Host> {
    let lans = plan.lans_of(kind);
    let addresses = lans.iter().map(|lan| (*lan, lan.address(last))).collect();
    let mut host = Host::create(name, addresses, networks)?;
    if let Some(lan) = lans.iter().find(|lan| **lan != Lan::Management) {
        host.add_route(&format!("default via {}", lan.address(ROUTER)))?;
    }
    if kind == Kind::Front {
        let client = Lan::Subscribers.address(CLIENT);
        host.add_route(&format!("{CGNAT} via {client}"))?;
    }
    Ok(host)
}

/// The Internet, with a cable to each network that it is everybody's router in.
fn internet(plan: &Plan, networks: &[(Lan, Network)], scratch: &Scratch) -> io::Result<Internet> {
    let lans = plan.lans_of(Kind::Router);
    let mut cables = networks.iter().filter(|(lan, _)| lans.contains(lan));
    let (_, subscribers) = cables
        .next()
        .ok_or_else(|| io::Error::other("no network to put the Internet behind"))?;
    let internet = Internet::start(subscribers, scratch)?;
    let host = internet.host();
    for (lan, network) in cables {
        network.connect(host, "internet", lan.interface())?;
        let address = format!("{}/24", lan.address(ROUTER));
        host.ip(&["address", "add", &address, "dev", lan.interface()])?;
    }
    host.set("net.ipv4.ip_forward", "1")?;
    // Whoever is told of a shorter way would not come through here again.
    for interface in ["all"].into_iter().chain(lans.iter().map(|lan| lan.interface())) {
        host.set(&format!("net.ipv4.conf.{interface}.send_redirects"), "0")?;
    }
    let client = Lan::Subscribers.address(CLIENT).to_string();
    host.ip(&["route", "add", CGNAT, "via", &client])?;
    internet.send_as(STRANGERS)?;
    Ok(internet)
}
