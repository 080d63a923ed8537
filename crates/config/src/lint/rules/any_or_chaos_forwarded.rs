//! Queries for type ANY and of class CHAOS that nothing stops.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Fate, Language};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "any-or-chaos-forwarded",
    level: Level::Warning,
    about: "queries for type ANY or of class CHAOS that reach a backend",
    bad_day: "ANY makes large answers for reflection attacks (RFC 8482), CHAOS tells an attacker which \
              version to look up",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        let questions = [
            (
                "type ANY",
                &front.any,
                "addAction(QTypeRule(DNSQType.ANY), DropAction())",
                "any",
            ),
            (
                "class CHAOS",
                &front.chaos,
                "addAction(QClassRule(DNSClass.CHAOS), DropAction())",
                "chaos",
            ),
        ];
        for (question, fate, rule, key) in questions {
            if fate.value == Fate::Kept {
                continue;
            }
            let what = format!("{}: queries of {question} go to the backends", front.node);
            let fix = match front.language {
                Language::Foreign => format!("add {rule} before the rules that choose a pool"),
                Language::Site => format!("write policy.{key} = \"drop\""),
            };
            found.add(&fate.place, what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found};

    const ID: &str = "any-or-chaos-forwarded";

    #[test]
    fn what_no_rule_stops() {
        for (removed, question) in [
            ("QTypeRule(DNSQType.ANY)", "type ANY"),
            ("QClassRule(DNSClass.CHAOS)", "class CHAOS"),
        ] {
            let front = FRONT.replace(removed, "QNameRule(\"x.\")");
            let what = format!("dd1/dnsdist.conf:15: warning: dd1: queries of {question} go to the backends");
            assert_eq!(found(ID, &[("dd1/dnsdist.conf", &front)]), [what]);
        }
        assert!(found(ID, &[("dd1/dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn a_rule_that_comes_too_late_stops_nothing() {
        let late = format!("addAction(AllRule(), PoolAction(\"rec\"))\n{FRONT}");
        assert_eq!(found(ID, &[("dd1/dnsdist.conf", &late)]).len(), 2);
    }

    #[test]
    fn a_site_that_answers_them() {
        let site = format!("{SITE}\n[policy]\nany = \"answer\"\nchaos = \"answer\"\n");
        assert_eq!(found(ID, &[("weir.toml", &site)]).len(), 2);
    }
}
