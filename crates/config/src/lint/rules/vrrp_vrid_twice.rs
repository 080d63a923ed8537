//! One number for two virtual routers.

use super::{Found, Rule};
use crate::lint::facts::{Facts, commas};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "vrrp-vrid-twice",
    level: Level::Error,
    about: "one VRID for different addresses on two nodes, on interfaces of the same name",
    bad_day: "each takes the other's adverts for its own: one of the two addresses is held by nobody",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for (number, router) in facts.routers.iter().enumerate() {
        let clash = { facts.routers.iter() }.take(number).find(|other| {
            other.vrid == router.vrid
                && other.language == router.language
                && other.interface.is_some()
                && other.interface == router.interface
                && other.family == router.family
                && !other
                    .addresses
                    .iter()
                    .any(|address| router.addresses.contains(address))
        });
        if let Some(other) = clash {
            let what = format!(
                "VRID {} is that of {} on {} and that of {} on {}",
                router.vrid,
                commas(&other.addresses),
                other.node,
                commas(&router.addresses),
                router.node
            );
            let fix = format!(
                "give one of them another virtual_router_id; {} is at {}",
                other.node, other.place
            );
            found.add(&router.place, what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD1_VIP, DD2_VIP, found};

    const ID: &str = "vrrp-vrid-twice";

    #[test]
    fn one_number_for_two_addresses() {
        let other = DD2_VIP.replace("10.10.2.160", "10.10.2.170");
        assert_eq!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", &other)]
            ),
            [
                "dd2/keepalived.conf:11: error: VRID 51 is that of 10.10.2.160 on dd1 and that of \
                 10.10.2.170 on dd2"
            ]
        );
        let apart = other.replace("ens160", "ens192");
        assert!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", &apart)]
            )
            .is_empty()
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
    fn each_family_has_numbers_of_its_own() {
        let v6 = DD2_VIP.replace("10.10.2.160", "2001:db8::160").replace(
            "authentication {\nauth_type PASS\nauth_pass lab123\n}",
            "virtual_ipaddress_excluded { 10.10.2.9 }",
        );
        assert!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", &v6)]
            )
            .is_empty()
        );
    }
}
