//! A front end from dnsdist's configuration: it is run, and then asked.

use std::any::Any;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use weir_balance::Mode;
use weir_policy::selectors::Regex;
use weir_policy::{Action, Netmask, PoolId, Selector};
use weir_wire::QType;
use weir_wire::hash::Seed;

use super::ask::{self, Asked};
use crate::check::is_well_known;
use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::dialects::dnsdist::{Carry, Overrides, Session};
use crate::lint::facts::{
    AclOrigin, Backend, Door, Facts, Fate, Front, Language, Limit, Lock, Pool, Rule, default_masks,
};
use crate::settings::{Listen, Secret};
use crate::spec::Spec;

/// Most addresses that are tried.
const MAX_SUBSCRIBERS: usize = 100;

pub(super) fn gather(text: &str, file: &str, node: &str, facts: &mut Facts) -> Result<(), Vec<Diagnostic>> {
    // Nobody chooses names to make the sets of a check slow.
    let carry = Carry::new(Seed::new([1, 2]));
    let loaded = Session::load(text, Path::new(file), &Overrides::default(), carry)?;
    facts.remarks.extend(loaded.warnings);
    let spec = loaded.session.spec();
    let whole = Place::new(file, 0);
    let acl = acl(&spec, &whole);
    let acl_origin = acl_origin(&spec, &acl);
    let rules = rules(&spec);
    let pools = pools(&spec);
    let mut front = Front {
        node: node.to_owned(),
        language: Language::Foreign,
        listen: listen(&spec, &whole),
        own: own(&spec),
        any: unknown(&whole),
        chaos: unknown(&whole),
        stranger: unknown(&acl.place),
        acl,
        acl_origin,
        rules,
        pools,
        internet: BTreeSet::new(),
        limits: Vec::new(),
        doors: doors(&spec),
        place: whole,
    };
    ask(&spec, &mut front, facts);
    facts.fronts.push(front);
    Ok(())
}

fn unknown(place: &Place) -> Placed<Fate> {
    Placed {
        value: Fate::Kept,
        place: place.clone(),
    }
}

/// Plays clients of all sorts.
fn ask(spec: &Spec, front: &mut Front, facts: &Facts) {
    let mut asked = Asked::new(spec);
    let answered: Vec<_> = { addresses(spec, front, facts).into_iter() }
        .filter_map(|address| Some((address, asked.pool_of(address)?)))
        .collect();
    // Where nobody is answered, everybody meets the same.
    let subscriber = answered
        .first()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |(address, _)| *address);
    let decided_at = |rule: Option<usize>| {
        let rule = rule.and_then(|rule| spec.rules.query.get(rule));
        rule.map_or_else(|| front.place.clone(), |rule| rule.place.clone())
    };
    let fate = |outcome: &ask::Outcome| Placed {
        value: if outcome.pool.is_some() {
            Fate::Forwarded
        } else {
            Fate::Kept
        },
        place: decided_at(outcome.rule),
    };
    let any = fate(&asked.query(subscriber, QType::ANY));
    let chaos = fate(&asked.chaos(subscriber));
    let clients = std::iter::once((None, subscriber));
    let cgnat = facts
        .subscribers
        .cgnat
        .iter()
        .map(|mask| (Some(*mask), mask.network()));
    let limits: Vec<_> = clients
        .chain(cgnat)
        .map(|(cgnat, client)| {
            let limit = asked.limit(client);
            Limit {
                cgnat,
                per_second: Placed {
                    value: limit.map(|(queries, _)| queries),
                    place: decided_at(limit.map(|(_, rule)| rule)),
                },
            }
        })
        .collect();
    if asked.serves_strangers() {
        front.stranger.value = Fate::Forwarded;
    }
    front.internet = answered
        .iter()
        .filter_map(|(_, pool)| pool_name(spec, *pool))
        .collect();
    (front.any, front.chaos, front.limits) = (any, chaos, limits);
}

/// Addresses that subscribers may have: of the networks that the operator or the access list names, that a rule looks
/// for, or of dnsdist's own ranges.
fn addresses(spec: &Spec, front: &Front, facts: &Facts) -> Vec<IpAddr> {
    let named = facts.subscribers.networks.iter().copied();
    let sources = { spec.rules.query.iter() }.flat_map(|rule| ask::sources(&*rule.value.selector));
    let all = named
        .chain(front.written_masks())
        .chain(sources)
        .chain(default_masks());
    all.map(last_address).take(MAX_SUBSCRIBERS).collect()
}

/// The last address of a network: rules for a part of it are mostly about its beginning.
fn last_address(mask: Netmask) -> IpAddr {
    let len = u32::from(mask.prefix_len());
    match mask.network() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() | u32::MAX.checked_shr(len).unwrap_or(0)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() | u128::MAX.checked_shr(len).unwrap_or(0)).into(),
    }
}

fn pool_name(spec: &Spec, pool: PoolId) -> Option<String> {
    spec.pools.get(pool).map(|pool| pool.name.as_str().to_owned())
}

fn listen(spec: &Spec, whole: &Place) -> Vec<Placed<SocketAddr>> {
    let written: Vec<_> = { spec.listen.iter() }
        .map(|listen| Placed {
            value: listen.value.address,
            place: listen.place.clone(),
        })
        .collect();
    if written.is_empty() {
        return vec![Placed {
            value: Listen::default().address,
            place: whole.clone(),
        }];
    }
    written
}

/// What it listens on, and where it asks its servers from.
fn own(spec: &Spec) -> BTreeSet<IpAddr> {
    let listen = spec.listen.iter().map(|listen| listen.value.address.ip());
    let sources = spec
        .backends
        .iter()
        .filter_map(|backend| backend.settings.source.address);
    listen
        .chain(sources)
        .filter(|address| !address.is_unspecified())
        .collect()
}

fn acl(spec: &Spec, whole: &Place) -> Placed<Vec<Netmask>> {
    Placed {
        // What is excluded with `!` makes the list narrower, which no rule asks about.
        value: spec.acl.to_masks().filter_map(|mask| mask.parse().ok()).collect(),
        place: spec.acl_place.clone().unwrap_or_else(|| whole.clone()),
    }
}

fn acl_origin(spec: &Spec, acl: &Placed<Vec<Netmask>>) -> AclOrigin {
    let keeps_all = default_masks().iter().all(|mask| acl.value.contains(mask));
    match (keeps_all, &spec.acl_place) {
        (_, None) => AclOrigin::Default,
        (true, Some(_)) => AclOrigin::Extended,
        (false, Some(_)) => AclOrigin::Written,
    }
}

fn rules(spec: &Spec) -> Vec<Placed<Rule>> {
    let chain = &spec.rules.query;
    let described = chain.iter().zip(ask::hidden(chain)).map(|(rule, hidden_by)| {
        let (_, pool) = ask::effect(&rule.value);
        Placed {
            value: Rule {
                text: format!("{} => {}", rule.value.selector, rule.value.action),
                is_limit: is_limit(&rule.value),
                patterns: patterns(&rule.value.selector),
                hidden_by,
                pool: pool_name(spec, pool).filter(|_| pool != PoolId::DEFAULT),
            },
            place: rule.place.clone(),
        }
    });
    described.collect()
}

fn is_limit(rule: &weir_policy::Rule<dyn Action>) -> bool {
    let text = format!("{} {}", rule.selector, rule.action).to_lowercase();
    ask::declared_rate(&*rule.selector).is_some() || text.contains("qps")
}

fn patterns(selector: &Arc<dyn Selector>) -> Vec<String> {
    let any: &dyn Any = &**selector;
    let own = any
        .downcast_ref::<Regex>()
        .map(|regex| regex.pattern().to_owned());
    let parts = selector.parts().iter().flat_map(patterns);
    own.into_iter().chain(parts).collect()
}

fn pools(spec: &Spec) -> Vec<Pool> {
    let described = spec.pools.iter().map(|pool| Pool {
        name: pool.name.as_str().to_owned(),
        place: pool.place.clone(),
        backends: { spec.backends.iter() }
            .filter(|backend| {
                // A server without a pool is in the default one.
                backend.pools.contains(&pool.name)
                    || (backend.pools.is_empty() && pool.name.id() == PoolId::DEFAULT)
            })
            .map(|backend| Backend {
                address: backend.settings.address,
                place: backend.place.clone(),
                probe: (backend.settings.mode == Mode::Auto).then(|| {
                    let name = backend.settings.check.name.to_string();
                    Placed {
                        value: name.trim_end_matches('.').to_lowercase(),
                        place: backend.place.clone(),
                    }
                }),
            })
            .collect(),
        cache: { pool.cache }
            .and_then(|cache| spec.caches.get(cache.0))
            .map(|cache| Placed {
                value: cache.value.max_entries as u64,
                place: cache.place.clone(),
            }),
        policy: pool.policy.unwrap_or(spec.policy).name.to_owned(),
    });
    described.collect()
}

fn doors(spec: &Spec) -> Vec<Door> {
    let lock = |secret: &Option<Secret>| match secret.as_ref().map(Secret::reveal) {
        None | Some("") => Lock::Absent,
        Some(word) if is_well_known(word) => Lock::WellKnown,
        Some(_) => Lock::Secret,
    };
    let mut doors = Vec::new();
    if let Some(listen) = &spec.web.listen {
        let access = &spec.web.access;
        let password = if access.dashboard_requires_auth {
            lock(&access.password)
        } else {
            Lock::Absent
        };
        let mut locks = vec![("password", password)];
        // Without a key, the API lets nobody in.
        if access.api_key.is_some() {
            locks.push(("API key", lock(&access.api_key)));
        }
        doors.push(Door {
            what: "status page",
            listen: listen.clone(),
            locks,
        });
    }
    if let Some(listen) = &spec.console.listen {
        let locks = vec![("key", lock(&spec.console.key))];
        doors.push(Door {
            what: "console",
            listen: listen.clone(),
            locks,
        });
    }
    doors
}
