//! A zone and its name servers.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Zone};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "zone-name-servers",
    level: Level::Warning,
    about: "a zone with one name server or none, or with a name server without an address",
    bad_day: "the one name server is away and the zone with it: mail, portals and the site's own names",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for zone in &facts.zones {
        let apex = &zone.apex;
        if zone.serial.is_none() {
            found.add_as(
                Level::Error,
                &zone.place,
                format!("{apex} has no SOA record"),
                "add one: no server loads it without",
            );
        }
        match zone.name_servers.as_slice() {
            [] => {
                let what = format!("{apex} has no NS record of its own");
                let fix = "add two; a record whose owner is left out begins with white space";
                found.add_as(Level::Error, &zone.place, what, fix);
            }
            [only] => {
                let what = format!("{apex} has one name server, {}", only.value);
                found.add(
                    &only.place,
                    what,
                    "add an NS record of a server on another machine (RFC 1034 §4.1: two at least)",
                );
            }
            _ => {}
        }
        without_address(zone, found);
    }
}

fn without_address(zone: &Zone, found: &mut Found) {
    for server in &zone.name_servers {
        let is_inside = server
            .value
            .strip_suffix(&zone.apex)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if is_inside && !zone.addressed.contains(&server.value) {
            let what = format!(
                "{} is a name server of {} and has no address in it",
                server.value, zone.apex
            );
            found.add_as(
                Level::Error,
                &server.place,
                what,
                "add an A or AAAA record for it",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{ZONE, found};

    const ID: &str = "zone-name-servers";

    #[test]
    fn one_none_and_one_without_an_address() {
        for (from, to, expected) in [
            (
                "   IN NS ns2\n",
                "",
                vec!["db.zaibdns.lab:8: warning: zaibdns.lab has one name server, ns1.zaibdns.lab"],
            ),
            (
                "   IN NS ",
                "IN NS ",
                vec!["db.zaibdns.lab: error: zaibdns.lab has no NS record of its own"],
            ),
            (
                "ns2 IN A",
                "ns3 IN A",
                vec![
                    "db.zaibdns.lab:9: error: ns2.zaibdns.lab is a name server of zaibdns.lab and has no \
                     address in it",
                ],
            ),
            ("IN NS ns2", "IN NS ns2.example.com.", vec![]),
            (
                "IN SOA",
                "IN TXT",
                vec!["db.zaibdns.lab: error: zaibdns.lab has no SOA record"],
            ),
        ] {
            assert_eq!(
                found(ID, &[("db.zaibdns.lab", &ZONE.replace(from, to))]),
                expected,
                "{to}"
            );
        }
        assert!(found(ID, &[("db.zaibdns.lab", ZONE)]).is_empty());
    }

    #[test]
    fn the_origin_is_what_named_says() {
        let named = "options { recursion no; };\nzone \"zaibdns.lab\" { type primary; file \"/etc/bind/lab.zone\"; };";
        let one = ZONE.replace("   IN NS ns2\n", "");
        assert_eq!(
            found(ID, &[("auth1/named.conf", named), ("auth1/lab.zone", &one)]),
            ["auth1/lab.zone:8: warning: zaibdns.lab has one name server, ns1.zaibdns.lab"]
        );
    }
}
