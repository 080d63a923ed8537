use std::collections::BTreeSet;

use super::*;

#[test]
fn every_rule_has_a_name_of_its_own_and_says_what_it_is_for() {
    let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for rule in RULES {
        let is_kebab = rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(is_kebab, "{}", rule.id);
        for text in [rule.about, rule.bad_day] {
            assert!(
                !text.is_empty() && !text.ends_with('.') && !text.contains('\n'),
                "{}: {text}",
                rule.id
            );
        }
    }
}
