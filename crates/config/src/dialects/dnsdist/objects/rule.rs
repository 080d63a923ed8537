//! Selectors, actions and pairs of both.

use std::sync::Arc;

use weir_policy::{Action, ReplyAction, Rule, Selector};

use super::Object;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::Method;

/// What dnsdist calls a rule: the selector alone.
#[derive(Clone, Debug)]
pub(crate) struct DnsRule(pub(crate) Arc<dyn Selector>);

impl Object for DnsRule {
    const KIND: &'static str = "DNSRule";
    const EXPECTED: &'static str = "a rule, such as AllRule()";
    const METHODS: &'static [Method<Self>] =
        &[Method::not_yet("matches", "whether the rule applies to a query")];

    fn describe(&self, _: &State) -> String {
        self.0.to_string()
    }
}

/// What is done to a query.
#[derive(Clone, Debug)]
pub(crate) struct DnsAction(pub(crate) Arc<dyn Action>);

impl Object for DnsAction {
    const KIND: &'static str = "DNSAction";
    const EXPECTED: &'static str = "an action, such as DropAction()";
    const METHODS: &'static [Method<Self>] = &[
        Method::not_yet("getStats", "the action's counters"),
        Method::not_yet("printStats", "prints the action's counters"),
        Method::not_yet("reload", "opens the action's file again"),
    ];

    fn describe(&self, _: &State) -> String {
        self.0.to_string()
    }
}

/// What is done to a reply.
#[derive(Clone, Debug)]
pub(crate) struct DnsResponseAction(pub(crate) Arc<dyn ReplyAction>);

impl Object for DnsResponseAction {
    const KIND: &'static str = "DNSResponseAction";
    const EXPECTED: &'static str = "a response action, such as DropResponseAction()";
    const METHODS: &'static [Method<Self>] = &[Method::not_yet("reload", "opens the action's file again")];

    fn describe(&self, _: &State) -> String {
        self.0.to_string()
    }
}

/// A selector with its action, for `setRules`.
#[derive(Clone, Debug)]
pub(crate) struct RuleAction(pub(crate) Rule<dyn Action>);

impl Object for RuleAction {
    const KIND: &'static str = "DNSDistRuleAction";
    const EXPECTED: &'static str = "a pair from newRuleAction()";
    const METHODS: &'static [Method<Self>] = &[];

    fn describe(&self, _: &State) -> String {
        format!("{} -> {}", self.0.selector, self.0.action)
    }
}
