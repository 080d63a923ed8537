//! Our own zones and the rest of the Internet on one server.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Language};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "auth-and-recursion-together",
    level: Level::Warning,
    about: "a node that serves zones of its own and resolves the names of others",
    bad_day: "a flood of random names for the resolver takes your own zones with it, and what is cached of \
              others answers beside them",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for server in &facts.servers {
        let (Some(recursion), Some(zone)) = (&server.recursion, server.zones.first()) else {
            continue;
        };
        let what = format!(
            "{} serves {} and resolves the names of others too",
            server.node, zone.value
        );
        let fix = match server.language {
            Language::Foreign => "write recursion no; and resolve on servers without zones",
            Language::Site => "give \"auth\" and \"resolve\" to different nodes",
        };
        found.add(&recursion.place, what, fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{AUTH, SITE, found};

    const ID: &str = "auth-and-recursion-together";

    #[test]
    fn a_server_with_zones_that_resolves() {
        for recursion in ["recursion yes;", ""] {
            let named = AUTH.replace("recursion no;", recursion);
            let what =
                "auth1/named.conf:3: warning: auth1 serves zaibdns.lab and resolves the names of others too";
            assert_eq!(found(ID, &[("auth1/named.conf", &named)]), [what], "{recursion}");
        }
        assert!(found(ID, &[("auth1/named.conf", AUTH)]).is_empty());
    }

    #[test]
    fn the_zones_that_come_with_the_package_are_no_zones() {
        let stock = "options { recursion yes; };\nzone \".\" { type hint; file \"x\"; };\n\
                     zone \"localhost\" { type master; file \"db.local\"; };";
        assert!(found(ID, &[("rec1/named.conf", stock)]).is_empty());
    }

    #[test]
    fn a_node_of_a_site_with_both_roles() {
        let site = SITE.replace(
            "roles = \"resolve\" }\nrec2",
            "roles = [\"auth\", \"resolve\"] }\nrec2",
        );
        assert_eq!(
            found(ID, &[("weir.toml", &site)]),
            ["weir.toml:23: warning: rec1 serves zaibdns.lab and resolves the names of others too"]
        );
    }
}
