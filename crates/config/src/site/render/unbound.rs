//! `unbound.conf` for Unbound from 1.13 on.

use std::fmt::Write as _;
use std::path::Path;

use super::{each, front_addresses, management_alone};
use crate::site::model::{Node, Site};
use crate::site::words::RoleName;

/// unbound wants the cache for messages at half of the one for records.
const MESSAGES_SHARE: u64 = 3;

pub(super) fn render(site: &Site, node: &Node, directory: &Path) -> String {
    let resolver = &site.resolver;
    let own = node
        .backend_addresses()
        .map(|own| format!("    interface: {}", own.address));
    let fronts = front_addresses(site)
        .into_iter()
        .map(|address| format!("    access-control: {address} allow"));
    let management = management_alone(site)
        .into_iter()
        .map(|mask| format!("    access-control: {mask} allow"));
    let has_ipv6 = node.addresses.iter().any(|own| own.address.is_ipv6());
    let messages = resolver.cache.0 / MESSAGES_SHARE;
    let per_thread = resolver.clients.div_ceil(resolver.threads);
    let mut text = format!(
        "\nserver:\n    directory: \"{}\"\n    chroot: \"\"\n    username: \"\"\n    pidfile: \"\"\n    \
         do-daemonize: no\n    use-syslog: no\n    port: {}\n",
        directory.display(),
        node.port(RoleName::Resolve)
    );
    text += &each(own.chain(fronts).chain(management), "\n");
    let _ = write!(
        text,
        "    do-ip6: {}\n    num-threads: {}\n    so-reuseport: yes\n    msg-cache-size: {messages}\n    \
         rrset-cache-size: {}\n    num-queries-per-thread: {per_thread}\n    outgoing-range: {}\n    \
         edns-buffer-size: 1232\n    prefetch: yes\n    qname-minimisation: yes\n    hide-identity: yes\n    \
         hide-version: yes\n",
        if has_ipv6 { "yes" } else { "no" },
        resolver.threads,
        resolver.cache.0 - messages,
        2 * per_thread,
    );
    if resolver.trust_anchors.is_empty() {
        text += "    module-config: \"iterator\"\n";
    } else {
        text += "    module-config: \"validator iterator\"\n";
        let anchors = resolver
            .trust_anchors
            .iter()
            .map(|anchor| format!("    trust-anchor: \". DS {anchor}\""));
        text += &each(anchors, "\n");
    }
    if let Some(hints) = &resolver.root_hints {
        let _ = writeln!(text, "    root-hints: \"{}\"", hints.display());
    }
    let _ = write!(
        text,
        "\nremote-control:\n    control-enable: yes\n    control-interface: \"{}/unbound.control\"\n    \
         control-use-cert: no\n",
        directory.display()
    );
    text
}
