//! Who listens where this node's roles have to, and who else sits on port 53?

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};

use weir_config::site::{Node, RoleName};
use weir_linux::listening::{Listener, Transport, listeners, sockets_of};
use weir_linux::processes;

use crate::doctor::finding::{Finding, Level};
use crate::doctor::surroundings::Surroundings;

const DNS_PORT: u16 = 53;
/// Its name, as the kernel cuts it.
const RESOLVED: &str = "systemd-resolve";
const WITHOUT_RESOLVED: &str =
    "systemctl disable --now systemd-resolved   # then name a resolver in /etc/resolv.conf";

/// What this node and its kernel look like.
#[derive(Debug, Default)]
struct Facts {
    wanted: Vec<Wanted>,
    held: Vec<Held>,
    /// Whether whose the sockets are could be seen.
    owners_seen: bool,
    /// The command that shows what runs here.
    status: String,
}

/// Where a role has to listen.
#[derive(Clone, Debug)]
struct Wanted {
    role: RoleName,
    address: SocketAddr,
    /// The name of a floating address, and whether it is here.
    floating: Option<(String, Presence)>,
}

/// Where a floating address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Here,
    Elsewhere,
    /// Elsewhere, and the kernel lets nobody listen on what is not here.
    OutOfReach,
}

/// A listening socket.
#[derive(Clone, Debug)]
struct Held {
    transport: Transport,
    address: SocketAddr,
    owner: Option<Owner>,
}

/// Whose a socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    pid: u32,
    name: String,
}

/// Looks at the sockets of a node.
pub(super) fn ask(surroundings: &Surroundings) -> Vec<Finding> {
    let Some(node) = &surroundings.node else {
        return Vec::new();
    };
    judge(&Facts {
        wanted: wanted(surroundings, node),
        held: held(),
        owners_seen: surroundings.is_root,
        status: surroundings.status(),
    })
}

fn wanted(surroundings: &Surroundings, node: &Node) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mut add = |role, address: IpAddr, floating| {
        wanted.push(Wanted {
            role,
            address: SocketAddr::new(address, node.port(role)),
            floating,
        });
    };
    if node.has(RoleName::Front) {
        for own in node.subscriber_addresses() {
            add(RoleName::Front, own.address, None);
        }
        let floating = surroundings.floating().iter();
        for floating in floating.filter(|floating| floating.nodes.iter().any(|other| other.name == node.name))
        {
            let presence = match surroundings.network.holder(floating.address) {
                Some(_) => Presence::Here,
                None if may_listen_before(floating.address) => Presence::Elsewhere,
                None => Presence::OutOfReach,
            };
            add(
                RoleName::Front,
                floating.address,
                Some((floating.name.clone(), presence)),
            );
        }
    }
    for role in [RoleName::Auth, RoleName::Resolve] {
        if node.has(role) {
            for own in node.backend_addresses() {
                add(role, own.address, None);
            }
        }
    }
    wanted
}

/// Whether the kernel lets a program listen on an address that is not here.
fn may_listen_before(address: IpAddr) -> bool {
    let setting = format!("/proc/sys/net/{}/ip_nonlocal_bind", family(address));
    fs::read_to_string(setting).is_ok_and(|value| value.trim() != "0")
}

/// A family, as the kernel's settings call it.
const fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ipv4",
        IpAddr::V6(_) => "ipv6",
    }
}

fn held() -> Vec<Held> {
    let listening = listeners(std::process::id());
    let mut owners: HashMap<u64, Owner> = HashMap::new();
    for running in processes::list().unwrap_or_default() {
        for inode in sockets_of(running.pid) {
            owners.entry(inode).or_insert_with(|| Owner {
                pid: running.pid,
                name: printable(&running.name),
            });
        }
    }
    let held = |listener: Listener| Held {
        transport: listener.transport,
        address: listener.address,
        owner: owners.get(&listener.inode).cloned(),
    };
    listening.into_iter().map(held).collect()
}

/// A process chooses its name; a terminal must not obey it.
fn printable(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

fn judge(facts: &Facts) -> Vec<Finding> {
    let mut well = Vec::new();
    let mut down: Vec<(&Wanted, String)> = Vec::new();
    let mut findings = Vec::new();
    for wanted in &facts.wanted {
        match judge_one(facts, wanted) {
            State::Well => well.push(wanted),
            State::Stranger(finding) => findings.push(finding),
            State::Missing(transports) => down.push((wanted, transports)),
        }
    }
    if !well.is_empty() {
        findings.insert(0, Finding::ok(said(&well)));
    }
    findings.extend(missing(facts, &down));
    for other in others(facts) {
        // Who is the suspect already need not be named again.
        if findings.iter().all(|finding| finding.next != other.next) {
            findings.push(other);
        }
    }
    if !facts.owners_seen && !facts.wanted.is_empty() {
        findings.push(Finding::new(
            Level::Note,
            "whose the sockets are was not looked at: that takes root",
            "sudo weir doctor",
        ));
    }
    findings
}

/// `front on 10.0.0.1, 10.0.0.100; auth on 10.0.0.1:5311`.
fn said(well: &[&Wanted]) -> String {
    let roles = [RoleName::Front, RoleName::Auth, RoleName::Resolve];
    let parts = roles.iter().filter_map(|role| {
        let own = well.iter().filter(|wanted| wanted.role == *role);
        let addresses: Vec<_> = own.map(|wanted| wanted.address.to_string()).collect();
        (!addresses.is_empty()).then(|| format!("{role} on {}", addresses.join(", ")))
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// What there is where a role has to listen.
enum State {
    Well,
    /// Another program.
    Stranger(Finding),
    /// Nobody, over these transports.
    Missing(String),
}

fn judge_one(facts: &Facts, wanted: &Wanted) -> State {
    let mut missing = Vec::new();
    for (transport, name) in [(Transport::Udp, "UDP"), (Transport::Tcp, "TCP")] {
        let there = { facts.held.iter() }
            .filter(|held| held.transport == transport && covers(held.address, wanted.address));
        let there: Vec<&Held> = there.collect();
        if there.is_empty() {
            missing.push(name);
        }
        let owned = { there.iter() }.filter_map(|held| Some((held, held.owner.as_ref()?)));
        let stranger = { owned }.find(|(_, owner)| !is_expected(wanted.role, &owner.name));
        if let Some((held, owner)) = stranger {
            let what = format!(
                "{} (process {}) has {} ({name}), where {} should listen",
                owner.name, owner.pid, held.address, wanted.role
            );
            let next = format!("systemctl status {}", owner.pid);
            return State::Stranger(Finding::new(Level::Fail, what, next));
        }
    }
    if missing.is_empty() {
        State::Well
    } else {
        State::Missing(missing.join(" and "))
    }
}

/// Where nobody listens: a line for each role, and for each floating address.
fn missing(facts: &Facts, down: &[(&Wanted, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for role in [RoleName::Front, RoleName::Auth, RoleName::Resolve] {
        let own = down
            .iter()
            .filter(|(wanted, _)| wanted.role == role && wanted.floating.is_none());
        let own: Vec<_> = own
            .map(|(wanted, transports)| format!("{} ({transports})", wanted.address))
            .collect();
        if own.is_empty() {
            continue;
        }
        let what = format!("{role} does not listen on {}", own.join(", "));
        let is_resolved_there = role == RoleName::Front && facts.held.iter().any(is_resolved);
        findings.push(if is_resolved_there {
            let why = "systemd-resolved is on port 53, with which a server on all addresses conflicts";
            Finding::new(Level::Fail, format!("{what}, and {why}"), WITHOUT_RESOLVED)
        } else {
            Finding::new(Level::Fail, what, facts.status.clone())
        });
    }
    for (wanted, transports) in down {
        let Some((name, presence)) = &wanted.floating else {
            continue;
        };
        let address = wanted.address;
        let (harm, next) = match presence {
            Presence::Here => ("it is here, and clients get no answer", facts.status.clone()),
            Presence::Elsewhere => ("clients get no answer once it comes here", facts.status.clone()),
            Presence::OutOfReach => (
                "nothing can before it is here, since ip_nonlocal_bind is 0",
                format!("sysctl net.{}.ip_nonlocal_bind=1", family(address.ip())),
            ),
        };
        let what =
            format!("nothing listens on {address} ({transports}), the floating address {name}: {harm}");
        findings.push(Finding::new(Level::Fail, what, next));
    }
    findings
}

/// Who else has port 53.
fn others(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for held in facts.held.iter().filter(|held| held.address.port() == DNS_PORT) {
        let Some(owner) = &held.owner else { continue };
        if facts
            .wanted
            .iter()
            .any(|wanted| covers(held.address, wanted.address))
        {
            continue;
        }
        let (what, next) = if is_resolved(held) {
            (
                format!(
                    "systemd-resolved has {}: a front end on 0.0.0.0:{DNS_PORT} would not start",
                    held.address
                ),
                "systemctl disable --now systemd-resolved   # then name a resolver in /etc/resolv.conf"
                    .to_owned(),
            )
        } else {
            (
                format!(
                    "{} (process {}) has {} as well",
                    owner.name, owner.pid, held.address
                ),
                format!("systemctl status {}", owner.pid),
            )
        };
        let finding = Finding::new(Level::Note, what, next);
        // One of UDP and one of TCP.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

fn is_resolved(held: &Held) -> bool {
    { held.owner.as_ref() }.is_some_and(|owner| owner.name.starts_with(RESOLVED))
}

/// Whether a socket takes what is sent to an address: one on all addresses of IPv6 takes IPv4 as well, unless told.
fn covers(socket: SocketAddr, address: SocketAddr) -> bool {
    let is_wildcard = socket.ip().is_unspecified() && (socket.is_ipv6() || address.is_ipv4());
    socket.port() == address.port() && (socket.ip() == address.ip() || is_wildcard)
}

/// Whether a role can be this program.
fn is_expected(role: RoleName, program: &str) -> bool {
    let programs: &[&str] = match role {
        RoleName::Front => &["weir", "dnsdist"],
        RoleName::Auth => &["named"],
        RoleName::Resolve => &["unbound", "named"],
        RoleName::Vip => &[],
    };
    // The kernel tells where else a name was cut; threads of a program may add to it.
    programs.iter().any(|known| program.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn held(text: &str, name: &str) -> [Held; 2] {
        [Transport::Udp, Transport::Tcp].map(|transport| Held {
            transport,
            address: address(text),
            owner: Some(Owner {
                pid: 7,
                name: name.to_owned(),
            }),
        })
    }

    /// A front end with a floating address, and these sockets.
    fn facts(sockets: &[[Held; 2]]) -> Facts {
        let wanted = |text: &str, floating| Wanted {
            role: RoleName::Front,
            address: address(text),
            floating,
        };
        Facts {
            wanted: vec![
                wanted("10.0.0.1:53", None),
                wanted("10.0.0.100:53", Some(("dns".to_owned(), Presence::Here))),
            ],
            held: sockets.concat(),
            owners_seen: true,
            status: "weir status".to_owned(),
        }
    }

    fn told(facts: &Facts) -> Vec<(Level, String)> {
        let findings = judge(facts);
        for finding in &findings {
            assert_eq!(finding.next.is_none(), finding.level == Level::Ok);
        }
        let told = findings.into_iter().map(|finding| (finding.level, finding.what));
        told.collect()
    }

    #[test]
    fn own_addresses_or_all_of_them_are_well() {
        let expected = [(Level::Ok, "front on 10.0.0.1:53, 10.0.0.100:53".to_owned())];
        let each = [held("10.0.0.1:53", "weir"), held("10.0.0.100:53", "weir")];
        assert_eq!(told(&facts(&each)), expected);
        assert_eq!(told(&facts(&[held("0.0.0.0:53", "dnsdist")])), expected);
        assert_eq!(told(&facts(&[held("[::]:53", "dnsdist")])), expected);
        assert_eq!(
            told(&facts(&[held("0.0.0.0:5300", "dnsdist")])).len(),
            2,
            "another port"
        );
    }

    #[test]
    fn a_floating_address_that_nobody_serves_is_told_with_its_reason() {
        let own = [held("10.0.0.1:53", "dnsdist")];
        let mut facts = facts(&own);
        let here = "nothing listens on 10.0.0.100:53 (UDP and TCP), the floating address dns: it is here, and clients \
                    get no answer";
        assert_eq!(told(&facts)[1], (Level::Fail, here.to_owned()));
        facts.wanted[1].floating = Some(("dns".to_owned(), Presence::Elsewhere));
        assert!(told(&facts)[1].1.contains("once it comes here"));
        facts.wanted[1].floating = Some(("dns".to_owned(), Presence::OutOfReach));
        assert!(told(&facts)[1].1.contains("ip_nonlocal_bind is 0"));
    }

    #[test]
    fn systemd_resolved_is_a_note_beside_a_server_and_the_suspect_without_one() {
        let resolved = held("127.0.0.53:53", "systemd-resolve");
        let beside = told(&facts(&[held("0.0.0.0:53", "weir"), resolved.clone()]));
        let note = "systemd-resolved has 127.0.0.53:53: a front end on 0.0.0.0:53 would not start";
        assert_eq!(beside[1..], [(Level::Note, note.to_owned())]);
        let alone = told(&facts(&[resolved]));
        let suspect = "front does not listen on 10.0.0.1:53 (UDP and TCP), and systemd-resolved is on port 53, with \
                       which a server on all addresses conflicts";
        assert_eq!(alone[0], (Level::Fail, suspect.to_owned()));
    }

    #[test]
    fn another_program_in_the_place_of_a_role_is_named() {
        let found = told(&facts(&[held("0.0.0.0:53", "dnsmasq")]));
        let what = "dnsmasq (process 7) has 0.0.0.0:53 (UDP), where front should listen";
        assert_eq!(found[0], (Level::Fail, what.to_owned()));
        let elsewhere = told(&facts(&[
            held("0.0.0.0:53", "weir"),
            held("127.0.0.1:53", "named"),
        ]));
        let note = "named (process 7) has 127.0.0.1:53 as well";
        assert_eq!(elsewhere[1..], [(Level::Note, note.to_owned())]);
    }

    #[test]
    fn udp_alone_is_half_a_server() {
        let mut facts = facts(&[held("0.0.0.0:53", "weir")]);
        facts.held.pop();
        assert!(told(&facts)[0].1.contains("does not listen on 10.0.0.1:53 (TCP)"));
    }

    #[test]
    fn without_root_what_was_not_looked_at_is_said() {
        let mut facts = facts(&[held("0.0.0.0:53", "weir")]);
        facts.owners_seen = false;
        assert_eq!(told(&facts)[1].0, Level::Note);
    }

    #[test]
    fn a_name_of_a_process_does_not_reach_the_terminal_as_it_is() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a?[2Jb?");
    }
}
