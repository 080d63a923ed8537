//! An interface that this machine does not have.

use super::{Found, Rule};
use crate::lint::facts::{Facts, commas};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "vrrp-interface-missing",
    level: Level::Error,
    about: "an interface of a virtual router that this machine does not have (with --local)",
    bad_day: "this node never holds the address: when the other one fails, nobody does",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    let Some(known) = &facts.interfaces else {
        return;
    };
    for router in &facts.routers {
        let Some(interface) = router
            .interface
            .as_ref()
            .filter(|interface| !known.contains(interface))
        else {
            continue;
        };
        let what = format!(
            "{}: there is no interface {interface} on this machine",
            router.node
        );
        let names = known.iter().map(String::as_str);
        let fix = match crate::nearest(interface, names) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", commas(known)),
        };
        found.add(&router.place, what, fix);
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{DD2_VIP, SITE, found, found_by};
    use crate::lint::{Given, Local};

    const ID: &str = "vrrp-interface-missing";

    fn on(host: &str, interfaces: &[&str]) -> Given {
        let interfaces = interfaces.iter().map(|name| (*name).to_owned()).collect();
        Given {
            local: Some(Local {
                host: host.to_owned(),
                interfaces,
            }),
            ..Given::default()
        }
    }

    #[test]
    fn an_interface_of_another_machine() {
        let files = [("dd2/keepalived.conf", DD2_VIP)];
        assert_eq!(
            found_by(ID, &files, &on("x", &["lo", "ens16"])),
            ["dd2/keepalived.conf:11: error: dd2: there is no interface ens160 on this machine"]
        );
        assert!(found_by(ID, &files, &on("x", &["lo", "ens160"])).is_empty());
        assert!(found(ID, &files).is_empty(), "the file may be another machine's");
    }

    #[test]
    fn of_a_site_only_this_nodes_interfaces_can_be_looked_for() {
        assert_eq!(found_by(ID, &[("weir.toml", SITE)], &on("dd2", &["lo"])).len(), 1);
        assert!(found_by(ID, &[("weir.toml", SITE)], &on("laptop", &["lo"])).is_empty());
    }
}
