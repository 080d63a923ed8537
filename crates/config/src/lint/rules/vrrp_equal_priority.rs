//! Two nodes that want the address equally.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Router, commas};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "vrrp-equal-priority",
    level: Level::Error,
    about: "two nodes with the same priority for one floating address",
    bad_day: "after a partition heals nobody can say who has the address; the higher interface address \
              wins, or both keep it",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for (number, router) in facts.routers.iter().enumerate() {
        let mut earlier = facts.routers.iter().take(number);
        let Some(twin) = earlier.find(|other| is_twin(other, router)) else {
            continue;
        };
        let what = format!(
            "{} and {} both have priority {} for {}",
            twin.node,
            router.node,
            router.priority,
            commas(&router.addresses)
        );
        found.add(
            &router.place,
            what,
            format!(
                "give one of them another priority; {} is at {}",
                twin.node, twin.place
            ),
        );
    }
}

fn is_twin(one: &Router, other: &Router) -> bool {
    one.is_partner(other) && one.vrid == other.vrid && one.priority == other.priority
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD1_VIP, DD2_VIP, SITE, found};

    const ID: &str = "vrrp-equal-priority";

    #[test]
    fn the_same_number_on_two_nodes() {
        let equal = DD2_VIP.replace("priority 100", "priority 150");
        assert_eq!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", &equal)]
            ),
            ["dd2/keepalived.conf:11: error: dd1 and dd2 both have priority 150 for 10.10.2.160"]
        );
        assert!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", DD2_VIP)]
            )
            .is_empty()
        );
    }

    #[test]
    fn a_site_ranks_its_nodes() {
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
