//! Queries sent to nobody.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Language};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "pool-without-servers",
    level: Level::Error,
    about: "a pool that queries are sent to, or that has a cache, and that has no server",
    bad_day: "every query that is sent there stays without an answer, today already",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    // Reading the site file refuses such a pool.
    for front in facts
        .fronts
        .iter()
        .filter(|front| front.language == Language::Foreign)
    {
        for pool in front.pools.iter().filter(|pool| pool.backends.is_empty()) {
            let rule = front
                .rules
                .iter()
                .find(|rule| rule.value.pool.as_ref() == Some(&pool.name));
            let is_default = pool.name.is_empty() && front.internet.contains(&pool.name);
            let place = match rule {
                Some(rule) => &rule.place,
                None if pool.cache.is_some() || is_default => &pool.place,
                None => continue,
            };
            let what = format!(
                "{}: queries go to {}, which has no server",
                front.node,
                pool.label()
            );
            let known = front.pools.iter().filter(|pool| !pool.backends.is_empty());
            let fix = match crate::nearest(&pool.name, known.map(|pool| pool.name.as_str())) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("add a newServer with pool=\"{}\"", pool.name),
            };
            found.add(place, what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, found};

    const ID: &str = "pool-without-servers";

    #[test]
    fn a_pool_with_a_misspelt_name() {
        let front = FRONT.replace("PoolAction(\"auth\")", "PoolAction(\"auht\")");
        assert_eq!(
            found(ID, &[("dd1/dnsdist.conf", &front)]),
            ["dd1/dnsdist.conf:14: error: dd1: queries go to the pool auht, which has no server"]
        );
        assert!(found(ID, &[("dd1/dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn the_default_pool_where_no_rule_chooses_one() {
        let front = FRONT.replace("addAction(AllRule()", "-- ");
        assert_eq!(
            found(ID, &[("dd1/dnsdist.conf", &front)]),
            ["dd1/dnsdist.conf: error: dd1: queries go to the default pool, which has no server"]
        );
    }
}
