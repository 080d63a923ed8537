//! A front end that remembers nothing.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Language};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "cache-missing",
    level: Level::Warning,
    about: "no packet cache for the names of the Internet",
    bad_day: "every query goes to the resolvers: the evening's peak, an update wave or one lost server is \
              too much for them",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    let pools = facts.internet_pools().filter(|(_, pool)| pool.cache.is_none());
    for (front, pool) in pools {
        let fix = match front.language {
            Language::Foreign => format!(
                "add getPool(\"{}\"):setCache(newPacketCache(500000, {{maxTTL=300}}))",
                pool.name
            ),
            Language::Site => "remove cache.entries = 0".to_owned(),
        };
        found.add(
            &pool.place,
            format!("{}: {} has no cache", front.node, pool.label()),
            fix,
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found};

    const ID: &str = "cache-missing";

    #[test]
    fn a_pool_for_the_internet_without_a_cache() {
        let front = FRONT.replace(":setCache(pc)", "");
        assert_eq!(
            found(ID, &[("dd2/dnsdist.conf", &front)]),
            ["dd2/dnsdist.conf:4: warning: dd2: the pool rec has no cache"]
        );
        assert!(
            found(ID, &[("dd2/dnsdist.conf", FRONT)]).is_empty(),
            "our own zones need none"
        );
    }

    #[test]
    fn every_pool_that_some_subscribers_get() {
        let some = "newServer({address=\"10.20.0.166\", pool=\"business\"})\n\
                    addAction(NetmaskGroupRule(\"10.10.2.0/28\"), PoolAction(\"business\"))\naddAction(AllRule()";
        let front = FRONT.replace("addAction(AllRule()", some);
        assert_eq!(
            found(ID, &[("dd2/dnsdist.conf", &front)]),
            ["dd2/dnsdist.conf:15: warning: dd2: the pool business has no cache"]
        );
    }

    #[test]
    fn a_site_with_the_cache_switched_off() {
        let site = format!("{SITE}\n[cache]\nentries = 0\n");
        assert_eq!(found(ID, &[("weir.toml", &site)]).len(), 1);
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
