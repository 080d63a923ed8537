//! `dnsdist.conf` for dnsdist from 1.7 on, and for `weir front`.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;

use weir_wire::NameBuf;

use super::{backend, commas, each, may_ask};
use crate::site::model::{Node, Pool, PoolUse, SecretSource, Site, StatusPage};
use crate::site::words::{BlockedAnswer, OverLimit, RoleName, Treatment};

/// Pools for our own zones get this share of the cache: their names are few.
const ZONES_SHARE: u64 = 10;

pub(super) fn render(site: &Site, node: &Node) -> String {
    let mut text = String::new();
    text += &listen(site, node);
    text += &strangers(site, node);
    text += &unwelcome(site);
    text += &blocked(site);
    text += &limits(site);
    text += &servers(site, node);
    text += &caches(site);
    text += &routes(site);
    text += &observe(site, node);
    text
}

/// Its own address, and each floating one whether or not it is here now.
fn listen(site: &Site, node: &Node) -> String {
    let own = node
        .subscriber_addresses()
        .map(|own| (own.address, String::new()));
    let floating = site
        .floating_of(node)
        .map(|(floating, _)| (floating.address, format!("  -- {}", floating.name)));
    let mut text = String::from("\n");
    for (number, (address, note)) in own.chain(floating).enumerate() {
        let function = if number == 0 { "setLocal" } else { "addLocal" };
        let _ = writeln!(text, "{function}(\"{}\"){note}", SocketAddr::new(address, 53));
    }
    text
}

/// Who may ask: nobody but who is named here, since `setACL` replaces dnsdist's own ranges.
fn strangers(site: &Site, node: &Node) -> String {
    let masks = may_ask(site, node);
    let public: Vec<_> = site
        .zones
        .iter()
        .filter(|zone| zone.public)
        .map(|zone| zone.name)
        .collect();
    let acl = |masks: Vec<String>| {
        format!(
            "setACL({{{}}})\n",
            commas(masks.iter().map(|mask| format!("\"{mask}\"")))
        )
    };
    let known = || acl(masks.iter().map(ToString::to_string).collect());
    let everybody = || acl(vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()]);
    match (site.policy.strangers, public.is_empty()) {
        (Treatment::Answer, _) => everybody(),
        (Treatment::Drop, true) => known(),
        (treatment, _) => {
            let mut text = everybody() + &group("subscribers", &masks);
            let mut rules = vec!["NotRule(NetmaskGroupRule(subscribers))".to_owned()];
            if !public.is_empty() {
                text += &suffixes("public", &public);
                rules.push("NotRule(SuffixMatchNodeRule(public))".to_owned());
            }
            text + &rule(&format!("AndRule({{{}}})", rules.join(", ")), treat(treatment))
        }
    }
}

/// ANY and CHAOS.
fn unwelcome(site: &Site) -> String {
    let mut text = String::from("\n");
    for (selector, treatment) in [
        ("QTypeRule(DNSQType.ANY)", site.policy.any),
        ("QClassRule(DNSClass.CHAOS)", site.policy.chaos),
    ] {
        if treatment != Treatment::Answer {
            text += &rule(selector, treat(treatment));
        }
    }
    text
}

fn blocked(site: &Site) -> String {
    let policy = &site.policy;
    if policy.blocked.is_empty() && policy.blocked_file.is_none() {
        return String::new();
    }
    let mut text = suffixes("blocked", &policy.blocked);
    if let Some(file) = &policy.blocked_file {
        let _ = write!(
            text,
            "for line in io.lines(\"{}\") do\n  local name = line:match(\"^%s*([^#%s]+)\")\n  \
             if name then blocked:add(newDNSName(name)) end\nend\n",
            file.display()
        );
    }
    let action = match policy.blocked_answer {
        BlockedAnswer::NxDomain => "RCodeAction(DNSRCode.NXDOMAIN)",
        BlockedAnswer::Refuse => "RCodeAction(DNSRCode.REFUSED)",
        BlockedAnswer::Drop => "DropAction()",
    };
    text + &rule("SuffixMatchNodeRule(blocked)", action)
}

/// A limit for addresses of one subscriber, another one for addresses of many.
fn limits(site: &Site) -> String {
    let limits = &site.limits;
    let (over, action) = match limits.over_limit {
        OverLimit::Drop => (None, "DropAction()"),
        OverLimit::Refuse => (None, "RCodeAction(DNSRCode.REFUSED)"),
        OverLimit::Truncate => (Some("TCPRule(false)"), "TCAction()"),
    };
    let mut text = String::new();
    let mut limit = |who: Option<&str>, queries: Option<u64>| {
        let Some(queries) = queries else { return };
        let count = format!("MaxQPSIPRule({queries})");
        let parts: Vec<&str> = who.into_iter().chain([count.as_str()]).chain(over).collect();
        text += &match parts.as_slice() {
            [one] => rule(one, action),
            many => rule(&format!("AndRule({{{}}})", many.join(", ")), action),
        };
    };
    if site.subscribers.cgnat.is_empty() {
        limit(None, limits.queries_per_address);
        return text;
    }
    limit(
        Some("NotRule(NetmaskGroupRule(cgnat))"),
        limits.queries_per_address,
    );
    limit(Some("NetmaskGroupRule(cgnat)"), limits.queries_per_cgnat_address);
    group("cgnat", &site.subscribers.cgnat) + &text
}

/// One server per node and role, in all of its pools.
fn servers(site: &Site, node: &Node) -> String {
    let mut text = String::from("\nsetServFailWhenNoServer(true)\nsetVerboseHealthChecks(true)\n");
    for role in [RoleName::Auth, RoleName::Resolve] {
        let servers = site.nodes.iter().filter(|server| server.has(role));
        for (number, server) in servers.enumerate() {
            let pools: Vec<&Pool> = { site.pools.iter().map(AsRef::as_ref) }
                .filter(|pool| pool.role() == role && pool.nodes.contains(server))
                .collect();
            let Some(address) = backend(server, role).filter(|_| !pools.is_empty()) else {
                continue;
            };
            let _ = writeln!(
                text,
                "newServer({{address=\"{address}\", name=\"{}\", pool={{{}}}{}, {}}})",
                server.name,
                commas(pools.iter().map(|pool| format!("\"{}\"", pool.name))),
                source(node, address),
                probe(site, role, server, number),
            );
        }
    }
    for pool in &site.pools {
        let _ = writeln!(text, "setPoolServerPolicy({}, \"{}\")", pool.policy, pool.name);
    }
    text
}

/// The node's own address, since servers know it by that one and not by a floating one.
fn source(node: &Node, server: SocketAddr) -> String {
    let own = node
        .backend_addresses()
        .find(|own| own.address.is_ipv4() == server.is_ipv4());
    own.map_or_else(String::new, |own| format!(", source=\"{}\"", own.address))
}

/// An authoritative server is asked for one of its zones, a resolver for the next of the health names.
fn probe(site: &Site, role: RoleName, server: &Node, number: usize) -> String {
    let health = &site.health;
    let zone = site.zones_of(server).next().filter(|_| role == RoleName::Auth);
    let (name, kind) = match zone {
        Some(zone) => (Some(zone.name), "SOA"),
        None => (
            health
                .names
                .iter()
                .cycle()
                .nth(number % health.names.len().max(1))
                .copied(),
            "NS",
        ),
    };
    // Names other than the root have an address rather than name servers.
    let kind = match name {
        Some(name) if zone.is_none() && name.as_name().label_count() > 0 => "A",
        _ => kind,
    };
    // An authoritative server without zones refuses what it is asked; that it answers is enough.
    let must_resolve = zone.is_some() || role == RoleName::Resolve;
    format!(
        "checkName=\"{}\", checkType=\"{kind}\", mustResolve={must_resolve}, checkInterval={}, checkTimeout={}, \
         maxCheckFailures={}, rise={}",
        name.map_or_else(|| ".".to_owned(), |name| name.to_string()),
        health.interval.as_secs(),
        health.timeout.as_millis(),
        health.failures,
        health.successes
    )
}

/// A cache per pool, so that no answer about a zone comes from a resolver.
fn caches(site: &Site) -> String {
    let cache = &site.cache;
    if cache.entries == 0 {
        return String::new();
    }
    let mut text = String::from("\n");
    let stale = cache.serve_stale.as_secs();
    if stale > 0 {
        let _ = writeln!(text, "setStaleCacheEntriesTTL({stale})");
    }
    for pool in &site.pools {
        let entries = match pool.used {
            PoolUse::Internet(_) => cache.entries,
            PoolUse::Zones => cache.entries.div_ceil(ZONES_SHARE),
        };
        let _ = writeln!(
            text,
            "getPool(\"{}\"):setCache(newPacketCache({entries}, {{maxTTL={}, maxNegativeTTL={}, \
             temporaryFailureTTL={}, keepStaleData={}}}))",
            pool.name,
            cache.max_ttl.as_secs(),
            cache.max_negative_ttl.as_secs(),
            cache.failure_ttl.as_secs(),
            stale > 0
        );
    }
    text
}

/// Our zones first, then pools of some subscribers, then everybody's.
fn routes(site: &Site) -> String {
    let mut text = String::from("\n");
    let mut last = rule("AllRule()", "RCodeAction(DNSRCode.REFUSED)");
    for (number, pool) in site.pools.iter().enumerate() {
        let action = format!("PoolAction(\"{}\")", pool.name);
        match &pool.used {
            PoolUse::Zones => {
                let zones: Vec<_> = site
                    .zones
                    .iter()
                    .filter(|zone| zone.pool.name == pool.name)
                    .map(|zone| zone.name)
                    .collect();
                if !zones.is_empty() {
                    let variable = format!("zones{number}");
                    text += &suffixes(&variable, &zones);
                    text += &rule(&format!("SuffixMatchNodeRule({variable})"), &action);
                }
            }
            PoolUse::Internet(clients) if clients.is_empty() => last = rule("AllRule()", &action),
            PoolUse::Internet(_) => {}
        }
    }
    for (number, pool) in site.pools.iter().enumerate() {
        if let PoolUse::Internet(clients) = &pool.used
            && !clients.is_empty()
        {
            let variable = format!("clients{number}");
            text += &group(&variable, clients);
            text += &rule(
                &format!("NetmaskGroupRule({variable})"),
                &format!("PoolAction(\"{}\")", pool.name),
            );
        }
    }
    text + &last
}

/// Limits of TCP, console, status page.
fn observe(site: &Site, node: &Node) -> String {
    let mut text = String::from("\n");
    if let Some(connections) = site.limits.tcp_connections_per_address {
        let _ = writeln!(text, "setMaxTCPConnectionsPerClient({connections})");
    }
    let monitoring = &site.monitoring;
    let _ = writeln!(text, "controlSocket(\"127.0.0.1:{}\")", monitoring.console_port);
    match &monitoring.page {
        StatusPage::Local => {
            let _ = write!(
                text,
                "webserver(\"127.0.0.1:{}\")\nsetWebserverConfig({{acl=\"127.0.0.0/8\", \
                 dashboardRequiresAuthentication=false, statsRequireAuthentication=false}})\n",
                monitoring.port
            );
        }
        StatusPage::Remote { allow, password } => {
            for own in node.management_addresses().take(1) {
                let _ = writeln!(
                    text,
                    "webserver(\"{}\")",
                    SocketAddr::new(own.address, monitoring.port)
                );
            }
            text += "local file = assert(io.open(";
            text += &match password {
                SecretSource::File(path) => format!("\"{}\"", path.display()),
                SecretSource::Credential(name) => format!(
                    "assert(os.getenv(\"CREDENTIALS_DIRECTORY\"), \"started without credentials\") .. \"/{name}\""
                ),
            };
            let _ = write!(
                text,
                "))\nsetWebserverConfig({{password=assert(file:read(\"*l\"), \"no password in the file\"), \
                 acl=\"{}\"}})\nfile:close()\n",
                commas(allow)
            );
        }
    }
    text
}

fn rule(selector: &str, action: &str) -> String {
    format!("addAction({selector}, {action})\n")
}

fn treat(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::Answer => "AllowAction()",
        Treatment::Drop => "DropAction()",
        Treatment::Refuse => "RCodeAction(DNSRCode.REFUSED)",
    }
}

/// A variable with a set of names and everything below them.
fn suffixes(variable: &str, names: &[NameBuf]) -> String {
    let names = names
        .iter()
        .map(|name| format!("{variable}:add(newDNSName(\"{name}\"))"));
    format!("local {variable} = newSuffixMatchNode()\n{}", each(names, "\n"))
}

/// A variable with a set of networks.
fn group<M: Display>(variable: &str, masks: &[M]) -> String {
    let masks = masks.iter().map(|mask| format!("{variable}:addMask(\"{mask}\")"));
    format!("local {variable} = newNMG()\n{}", each(masks, "\n"))
}
