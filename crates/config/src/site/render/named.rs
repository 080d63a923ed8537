//! `named.conf` for BIND from 9.16 on, in the role `auth` or `resolve`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use super::{each, front_addresses, management_alone};
use crate::site::model::{Node, Site, Zone};
use crate::site::words::RoleName;

pub(super) fn render(site: &Site, node: &Node, role: RoleName, directory: &Path) -> String {
    let options = match role {
        RoleName::Resolve => resolve_options(site),
        _ => auth_options(site, node),
    };
    let body = match role {
        RoleName::Resolve => anchors_and_hints(site),
        _ => site.zones_of(node).map(|zone| self::zone(zone, node)).collect(),
    };
    let port = node.port(role);
    let own: Vec<IpAddr> = node.backend_addresses().map(|own| own.address).collect();
    format!(
        "\noptions {{\n    directory \"{}\";\n    pid-file none;\n    session-keyfile none;\n    \
         listen-on port {port} {{ {} }};\n    listen-on-v6 port {port} {{ {} }};\n    \
         version none;\n    hostname none;\n    server-id none;\n    \
         edns-udp-size 1232;\n    max-udp-size 1232;\n    minimal-responses yes;\n    notify explicit;\n\
         {options}}};\n\n// Nobody changes it while it runs but who started it.\ncontrols {{ }};\n{body}",
        directory.display(),
        elements(own.iter().filter(|address| address.is_ipv4())),
        elements(own.iter().filter(|address| address.is_ipv6())),
    )
}

/// The items of a list in braces; an empty one is `none`.
fn elements<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    match each(items, "; ").trim_end() {
        "" => "none;".to_owned(),
        items => items.to_owned(),
    }
}

/// Front ends and those who run the site.
fn clients(site: &Site) -> impl Iterator<Item = String> {
    let fronts = front_addresses(site)
        .into_iter()
        .map(|address| address.to_string());
    fronts.chain(management_alone(site).into_iter().map(|mask| mask.to_string()))
}

fn auth_options(site: &Site, node: &Node) -> String {
    let mut peers: Vec<IpAddr> = site
        .zones_of(node)
        .flat_map(|zone| secondaries(zone, node))
        .collect();
    peers.sort_unstable();
    peers.dedup();
    let may_ask = clients(site).chain(peers.iter().map(IpAddr::to_string));
    format!(
        "    recursion no;\n    allow-query {{ {} }};\n    allow-transfer {{ none; }};\n    dnssec-validation no;\n",
        elements(may_ask)
    )
}

/// Who transfers the zone from this node.
fn secondaries(zone: &Zone, node: &Node) -> Vec<IpAddr> {
    let others = zone.pool.nodes.iter().filter(|other| other.name != node.name);
    let others = others.flat_map(|other| other.backend_addresses().map(|own| own.address));
    match &zone.primary {
        Some(primary) if primary.name == node.name => {
            others.chain(zone.transfer_to.iter().copied()).collect()
        }
        Some(_) => Vec::new(),
        None => zone.transfer_to.clone(),
    }
}

fn zone(zone: &Zone, node: &Node) -> String {
    let name = zone.name.to_string();
    let name = name.trim_end_matches('.');
    if let Some(primary) = zone.primary.as_ref().filter(|primary| primary.name != node.name) {
        let port = primary.port(RoleName::Auth);
        let from = primary
            .backend_addresses()
            .map(|own| format!("{} port {port}", own.address));
        return format!(
            "\nzone \"{name}\" {{\n    type secondary;\n    primaries {{ {} }};\n    file \"{}.secondary\";\n}};\n",
            elements(from),
            name.replace('/', "_")
        );
    }
    let mut text = format!(
        "\nzone \"{name}\" {{\n    type primary;\n    file \"{}\";\n",
        zone.file.display()
    );
    let secondaries = secondaries(zone, node);
    if !secondaries.is_empty() {
        let list = elements(secondaries.iter());
        let _ = write!(
            text,
            "    allow-transfer {{ {list} }};\n    also-notify {{ {list} }};\n"
        );
    }
    text + "};\n"
}

fn resolve_options(site: &Site) -> String {
    let resolver = &site.resolver;
    let clients = elements(clients(site));
    format!(
        "    recursion yes;\n    allow-query {{ {clients} }};\n    allow-recursion {{ {clients} }};\n    \
         allow-transfer {{ none; }};\n    dnssec-validation {};\n    max-cache-size {};\n    \
         recursive-clients {};\n",
        if resolver.trust_anchors.is_empty() {
            "no"
        } else {
            "yes"
        },
        resolver.cache.0,
        resolver.clients
    )
}

/// Where validation and resolution start.
fn anchors_and_hints(site: &Site) -> String {
    let resolver = &site.resolver;
    let mut text = String::new();
    if !resolver.trust_anchors.is_empty() {
        let anchors = resolver.trust_anchors.iter().map(|anchor| {
            let (tag, algorithm, kind) = (anchor.key_tag, anchor.algorithm, anchor.digest_type);
            format!("    . initial-ds {tag} {algorithm} {kind} \"{}\"", anchor.digest)
        });
        let _ = write!(text, "\ntrust-anchors {{\n{}}};\n", each(anchors, ";\n"));
    }
    if let Some(hints) = &resolver.root_hints {
        let _ = write!(
            text,
            "\nzone \".\" {{\n    type hint;\n    file \"{}\";\n}};\n",
            hints.display()
        );
    }
    text
}
