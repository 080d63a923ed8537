//! From files to facts.

mod ask;
mod dnsdist;
mod keepalived;
mod named;
mod site;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::facts::{Facts, Language, Layer};
use super::kind::Kind;
use super::{File, Given};
use crate::diagnostics::Diagnostic;
use crate::dialects::keepalived::Files;

/// Everything that the files say.
///
/// # Errors
/// What is wrong with each file that cannot be read.
pub(super) fn gather(files: &[File], given: &Given, disk: &dyn Files) -> Result<Facts, Vec<Diagnostic>> {
    let mut facts = Facts {
        interfaces: given.local.as_ref().map(|local| local.interfaces.clone()),
        ..Facts::default()
    };
    facts.subscribers.networks.extend(&given.subscribers);
    facts.subscribers.cgnat.extend(&given.cgnat);
    facts.subscribers.count = given.count;
    let host = given.local.as_ref().map(|local| local.host.as_str());
    let mut errors = Vec::new();
    let mut zone_names = BTreeMap::new();
    for (node, of_node) in by_node(files, Kind::Named) {
        match named::gather(&of_node, &node, disk, &mut facts) {
            Ok(zones) => {
                let named = zones
                    .iter()
                    .filter_map(|(file, zone)| Some((file.file_name()?.to_owned(), zone)));
                zone_names.extend(named.map(|(file, zone)| (file, zone.clone())));
            }
            Err(found) => errors.extend(found),
        }
    }
    for file in files {
        let File {
            name,
            text,
            kind,
            node,
        } = file;
        let label = node.as_deref().unwrap_or(name);
        let result = match kind {
            Kind::Site => site::gather(text, name, host, &mut facts),
            Kind::Dnsdist => dnsdist::gather(text, name, label, &mut facts),
            Kind::Keepalived => keepalived::gather(text, name, node.as_deref(), disk, &mut facts),
            Kind::Named => Ok(()),
            Kind::Zone => {
                let file_name = Path::new(name).file_name().unwrap_or_default();
                let by_name = || {
                    let stem = file_name.to_string_lossy().to_lowercase();
                    let stem = stem.strip_prefix("db.").unwrap_or(&stem);
                    stem.strip_suffix(".zone").unwrap_or(stem).to_owned()
                };
                let origin = zone_names.get(file_name).cloned().unwrap_or_else(by_name);
                zone::gather(text, name, &origin, &mut facts);
                Ok(())
            }
        };
        errors.extend(result.err().into_iter().flatten());
    }
    facts.layers.extend(pool_layers(&facts));
    facts.layers.extend(router_layers(&facts));
    if errors.is_empty() { Ok(facts) } else { Err(errors) }
}

/// The files of a kind by node, in the order in which they were given.
fn by_node(files: &[File], kind: Kind) -> Vec<(String, Vec<&File>)> {
    let mut nodes: Vec<(String, Vec<&File>)> = Vec::new();
    for file in files.iter().filter(|file| file.kind == kind) {
        let node = file.node.as_ref().unwrap_or(&file.name);
        match nodes.iter_mut().find(|(other, _)| other == node) {
            Some((_, of_node)) => of_node.push(file),
            None => nodes.push((node.clone(), vec![file])),
        }
    }
    nodes
}

/// Pools of foreign front ends, which may all know the same pool. The site file has its own layers.
fn pool_layers(facts: &Facts) -> Vec<Layer> {
    if !facts.layers.is_empty() {
        return Vec::new();
    }
    let mut layers: BTreeMap<&str, Layer> = BTreeMap::new();
    for pool in facts.fronts.iter().flat_map(|front| &front.pools) {
        let Some(first) = pool.backends.first() else {
            continue;
        };
        let layer = layers.entry(&pool.name).or_insert_with(|| Layer {
            what: pool.label(),
            place: first.place.clone(),
            members: BTreeSet::new(),
            fix: "add another newServer on another machine to it".to_owned(),
        });
        layer.members.extend(
            pool.backends
                .iter()
                .map(|backend| backend.address.ip().to_string()),
        );
    }
    layers.into_values().collect()
}

/// Virtual routers that one of several given nodes has alone. With one node's file nobody knows.
fn router_layers(facts: &Facts) -> Vec<Layer> {
    let routers = || {
        facts
            .routers
            .iter()
            .filter(|router| router.language == Language::Foreign)
    };
    let nodes: BTreeSet<_> = routers().map(|router| &router.node).collect();
    if nodes.len() < 2 {
        return Vec::new();
    }
    let mut layers = BTreeMap::new();
    for router in routers() {
        for address in &router.addresses {
            let layer = layers.entry(address).or_insert_with(|| Layer {
                what: format!("the floating address {address}"),
                place: router.place.clone(),
                members: BTreeSet::new(),
                fix: "add its vrrp_instance to another node".to_owned(),
            });
            layer.members.insert(router.node.clone());
        }
    }
    layers.into_values().collect()
}
