//! The rules, one per file. A rule is a row of [`RULES`] and a function from the facts to findings.

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

macro_rules! rules {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$module::RULE),*];
    };
}

rules! {
    floating_address_not_served,
    single_point_of_failure,
    auth_and_recursion_together,
    backend_reachable,
    open_resolver,
    acl_wider_than_subscribers,
    any_or_chaos_forwarded,
    rate_limit_missing,
    rate_limit_against_cgnat,
    cache_missing,
    cache_too_small,
    probe_depends_on_one_name,
    pool_without_servers,
    rule_unreachable,
    regex_for_suffix,
    weak_secret,
    page_on_every_address,
    drift,
    vrrp_equal_priority,
    vrrp_vrid_twice,
    vrrp_partners_disagree,
    vrrp_priority_contradicted,
    vrrp_interface_missing,
    vrrp_password_too_long,
    vrrp_front_not_tracked,
    zone_name_servers,
    not_as_written,
}

#[cfg(test)]
mod tests;
