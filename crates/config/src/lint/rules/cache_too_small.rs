//! A cache that is full before the evening.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Language};
use crate::lint::finding::Level;

/// What subscribers ask for again: 500,000 answers for 100,000 of them.
const ENTRIES_PER_SUBSCRIBER: u64 = 5;
/// Names that are asked for again are not more than so many, however many ask.
const ENOUGH: u64 = 2_500_000;

pub(super) static RULE: Rule = Rule {
    id: "cache-too-small",
    level: Level::Warning,
    about: "a packet cache too small for the number of subscribers (--count, or subscribers.count)",
    bad_day: "answers are thrown out before they are asked for again, and the resolvers get the load that \
              the cache was for",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    let Some(count) = facts.subscribers.count else {
        return;
    };
    let needed = (count * ENTRIES_PER_SUBSCRIBER).min(ENOUGH);
    for (front, pool) in facts.internet_pools() {
        let Some(cache) = pool.cache.as_ref().filter(|cache| cache.value < needed) else {
            continue;
        };
        let what = format!(
            "{}: a cache of {} answers for {count} subscribers",
            front.node, cache.value
        );
        let fix = match front.language {
            Language::Foreign => format!("write newPacketCache({needed}, ...), or more"),
            Language::Site => format!("remove cache.entries, or write {needed} at least"),
        };
        found.add(&cache.place, what, fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found, found_by, given};

    const ID: &str = "cache-too-small";

    #[test]
    fn a_laboratorys_cache_for_a_city() {
        let by = given(&[], &[], Some(100_000));
        let small = FRONT.replace("newPacketCache(500000", "newPacketCache(10000");
        assert_eq!(
            found_by(ID, &[("dd1/dnsdist.conf", &small)], &by),
            ["dd1/dnsdist.conf:3: warning: dd1: a cache of 10000 answers for 100000 subscribers"]
        );
        assert!(found_by(ID, &[("dd1/dnsdist.conf", FRONT)], &by).is_empty());
        assert!(
            found(ID, &[("dd1/dnsdist.conf", &small)]).is_empty(),
            "nobody said how many there are"
        );
    }

    #[test]
    fn a_site_that_says_both() {
        let site = format!("{SITE}\n[cache]\nentries = 10\n");
        assert_eq!(found(ID, &[("weir.toml", &site)]).len(), 1);
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
