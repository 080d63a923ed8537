//! What does each layer answer: the floating addresses, each front end, and the servers behind them?
//!
//! A front end has to answer for our zones with `aa` and without `ra`, for other names with `ra` and without `aa`, and
//! to say that what is not there does not exist. Names that nobody has asked for before show what a cache would hide.
//! The servers behind are asked where they answer this machine: an authoritative one must not resolve.

mod judge;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use weir_config::site::{Node, PoolUse, ResolveServer, RoleName, Site, Treatment, Zone, render};
use weir_wire::{Name, NameBuf, QType};

use crate::clock::Random;
use crate::doctor::asking::{Heard, over_tcp, over_udp};
use crate::doctor::finding::Finding;
use crate::doctor::surroundings::Surroundings;
use crate::question;

/// Zones that one server is asked for; more of them would be more of the same.
const MAX_ZONES: usize = 8;
/// Servers that are asked at the same time, by two threads each.
const MAX_AT_ONCE: usize = 64;
const DNS_PORT: u16 = 53;

/// A server, and what it has to answer.
#[derive(Clone, Debug)]
struct Door {
    /// What it is to the site, such as `front end dd1`.
    label: String,
    address: SocketAddr,
    kind: Kind,
    zones: Vec<NameBuf>,
    /// A name that is in no zone of ours, for who resolves and for who must not.
    outside: Option<NameBuf>,
    place: Place,
}

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whichever front end is behind a floating address.
    Floating,
    Front,
    Auth,
    Resolve,
}

/// Where a server is, as far as commands are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// On this machine, which is this node.
    Here(Commands),
    /// On this node.
    Node(String),
    /// Nobody knows.
    Unknown,
}

/// What shows more on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Commands {
    /// What is wrong with the site file.
    check: String,
    /// The server's own configuration.
    render: String,
    /// What the front end makes of the servers behind it.
    servers: String,
    /// What the authoritative server makes of its zones.
    zones: String,
    /// What runs.
    status: String,
}

/// A question to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    /// One of our zones.
    Zone(NameBuf),
    /// A name in it that is not there.
    Missing(NameBuf),
    /// A name that is in no zone of ours.
    Outside(NameBuf),
    /// A name below that one that no cache has.
    Fresh(NameBuf),
    /// The root's servers, with signatures: a long answer, and a query with EDNS.
    Signed,
}

/// What a server has answered.
#[derive(Clone, Debug)]
struct Visit {
    door: Door,
    topics: Vec<Topic>,
    udp: Heard,
    tcp: Heard,
    /// Whether the site file lets this machine ask.
    standing: Standing,
}

/// Whether this machine may ask a server, by the site file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Yes, or nobody knows.
    Welcome,
    /// No: it gets no answer.
    Dropped,
    /// No: it gets REFUSED.
    Refused,
}

/// Asks all servers at once, or as many as there may be threads.
pub(super) fn ask(surroundings: &Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for doors in doors(surroundings).chunks(MAX_AT_ONCE) {
        let visits: Vec<Visit> = thread::scope(|scope| {
            let threads: Vec<_> = { doors.iter() }
                .map(|door| scope.spawn(|| visit(door, surroundings)))
                .collect();
            let ended = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            ended.flatten().collect()
        });
        findings.extend(visits.iter().flat_map(judge::judge));
    }
    findings
}

/// Everybody there is to ask.
fn doors(surroundings: &Surroundings) -> Vec<Door> {
    let mut doors: Vec<Door> = { surroundings.servers.iter() }
        .map(|server| Door {
            label: "server".to_owned(),
            address: *server,
            kind: Kind::Front,
            zones: surroundings.zone.into_iter().collect(),
            outside: Some(outside(surroundings.site.as_ref().map(|(site, _)| site))),
            place: Place::Unknown,
        })
        .collect();
    let Some((site, file)) = &surroundings.site else {
        return doors;
    };
    let resolved = resolves_for_everybody(site).then(|| outside(Some(site)));
    let zones: Vec<NameBuf> = site.zones.iter().map(|zone| zone.name).collect();
    let front = |kind: Kind, label: String, address: IpAddr, place: Place| Door {
        label,
        address: SocketAddr::new(address, DNS_PORT),
        kind,
        zones: zones.clone(),
        outside: resolved,
        place,
    };
    for floating in &site.floating {
        let label = format!("floating address {}", floating.name);
        let is_here = surroundings.network.holder(floating.address).is_some();
        let holder = { floating.nodes.iter() }.find(|node| surroundings.is(&node.name) == is_here);
        let place = holder.map_or(Place::Unknown, |node| {
            place(surroundings, node, Kind::Front, file)
        });
        doors.push(front(Kind::Floating, label, floating.address, place));
    }
    for node in site.fronts() {
        for own in node.subscriber_addresses() {
            let label = format!("front end {}", node.name);
            let place = place(surroundings, node, Kind::Front, file);
            doors.push(front(Kind::Front, label, own.address, place));
        }
    }
    doors.extend(servers(surroundings, site, file));
    doors
}

/// The servers behind the front ends.
fn servers<'s>(
    surroundings: &'s Surroundings,
    site: &'s Site,
    file: &'s Path,
) -> impl Iterator<Item = Door> + use<'s> {
    let roles = [
        (RoleName::Auth, Kind::Auth, "authoritative server"),
        (RoleName::Resolve, Kind::Resolve, "resolver"),
    ];
    roles.into_iter().flat_map(move |(role, kind, label)| {
        let nodes = site.nodes.iter().filter(move |node| node.has(role));
        nodes.filter_map(move |node| {
            let own = node.backend_addresses().next()?;
            Some(Door {
                label: format!("{label} {}", node.name),
                address: SocketAddr::new(own.address, node.port(role)),
                kind,
                zones: match kind {
                    Kind::Auth => site.zones_of(node).map(|zone: &Zone| zone.name).collect(),
                    Kind::Floating | Kind::Front | Kind::Resolve => Vec::new(),
                },
                outside: Some(outside(Some(site))),
                place: place(surroundings, node, kind, file),
            })
        })
    })
}

fn place(surroundings: &Surroundings, node: &Node, kind: Kind, file: &Path) -> Place {
    if !surroundings.is(&node.name) {
        return Place::Node(node.name.clone());
    }
    let format = match kind {
        Kind::Floating | Kind::Front => "dnsdist",
        Kind::Resolve if node.roles.resolve == Some(ResolveServer::Unbound) => "unbound",
        Kind::Auth | Kind::Resolve => "named",
    };
    let run = surroundings.run.display();
    Place::Here(Commands {
        check: format!("weir check {}", file.display()),
        render: surroundings.render(&node.name, format),
        servers: format!("weir front -C {run}/front/dnsdist.conf -e 'showServers()'"),
        zones: format!("named-checkconf -z {run}/auth/named.conf"),
        status: surroundings.status(),
    })
}

/// A name that is in no zone of ours: what resolvers are asked to see that they work, or the root.
fn outside(site: Option<&Site>) -> NameBuf {
    let is_ours = |name: &NameBuf, site: &Site| {
        let mut zones = site.zones.iter();
        zones.any(|zone| name.as_name().is_at_or_below(zone.name.as_name()))
    };
    let name = site.and_then(|site| site.health.names.iter().find(|name| !is_ours(name, site)));
    name.copied().unwrap_or_else(|| Name::ROOT.to_buf())
}

/// Whether a front end resolves for whoever may ask it; where only some have a pool, this machine may be another.
fn resolves_for_everybody(site: &Site) -> bool {
    let mut pools = site.pools.iter();
    pools.any(|pool| matches!(&pool.used, PoolUse::Internet(clients) if clients.is_empty()))
}

/// Asks one server everything; nothing when it is not for this machine to ask.
fn visit(door: &Door, surroundings: &Surroundings) -> Option<Visit> {
    let source = source_towards(door.address);
    let standing = standing(door, surroundings, source)?;
    let (topics, questions) = questions(topics(door))?;
    let (udp, tcp) = thread::scope(|scope| {
        let tcp = scope.spawn(|| over_tcp(door.address, &questions));
        let udp = over_udp(door.address, &questions);
        (udp, tcp.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    Some(Visit {
        door: door.clone(),
        topics,
        udp,
        tcp,
        standing,
    })
}

/// The address that this machine would ask from. Nothing is sent.
fn source_towards(address: SocketAddr) -> Option<IpAddr> {
    over_udp(address, &[]).source
}

/// How this machine stands with a server; `None` when that one is not for it to ask.
fn standing(door: &Door, surroundings: &Surroundings, source: Option<IpAddr>) -> Option<Standing> {
    let Some(((site, _), source)) = surroundings.site.as_ref().zip(source) else {
        return Some(Standing::Welcome);
    };
    let front = match (door.kind, &door.place) {
        (Kind::Auth | Kind::Resolve, _) => {
            return render::servers_answer(site, source).then_some(Standing::Welcome);
        }
        (_, Place::Unknown) => None,
        (_, Place::Here(_)) => surroundings.node.as_ref(),
        (_, Place::Node(node)) => site.node(node),
    };
    Some(match (front, site.policy.strangers) {
        (Some(front), Treatment::Drop) if !render::answers(site, front, source) => Standing::Dropped,
        (Some(front), Treatment::Refuse) if !render::answers(site, front, source) => Standing::Refused,
        _ => Standing::Welcome,
    })
}

fn topics(door: &Door) -> Vec<Topic> {
    let zones = { door.zones.iter().take(MAX_ZONES) };
    let mut topics: Vec<_> = zones
        .flat_map(|zone| [Topic::Zone(*zone), Topic::Missing(*zone)])
        .collect();
    if let Some(name) = door.outside {
        topics.push(Topic::Outside(name));
        if door.kind != Kind::Auth {
            topics.extend([Topic::Fresh(name), Topic::Signed]);
        }
    }
    topics
}

/// Each topic as a query. A zone whose name leaves no room for a label below it is not asked for one.
fn questions(topics: Vec<Topic>) -> Option<(Vec<Topic>, Vec<Vec<u8>>)> {
    let mut random = Random::from_kernel().ok()?;
    let mut question = |topic: Topic| {
        let id = random.next_u64() as u16;
        let packet = match topic {
            Topic::Zone(zone) => question::about(id, zone.as_name(), QType::SOA),
            Topic::Outside(name) => question::about(id, name.as_name(), kind_of(name)),
            Topic::Missing(name) | Topic::Fresh(name) => {
                question::unique(id, random.next_u64(), &name.to_string()).ok()?
            }
            Topic::Signed => question::signed(id, Name::ROOT, QType::NS),
        };
        Some((topic, packet))
    };
    Some(topics.into_iter().filter_map(&mut question).unzip())
}

/// What an outside name is asked for: the root has no address.
fn kind_of(name: NameBuf) -> QType {
    match name.as_name().label_count() {
        0 => QType::NS,
        _ => QType::A,
    }
}
