//! A front end that does not listen on the address that moves to it.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Front, Language, Router};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "floating-address-not-served",
    level: Level::Error,
    about: "a front end that does not listen on the floating address that it may hold",
    bad_day: "the other node dies, the address moves here, and every query to it meets a closed port",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in facts
        .fronts
        .iter()
        .filter(|front| front.language == Language::Foreign)
    {
        let mut missed: Vec<_> = { facts.routers.iter() }
            .filter(|router| concerns(router, front, facts))
            .flat_map(|router| &router.addresses)
            .filter(|address| !front.hears(**address))
            .collect();
        missed.sort_unstable();
        missed.dedup();
        let place = front.listen.first().map_or(&front.place, |listen| &listen.place);
        for address in missed {
            let what = format!(
                "{} does not listen on {address}, which may move to it",
                front.node
            );
            found.add(
                place,
                what,
                format!("add addLocal(\"{address}:53\"), or listen on 0.0.0.0:53"),
            );
        }
    }
}

/// Whether the router may be this front end's: of the same node, or of a node that no front end given is on.
fn concerns(router: &Router, front: &Front, facts: &Facts) -> bool {
    router.node == front.node || facts.fronts.iter().all(|other| other.node != router.node)
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD2_VIP, FRONT, found};

    const ID: &str = "floating-address-not-served";

    #[test]
    fn an_own_address_alone_is_not_enough() {
        let front = FRONT.replace("0.0.0.0:53", "10.10.2.162:53");
        let what = "dd2/dnsdist.conf:1: error: dd2 does not listen on 10.10.2.160, which may move to it";
        for vip in ["dd2/keepalived.conf", "keepalived.conf"] {
            assert_eq!(
                found(ID, &[("dd2/dnsdist.conf", &front), (vip, DD2_VIP)]),
                [what],
                "{vip}"
            );
        }
    }

    #[test]
    fn everywhere_or_the_address_itself_is() {
        for listen in ["0.0.0.0:53", "[::]:53", "10.10.2.160:53"] {
            let front = FRONT.replace("0.0.0.0:53", listen);
            let files = [
                ("dd2/dnsdist.conf", front.as_str()),
                ("dd2/keepalived.conf", DD2_VIP),
            ];
            assert!(found(ID, &files).is_empty(), "{listen}");
        }
    }

    #[test]
    fn another_port_or_anothers_address_is_not() {
        let other_port = FRONT.replace("0.0.0.0:53", "0.0.0.0:5300");
        assert_eq!(
            found(
                ID,
                &[
                    ("dd2/dnsdist.conf", &other_port),
                    ("dd2/keepalived.conf", DD2_VIP)
                ]
            )
            .len(),
            1
        );
        let files = [
            ("dd1/dnsdist.conf", other_port.as_str()),
            ("dd2/dnsdist.conf", FRONT),
            ("dd2/keepalived.conf", DD2_VIP),
        ];
        assert!(found(ID, &files).is_empty(), "dd1 has no floating address");
    }
}
