//! The blueprint's pair of front ends in namespaces: LAB-DD1 and LAB-DD2 share a floating address, a client asks it,
//! one backend stands behind both; and what can happen to them.
//!
//! ```text
//!   client .166     dd1 .161      dd2 .162     backend .163      10.10.2.0/24 and fd10:10:2::/64
//!      │               │             │             │             floating: .160
//!      └───────────────┴── switch ───┴─────────────┘
//! ```
//!
//! Adverts and queries share the network, as in the blueprint. Each node runs a [`Vip`] and a [`Front`](crate::Front);
//! mixed pairs are allowed. Faults are methods of [`Pair`]; a [`Drill`] measures what a client notices of them, and
//! where the address is meanwhile.

mod contender;
mod drill;
mod holders;
mod node;

pub use contender::{Contender, Protocol, Settings, Vip};
pub use drill::{Drill, Measured};
pub use holders::{Holders, has_address};

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use node::Node;

use crate::{
    Ask, Behaviour, Client, Names, Namespace, Network, Plan, Prober, Process, Responder, Scratch, Transport,
};

/// How long a front end may take until it answers, and an address until it can be used.
const READY: Duration = Duration::from_secs(10);
/// How long keepalived may take to end; it allows itself about a second.
const GOODBYE: Duration = Duration::from_secs(5);
/// The roles of the nodes.
const DD: [&str; 2] = ["dd1", "dd2"];
/// The others on the network.
const OTHERS: [&str; 2] = ["client", "backend"];

/// The running pair. Fields are dropped in order: programs before the hosts they run on.
#[derive(Debug)]
pub struct Pair {
    nodes: [Node; 2],
    client: Namespace,
    address: IpAddr,
    network: Network,
    _backend: Responder,
    _backend_host: Namespace,
    _scratch: Scratch,
}

impl Pair {
    /// The nodes' own addresses. A front end asks the backend from there, so the prober sees these.
    pub const NODES: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::new(10, 10, 2, 161)),
        IpAddr::V4(Ipv4Addr::new(10, 10, 2, 162)),
    ];

    /// Starts everything: first the front ends, until they answer, then the others. Needs root.
    pub fn start(contenders: [Contender; 2], settings: Settings) -> io::Result<Self> {
        let scratch = Scratch::create()?;
        let network = Network::create()?;
        let attach = |role, last| {
            let addresses = [format!("10.10.2.{last}/24"), format!("fd10:10:2::{last}/64")];
            network.attach(role, &addresses.each_ref().map(String::as_str))
        };
        let client = attach("client", 166)?;
        let backend_host = attach("backend", 163)?;
        let backend =
            backend_host.enter(|| Responder::start_at((Ipv4Addr::new(10, 10, 2, 163), 53).into()))??;
        backend.behave(Behaviour::Asker);
        let [one, two] = contenders;
        let nodes = [
            Node::create(0, one, attach(DD[0], 161)?, settings, &scratch)?,
            Node::create(1, two, attach(DD[1], 162)?, settings, &scratch)?,
        ];
        let address = match settings.protocol {
            Protocol::V2 | Protocol::V3 => IpAddr::V4(Ipv4Addr::new(10, 10, 2, 160)),
            Protocol::V3Ipv6 => IpAddr::V6(Ipv6Addr::new(0xfd10, 0x10, 2, 0, 0, 0, 0, 0x160)),
        };
        let mut pair = Self {
            nodes,
            client,
            address,
            network,
            _backend: backend,
            _backend_host: backend_host,
            _scratch: scratch,
        };
        for node in 0..2 {
            pair.start_front(node)?;
            pair.start_vip(node)?;
        }
        Ok(pair)
    }

    /// The floating address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Begins to ask through the floating address, one query every 5 ms.
    ///
    /// The backend answers with the address that asked it ([`Behaviour::Asker`]), so every answer names the front end
    /// that it came through, cached or not. Every second query needs the backend; the others are for a name that a
    /// cache holds.
    pub fn probe(&self) -> io::Result<Prober> {
        let plan = Plan {
            transport: Transport::Udp,
            pace: Duration::from_millis(5),
            names: vec![
                Names::Same("popular.lab".to_owned()),
                Names::Fresh("lab".to_owned()),
            ],
            sources: Vec::new(),
        };
        Prober::start(&self.client, SocketAddr::new(self.address, 53), plan)
    }

    /// Begins to watch who holds the floating address.
    pub fn watch(&self) -> io::Result<Holders> {
        Holders::watch(self.nodes.each_ref().map(|node| &node.host), self.address)
    }

    /// Starts the front end of a node, unless it runs, and waits until it answers through the backend.
    pub fn start_front(&mut self, node: usize) -> io::Result<()> {
        let client = Client::to(SocketAddr::new(Self::NODES[node], 53)).from(&self.client);
        let ask = Ask::new("ready.lab", "A")?;
        let node = &mut self.nodes[node];
        if node.front.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        let front = node.front.insert(node.launch_front()?);
        front.wait_until(READY, || {
            client
                .patience(Duration::from_millis(50))
                .udp(&ask)
                .is_ok_and(|reply| !reply.addresses().is_empty())
        })?;
        Ok(())
    }

    /// Starts `keepalived` or `weir vip` of a node, unless it runs.
    pub fn start_vip(&mut self, node: usize) -> io::Result<()> {
        self.nodes[node].start_vip()
    }

    /// The front end of a node.
    pub fn front(&mut self, node: usize) -> io::Result<&mut Process> {
        running(&mut self.nodes[node].front)
    }

    /// `keepalived` or `weir vip` of a node.
    pub fn vip(&mut self, node: usize) -> io::Result<&mut Process> {
        running(&mut self.nodes[node].vip)
    }

    /// SIGTERM to `keepalived` or `weir vip`; returns before it has ended.
    pub fn terminate_vip(&mut self, node: usize) -> io::Result<()> {
        self.vip(node)?.ask_to_end()
    }

    /// Waits until what was asked to end has ended.
    pub fn wait_for_vip(&mut self, node: usize) -> io::Result<()> {
        self.vip(node)?.wait(GOODBYE).map(drop)
    }

    /// Runs `weir vip ORDER` for a node; an error when it says so, or when the node has no `weir vip`.
    pub fn order_vip(&self, node: usize, order: &str) -> io::Result<()> {
        self.nodes[node].order_vip(order)
    }

    /// Kills all of `weir vip` on a node, its guard too, at once.
    pub fn kill_vip_and_guard(&mut self, node: usize) -> io::Result<()> {
        let guards = self.guards(node)?;
        self.vip(node)?.kill_with(&guards)
    }

    /// The processes that withdraw the address when `weir vip` dies: one while it runs.
    pub fn guards(&self, node: usize) -> io::Result<Vec<u32>> {
        self.nodes[node].host.guards()
    }

    /// Writes `line` into the node's `keepalived.conf`, in the place of the one that begins with the same word if there is
    /// one, and has `weir vip` take it up (SIGHUP).
    pub fn reload_vip(&mut self, node: usize, line: &str) -> io::Result<()> {
        self.nodes[node].reload_vip(line)
    }

    /// Has everybody wait who opens the node's check script, as on a file system that does not answer, until what this
    /// returns is dropped; the kernel bears it for 45 s.
    pub fn block_check(&self, node: usize) -> io::Result<Process> {
        self.nodes[node].block_check()
    }

    /// Deletes the floating address from a node, as somebody with `ip address` might.
    pub fn delete_address(&self, node: usize) -> io::Result<()> {
        let (address, host) = (self.address.to_string(), &self.nodes[node].host);
        host.ip(&["address", "delete", &address, "dev", "eth0"])
    }

    /// Pulls the node's cable: the carrier goes.
    pub fn unplug(&self, node: usize) -> io::Result<()> {
        self.network.unplug(DD[node])
    }

    /// Puts it in again.
    pub fn plug(&self, node: usize) -> io::Result<()> {
        self.network.plug(DD[node])
    }

    /// From now on nobody hears the node and the node hears nobody, as if it had lost its power; its own carrier
    /// stays and its programs do not know.
    pub fn power_off(&self, node: usize) -> io::Result<()> {
        self.network.cut(&with_all(node))
    }

    /// Ends [`power_off`](Self::power_off).
    pub fn power_on(&self, node: usize) -> io::Result<()> {
        self.network.join(&with_all(node))
    }

    /// From now on the node does not hear the other one. Clients and backend reach both.
    pub fn deafen(&self, node: usize) -> io::Result<()> {
        self.network.cut(&[(DD[1 - node], DD[node])])
    }

    /// Ends [`deafen`](Self::deafen).
    pub fn hear(&self, node: usize) -> io::Result<()> {
        self.network.join(&[(DD[1 - node], DD[node])])
    }

    /// The logs of both nodes, for whoever wants to know why.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for (role, node) in DD.iter().zip(&self.nodes) {
            for process in [&node.vip, &node.front].into_iter().flatten() {
                text += &format!("---- {role} ----\n{}\n", process.log());
            }
        }
        text
    }
}

/// A node with all others, both ways.
fn with_all(node: usize) -> Vec<(&'static str, &'static str)> {
    let others = OTHERS.into_iter().chain([DD[1 - node]]);
    others
        .flat_map(|other| [(DD[node], other), (other, DD[node])])
        .collect()
}

fn running(process: &mut Option<Process>) -> io::Result<&mut Process> {
    process
        .as_mut()
        .ok_or_else(|| io::Error::other("it was not started"))
}
