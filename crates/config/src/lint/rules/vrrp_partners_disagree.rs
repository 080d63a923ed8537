//! Nodes that share an address and do not speak the same VRRP.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Router, commas};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "vrrp-partners-disagree",
    level: Level::Error,
    about: "nodes that share a floating address with another VRID, version, advert interval or password",
    bad_day: "neither accepts the other's adverts, and both hold the address at once",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for (number, router) in facts.routers.iter().enumerate() {
        let partner = { facts.routers.iter() }
            .take(number)
            .find(|other| other.is_partner(router));
        let Some(partner) = partner else {
            continue;
        };
        let differ = differences(partner, router);
        if !differ.is_empty() {
            let what = format!(
                "{} and {} share {} but not {}",
                partner.node,
                router.node,
                commas(&router.addresses),
                commas(differ)
            );
            found.add(
                &router.place,
                what,
                format!("make them what {} says", partner.place),
            );
        }
    }
}

fn differences(one: &Router, other: &Router) -> Vec<String> {
    let mut differ = Vec::new();
    if one.vrid != other.vrid {
        differ.push(format!("the VRID ({}, {})", one.vrid, other.vrid));
    }
    if one.version != other.version {
        differ.push("the version".to_owned());
    }
    if one.interval != other.interval {
        differ.push(format!(
            "the advert interval ({:?}, {:?})",
            one.interval, other.interval
        ));
    }
    if one.authentication != other.authentication {
        differ.push("the password".to_owned());
    }
    differ
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD1_VIP, DD2_VIP, found};

    const ID: &str = "vrrp-partners-disagree";

    #[test]
    fn everything_that_has_to_be_equal() {
        for (from, to, expected) in [
            (
                "virtual_router_id 51",
                "virtual_router_id 52",
                "the VRID (51, 52)",
            ),
            ("advert_int 1", "advert_int 3", "the advert interval (1s, 3s)"),
            ("lab123", "lab124", "the password"),
            (
                "state BACKUP",
                "state BACKUP\nversion 3",
                "the version, the password",
            ),
        ] {
            let other = DD2_VIP.replace(from, to);
            assert_eq!(
                found(
                    ID,
                    &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", &other)]
                ),
                [format!(
                    "dd2/keepalived.conf:11: error: dd1 and dd2 share 10.10.2.160 but not {expected}"
                )]
            );
        }
        assert!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", DD2_VIP)]
            )
            .is_empty()
        );
    }
}
