//! A node's firewall, for `nft -f`: a table of its own that replaces itself.
//!
//! Subscribers reach front ends, on port 53; front ends reach the servers behind them; those who run the site reach
//! everything. UDP with clients is not tracked: a table of connections is the first thing that a flood fills.

use std::fmt::Write as _;
use std::net::IpAddr;

use weir_policy::Netmask;

use super::{backend, commas, covering, front_addresses, host, management_alone, may_ask};
use crate::site::model::{Floating, Node, Site, StatusPage};
use crate::site::words::RoleName;

pub(super) fn render(site: &Site, node: &Node) -> String {
    let mut untracked_in = String::new();
    let mut untracked_out = String::new();
    let mut accepted = String::new();
    if node.has(RoleName::Front) {
        untracked_in += "        udp dport 53 notrack\n";
        untracked_out += "        udp sport 53 notrack\n";
        accepted += &subscribers(site, node);
        accepted += &servers(site, &mut untracked_in, &mut untracked_out);
    }
    for (floating, _) in site.floating_of(node) {
        accepted += &adverts(node, floating);
    }
    for role in [RoleName::Auth, RoleName::Resolve]
        .into_iter()
        .filter(|role| node.has(*role))
    {
        let port = node.port(role);
        let _ = writeln!(untracked_in, "        udp dport {port} notrack");
        let _ = writeln!(untracked_out, "        udp sport {port} notrack");
        let mut clients = front_addresses(site);
        if role == RoleName::Auth {
            clients.extend(transfer_peers(site, node));
        }
        accepted += &from(
            &hosts(&clients),
            &format!("meta l4proto {{ tcp, udp }} th dport {port} accept"),
        );
    }
    accepted += &management(site, node);
    format!(
        "\ntable inet weir {{\n}}\ndelete table inet weir\ntable inet weir {{\n    chain before {{\n        \
         type filter hook prerouting priority raw;\n{untracked_in}    }}\n\n    chain after {{\n        \
         type filter hook output priority raw;\n{untracked_out}    }}\n\n    chain input {{\n        \
         type filter hook input priority filter; policy drop;\n        iif lo accept\n        \
         ct state established,related accept\n        meta l4proto {{ icmp, icmpv6 }} accept\n{accepted}    }}\n}}\n"
    )
}

/// VRRP of the others who may hold the address; over IPv6 it comes from link-local addresses (RFC 9568 §5.1.2.1).
fn adverts(node: &Node, floating: &Floating) -> String {
    let then = "meta l4proto vrrp accept";
    if floating.address.is_ipv6() {
        return format!("        ip6 saddr fe80::/10 {then}\n");
    }
    let peers = floating.nodes.iter().filter(|other| other.name != node.name);
    let peers = peers.filter_map(|other| other.address_in(&floating.network, floating.address));
    from(&hosts(&peers.map(|own| own.address).collect::<Vec<_>>()), then)
}

/// Queries of those who may ask, at the addresses where they are answered.
fn subscribers(site: &Site, node: &Node) -> String {
    let own = node.subscriber_addresses().map(|own| own.address);
    let own: Vec<IpAddr> = own
        .chain(site.floating_of(node).map(|(floating, _)| floating.address))
        .collect();
    let ports = "meta l4proto { tcp, udp } th dport 53 accept";
    let is_public = site.zones.iter().any(|zone| zone.public);
    let mut text = String::new();
    for (family, own) in by_family(&hosts(&own)) {
        if is_public {
            let _ = writeln!(text, "        {family} daddr {{ {own} }} {ports}");
            continue;
        }
        for (_, masks) in by_family(&may_ask(site, node))
            .into_iter()
            .filter(|(other, _)| *other == family)
        {
            let _ = writeln!(
                text,
                "        {family} saddr {{ {masks} }} {family} daddr {{ {own} }} {ports}"
            );
        }
    }
    text
}

/// Replies of the servers behind a front end; the queries to them are not tracked either.
fn servers(site: &Site, untracked_in: &mut String, untracked_out: &mut String) -> String {
    let mut text = String::new();
    for role in [RoleName::Auth, RoleName::Resolve] {
        for server in site
            .nodes
            .iter()
            .filter_map(|node| backend(node, role).filter(|_| node.has(role)))
        {
            let family = family(server.ip());
            let (address, port) = (server.ip(), server.port());
            let _ = writeln!(
                untracked_in,
                "        {family} saddr {address} udp sport {port} notrack"
            );
            let _ = writeln!(
                untracked_out,
                "        {family} daddr {address} udp dport {port} notrack"
            );
            let _ = writeln!(text, "        {family} saddr {address} udp sport {port} accept");
        }
    }
    text
}

/// Who transfers zones from the node, or tells it that one has changed.
fn transfer_peers(site: &Site, node: &Node) -> Vec<IpAddr> {
    let mut peers = Vec::new();
    for zone in site.zones_of(node) {
        peers.extend(&zone.transfer_to);
        if zone.primary.is_some() {
            let others = zone.pool.nodes.iter().filter(|other| other.name != node.name);
            peers.extend(others.flat_map(|other| other.backend_addresses().map(|own| own.address)));
        }
    }
    peers
}

/// In a network of their own, those who run the site reach everything; in one that subscribers ask from as well, they
/// get what has a password or a key of its own.
fn management(site: &Site, node: &Node) -> String {
    let alone = management_alone(site);
    let mut text = from(&alone, "accept");
    let shared: Vec<Netmask> = site.management().filter(|mask| !alone.contains(mask)).collect();
    if alone.is_empty() && shared.is_empty() {
        text += "        # The site has no management network.\n        tcp dport 22 accept\n";
    }
    text += &from(&shared, "tcp dport 22 accept");
    if let StatusPage::Remote { allow, .. } = &site.monitoring.page
        && node.has(RoleName::Front)
    {
        text += &from(allow, &format!("tcp dport {} accept", site.monitoring.port));
    }
    text
}

/// A line per family that has any.
fn from(masks: &[Netmask], then: &str) -> String {
    let mut text = String::new();
    for (family, masks) in by_family(masks) {
        let _ = writeln!(text, "        {family} saddr {{ {masks} }} {then}");
    }
    text
}

/// The masks of each family as elements of a set, one that has none left out.
fn by_family(masks: &[Netmask]) -> Vec<(&'static str, String)> {
    let of = |wanted: &'static str| {
        // The elements of a set in a rule must not overlap.
        let seen = covering(
            masks
                .iter()
                .copied()
                .filter(|mask| family(mask.network()) == wanted),
        );
        (!seen.is_empty()).then(|| (wanted, commas(seen)))
    };
    [of("ip"), of("ip6")].into_iter().flatten().collect()
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}

/// Addresses as masks of their full length.
fn hosts(addresses: &[IpAddr]) -> Vec<Netmask> {
    addresses.iter().copied().filter_map(host).collect()
}
