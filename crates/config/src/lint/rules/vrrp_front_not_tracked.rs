//! An address that stays where nobody answers.

use super::{Found, Rule};
use crate::lint::facts::Facts;
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "vrrp-front-not-tracked",
    level: Level::Error,
    about: "a virtual router that tracks nothing that could tell that the front end is dead",
    bad_day: "the front end dies, the address stays, and every query to it is lost until somebody notices",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for router in facts.routers.iter().filter(|router| !router.tracks) {
        let what = format!(
            "{}: nothing tells VRID {} that the front end is dead",
            router.node, router.vrid
        );
        let fix = "add a vrrp_script that asks the front end a question, and track_script with it";
        found.add(&router.place, what, fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD2_VIP, SITE, found};

    const ID: &str = "vrrp-front-not-tracked";

    #[test]
    fn a_router_without_a_script() {
        for block in ["", "track_interface { ens192 }"] {
            let vip = DD2_VIP.replace("track_script {\nchk_dnsdist\n}", block);
            assert_eq!(
                found(ID, &[("dd2/keepalived.conf", &vip)]),
                ["dd2/keepalived.conf:11: error: dd2: nothing tells VRID 51 that the front end is dead"]
            );
        }
        assert!(found(ID, &[("dd2/keepalived.conf", DD2_VIP)]).is_empty());
        assert!(
            found(ID, &[("weir.toml", SITE)]).is_empty(),
            "weir vip watches the front end by itself"
        );
    }
}
