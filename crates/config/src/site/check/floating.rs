//! Floating addresses: who may hold them, and VRRP's own rules.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics::{Diagnostic, Place};
use crate::site::keys::FloatingSpec;
use crate::site::model::{Floating, Network, Node, VrrpVersion};
use crate::site::spec::{Named, Spec};
use crate::site::words::RoleName;

/// The longest interval that an advert of version 3 has room for (RFC 9568 §5.2.7: 12 bits of centiseconds).
const MAX_ADVERT_V3: Duration = Duration::from_millis(40_950);

pub(super) fn check(
    spec: &Spec,
    networks: &[Arc<Network>],
    nodes: &[Arc<Node>],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Floating> {
    let mut all: Vec<(Floating, Place)> = Vec::new();
    for named in &spec.floating {
        let Some(floating) = check_one(spec, named, networks, nodes, findings) else {
            continue;
        };
        let place = named
            .spec
            .vrid
            .as_ref()
            .map_or(&named.name.place, |vrid| &vrid.place);
        let clashes = |(other, _): &&(Floating, Place)| {
            other.vrid == floating.vrid
                && other.network == floating.network
                && other.address.is_ipv4() == floating.address.is_ipv4()
        };
        if let Some((other, first)) = all.iter().find(clashes) {
            let why = format!(
                "{} and {} would be one virtual router: both have VRID {} in the network {}",
                floating.name, other.name, floating.vrid, floating.network.name
            );
            let finding = Diagnostic::error(place.clone(), why).related(first.clone(), "first here");
            findings.push(finding.help("give one of them another `vrid`"));
        }
        all.push((floating, place.clone()));
    }
    let all: Vec<_> = all.into_iter().map(|(floating, _)| floating).collect();
    // Whom an address with a mistake was meant for is not known.
    if findings.is_empty() {
        warn_of_idle(spec, &all, nodes, findings);
    }
    all
}

fn check_one(
    spec: &Spec,
    named: &Named<FloatingSpec>,
    networks: &[Arc<Network>],
    nodes: &[Arc<Node>],
    findings: &mut Vec<Diagnostic>,
) -> Option<Floating> {
    let written = named.spec.address.as_ref()?;
    let address = written.value.address;
    let (network, prefix) = super::nodes::find_network(networks, written, findings)?;
    if !network.purposes.subscribers {
        let why = format!(
            "subscribers do not reach {address}: the network {} is not for them",
            network.name
        );
        findings.push(Diagnostic::error(written.place.clone(), why));
    }
    let (version, advert) = version(named, address, findings);
    Some(Floating {
        name: named.name.value.clone(),
        address,
        prefix,
        nodes: holders(spec, named, address, network, nodes, findings),
        network: Arc::clone(network),
        vrid: vrid(named, address, findings),
        version,
        advert,
        preempt: named.spec.preempt.value,
    })
}

fn vrid(named: &Named<FloatingSpec>, address: IpAddr, findings: &mut Vec<Diagnostic>) -> u8 {
    let last = match address {
        IpAddr::V4(v4) => v4.octets().last().copied(),
        IpAddr::V6(v6) => v6.octets().last().copied(),
    };
    let vrid = match &named.spec.vrid {
        Some(written) => u8::try_from(written.value.0).unwrap_or(0),
        None => last.unwrap_or(0),
    };
    if vrid == 0 {
        let why = format!("the last byte of {address} is 0, which is no VRID");
        findings.push(Diagnostic::error(named.name.place.clone(), why).help("add `vrid`, 1 to 255"));
    }
    vrid
}

/// The version, from what is written and whether there is a password, and an interval that it can express.
fn version(
    named: &Named<FloatingSpec>,
    address: IpAddr,
    findings: &mut Vec<Diagnostic>,
) -> (VrrpVersion, Duration) {
    let FloatingSpec {
        version,
        advert,
        password_file,
        password_credential,
        ..
    } = &named.spec;
    let password = super::secret(password_file.as_ref(), password_credential.as_ref(), findings);
    let is_two = version
        .as_ref()
        .map_or_else(|| password.is_some(), |version| version.value.0 == 2);
    let default = Duration::from_millis(if is_two { 1000 } else { 300 });
    let interval = advert.as_ref().map_or(default, |advert| advert.value.0);
    let advert_place = advert.as_ref().map_or(&named.name.place, |advert| &advert.place);
    if !is_two {
        if password.is_some() {
            let place = version
                .as_ref()
                .map_or(&named.name.place, |version| &version.place);
            let finding = Diagnostic::error(place.clone(), "VRRP version 3 has no password (RFC 9568 §9)");
            findings.push(finding.help("remove the password, or write `version = 2`"));
        }
        if interval > MAX_ADVERT_V3 || interval.subsec_millis() % 10 != 0 {
            let why = "VRRP version 3 counts hundredths of a second, at most 40.95 s (RFC 9568 §5.2.7)";
            findings.push(Diagnostic::error(advert_place.clone(), why));
        }
        return (VrrpVersion::Three, interval);
    }
    if address.is_ipv6() {
        let place = version
            .as_ref()
            .map_or(&named.name.place, |version| &version.place);
        let finding = Diagnostic::error(place.clone(), "VRRP version 2 does not know IPv6");
        findings.push(finding.help("remove the password and write `version = 3`"));
    }
    if interval.subsec_nanos() != 0 {
        let finding = Diagnostic::error(
            advert_place.clone(),
            "VRRP version 2 counts whole seconds (RFC 3768 §5.3.7)",
        );
        findings.push(finding.help("write whole seconds, or `version = 3` and no password"));
    }
    (VrrpVersion::Two(password), interval)
}

/// The nodes that may hold the address, each with what it needs for that.
fn holders(
    spec: &Spec,
    named: &Named<FloatingSpec>,
    address: IpAddr,
    network: &Arc<Network>,
    nodes: &[Arc<Node>],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Arc<Node>> {
    let place = |index: usize| {
        let written = named.spec.nodes.as_ref().and_then(|list| list.value.get(index));
        written.map_or(&named.name.place, |one| &one.place).clone()
    };
    let holders = match &named.spec.nodes {
        Some(written) => super::pools::find_nodes(&written.value, nodes, findings),
        None => nodes
            .iter()
            .filter(|node| node.has(RoleName::Vip))
            .cloned()
            .collect(),
    };
    if holders.is_empty() && spec.has_complete_nodes() {
        let finding = Diagnostic::error(named.name.place.clone(), format!("no node holds {address}"));
        findings.push(finding.help("give nodes the roles \"front\" and \"vip\""));
    }
    let complete = |(_, node): &(usize, &Arc<Node>)| spec.is_complete_node(&node.name);
    for (index, node) in holders.iter().enumerate().filter(complete) {
        let mut lacks = |what: String, help: String| {
            let why = format!("{} cannot hold {address}: {what}", node.name);
            findings.push(Diagnostic::error(place(index), why).help(help));
        };
        for role in [RoleName::Front, RoleName::Vip] {
            if !node.has(role) {
                lacks(
                    format!("it does not have the role {role}"),
                    format!("add \"{role}\" to its roles"),
                );
            }
        }
        match node.address_in(network, address) {
            None => {
                let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
                let why = format!("it has no {family} address in the network {}", network.name);
                lacks(why, format!("add one to nodes.{}.address", node.name));
            }
            Some(own) if own.interface.is_none() => {
                let why = format!("its interface in the network {} has no name", network.name);
                let help = format!(
                    "add networks.{}.interface or nodes.{}.interface",
                    network.name, node.name
                );
                lacks(why, help);
            }
            Some(_) => {}
        }
    }
    holders
}

fn warn_of_idle(spec: &Spec, all: &[Floating], nodes: &[Arc<Node>], findings: &mut Vec<Diagnostic>) {
    let is_holder = |node: &Node| {
        all.iter()
            .any(|floating| floating.nodes.iter().any(|other| other.name == node.name))
    };
    for node in nodes
        .iter()
        .filter(|node| node.has(RoleName::Vip) && !is_holder(node))
    {
        let place = spec.places.of(&format!("nodes.{}.roles", node.name));
        let why = format!("{} has the role vip and no floating address", node.name);
        findings.push(Diagnostic::warning(place, why));
    }
}

/// Bits of an address of this family.
pub(super) fn full_length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
