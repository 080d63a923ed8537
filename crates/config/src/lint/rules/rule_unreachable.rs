//! Rules that no query gets to.

use super::{Found, Rule};
use crate::lint::facts::Facts;
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "rule-unreachable",
    level: Level::Warning,
    about: "a rule behind one that takes all of its queries",
    bad_day: "what the rule was written for happens, and it does nothing",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        for rule in &front.rules {
            let Some(earlier) = rule.value.hidden_by.and_then(|number| front.rules.get(number)) else {
                continue;
            };
            let what = format!("{}: no query gets to this rule ({})", front.node, rule.value.text);
            let fix = format!(
                "move it before {} ({}), or remove it",
                earlier.place, earlier.value.text
            );
            found.add(&rule.place, what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, found};

    const ID: &str = "rule-unreachable";

    #[test]
    fn behind_a_rule_for_everything() {
        let front = format!("{FRONT}addAction(QTypeRule(DNSQType.AXFR), DropAction())\n");
        assert_eq!(
            found(ID, &[("dd1/dnsdist.conf", &front)]),
            ["dd1/dnsdist.conf:16: warning: dd1: no query gets to this rule (qtype==AXFR => drop)"]
        );
        assert!(found(ID, &[("dd1/dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn behind_the_same_rule_or_a_suffix_above() {
        for (earlier, later, count) in [
            ("QTypeRule(DNSQType.A)", "QTypeRule(DNSQType.A)", 1),
            ("QTypeRule(DNSQType.A)", "QTypeRule(DNSQType.AAAA)", 0),
            (
                "QNameSuffixRule(\"lab.\")",
                "QNameSuffixRule(\"zaibdns.lab.\")",
                1,
            ),
            (
                "QNameSuffixRule(\"zaibdns.lab.\")",
                "QNameSuffixRule(\"lab.\")",
                0,
            ),
            ("OrRule({AllRule(), RDRule()})", "TCPRule(true)", 1),
            ("AndRule({AllRule(), RDRule()})", "TCPRule(true)", 0),
            ("ProbaRule(0.5)", "ProbaRule(0.5)", 0),
        ] {
            let rules = format!("addAction({earlier}, DropAction())\naddAction({later}, DropAction())\n");
            assert_eq!(
                found(ID, &[("dnsdist.conf", &rules)]).len(),
                count,
                "{earlier}, {later}"
            );
        }
    }

    #[test]
    fn a_rule_that_goes_on_hides_nothing() {
        let rules = "addAction(AllRule(), SetNoRecurseAction())\naddAction(RDRule(), DropAction())\n";
        assert!(found(ID, &[("dnsdist.conf", rules)]).is_empty());
    }
}
