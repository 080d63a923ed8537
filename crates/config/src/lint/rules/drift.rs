//! Nodes of one role that have grown apart.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Rule};
use crate::diagnostics::{Place, Placed};
use crate::lint::facts::{self, Facts, Front, Language, Server, Zone, commas, joined};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "drift",
    level: Level::Warning,
    about: "nodes of one role whose configurations differ, aspect by aspect",
    bad_day: "the address moves to the other node, and the site behaves as somebody left it months ago",
    check,
};

/// Something that front ends have in common, as lines that can be compared, and where it is written.
struct Aspect {
    name: &'static str,
    of: fn(&Front) -> (Vec<String>, Place),
}

const ASPECTS: [Aspect; 8] = [
    Aspect {
        name: "listening",
        of: listening,
    },
    Aspect {
        name: "access list",
        of: access_list,
    },
    Aspect {
        name: "rules",
        of: |front| rules(front, |rule| !rule.is_limit),
    },
    Aspect {
        name: "limits",
        of: |front| rules(front, |rule| rule.is_limit),
    },
    Aspect {
        name: "pools",
        of: pools,
    },
    Aspect {
        name: "health checks",
        of: health_checks,
    },
    Aspect {
        name: "caches",
        of: caches,
    },
    Aspect {
        name: "balancing",
        of: balancing,
    },
];

fn check(facts: &Facts, found: &mut Found) {
    // All nodes of a site file are made of one text.
    let mut fronts = { facts.fronts.iter() }.filter(|front| front.language == Language::Foreign);
    if let Some(first) = fronts.next() {
        for other in fronts {
            for aspect in &ASPECTS {
                compare(first, other, aspect, found);
            }
        }
    }
    let roles: [fn(&&Server) -> bool; 2] = [
        |server| server.recursion.is_some(),
        |server| server.recursion.is_none() && !server.zones.is_empty(),
    ];
    for role in roles {
        let foreign = { facts.servers.iter() }.filter(|server| server.language == Language::Foreign);
        let mut servers = foreign.filter(role);
        if let Some(first) = servers.next() {
            servers.for_each(|other| compare_servers(first, other, found));
        }
    }
    let mut zones: BTreeMap<&str, &Zone> = BTreeMap::new();
    for zone in &facts.zones {
        match zones.get(zone.apex.as_str()) {
            Some(first) => compare_zones(first, zone, found),
            None => drop(zones.insert(&zone.apex, zone)),
        }
    }
}

fn compare(first: &Front, other: &Front, aspect: &Aspect, found: &mut Found) {
    let ((before, _), (after, place)) = ((aspect.of)(first), (aspect.of)(other));
    if before == after {
        return;
    }
    let only = |these: &[String], those: &[String]| {
        let those: BTreeSet<_> = those.iter().collect();
        joined(these.iter().filter(|line| !those.contains(line)), "; ")
    };
    let [missing, extra] = [only(&before, &after), only(&after, &before)];
    let difference = match (missing.is_empty(), extra.is_empty()) {
        (false, true) => format!("{} lacks {missing}", other.node),
        (true, false) => format!("{} also has {extra}", other.node),
        (true, true) => format!("the order is {}", joined(&after, "; ")),
        (false, false) => format!("{} has {missing}, {} has {extra}", first.node, other.node),
    };
    let what = format!(
        "{} and {} differ in {}: {difference}",
        first.node, other.node, aspect.name
    );
    let fix = format!(
        "make it what {} says, or make both from one site file",
        first.place
    );
    found.add(&place, what, fix);
}

/// An address of the node's own is the same on each node in that it is the node's own.
fn listening(front: &Front) -> (Vec<String>, Place) {
    let lines = front.listen.iter().map(|listen| {
        let (ip, port) = (listen.value.ip(), listen.value.port());
        let address = if ip.is_unspecified() {
            "every address"
        } else {
            "addresses of its own"
        };
        format!("{address}, port {port}")
    });
    let place = front
        .listen
        .first()
        .map_or_else(|| front.place.clone(), |listen| listen.place.clone());
    (sorted(lines), place)
}

fn access_list(front: &Front) -> (Vec<String>, Place) {
    let lines = front
        .acl
        .value
        .iter()
        .map(|mask| nameless(front, mask.to_string()));
    (lines.collect(), front.acl.place.clone())
}

fn rules(front: &Front, are_meant: fn(&facts::Rule) -> bool) -> (Vec<String>, Place) {
    let rules: Vec<_> = { front.rules.iter() }
        .filter(|rule| are_meant(&rule.value))
        .collect();
    let place = rules
        .first()
        .map_or_else(|| front.place.clone(), |rule| rule.place.clone());
    let lines = rules.iter().map(|rule| nameless(front, rule.value.text.clone()));
    (lines.collect(), place)
}

/// A text that names the node's own addresses as such: each node lets itself in.
fn nameless(front: &Front, text: String) -> String {
    front.own.iter().fold(text, |text, own| {
        let length = if own.is_ipv4() { 32 } else { 128 };
        text.replace(&format!("{own}/{length}"), "its own address")
    })
}

/// `line` of each server of each pool, once and sorted, at the first server.
fn of_servers(front: &Front, line: impl Fn(&str, &facts::Backend) -> String) -> (Vec<String>, Place) {
    let backends = front
        .pools
        .iter()
        .flat_map(|pool| pool.backends.iter().map(move |backend| (pool, backend)));
    let place = { backends.clone() }
        .map(|(_, backend)| backend.place.clone())
        .min();
    let lines = backends.map(|(pool, backend)| line(&pool.label(), backend));
    (sorted(lines), place.unwrap_or_else(|| front.place.clone()))
}

fn pools(front: &Front) -> (Vec<String>, Place) {
    of_servers(front, |pool, backend| format!("{} in {pool}", backend.address))
}

fn health_checks(front: &Front) -> (Vec<String>, Place) {
    of_servers(front, |_, backend| match &backend.probe {
        Some(probe) => format!("{} asked for {}", backend.address, probe.value),
        None => format!("{} not asked", backend.address),
    })
}

fn caches(front: &Front) -> (Vec<String>, Place) {
    let caches: Vec<_> = { front.pools.iter() }
        .filter_map(|pool| Some((pool, pool.cache.as_ref()?)))
        .collect();
    let place = caches
        .first()
        .map_or_else(|| front.place.clone(), |(_, cache)| cache.place.clone());
    let lines = caches
        .iter()
        .map(|(pool, cache)| format!("{} answers for {}", cache.value, pool.label()));
    (sorted(lines), place)
}

fn balancing(front: &Front) -> (Vec<String>, Place) {
    let pools = front.pools.iter().filter(|pool| pool.backends.len() > 1);
    let lines = pools.map(|pool| format!("{} for {}", pool.policy, pool.label()));
    (sorted(lines), front.place.clone())
}

/// Each line once, in an order that no file chose.
fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    lines.collect::<BTreeSet<_>>().into_iter().collect()
}

fn compare_servers(first: &Server, other: &Server, found: &mut Found) {
    let names: BTreeSet<_> = first.options.keys().chain(other.options.keys()).collect();
    for name in names {
        let [before, after] = [first, other].map(|server| server.options.get(name));
        let text = |option: Option<&Placed<String>>| {
            option.map_or_else(|| "nothing".to_owned(), |option| option.value.clone())
        };
        if let Some(place) = after.or(before).map(|option| &option.place)
            && text(before) != text(after)
        {
            let what = format!(
                "{} and {} differ in {name}: {} has {}, {} has {}",
                first.node,
                other.node,
                first.node,
                text(before),
                other.node,
                text(after)
            );
            found.add(place, what, "make them equal, or make both from one site file");
        }
    }
    let zones = |server: &Server| {
        server
            .zones
            .iter()
            .map(|zone| zone.value.clone())
            .collect::<BTreeSet<_>>()
    };
    let (before, after) = (zones(first), zones(other));
    let only: Vec<_> = before.symmetric_difference(&after).collect();
    if let Some(zone) = first
        .zones
        .iter()
        .chain(&other.zones)
        .find(|zone| only.contains(&&zone.value))
    {
        let what = format!(
            "{} and {} differ in zones: {} is on one of them",
            first.node,
            other.node,
            commas(&only)
        );
        found.add(
            &zone.place,
            what,
            "let both serve it, or put them into different pools",
        );
    }
}

fn compare_zones(first: &Zone, other: &Zone, found: &mut Found) {
    if let (Some(before), Some(after)) = (&first.serial, &other.serial)
        && before.value != after.value
    {
        let what = format!(
            "{}: serial {} here, {} in {}",
            other.apex, after.value, before.value, before.place
        );
        found.add(
            &after.place,
            what,
            "let one server be the primary and the others transfer the zone from it",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{AUTH, FRONT, REC, ZONE, found};

    const ID: &str = "drift";

    fn between(first: &str, second: &str) -> Vec<String> {
        found(ID, &[("dd1/dnsdist.conf", first), ("dd2/dnsdist.conf", second)])
    }

    #[test]
    fn each_aspect_is_one_finding() {
        for (from, to, expected) in [
            (
                "0.0.0.0:53",
                "10.10.2.162:53",
                "1: warning: dd1 and dd2 differ in listening: dd1 has every address, port 53, dd2 has \
                 addresses of its own, port 53",
            ),
            (
                "setACL({\"10.10.2.0/24\"})",
                "setACL({\"10.10.2.0/24\", \"10.9.0.0/16\"})",
                "2: warning: dd1 and dd2 differ in access list: dd2 also has 10.9.0.0/16",
            ),
            (
                "QTypeRule(DNSQType.ANY)",
                "QTypeRule(DNSQType.AXFR)",
                "10: warning: dd1 and dd2 differ in rules: dd1 has qtype==ANY => drop, dd2 has qtype==AXFR \
                 => drop",
            ),
            (
                "MaxQPSIPRule(200)",
                "MaxQPSIPRule(50)",
                "5: warning: dd1 and dd2 differ in limits: dd1 has IP (/32, /64) match for QPS over 200 \
                 burst 200 => drop, dd2 has IP (/32, /64) match for QPS over 50 burst 50 => drop",
            ),
            (
                "icann.org.",
                "icann.net.",
                "6: warning: dd1 and dd2 differ in health checks: dd1 has 10.20.0.165:53 asked for \
                 icann.org, dd2 has 10.20.0.165:53 asked for icann.net",
            ),
            (
                "newPacketCache(500000",
                "newPacketCache(10000",
                "3: warning: dd1 and dd2 differ in caches: dd1 has 500000 answers for the pool rec, dd2 \
                 has 10000 answers for the pool rec",
            ),
            (
                "setLocal",
                "setServerPolicy(roundrobin) setLocal",
                " warning: dd1 and dd2 differ in balancing: dd1 has leastOutstanding for the pool auth; \
                 leastOutstanding for the pool rec, dd2 has roundrobin for the pool auth; roundrobin for \
                 the pool rec",
            ),
        ] {
            assert_eq!(
                between(FRONT, &FRONT.replace(from, to)),
                [format!("dd2/dnsdist.conf:{expected}")],
                "{to}"
            );
        }
        let more = FRONT.replace(
            "10.20.0.173:53\", pool=\"auth\"",
            "10.20.0.173:53\", pool={\"auth\", \"rec\"}",
        );
        assert_eq!(
            between(FRONT, &more),
            [
                "dd2/dnsdist.conf:6: warning: dd1 and dd2 differ in pools: dd2 also has 10.20.0.173:53 in \
                 the pool rec"
            ]
        );
    }

    #[test]
    fn equal_nodes_with_addresses_of_their_own_do_not_differ() {
        let [one, two] = ["10.10.2.161", "10.10.2.162"].map(|own| {
            FRONT
                .replace("0.0.0.0:53", &format!("{own}:53"))
                .replace("10.10.2.0/24\"", &format!("10.10.2.0/24\", \"{own}\""))
        });
        assert!(between(&one, &two).is_empty());
    }

    #[test]
    fn resolvers_and_zones() {
        let other = REC
            .replace("10.20.0.164", "10.20.0.165")
            .replace("dnssec-validation auto", "dnssec-validation no");
        assert_eq!(
            found(
                ID,
                &[
                    ("rec1/named.conf", REC),
                    ("rec2/named.conf", &other),
                    ("auth1/named.conf", AUTH)
                ]
            ),
            [
                "rec2/named.conf:5: warning: rec1 and rec2 differ in dnssec-validation: rec1 has dnssec-validation auto, rec2 \
              has dnssec-validation no"
            ]
        );
        let old = ZONE.replace("2026021401", "2026020101");
        assert_eq!(
            found(
                ID,
                &[("auth1/db.zaibdns.lab", ZONE), ("auth2/db.zaibdns.lab", &old)]
            ),
            [
                "auth2/db.zaibdns.lab:2: warning: zaibdns.lab: serial 2026020101 here, 2026021401 in \
                 auth1/db.zaibdns.lab:2"
            ]
        );
        let no_zone = AUTH.replace("zaibdns.lab", "other.lab");
        assert_eq!(
            found(ID, &[("auth1/named.conf", AUTH), ("auth2/named.conf", &no_zone)]).len(),
            1
        );
    }
}
