//! Everything from the site file, which says it once for all nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use weir_vrrp::{Authentication, Family, Version};

use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::lint::facts::{
    AclOrigin, Backend, Facts, Fate, Front, Language, Layer, Limit, Pool, Router, Server,
};
use crate::site::{Node, PoolUse, RoleName, Site, Treatment, VrrpVersion};

/// The priority of the node that a floating address prefers; each other one has one less.
const FIRST_PRIORITY: u8 = 254;

/// `host` is the name of this machine, when its interfaces are to be looked at.
pub(super) fn gather(
    text: &str,
    file: &str,
    host: Option<&str>,
    facts: &mut Facts,
) -> Result<(), Vec<Diagnostic>> {
    let (site, warnings) = Site::load(text, file)?;
    facts.remarks.extend(warnings);
    let subscribers = &mut facts.subscribers;
    subscribers.networks.extend(&site.subscribers.networks);
    subscribers.cgnat.extend(&site.subscribers.cgnat);
    subscribers.count = subscribers.count.or(Some(site.subscribers.count));
    let neighbours = site
        .networks
        .iter()
        .filter(|network| network.purposes.subscribers);
    subscribers
        .neighbours
        .extend(neighbours.flat_map(|network| &network.prefixes));
    facts.layers.extend(layers(&site));
    facts
        .servers
        .extend(site.nodes.iter().filter_map(|node| server(&site, node)));
    facts.routers.extend(routers(&site, host));
    facts.fronts.push(front(&site, file));
    Ok(())
}

fn front(site: &Site, file: &str) -> Front {
    let at = |path: &str| site.places.of(path);
    let fate = |treatment: Treatment, path: &str| Placed {
        value: if treatment == Treatment::Answer {
            Fate::Forwarded
        } else {
            Fate::Kept
        },
        place: at(path),
    };
    let limit = |cgnat, value, path: &str| Limit {
        cgnat,
        per_second: Placed {
            value,
            place: at(path),
        },
    };
    let limits = &site.limits;
    let own = limit(None, limits.queries_per_address, "limits.queries_per_address");
    let shared = site.subscribers.cgnat.iter().map(|mask| {
        limit(
            Some(*mask),
            limits.queries_per_cgnat_address,
            "limits.queries_per_cgnat_address",
        )
    });
    let subscribers = site.subscribers.networks.iter().chain(&site.subscribers.cgnat);
    Front {
        node: site.name.clone(),
        language: Language::Site,
        place: Place::new(file, 0),
        listen: listen(site),
        own: BTreeSet::new(),
        acl: Placed {
            value: subscribers.copied().collect(),
            place: at("subscribers.networks"),
        },
        acl_origin: AclOrigin::Written,
        rules: Vec::new(),
        pools: pools(site),
        internet: { site.pools.iter() }
            .filter(|pool| matches!(pool.used, PoolUse::Internet(_)))
            .map(|pool| pool.name.clone())
            .collect(),
        any: fate(site.policy.any, "policy.any"),
        chaos: fate(site.policy.chaos, "policy.chaos"),
        stranger: fate(site.policy.strangers, "policy.strangers"),
        limits: std::iter::once(own).chain(shared).collect(),
        doors: Vec::new(),
    }
}

/// Every front end listens on its own addresses and on the floating ones that it may hold.
fn listen(site: &Site) -> Vec<Placed<SocketAddr>> {
    let own = site.fronts().flat_map(|node| {
        let place = site.places.of(&format!("nodes.{}.address", node.name));
        node.subscriber_addresses()
            .map(move |own| (own.address, place.clone()))
    });
    let floating = site.floating.iter().map(|floating| {
        (
            floating.address,
            site.places.of(&format!("floating.{}.address", floating.name)),
        )
    });
    own.chain(floating)
        .map(|(address, place)| Placed {
            value: SocketAddr::new(address, 53),
            place,
        })
        .collect()
}

fn pools(site: &Site) -> Vec<Pool> {
    let described = site.pools.iter().map(|pool| {
        let (role, names): (_, Vec<_>) = match &pool.used {
            PoolUse::Internet(_) => (RoleName::Resolve, site.health.names.clone()),
            PoolUse::Zones => {
                let zones = site.zones.iter().filter(|zone| zone.pool.name == pool.name);
                (RoleName::Auth, zones.map(|zone| zone.name).take(1).collect())
            }
        };
        let probes = names
            .iter()
            .map(|name| name.to_string().trim_end_matches('.').to_lowercase())
            .cycle();
        // Without a name to ask for, as many servers as there are have no probe.
        let mut probes = probes.map(Some).chain(std::iter::repeat(None));
        let backends = pool.nodes.iter().filter_map(|node| {
            Some(Backend {
                address: SocketAddr::new(node.backend_addresses().next()?.address, node.port(role)),
                place: site.places.of(&format!("nodes.{}.address", node.name)),
                probe: probes.next().flatten().map(|value| Placed {
                    value,
                    place: site.places.of("health.names"),
                }),
            })
        });
        Pool {
            name: pool.name.clone(),
            place: site.places.of(&format!("pools.{}", pool.name)),
            backends: backends.collect(),
            cache: (site.cache.entries > 0).then(|| Placed {
                value: site.cache.entries,
                place: site.places.of("cache.entries"),
            }),
            policy: pool.policy.to_string(),
        }
    });
    described.collect()
}

fn layers(site: &Site) -> Vec<Layer> {
    let node_place = |node: &Node| site.places.of(&format!("nodes.{}", node.name));
    let mut layers = vec![Layer {
        what: "the front end".to_owned(),
        place: site
            .fronts()
            .next()
            .map_or_else(Place::default, |node| node_place(node)),
        members: names(site.fronts()),
        fix: "give another node the roles \"front\" and \"vip\", and a floating address to both".to_owned(),
    }];
    layers.extend(site.floating.iter().map(|floating| Layer {
        what: format!("the floating address {}", floating.name),
        place: site.places.of(&format!("floating.{}", floating.name)),
        members: names(&floating.nodes),
        fix: "add another node with the role \"vip\"".to_owned(),
    }));
    layers.extend(site.pools.iter().map(|pool| {
        let members = names(&pool.nodes);
        let path = match members.iter().next() {
            Some(only) if site.places.of(&format!("pools.{}", pool.name)).line == 0 => {
                format!("nodes.{only}")
            }
            _ => format!("pools.{}", pool.name),
        };
        let role = match pool.used {
            PoolUse::Zones => RoleName::Auth,
            PoolUse::Internet(_) => RoleName::Resolve,
        };
        Layer {
            what: format!("the pool {}", pool.name),
            place: site.places.of(&path),
            members,
            fix: format!("add another node with the role \"{role}\" to it"),
        }
    }));
    layers
}

fn names<'n>(nodes: impl IntoIterator<Item = &'n Arc<Node>>) -> BTreeSet<String> {
    nodes.into_iter().map(|node| node.name.clone()).collect()
}

fn server(site: &Site, node: &Node) -> Option<Server> {
    let roles = site.places.of(&format!("nodes.{}.roles", node.name));
    let zones = site.zones_of(node).filter(|_| node.has(RoleName::Auth));
    let zones: Vec<_> = zones
        .map(|zone| Placed {
            value: zone.name.to_string().trim_end_matches('.').to_owned(),
            place: roles.clone(),
        })
        .collect();
    let recursion = node.has(RoleName::Resolve).then(|| Placed {
        value: Vec::new(),
        place: roles.clone(),
    });
    (recursion.is_some() || !zones.is_empty()).then(|| Server {
        node: node.name.clone(),
        language: Language::Site,
        recursion,
        zones,
        options: BTreeMap::new(),
    })
}

/// The virtual routers that the floating addresses make; the interface is known where it can be looked for.
fn routers(site: &Site, host: Option<&str>) -> Vec<Router> {
    let mut routers = Vec::new();
    for floating in &site.floating {
        for (rank, node) in floating.nodes.iter().enumerate() {
            let is_here = host.is_some_and(|host| host.eq_ignore_ascii_case(&node.name));
            let own = node.addresses.iter().find(|own| own.network == floating.network);
            routers.push(Router {
                node: node.name.clone(),
                language: Language::Site,
                router_id: None,
                place: site.places.of(&format!("floating.{}", floating.name)),
                interface: own.and_then(|own| own.interface.clone()).filter(|_| is_here),
                family: if floating.address.is_ipv4() {
                    Family::V4
                } else {
                    Family::V6
                },
                vrid: floating.vrid,
                priority: FIRST_PRIORITY.saturating_sub(u8::try_from(rank).unwrap_or(u8::MAX)),
                starts_as_master: false,
                version: match floating.version {
                    VrrpVersion::Two(_) => Version::V2,
                    VrrpVersion::Three => Version::V3,
                },
                interval: floating.advert,
                authentication: Authentication::None,
                addresses: vec![floating.address],
                tracks: true,
            });
        }
    }
    routers
}
