//! Pools and zones: servers that can do what is asked of them.

use std::path::PathBuf;
use std::sync::Arc;

use weir_wire::NameBuf;

use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::site::keys::PoolSpec;
use crate::site::model::{Node, Pool, PoolUse, Zone};
use crate::site::spec::Spec;
use crate::site::values::{NodeName, domain};
use crate::site::words::RoleName;

/// The pool that zones are in unless they say otherwise.
const AUTH: &str = "auth";
/// The pool for the rest of the Internet.
const RECURSIVE: &str = "rec";

/// The pools that are written, and the two that need not be.
pub(super) fn check_pools(
    spec: &Spec,
    nodes: &[Arc<Node>],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Arc<Pool>> {
    let mut pools = Vec::new();
    for named in &spec.pools {
        let Placed { value: name, place } = &named.name;
        let used = pool_use(spec, name, &named.spec);
        let role = role_of(&used);
        let members = match &named.spec.nodes {
            Some(written) => with_role(&written.value, nodes, role, findings),
            None if [AUTH, RECURSIVE].contains(&name.as_str()) => all_with(nodes, role),
            None => Vec::new(),
        };
        if members.is_empty() && spec.has_complete_nodes() {
            let finding = Diagnostic::error(place.clone(), format!("the pool {name} has no server"));
            findings.push(finding.help(format!("add `nodes` with the role \"{role}\"")));
        }
        check_clients(name, &named.spec, &used, place, findings);
        pools.push(Arc::new(Pool {
            name: name.clone(),
            nodes: members,
            used,
            policy: named.spec.policy.value,
        }));
    }
    for name in [AUTH, RECURSIVE] {
        let default = PoolSpec::default();
        let used = pool_use(spec, name, &default);
        let members = all_with(nodes, role_of(&used));
        if !members.is_empty() && !pools.iter().any(|pool| pool.name == name) {
            pools.push(Arc::new(Pool {
                name: name.to_owned(),
                nodes: members,
                used,
                policy: default.policy.value,
            }));
        }
    }
    pools
}

/// A pool that a zone names is for zones.
fn pool_use(spec: &Spec, name: &str, pool: &PoolSpec) -> PoolUse {
    if name == AUTH || spec.zones.iter().any(|zone| zone.spec.pool.value.0 == name) {
        return PoolUse::Zones;
    }
    let clients = pool.clients.as_ref().map(|list| super::values(&list.value));
    PoolUse::Internet(clients.unwrap_or_default())
}

fn role_of(used: &PoolUse) -> RoleName {
    match used {
        PoolUse::Zones => RoleName::Auth,
        PoolUse::Internet(_) => RoleName::Resolve,
    }
}

/// `rec` is for everybody, every other pool for somebody.
fn check_clients(name: &str, spec: &PoolSpec, used: &PoolUse, place: &Place, findings: &mut Vec<Diagnostic>) {
    match (used, &spec.clients) {
        (PoolUse::Zones, Some(clients)) => {
            let why = format!("the pool {name} serves zones, for everybody who may ask");
            findings.push(Diagnostic::error(clients.place.clone(), why));
        }
        (PoolUse::Internet(_), Some(clients)) if name == RECURSIVE => {
            let why = "the pool rec has everybody who is in no other pool";
            findings
                .push(Diagnostic::error(clients.place.clone(), why).help("give these a pool of their own"));
        }
        (PoolUse::Internet(clients), _) if clients.is_empty() && name != RECURSIVE => {
            let finding = Diagnostic::error(place.clone(), format!("nobody's queries go to the pool {name}"));
            findings.push(finding.help("add `clients`, or name the pool in a zone"));
        }
        _ => {}
    }
}

fn all_with(nodes: &[Arc<Node>], role: RoleName) -> Vec<Arc<Node>> {
    nodes.iter().filter(|node| node.has(role)).cloned().collect()
}

fn with_role(
    names: &[Placed<NodeName>],
    nodes: &[Arc<Node>],
    role: RoleName,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Arc<Node>> {
    for name in names {
        let node = nodes.iter().find(|node| node.name == name.value.0);
        if node.is_some_and(|node| !node.has(role)) {
            let why = format!("{} does not have the role {role}", name.value.0);
            findings.push(Diagnostic::error(name.place.clone(), why));
        }
    }
    find_nodes(names, nodes, findings)
}

/// The nodes of these names, each once.
pub(super) fn find_nodes(
    names: &[Placed<NodeName>],
    nodes: &[Arc<Node>],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Arc<Node>> {
    let mut found: Vec<Arc<Node>> = Vec::new();
    for Placed {
        value: NodeName(name),
        place,
    } in names
    {
        if found.iter().any(|node| node.name == *name) {
            findings.push(Diagnostic::error(place.clone(), format!("{name} is there twice")));
        } else if let Some(node) = nodes.iter().find(|node| node.name == *name) {
            found.push(Arc::clone(node));
        } else {
            let known: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
            findings.push(super::no_such(place, "node", name, &known));
        }
    }
    found
}

pub(super) fn check_zones(
    spec: &Spec,
    pools: &[Arc<Pool>],
    nodes: &[Arc<Node>],
    findings: &mut Vec<Diagnostic>,
) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::new();
    for named in &spec.zones {
        // A bad name was reported when it was read.
        let Ok(name) = domain(&named.name.value) else {
            continue;
        };
        if zones.iter().any(|zone| zone.name == name) {
            let why = format!("the zone {name} is there twice");
            findings.push(Diagnostic::error(named.name.place.clone(), why));
        }
        let pool_name = named.spec.pool.value.0.as_str();
        let Some(pool) = pools.iter().find(|pool| pool.name == pool_name) else {
            if spec.has_complete_nodes() {
                findings.push(no_pool(
                    spec,
                    &named.name.value,
                    &named.spec.pool.place,
                    pool_name,
                    pools,
                ));
            }
            continue;
        };
        let primary = named.spec.primary.as_ref().and_then(|primary| {
            let found = find_nodes(std::slice::from_ref(primary), nodes, findings).pop()?;
            if !pool.nodes.iter().any(|node| node.name == found.name) {
                let why = format!(
                    "{} is not in the pool {pool_name}, which serves the zone",
                    found.name
                );
                findings.push(Diagnostic::error(primary.place.clone(), why));
            }
            Some(found)
        });
        zones.push(Zone {
            file: named
                .spec
                .file
                .as_ref()
                .map_or_else(|| default_file(&name), |file| file.value.clone()),
            name,
            pool: Arc::clone(pool),
            primary,
            transfer_to: super::values(&named.spec.transfer_to.value),
            public: named.spec.public.value,
        });
    }
    zones
}

/// `/etc/weir/db.NAME`; RFC 2317's names of reverse zones have slashes.
fn default_file(name: &NameBuf) -> PathBuf {
    let name = name.to_string().replace('/', "-");
    format!("/etc/weir/db.{}", name.trim_end_matches('.')).into()
}

fn no_pool(spec: &Spec, zone: &str, written: &Place, pool: &str, pools: &[Arc<Pool>]) -> Diagnostic {
    if written.span.is_none() {
        let place = spec.places.of(&format!("zones.{zone}"));
        let finding = Diagnostic::error(
            place,
            format!("nobody serves the zone {zone}: no node has the role auth"),
        );
        return finding.help("give a node the role \"auth\"");
    }
    let known: Vec<_> = pools.iter().map(|pool| pool.name.as_str()).collect();
    super::no_such(written, "pool", pool, &known)
}
