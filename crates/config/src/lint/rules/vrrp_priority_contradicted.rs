//! A priority that something else in the files contradicts.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Language, commas};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "vrrp-priority-contradicted",
    level: Level::Warning,
    about: "a priority unlike the one in a comment, in another file of the same node, or unlike the state \
            it starts in",
    bad_day: "the address is where nobody expects it, and whoever is called at night believes the comment",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    let routers: Vec<_> = { facts.routers.iter() }
        .filter(|router| router.language == Language::Foreign)
        .collect();
    let mut written: Vec<_> = routers.iter().map(|router| router.priority).collect();
    written.sort_unstable();
    written.dedup();
    for said in facts
        .said_priorities
        .iter()
        .filter(|said| !written.contains(&said.value))
    {
        let what = format!(
            "a comment says priority {}, the files say {}",
            said.value,
            commas(&written)
        );
        found.add(&said.place, what, "correct the comment, or the priority");
    }
    for (number, router) in routers.iter().enumerate() {
        for other in routers.iter().take(number) {
            if !other
                .addresses
                .iter()
                .any(|address| router.addresses.contains(address))
            {
                continue;
            }
            if router.router_id.is_some()
                && router.router_id == other.router_id
                && router.priority != other.priority
            {
                let name = router.router_id.as_deref().unwrap_or_default();
                let what = format!(
                    "{name} has priority {} here and {} in {}",
                    router.priority, other.priority, other.place
                );
                found.add(&router.place, what, "keep one file for the node");
            }
            let (lower, higher) = if router.priority < other.priority {
                (router, other)
            } else {
                (other, router)
            };
            if lower.starts_as_master && !higher.starts_as_master && lower.priority != higher.priority {
                let what = format!(
                    "{} starts as MASTER with priority {}, below the {} of {}",
                    lower.node, lower.priority, higher.priority, higher.node
                );
                found.add(
                    &lower.place,
                    what,
                    "write state BACKUP on every node: the priority decides",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD1_VIP, DD2_VIP, found};

    const ID: &str = "vrrp-priority-contradicted";

    #[test]
    fn a_comment_with_another_number() {
        let said = DD1_VIP.replace(
            "priority 150",
            "priority 150 # priority higher on DD1 (already set 110 vs 100)",
        );
        assert_eq!(
            found(
                ID,
                &[("dd1/keepalived.conf", &said), ("dd2/keepalived.conf", DD2_VIP)]
            ),
            ["dd1/keepalived.conf:15: warning: a comment says priority 110, the files say 100, 150"]
        );
        let right = said.replace("110", "150");
        assert!(
            found(
                ID,
                &[("dd1/keepalived.conf", &right), ("dd2/keepalived.conf", DD2_VIP)]
            )
            .is_empty()
        );
    }

    #[test]
    fn two_files_of_one_node() {
        let old = DD1_VIP.replace("priority 150", "priority 110");
        assert_eq!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("old/keepalived.conf", &old)]
            ),
            [
                "old/keepalived.conf:11: warning: LAB_DD1 has priority 110 here and 150 in \
                 dd1/keepalived.conf:11"
            ]
        );
    }

    #[test]
    fn a_master_below_a_backup() {
        let low = DD1_VIP.replace("priority 150", "priority 90");
        assert_eq!(
            found(
                ID,
                &[("dd1/keepalived.conf", &low), ("dd2/keepalived.conf", DD2_VIP)]
            ),
            ["dd1/keepalived.conf:11: warning: dd1 starts as MASTER with priority 90, below the 100 of dd2"]
        );
    }
}
