//! Kernel settings of a node, for `sysctl -p`.
//!
//! Not here: `fs.file-max`, which today's kernels start far above what the blueprint sets; how many files a program may
//! open is a limit of its unit.

use std::fmt::Write as _;

use super::commas;
use crate::site::model::{Node, Site};
use crate::site::words::RoleName;

/// For every DNS server: room for bursts in sockets and between card and kernel.
const EVERYBODY: &[(&str, &str)] = &[
    ("net.core.rmem_max", "67108864"),
    ("net.core.wmem_max", "67108864"),
    ("net.core.netdev_max_backlog", "500000"),
    ("net.ipv4.udp_mem", "262144 524288 1048576"),
    ("net.ipv4.udp_rmem_min", "16384"),
    ("net.ipv4.udp_wmem_min", "16384"),
    ("net.ipv4.ip_local_port_range", "1024 65000"),
];

/// For who holds floating addresses: servers may listen on one that is elsewhere now, and when an address goes, others of
/// the same network stay.
const HOLDERS: &[(&str, &str)] = &[
    ("net.ipv4.ip_nonlocal_bind", "1"),
    ("net.ipv6.ip_nonlocal_bind", "1"),
    ("net.ipv4.conf.all.promote_secondaries", "1"),
];

/// For front ends: connections that one which ends has not accepted yet go to its successor.
const FRONTS: &[(&str, &str)] = &[("net.ipv4.tcp_migrate_req", "1")];

pub(super) fn render(site: &Site, node: &Node) -> String {
    let holders = if node.has(RoleName::Vip) { HOLDERS } else { &[] };
    let fronts = if node.has(RoleName::Front) { FRONTS } else { &[] };
    let mut text = String::from("\n");
    for (name, value) in EVERYBODY.iter().chain(holders).chain(fronts) {
        let _ = writeln!(text, "{name} = {value}");
    }
    // An outgoing query must not take a port that a server is about to listen on.
    let mut ports: Vec<u16> = [RoleName::Auth, RoleName::Resolve]
        .into_iter()
        .filter(|role| node.has(*role))
        .map(|role| node.port(role))
        .filter(|port| *port >= 1024)
        .collect();
    if node.has(RoleName::Front) {
        ports.extend([site.monitoring.console_port, site.monitoring.port]);
    }
    ports.sort_unstable();
    if !ports.is_empty() {
        let _ = writeln!(
            text,
            "net.ipv4.ip_local_reserved_ports = {}",
            commas(ports).replace(' ', "")
        );
    }
    text
}
