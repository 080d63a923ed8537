//! Servers that subscribers can ask past the front end.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Found, Rule};
use crate::diagnostics::Place;
use crate::lint::facts::{Facts, commas};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "backend-reachable",
    level: Level::Warning,
    about: "a server behind the front end in a network that subscribers ask from",
    bad_day: "a bot asks the servers directly: no access list, no limit and no rule of the front end sees it",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    let networks = facts.client_networks();
    let fronts: Vec<_> = { facts.fronts.iter() }.flat_map(|front| &front.listen).collect();
    let mut reached: BTreeMap<IpAddr, &Place> = BTreeMap::new();
    for backend in facts
        .fronts
        .iter()
        .flat_map(|front| &front.pools)
        .flat_map(|pool| &pool.backends)
    {
        let address = backend.address.ip();
        // A server on the front end's own machine is behind a port that the front end's firewall closes.
        let is_front = fronts.iter().any(|listen| listen.value.ip() == address) || address.is_loopback();
        if !is_front && networks.iter().any(|network| network.contains(address)) {
            reached.entry(address).or_insert(&backend.place);
        }
    }
    let Some(place) = reached.values().next() else {
        return;
    };
    let verb = if reached.len() == 1 { "is" } else { "are" };
    let what = format!(
        "{} {verb} in a network that subscribers ask from",
        commas(reached.keys())
    );
    let fix = "put the servers behind the front ends into a network of their own, or let a firewall pass port 53 to \
               them from the front ends only";
    found.add(place, what, fix);
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found, found_by, given};

    const ID: &str = "backend-reachable";

    #[test]
    fn servers_among_the_subscribers() {
        let front = FRONT.replace("10.20.0.16", "10.10.2.16");
        assert_eq!(
            found(ID, &[("dnsdist.conf", &front)]),
            [
                "dnsdist.conf:6: warning: 10.10.2.163, 10.10.2.164, 10.10.2.165 are in a network that \
                 subscribers ask from"
            ]
        );
        assert!(found(ID, &[("dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn subscribers_that_the_operator_names() {
        let by = given(&["10.20.0.163/32"], &[], None);
        assert_eq!(
            found_by(ID, &[("dnsdist.conf", FRONT)], &by),
            ["dnsdist.conf:6: warning: 10.20.0.163 is in a network that subscribers ask from"]
        );
    }

    #[test]
    fn a_site_with_one_network() {
        let site = SITE
            .replace(
                "purposes = \"subscribers\"\n\n[networks.backend]\nprefix = \"10.20.0.0/24\"\n",
                "",
            )
            .replace(", \"10.20.0.161\"", "")
            .replace(", \"10.20.0.162\"", "")
            .replace("10.20.0.", "10.10.2.");
        assert_eq!(found(ID, &[("weir.toml", &site)]).len(), 1);
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
