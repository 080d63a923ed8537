//! Who has each floating address: this machine, and who answers for it over ARP and neighbour discovery?

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use serde_json::Value;
use weir_config::site::{Floating, Site};
use weir_linux::announce::{Heard, Neighbours};
use weir_linux::netlink::Links;
use weir_linux::{Link, MacAddress};

use crate::doctor::finding::{Finding, Level};
use crate::doctor::surroundings::{Surroundings, family};
use crate::doctor::watch::watch;
use crate::vip;

/// How long answers of neighbours are waited for, after each of the questions.
const PATIENCE: Duration = Duration::from_millis(400);
/// A question may be lost, and of two that answer, one.
const QUESTIONS: usize = 2;
/// Frames that are looked at per wake-up, and neighbours that are told apart.
const MAX_FRAMES: usize = 256;
const MAX_HOLDERS: usize = 16;
const MAX_KNOWN: usize = 256;

/// What is known of a floating address.
#[derive(Debug)]
struct Facts {
    name: String,
    address: IpAddr,
    prefix: u8,
    /// The interface that has it here.
    here: Option<String>,
    /// Where it is or should be, on this machine.
    device: String,
    /// The interface that it should be on.
    wanted: Option<String>,
    /// What `weir vip` says: whether this node holds it.
    vip: Option<bool>,
    /// A node that may hold it, and is not this one.
    other: Option<String>,
    wire: Wire,
    /// Where this machine sends packets for it.
    entry: Option<MacAddress>,
    /// The command that shows what `weir vip` makes of it.
    status: String,
}

/// What the neighbours say.
#[derive(Debug)]
enum Wire {
    /// Everybody but this machine who says that the address is his.
    Asked(Vec<Neighbour>),
    /// They were not asked: why, and what to run about it.
    NotAsked(String, &'static str),
}

/// Somebody in this machine's network.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Neighbour {
    mac: MacAddress,
    /// The node whose own address is there as well.
    node: Option<String>,
}

/// Asks about each address that this machine reaches without a router, or has.
pub(super) fn ask(surroundings: &Surroundings) -> Vec<Finding> {
    let Some((site, _)) = &surroundings.site else {
        return Vec::new();
    };
    let status = vip::status(&surroundings.run).ok();
    let status: Option<Value> = status.and_then(|answer| serde_json::from_str(&answer).ok());
    let facts =
        { site.floating.iter() }.filter_map(|floating| gather(surroundings, site, floating, status.as_ref()));
    facts.flat_map(|facts| judge(&facts)).collect()
}

fn gather(
    surroundings: &Surroundings,
    site: &Site,
    floating: &Floating,
    status: Option<&Value>,
) -> Option<Facts> {
    let network = &surroundings.network;
    let all: Vec<IpAddr> = site.floating.iter().map(|floating| floating.address).collect();
    let here = network.holder(floating.address);
    let (link, own) = match network.towards(floating.address, &all) {
        Some((link, own)) => (link, Some(own)),
        None => (here?, None),
    };
    let node = surroundings.node.as_ref();
    let seat = node.and_then(|node| node.address_in(&floating.network, floating.address));
    let wire = match own {
        _ if !surroundings.is_root => Wire::NotAsked("that takes root".to_owned(), "sudo weir doctor"),
        None => Wire::NotAsked(
            format!("{} has no address of its own", link.name),
            "ip -brief address",
        ),
        Some(own) => match ask_neighbours(link, own, site, floating) {
            Ok(mut neighbours) => {
                // Another interface of this machine, in the same network.
                neighbours.retain(|other| network.links.iter().all(|link| link.mac != Some(other.mac)));
                Wire::Asked(neighbours)
            }
            Err(error) => Wire::NotAsked(error.to_string(), "ip -brief link"),
        },
    };
    let may_hold = |name: &str| floating.nodes.iter().any(|other| other.name == name);
    Some(Facts {
        name: floating.name.clone(),
        address: floating.address,
        prefix: { network.addresses.iter() }
            .find(|assigned| assigned.address == floating.address)
            .map_or(floating.prefix, |assigned| assigned.prefix),
        here: here.map(|link| link.name.clone()),
        device: here.unwrap_or(link).name.clone(),
        // A name that is not there is another question's.
        wanted: seat
            .and_then(|seat| seat.interface.clone())
            .filter(|name| network.link(name).is_some() && node.is_some_and(|node| may_hold(&node.name))),
        vip: status.and_then(|status| holds(status, floating.address)),
        other: { floating.nodes.iter() }
            .find(|other| !surroundings.is(&other.name))
            .map(|other| other.name.clone()),
        wire,
        entry: entry(link, floating.address),
        status: surroundings.vip_status(),
    })
}

/// Whether `weir vip` says that this node holds the address.
fn holds(status: &Value, address: IpAddr) -> Option<bool> {
    let routers = status.get("routers")?.as_array()?;
    let has = |router: &&Value| {
        let addresses = router.get("addresses").and_then(Value::as_array);
        let mut texts = addresses.into_iter().flatten().filter_map(Value::as_str);
        texts.any(|text| text.split('/').next().and_then(|text| text.parse().ok()) == Some(address))
    };
    routers.iter().find(has)?.get("holds")?.as_bool()
}

fn entry(link: &Link, address: IpAddr) -> Option<MacAddress> {
    let known = Links::open().and_then(|mut links| links.neighbours()).ok()?;
    let entry = known
        .iter()
        .find(|known| known.index == link.index && known.address == address);
    entry.map(|known| known.mac)
}

/// Everybody who says that he has the address, and which node he is.
fn ask_neighbours(link: &Link, own: IpAddr, site: &Site, floating: &Floating) -> io::Result<Vec<Neighbour>> {
    let neighbours = Neighbours::open(link, family(floating.address))?;
    let nodes = site.nodes.iter().filter_map(|node| {
        let address = node.address_in(&floating.network, floating.address)?.address;
        Some((address, node.name.as_str()))
    });
    let nodes: Vec<(IpAddr, &str)> = nodes.filter(|(address, _)| *address != own).collect();
    let (mut holders, mut known) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..QUESTIONS {
        neighbours.ask(floating.address, own)?;
        for (address, _) in &nodes {
            neighbours.ask(*address, own)?;
        }
        watch(&[neighbours.as_fd()], PATIENCE, || {
            for _ in 0..MAX_FRAMES {
                match neighbours.receive()? {
                    Heard::Empty => break,
                    Heard::Other => {}
                    Heard::Claim(claim) if claim.address == floating.address => {
                        if holders.len() < MAX_HOLDERS {
                            holders.insert(claim.mac);
                        }
                    }
                    Heard::Claim(claim) => {
                        let node = nodes.iter().find(|(address, _)| *address == claim.address);
                        if let Some((_, name)) = node.filter(|_| known.len() < MAX_KNOWN) {
                            known.insert((claim.mac, *name));
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
    let neighbour = |mac: MacAddress| Neighbour {
        mac,
        node: { known.iter() }
            .find(|(known, _)| *known == mac)
            .map(|(_, name)| (*name).to_owned()),
    };
    Ok(holders.into_iter().map(neighbour).collect())
}

fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Facts { name, address, .. } = facts;
    match (&facts.here, &facts.wire) {
        (Some(device), Wire::Asked(others)) => match others.as_slice() {
            [] => findings.push(here(facts, device, ", and nobody else answers for it")),
            others => findings.push(split(facts, &["this machine".to_owned()], others)),
        },
        (Some(device), Wire::NotAsked(why, next)) => {
            findings.push(here(facts, device, ""));
            findings.push(not_asked(facts, why, next));
        }
        (None, Wire::Asked(others)) => match others.as_slice() {
            [] => findings.push(nobody(facts)),
            [one] => findings.push(Finding::ok(format!("{name}: {} has {address}", who(one)))),
            others => findings.push(twice(facts, others).unwrap_or_else(|| split(facts, &[], others))),
        },
        (None, Wire::NotAsked(why, next)) => findings.push(not_asked(facts, why, next)),
    }
    findings.extend(disagreement(facts));
    findings.extend(outdated(facts));
    findings
}

/// This machine has it.
fn here(facts: &Facts, device: &str, beside: &str) -> Finding {
    let Facts { name, address, .. } = facts;
    if let Some(wanted) = facts.wanted.as_ref().filter(|wanted| *wanted != device) {
        let what = format!("{name}: {address} is on {device}, it should be on {wanted}");
        return Finding::new(Level::Fail, what, "ip -brief address");
    }
    Finding::ok(format!("{name}: this machine has {address} on {device}{beside}"))
}

fn nobody(facts: &Facts) -> Finding {
    let Facts { name, address, .. } = facts;
    let next = match (&facts.vip, &facts.other) {
        (None, Some(node)) => format!("ssh {node} weir doctor"),
        _ => facts.status.clone(),
    };
    let what = format!(
        "{name}: nobody has {address}: no machine in the network of {} answers for it",
        facts.device
    );
    Finding::new(Level::Fail, what, next)
}

fn split(facts: &Facts, first: &[String], others: &[Neighbour]) -> Finding {
    let Facts { name, address, .. } = facts;
    let others = others.iter().map(who);
    let all: Vec<String> = first.iter().cloned().chain(others).collect();
    let what = format!(
        "{name}: {} machines have {address}: {}; they do not hear each other's VRRP, or one has it by hand",
        all.len(),
        all.join(" and ")
    );
    Finding::new(Level::Fail, what, adverts(&facts.device, *address))
}

/// One node answers from two of its interfaces.
fn twice(facts: &Facts, others: &[Neighbour]) -> Option<Finding> {
    let node = others.first()?.node.as_ref()?;
    let is_one = others.iter().all(|other| other.node.as_ref() == Some(node));
    is_one.then(|| {
        let what = format!(
            "{}: {node} has {}, and answers for it from several interfaces (ARP): what is sent to the wrong one may be \
             lost",
            facts.name, facts.address
        );
        let next = format!("ssh {node} sysctl net.ipv4.conf.all.arp_ignore=1");
        Finding::new(Level::Warn, what, next)
    })
}

/// Shows adverts.
fn adverts(device: &str, address: IpAddr) -> String {
    let protocol = if address.is_ipv4() { "ip" } else { "ip6" };
    format!("tcpdump -c 5 -vni {device} {protocol} proto 112")
}

fn who(neighbour: &Neighbour) -> String {
    let name = neighbour.node.as_deref().unwrap_or("a machine that is no node");
    format!("{name} ({})", neighbour.mac)
}

fn not_asked(facts: &Facts, why: &str, next: &str) -> Finding {
    let what = format!(
        "{}: who answers for {} in its network was not looked at: {why}",
        facts.name, facts.address
    );
    Finding::new(Level::Note, what, next)
}

/// The interface and `weir vip` say different things.
fn disagreement(facts: &Facts) -> Option<Finding> {
    let Facts { name, address, .. } = facts;
    match (&facts.here, facts.vip?) {
        (Some(device), false) => Some(Finding::new(
            Level::Fail,
            format!(
                "{name}: {address} is on {device}, but weir vip does not hold it: somebody has added it by hand"
            ),
            format!("ip address delete {address}/{} dev {device}", facts.prefix),
        )),
        (None, true) => Some(Finding::new(
            Level::Fail,
            format!("{name}: weir vip holds {address}, but no interface has it"),
            facts.status.clone(),
        )),
        (Some(_), true) | (None, false) => None,
    }
}

/// This machine sends to who no longer has the address.
fn outdated(facts: &Facts) -> Option<Finding> {
    let (Wire::Asked(holders), None, Some(entry)) = (&facts.wire, &facts.here, facts.entry) else {
        return None;
    };
    let [holder] = holders.as_slice() else { return None };
    (holder.mac != entry).then(|| {
        Finding::new(
            Level::Warn,
            format!(
                "{}: this machine sends packets for {} to {entry}, which does not have it (ARP)",
                facts.name, facts.address
            ),
            format!("ip neighbour flush to {} dev {}", facts.address, facts.device),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DD1: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const OTHER: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);

    fn neighbour(mac: MacAddress) -> Neighbour {
        Neighbour {
            mac,
            node: (mac == DD1).then(|| "dd1".to_owned()),
        }
    }

    /// The address is on `here`, and these neighbours have it.
    fn facts(here: Option<&str>, wire: &[MacAddress]) -> Facts {
        Facts {
            name: "dns".to_owned(),
            address: IpAddr::from([10, 0, 0, 100]),
            prefix: 24,
            here: here.map(str::to_owned),
            device: "eth0".to_owned(),
            wanted: Some("eth0".to_owned()),
            vip: None,
            other: Some("dd1".to_owned()),
            wire: Wire::Asked(wire.iter().copied().map(neighbour).collect()),
            entry: None,
            status: "weir vip status".to_owned(),
        }
    }

    fn told(facts: &Facts) -> Vec<(Level, String)> {
        let findings = judge(facts);
        let told = findings.into_iter().map(|finding| (finding.level, finding.what));
        told.collect()
    }

    #[test]
    fn one_holder_is_well_wherever_it_is() {
        let here = "dns: this machine has 10.0.0.100 on eth0, and nobody else answers for it";
        assert_eq!(told(&facts(Some("eth0"), &[])), [(Level::Ok, here.to_owned())]);
        let there = "dns: dd1 (02:00:00:00:00:01) has 10.0.0.100";
        assert_eq!(told(&facts(None, &[DD1])), [(Level::Ok, there.to_owned())]);
        let strange = "dns: a machine that is no node (02:00:00:00:00:09) has 10.0.0.100";
        assert_eq!(told(&facts(None, &[OTHER])), [(Level::Ok, strange.to_owned())]);
    }

    #[test]
    fn nobody_and_two_are_failures() {
        let nobody = "dns: nobody has 10.0.0.100: no machine in the network of eth0 answers for it";
        assert_eq!(told(&facts(None, &[])), [(Level::Fail, nobody.to_owned())]);
        for (here, wire, names) in [
            (
                Some("eth0"),
                &[DD1][..],
                "this machine and dd1 (02:00:00:00:00:01)",
            ),
            (
                None,
                &[DD1, OTHER],
                "dd1 (02:00:00:00:00:01) and a machine that is no node (02:00:00:00:00:09)",
            ),
        ] {
            let found = told(&facts(here, wire));
            let expected = format!(
                "dns: 2 machines have 10.0.0.100: {names}; they do not hear each other's VRRP, or one has it by hand"
            );
            assert_eq!(found, [(Level::Fail, expected)]);
        }
    }

    #[test]
    fn two_interfaces_of_one_node_are_one_holder() {
        let mut facts = facts(None, &[DD1]);
        if let Wire::Asked(holders) = &mut facts.wire {
            let other = Neighbour {
                mac: OTHER,
                ..holders[0].clone()
            };
            holders.push(other);
        }
        assert_eq!(told(&facts)[0].0, Level::Warn);
    }

    #[test]
    fn the_interface_and_weir_vip_have_to_agree() {
        let mut by_hand = facts(Some("eth0"), &[]);
        by_hand.vip = Some(false);
        let next = judge(&by_hand).pop().and_then(|finding| finding.next);
        assert_eq!(next.as_deref(), Some("ip address delete 10.0.0.100/24 dev eth0"));
        let mut lost = facts(None, &[]);
        lost.vip = Some(true);
        assert!(
            told(&lost)[1]
                .1
                .contains("weir vip holds 10.0.0.100, but no interface has it")
        );
        let mut wrong = facts(Some("eth1"), &[]);
        wrong.vip = Some(true);
        let what = "dns: 10.0.0.100 is on eth1, it should be on eth0";
        assert_eq!(told(&wrong), [(Level::Fail, what.to_owned())]);
    }

    #[test]
    fn an_entry_for_somebody_else_is_outdated() {
        let mut facts = facts(None, &[DD1]);
        facts.entry = Some(DD1);
        assert_eq!(told(&facts).len(), 1);
        facts.entry = Some(OTHER);
        let what = "dns: this machine sends packets for 10.0.0.100 to 02:00:00:00:00:09, which does not have it (ARP)";
        assert_eq!(told(&facts)[1], (Level::Warn, what.to_owned()));
    }

    #[test]
    fn what_was_not_asked_is_said() {
        let mut facts = facts(Some("eth0"), &[]);
        facts.wire = Wire::NotAsked("that takes root".to_owned(), "sudo weir doctor");
        let levels: Vec<_> = told(&facts).into_iter().map(|(level, _)| level).collect();
        assert_eq!(levels, [Level::Ok, Level::Note]);
    }

    #[test]
    fn the_status_of_weir_vip_is_read_and_nonsense_is_not() {
        let status = |holds: Value| {
            serde_json::json!({ "routers": [
                { "addresses": ["10.0.0.9/24"], "holds": true },
                { "addresses": ["10.0.0.100/24", 7], "holds": holds },
            ]})
        };
        let address = IpAddr::from([10, 0, 0, 100]);
        assert_eq!(holds(&status(Value::Bool(false)), address), Some(false));
        assert_eq!(holds(&status("x".into()), address), None);
        assert_eq!(holds(&Value::Null, address), None);
    }
}
