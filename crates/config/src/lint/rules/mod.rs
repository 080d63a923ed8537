//! The rules, one per file. A rule is a row of [`RULES`] and a function from the facts to findings;
//! adding one is a file, its `mod` and its row.

mod acl_wider_than_subscribers;
mod any_or_chaos_forwarded;
mod auth_and_recursion_together;
mod backend_reachable;
mod cache_missing;
mod cache_too_small;
mod drift;
mod floating_address_not_served;
mod not_as_written;
mod open_resolver;
mod page_on_every_address;
mod pool_without_servers;
mod probe_depends_on_one_name;
mod rate_limit_against_cgnat;
mod rate_limit_missing;
mod regex_for_suffix;
mod rule_unreachable;
mod single_point_of_failure;
mod vrrp_equal_priority;
mod vrrp_front_not_tracked;
mod vrrp_interface_missing;
mod vrrp_partners_disagree;
mod vrrp_password_too_long;
mod vrrp_priority_contradicted;
mod vrrp_vrid_twice;
mod weak_secret;
mod zone_name_servers;

#[cfg(test)]
mod tests;

use super::facts::Facts;
use super::finding::{Finding, Level};
use crate::diagnostics::Place;

/// What is looked for, and why.
#[derive(Debug)]
pub struct Rule {
    /// Its name in reports; never changes.
    pub id: &'static str,
    /// How much a finding matters.
    pub level: Level,
    /// What is looked for, in one line.
    pub about: &'static str,
    /// What happens when nobody does anything about it.
    pub bad_day: &'static str,
    check: fn(&Facts, &mut Found),
}

/// Where a rule puts what it finds.
struct Found {
    rule: &'static Rule,
    findings: Vec<Finding>,
}

impl Found {
    fn add(&mut self, place: &Place, what: impl Into<String>, fix: impl Into<String>) {
        self.add_as(self.rule.level, place, what, fix);
    }

    fn add_as(&mut self, level: Level, place: &Place, what: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding {
            rule: self.rule,
            level,
            place: place.clone(),
            what: what.into(),
            fix: fix.into(),
        });
    }
}

/// What all rules find, by file and line.
pub(super) fn apply(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| apply_one(rule, facts)).collect();
    findings.sort_by(|one, other| one.place.cmp(&other.place));
    findings
}

fn apply_one(rule: &'static Rule, facts: &Facts) -> Vec<Finding> {
    let mut found = Found {
        rule,
        findings: Vec::new(),
    };
    (rule.check)(facts, &mut found);
    found.findings
}

/// Every rule, in the order of what it is about: structure, access, answers, consoles, nodes that differ, VRRP, zones.
pub static RULES: &[&Rule] = &[
    &floating_address_not_served::RULE,
    &single_point_of_failure::RULE,
    &auth_and_recursion_together::RULE,
    &backend_reachable::RULE,
    &open_resolver::RULE,
    &acl_wider_than_subscribers::RULE,
    &any_or_chaos_forwarded::RULE,
    &rate_limit_missing::RULE,
    &rate_limit_against_cgnat::RULE,
    &cache_missing::RULE,
    &cache_too_small::RULE,
    &probe_depends_on_one_name::RULE,
    &pool_without_servers::RULE,
    &rule_unreachable::RULE,
    &regex_for_suffix::RULE,
    &weak_secret::RULE,
    &page_on_every_address::RULE,
    &drift::RULE,
    &vrrp_equal_priority::RULE,
    &vrrp_vrid_twice::RULE,
    &vrrp_partners_disagree::RULE,
    &vrrp_priority_contradicted::RULE,
    &vrrp_interface_missing::RULE,
    &vrrp_password_too_long::RULE,
    &vrrp_front_not_tracked::RULE,
    &zone_name_servers::RULE,
    &not_as_written::RULE,
];
