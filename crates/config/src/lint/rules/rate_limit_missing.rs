//! One address may ask as much as it likes.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Language};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "rate-limit-missing",
    level: Level::Warning,
    about: "no limit on the queries of one address",
    bad_day: "one infected home asks for a million random names, and everybody waits behind it",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        let has_rule = front.rules.iter().any(|rule| rule.value.is_limit);
        for limit in front
            .limits
            .iter()
            .filter(|limit| limit.per_second.value.is_none() && !has_rule)
        {
            let who = match limit.cgnat {
                Some(network) => format!("an address of {network}"),
                None => "one address".to_owned(),
            };
            // Without any limit, networks of many homes need no second finding.
            if limit.cgnat.is_some() && front.language == Language::Foreign {
                continue;
            }
            let fix = match front.language {
                Language::Foreign => {
                    "add addAction(MaxQPSIPRule(200), DropAction()), with more for CGNAT addresses"
                }
                Language::Site => "remove the 0, or write how many queries per second it may ask",
            };
            let what = format!("{}: {who} may ask as much as it likes", front.node);
            found.add(&limit.per_second.place, what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found};

    const ID: &str = "rate-limit-missing";

    #[test]
    fn a_front_end_without_limits() {
        let front = FRONT.replace("MaxQPSIPRule(200)", "QNameRule(\"x.\")");
        assert_eq!(
            found(ID, &[("dd2/dnsdist.conf", &front)]),
            ["dd2/dnsdist.conf: warning: dd2: one address may ask as much as it likes"]
        );
        assert!(found(ID, &[("dd2/dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn a_site_with_the_limit_switched_off() {
        let site = format!("{SITE}\n[limits]\nqueries_per_address = 0\n");
        assert_eq!(found(ID, &[("weir.toml", &site)]).len(), 1);
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
