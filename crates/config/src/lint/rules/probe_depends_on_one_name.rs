//! All resolvers are judged by one name of somebody else's.

use std::collections::BTreeSet;

use super::{Found, Rule};
use crate::lint::facts::{Facts, Language};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "probe-depends-on-one-name",
    level: Level::Warning,
    about: "health checks of all resolvers that ask for the same name outside",
    bad_day: "that one name fails to resolve, for whatever reason, and every healthy resolver is taken out \
              at once",
    check,
};

/// Names that fail only when the whole Internet does.
const ROOTS: [&str; 2] = ["", "a.root-servers.net"];

fn check(facts: &Facts, found: &mut Found) {
    // Where there is one server, a second one is what is missing.
    for (front, pool) in facts.internet_pools().filter(|(_, pool)| pool.backends.len() > 1) {
        let names: BTreeSet<_> = { pool.backends.iter() }
            .map(|backend| backend.probe.as_ref().map(|probe| probe.value.as_str()))
            .collect();
        let first = pool.backends.first().and_then(|backend| backend.probe.as_ref());
        let Some(only) = first.filter(|probe| names.len() == 1 && !ROOTS.contains(&probe.value.as_str()))
        else {
            continue;
        };
        let what = format!(
            "{}: every server of {} is up while {} resolves",
            front.node,
            pool.label(),
            only.value
        );
        let fix = match front.language {
            Language::Foreign => {
                "give each server another checkName, or ask for the root: checkType=\"NS\", checkName=\".\""
            }
            Language::Site => "name several in health.names, or remove it: then it is the root",
        };
        found.add(&only.place, what, fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found};

    const ID: &str = "probe-depends-on-one-name";

    #[test]
    fn every_resolver_asked_for_one_name() {
        let one = FRONT.replace("icann.org.", "google.com.");
        assert_eq!(
            found(ID, &[("dd1/dnsdist.conf", &one)]),
            [
                "dd1/dnsdist.conf:8: warning: dd1: every server of the pool rec is up while google.com \
                 resolves"
            ]
        );
        assert!(found(ID, &[("dd1/dnsdist.conf", FRONT)]).is_empty());
        for root in [".", "a.root-servers.net."] {
            let root = one.replace("google.com.", root);
            assert!(found(ID, &[("dd1/dnsdist.conf", &root)]).is_empty());
        }
    }

    #[test]
    fn a_site_with_one_name() {
        for (names, count) in [("\"google.com\"", 1), ("[\"google.com\", \"icann.org\"]", 0)] {
            let site = format!("{SITE}\n[health]\nnames = {names}\n");
            assert_eq!(found(ID, &[("weir.toml", &site)]).len(), count, "{names}");
        }
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
