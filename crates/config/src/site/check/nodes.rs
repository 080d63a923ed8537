//! Nodes: addresses in the site's networks, and those that each role needs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::site::keys::NodeSpec;
use crate::site::model::{Address, Network, Node, Roles};
use crate::site::spec::{Named, Spec};
use crate::site::values::{Interface, InterfaceNames};
use crate::site::words::RoleName;

pub(super) fn check(
    spec: &Spec,
    networks: &[Arc<Network>],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Arc<Node>> {
    let mut taken = BTreeMap::new();
    let mut nodes = Vec::new();
    for named in &spec.nodes {
        let node = Node {
            name: named.name.value.clone(),
            addresses: addresses(spec, named, networks, findings),
            roles: roles(spec, named, findings),
        };
        for own in named.spec.address.iter().flat_map(|list| &list.value) {
            take(&mut taken, own.value.address, &own.place, findings);
        }
        if spec.is_complete_node(&node.name) {
            check_reach(&node, named, findings);
        }
        nodes.push(Arc::new(node));
    }
    for floating in &spec.floating {
        if let Some(address) = &floating.spec.address {
            take(&mut taken, address.value.address, &address.place, findings);
        }
    }
    if nodes.is_empty() {
        let finding = Diagnostic::error(spec.places.of(""), "the site has no nodes")
            .help("add one: nodes.dns1 = { address = \"192.0.2.1\", roles = [\"front\", \"resolve\"] }");
        findings.push(finding);
    }
    nodes
}

/// Notes whose an address is.
fn take(taken: &mut BTreeMap<IpAddr, Place>, address: IpAddr, place: &Place, findings: &mut Vec<Diagnostic>) {
    match taken.get(&address) {
        Some(first) => findings.push(
            Diagnostic::error(place.clone(), format!("{address} is there twice"))
                .related(first.clone(), "first here"),
        ),
        None => drop(taken.insert(address, place.clone())),
    }
}

fn addresses(
    spec: &Spec,
    named: &Named<NodeSpec>,
    networks: &[Arc<Network>],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Address> {
    let written = named
        .spec
        .address
        .as_ref()
        .map(|list| list.value.as_slice())
        .unwrap_or_default();
    let mut addresses: Vec<Address> = Vec::new();
    for own in written {
        let Some((network, prefix)) = find_network(networks, own, findings) else {
            continue;
        };
        addresses.push(Address {
            address: own.value.address,
            prefix,
            network: Arc::clone(network),
            interface: interface(spec, named, &network.name),
        });
    }
    if let Some(Placed {
        value: InterfaceNames::PerNetwork(names),
        ..
    }) = &named.spec.interface
    {
        let known: Vec<_> = networks.iter().map(|network| network.name.as_str()).collect();
        for (network, _) in names {
            if !known.contains(&network.value.as_str()) {
                findings.push(super::no_such(&network.place, "network", &network.value, &known));
            } else if !addresses
                .iter()
                .any(|address| address.network.name == network.value)
            {
                let why = format!(
                    "{} has no address in the network {}",
                    named.name.value, network.value
                );
                findings.push(Diagnostic::error(network.place.clone(), why));
            }
        }
    }
    addresses
}

/// The network that has the address, and the length of its prefix.
pub(super) fn find_network<'n>(
    networks: &'n [Arc<Network>],
    own: &Placed<Interface>,
    findings: &mut Vec<Diagnostic>,
) -> Option<(&'n Arc<Network>, u8)> {
    let Interface { address, prefix } = own.value;
    let all = networks
        .iter()
        .flat_map(|network| network.prefixes.iter().map(move |prefix| (network, *prefix)));
    match all.clone().find(|(_, mask)| mask.contains(address)) {
        Some((network, mask)) => {
            if mask.network() == address && mask.prefix_len() < super::floating::full_length(address) - 1 {
                let why = format!(
                    "{address} is the network {} itself, not an address in it",
                    network.name
                );
                findings.push(Diagnostic::error(own.place.clone(), why));
            }
            Some((network, prefix.unwrap_or_else(|| mask.prefix_len())))
        }
        None => {
            let known: Vec<_> = all
                .map(|(network, mask)| format!("{} {mask}", network.name))
                .collect();
            let finding = Diagnostic::error(
                own.place.clone(),
                format!("{address} is in no network of this site"),
            )
            .help(match known.len() {
                0 => "the file has no networks; add one: networks.lan.prefix = \"192.0.2.0/24\"".to_owned(),
                _ => format!("there are {}", known.join(", ")),
            });
            findings.push(finding);
            None
        }
    }
}

/// The node's own word, else the network's.
fn interface(spec: &Spec, named: &Named<NodeSpec>, network: &str) -> Option<String> {
    let own = match &named.spec.interface {
        Some(Placed {
            value: InterfaceNames::Everywhere(name),
            ..
        }) => Some(name.clone()),
        Some(Placed {
            value: InterfaceNames::PerNetwork(names),
            ..
        }) => { names.iter() }
            .find(|(of, _)| of.value == network)
            .map(|(_, name)| name.clone()),
        None => None,
    };
    own.or_else(|| {
        let network = spec.networks.iter().find(|other| other.name.value == network)?;
        Some(network.spec.interface.as_ref()?.value.0.clone())
    })
}

fn roles(spec: &Spec, named: &Named<NodeSpec>, findings: &mut Vec<Diagnostic>) -> Roles {
    let node = &named.spec;
    let written = node
        .roles
        .as_ref()
        .map(|list| list.value.as_slice())
        .unwrap_or_default();
    let has = |role: RoleName| written.iter().any(|one| one.value == role);
    let programs = [
        (RoleName::Front, node.front.as_ref().map(|server| &server.place)),
        (RoleName::Vip, node.vip.as_ref().map(|server| &server.place)),
        (RoleName::Auth, node.auth.as_ref().map(|server| &server.place)),
        (
            RoleName::Resolve,
            node.resolve.as_ref().map(|server| &server.place),
        ),
    ];
    for (role, place) in programs {
        if let Some(place) = place.filter(|_| !has(role)) {
            let why = format!(
                "{} does not have the role {role}, so this says nothing",
                named.name.value
            );
            findings.push(Diagnostic::warning(place.clone(), why));
        }
    }
    let servers = &spec.servers;
    Roles {
        front: has(RoleName::Front).then(|| node.front.as_ref().unwrap_or(&servers.front).value),
        vip: has(RoleName::Vip).then(|| node.vip.as_ref().unwrap_or(&servers.vip).value),
        auth: has(RoleName::Auth).then(|| node.auth.as_ref().unwrap_or(&servers.auth).value),
        resolve: has(RoleName::Resolve).then(|| node.resolve.as_ref().unwrap_or(&servers.resolve).value),
    }
}

/// Whether the node has the addresses that its roles need.
fn check_reach(node: &Node, named: &Named<NodeSpec>, findings: &mut Vec<Diagnostic>) {
    // An address that is in no network was reported already.
    let Some(written) = &named.spec.address else {
        return;
    };
    if node.addresses.len() < written.value.len() {
        return;
    }
    let mut miss = |role: RoleName, purpose: &str, why: &str| {
        let finding = Diagnostic::error(
            written.place.clone(),
            format!(
                "{} has no address in a network with the purpose {purpose}",
                node.name
            ),
        );
        findings.push(finding.label(format!("{role}: {why}")));
    };
    if node.has(RoleName::Front) && node.subscriber_addresses().next().is_none() {
        miss(RoleName::Front, "subscribers", "nobody could ask it");
    }
    for role in [RoleName::Front, RoleName::Auth, RoleName::Resolve] {
        if node.has(role) && node.backend_addresses().next().is_none() {
            let why = match role {
                RoleName::Front => "it could ask nobody",
                _ => "no front end could ask it",
            };
            miss(role, "backend", why);
        }
    }
}
