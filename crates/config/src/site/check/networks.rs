//! Networks: disjoint, and each of some use.

use std::sync::Arc;

use weir_policy::Netmask;

use crate::diagnostics::{Diagnostic, Place};
use crate::site::keys::NetworkSpec;
use crate::site::model::{Network, Purposes};
use crate::site::spec::{Named, Spec};
use crate::site::words::Purpose;

pub(super) fn check(spec: &Spec, findings: &mut Vec<Diagnostic>) -> Vec<Arc<Network>> {
    let mut seen: Vec<(Netmask, Place)> = Vec::new();
    let mut networks = Vec::new();
    for named in &spec.networks {
        let prefixes = named
            .spec
            .prefix
            .as_ref()
            .map(|list| list.value.as_slice())
            .unwrap_or_default();
        for prefix in prefixes {
            let shares = |other: &&(Netmask, Place)| {
                other.0.contains(prefix.value.network()) || prefix.value.contains(other.0.network())
            };
            if let Some((other, place)) = seen.iter().find(shares) {
                let why = format!(
                    "{} and {other} are not two networks: one is in the other",
                    prefix.value
                );
                findings.push(
                    Diagnostic::error(prefix.place.clone(), why).related(place.clone(), "the other one"),
                );
            }
            seen.push((prefix.value, prefix.place.clone()));
        }
        networks.push(Arc::new(Network {
            name: named.name.value.clone(),
            prefixes: super::values(prefixes),
            purposes: purposes(named, spec.networks.len(), findings),
        }));
    }
    networks
}

/// As written; else the one that the network is named after; else all, where it is the only network.
fn purposes(named: &Named<NetworkSpec>, networks: usize, findings: &mut Vec<Diagnostic>) -> Purposes {
    let name = named.name.value.as_str();
    let is_for = |purpose: Purpose| match &named.spec.purposes {
        Some(written) => written.value.iter().any(|one| one.value == purpose),
        None => networks == 1 || name == purpose.to_string(),
    };
    let purposes = Purposes {
        subscribers: is_for(Purpose::Subscribers),
        backend: is_for(Purpose::Backend),
        management: is_for(Purpose::Management),
    };
    if purposes != Purposes::default() {
        return purposes;
    }
    let place = { named.spec.purposes.as_ref() }.map_or(&named.name.place, |written| &written.place);
    let why = format!("the network {name} does not say who is reached through it");
    let finding = Diagnostic::error(place.clone(), why)
        .help("add `purposes`: \"subscribers\", \"backend\" and \"management\", or some of them");
    findings.push(finding);
    // Nothing else is wrong because of that.
    Purposes {
        subscribers: true,
        backend: true,
        management: true,
    }
}
