//! Whether what was written fits together: the only way from a [`Spec`] to a [`Site`].
//!
//! Each part is checked as far as it can be, so that one run names every mistake. What stands in for a bad part is
//! never seen: with a single error there is no site.

mod floating;
mod networks;
mod nodes;
mod pools;

use std::path::PathBuf;
use std::sync::Arc;

use weir_policy::Netmask;
use weir_wire::NameBuf;

use super::keys::{LimitsSpec, MonitoringSpec};
use super::model::{
    Cache, Digest, Health, Limits, Monitoring, Network, Node, Policy, Resolver, SecretSource, Site,
    StatusPage, Subscribers, Targets, TrustAnchor,
};
use super::spec::Spec;
use super::values::{CredentialName, Size};
use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::nearest::nearest;

/// Keys of the root zone, as IANA publishes them in `root-anchors.xml`.
const ROOT_ANCHORS: [(u16, &str); 2] = [
    (
        20326,
        "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ),
    (
        38696,
        "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    ),
];

/// The site, if there are no errors among the findings; `None` where there is too little to go on.
pub(super) fn check(spec: Spec, digest: Digest, findings: &mut Vec<Diagnostic>) -> Option<Site> {
    let networks = networks::check(&spec, findings);
    let nodes = nodes::check(&spec, &networks, findings);
    let floating = floating::check(&spec, &networks, &nodes, findings);
    let pools = pools::check_pools(&spec, &nodes, findings);
    let zones = pools::check_zones(&spec, &pools, &nodes, findings);
    let monitoring = check_monitoring(&spec, &networks, &nodes, findings);
    let subscribers = Subscribers {
        networks: spec
            .subscribers
            .networks
            .as_ref()
            .map(|list| values(&list.value))
            .unwrap_or_default(),
        cgnat: values(&spec.subscribers.cgnat.value),
        count: spec.subscribers.count.value.0,
    };
    let policy = &spec.policy;
    Some(Site {
        name: spec.site.name.as_ref()?.value.clone(),
        digest,
        networks,
        nodes,
        floating,
        pools,
        zones,
        policy: Policy {
            any: policy.any.value,
            chaos: policy.chaos.value,
            strangers: policy.strangers.value,
            blocked: values(&policy.blocked.value),
            blocked_file: policy.blocked_file.as_ref().map(|file| file.value.clone()),
            blocked_answer: policy.blocked_answer.value,
        },
        limits: limits(&spec.limits, &subscribers),
        cache: Cache {
            entries: number(&spec.cache.entries, |count| count.0)
                .unwrap_or_else(|| (10 * subscribers.count).clamp(10_000, 5_000_000)),
            max_ttl: spec.cache.max_ttl.value.0,
            max_negative_ttl: spec.cache.max_negative_ttl.value.0,
            failure_ttl: spec.cache.failure_ttl.value.0,
            serve_stale: spec.cache.serve_stale.value.0,
        },
        health: health(&spec),
        resolver: resolver(&spec, subscribers.count),
        monitoring,
        targets: Targets {
            convergence: spec.targets.convergence.value.0,
            failed_queries: spec.targets.failed_queries.value.0,
        },
        subscribers,
        places: spec.places,
    })
}

fn limits(spec: &LimitsSpec, subscribers: &Subscribers) -> Limits {
    let unlimited = |number: u64| (number > 0).then_some(number);
    let per_address = spec.queries_per_address.value.0;
    let connections = if subscribers.cgnat.is_empty() { 20 } else { 2000 };
    Limits {
        queries_per_address: unlimited(per_address),
        queries_per_cgnat_address: unlimited(
            number(&spec.queries_per_cgnat_address, |count| count.0).unwrap_or(100 * per_address),
        ),
        over_limit: spec.over_limit.value,
        tcp_connections_per_address: unlimited(
            number(&spec.tcp_connections_per_address, |count| count.0).unwrap_or(connections),
        ),
    }
}

fn health(spec: &Spec) -> Health {
    let health = &spec.health;
    let names = health
        .names
        .as_ref()
        .map(|names| values(&names.value))
        .unwrap_or_default();
    Health {
        names: if names.is_empty() {
            root().into_iter().collect()
        } else {
            names
        },
        interval: health.interval.value.0,
        timeout: health.timeout.value.0,
        failures: health.failures.value.0,
        successes: health.successes.value.0,
    }
}

fn root() -> Option<NameBuf> {
    ".".parse().ok()
}

fn resolver(spec: &Spec, subscribers: u64) -> Resolver {
    let resolver = &spec.resolver;
    let anchors = resolver
        .trust_anchors
        .as_ref()
        .map(|anchors| values(&anchors.value));
    let built_in = || {
        let anchor = |(key_tag, digest): (u16, &str)| TrustAnchor {
            key_tag,
            algorithm: 8,
            digest_type: 2,
            digest: digest.to_owned(),
        };
        ROOT_ANCHORS.map(anchor).to_vec()
    };
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    Resolver {
        cache: number(&resolver.cache, |size| size)
            .unwrap_or_else(|| Size((32 * KIB * subscribers / MIB * MIB).clamp(64 * MIB, 8192 * MIB))),
        clients: number(&resolver.clients, |count| count.0)
            .unwrap_or_else(|| (subscribers / 2).clamp(1000, 50_000)),
        threads: resolver.threads.value.0,
        trust_anchors: if resolver.dnssec.value {
            anchors.unwrap_or_else(built_in)
        } else {
            Vec::new()
        },
        root_hints: resolver.root_hints.as_ref().map(|file| file.value.clone()),
    }
}

fn check_monitoring(
    spec: &Spec,
    networks: &[Arc<Network>],
    nodes: &[Arc<Node>],
    findings: &mut Vec<Diagnostic>,
) -> Monitoring {
    let MonitoringSpec {
        port,
        allow,
        password_file,
        password_credential,
        console_port,
    } = &spec.monitoring;
    let port_number = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
    if port.value == console_port.value {
        let place = if port.place.span.is_some() {
            &port.place
        } else {
            &console_port.place
        };
        let why = format!(
            "the status page and the console cannot both have port {}",
            port.value.0
        );
        findings.push(Diagnostic::error(place.clone(), why));
    }
    let page = match secret(password_file.as_ref(), password_credential.as_ref(), findings) {
        None => {
            if let Some(allow) = allow {
                let finding =
                    Diagnostic::warning(allow.place.clone(), "nobody is let in here without a password")
                        .label("the page is on 127.0.0.1 only")
                        .help("add `password_file` or `password_credential`");
                findings.push(finding);
            }
            StatusPage::Local
        }
        Some(password) => {
            let management = networks.iter().filter(|network| network.purposes.management);
            let everybody = || {
                management
                    .flat_map(|network| network.prefixes.iter().copied())
                    .collect()
            };
            let allow: Vec<Netmask> = allow
                .as_ref()
                .map_or_else(everybody, |allow| values(&allow.value));
            for node in nodes.iter().filter(|node| node.roles.front.is_some()) {
                if node.management_addresses().next().is_none() {
                    let place = spec.places.of(&format!("nodes.{}.address", node.name));
                    let why = format!(
                        "{} has no address in a management network for its status page",
                        node.name
                    );
                    findings.push(Diagnostic::error(place, why));
                }
            }
            StatusPage::Remote { allow, password }
        }
    };
    Monitoring {
        port: port_number(port.value.0),
        page,
        console_port: port_number(console_port.value.0),
    }
}

/// A secret that may be in a file or a credential, but not in both.
fn secret(
    file: Option<&Placed<PathBuf>>,
    credential: Option<&Placed<CredentialName>>,
    findings: &mut Vec<Diagnostic>,
) -> Option<SecretSource> {
    match (file, credential) {
        (Some(file), Some(credential)) => {
            let finding = Diagnostic::error(
                credential.place.clone(),
                "the password is in a file or a credential, not both",
            )
            .related(file.place.clone(), "the file");
            findings.push(finding);
            None
        }
        (Some(file), None) => Some(SecretSource::File(file.value.clone())),
        (None, Some(credential)) => Some(SecretSource::Credential(credential.value.0.clone())),
        (None, None) => None,
    }
}

/// An error for a name that nothing has.
fn no_such(place: &Place, what: &str, name: &str, known: &[&str]) -> Diagnostic {
    let finding = Diagnostic::error(place.clone(), format!("there is no {what} '{name}'"));
    match nearest(name, known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean \"{near}\"?")),
        None if known.is_empty() => finding.help(format!("the file has no {what}")),
        None => finding.help(format!("there are {}", known.join(", "))),
    }
}

/// A list without places.
fn values<T: Clone>(list: &[Placed<T>]) -> Vec<T> {
    list.iter().map(|one| one.value.clone()).collect()
}

/// What was written for a key whose default depends on others.
fn number<T: Copy, U>(written: &Option<Placed<T>>, value: impl Fn(T) -> U) -> Option<U> {
    written.as_ref().map(|written| value(written.value))
}
