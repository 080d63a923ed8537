//! One of something that the site cannot be without.

use super::{Found, Rule};
use crate::lint::facts::Facts;
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "single-point-of-failure",
    level: Level::Warning,
    about: "one machine in a layer: front end, floating address, pool of servers",
    bad_day: "it fails or is upgraded, and nothing is left that does its work",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for layer in &facts.layers {
        let mut members = layer.members.iter();
        if let (Some(only), None) = (members.next(), members.next()) {
            let what = format!("{} is {only} alone", layer.what);
            found.add(&layer.place, what, layer.fix.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD1_VIP, DD2_VIP, FRONT, SITE, found};

    const ID: &str = "single-point-of-failure";

    #[test]
    fn a_pool_of_one_machine() {
        let what = "dnsdist.conf:6: warning: the pool auth is 10.20.0.163 alone";
        let one = FRONT.replace("newServer({address=\"10.20.0.173", "-- ");
        assert_eq!(found(ID, &[("dnsdist.conf", &one)]), [what]);
        let same = FRONT.replace("10.20.0.173:53", "10.20.0.163:5353");
        assert_eq!(
            found(ID, &[("dnsdist.conf", &same)]),
            [what],
            "two ports of one machine"
        );
        assert!(found(ID, &[("dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn an_address_that_only_one_of_two_nodes_holds() {
        let alone = DD2_VIP.replace("10.10.2.160", "10.10.2.160\n10.10.2.170");
        assert_eq!(
            found(
                ID,
                &[("dd1/keepalived.conf", DD1_VIP), ("dd2/keepalived.conf", &alone)]
            ),
            ["dd2/keepalived.conf:11: warning: the floating address 10.10.2.170 is dd2 alone"]
        );
        assert!(
            found(ID, &[("dd1/keepalived.conf", DD1_VIP)]).is_empty(),
            "the other file may be elsewhere"
        );
    }

    #[test]
    fn every_layer_of_a_site() {
        let site = SITE
            .replace("\ndd2 =", "\n# dd2 =")
            .replace("\nauth2 =", "\n# auth2 =");
        assert_eq!(
            found(ID, &[("weir.toml", &site)]),
            [
                "weir.toml:19: warning: the front end is dd1 alone",
                "weir.toml:21: warning: the pool auth is auth1 alone",
                "weir.toml:26: warning: the floating address dns is dd1 alone",
            ]
        );
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
