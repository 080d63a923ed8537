//! Pages and consoles on the addresses that subscribers ask.

use super::{Found, Rule};
use crate::lint::facts::Facts;
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "page-on-every-address",
    level: Level::Warning,
    about: "a status page or console on every address of the node, the subscribers' among them",
    bad_day: "a subscriber finds it on the address of his DNS server and starts guessing",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        for door in front
            .doors
            .iter()
            .filter(|door| door.listen.value.ip().is_unspecified())
        {
            let what = format!(
                "{}: the {} listens on every address ({})",
                front.node, door.what, door.listen.value
            );
            let fix = "listen on 127.0.0.1 or on the node's address in the management network";
            found.add(&door.listen.place, what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::found;

    const ID: &str = "page-on-every-address";

    #[test]
    fn every_address_and_one_address() {
        for (listen, count) in [
            ("0.0.0.0:8083", 1),
            ("[::]:8083", 1),
            ("10.30.0.161:8083", 0),
            ("127.0.0.1:8083", 0),
        ] {
            let text = format!("webserver(\"{listen}\", \"7iPhbx4ZcSxR\")");
            assert_eq!(found(ID, &[("dd1/dnsdist.conf", &text)]).len(), count, "{listen}");
        }
    }
}
