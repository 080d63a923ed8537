//! May this query pass, and where to: selectors, actions, chains, ACL, limits.
//!
//! A [`Chain`] is an ordered list of [`Rule`]s for one moment in a query's life; a rule is a [`Selector`] (what it
//! looks at) with an [`Action`] or [`ReplyAction`] (what it does). Evaluating a chain reads the [`Subject`] and
//! the [`Moment`], leaves effects in the [`Notes`] and ends in a [`Decision`]. Nothing here reads a clock, draws
//! random bits or touches a socket: all of that are arguments, and effects are values that the caller performs.
//!
//! Adding a selector or an action: one file in [`selectors`], [`actions`] or [`reply_actions`], and one row in
//! the dialect's table that calls its constructor. Its `Display` is the text that `showRules()` prints.
//!
//! What state there is (limits) is shared by all workers, lives behind `Arc` in [`Limiters`] and survives reloads.
#![forbid(unsafe_code)]

pub mod actions;
pub mod reply_actions;
pub mod selectors;

mod acl;
mod answer;
mod chain;
mod invalid;
mod limit;
mod logs;
mod names;
mod netmask;
mod notes;
mod pools;
mod ranges;
mod rule;
mod subject;
#[cfg(test)]
mod testing;

pub use acl::Acl;
pub use answer::{Answer, AnswerOptions};
pub use chain::{Chain, MAX_RULES, QueryChain, ReplyChain};
pub use invalid::Invalid;
pub use limit::{
    AddressLimit, AddressRateLimiter, AddressRateLimiterCounts, Limiters, Mode, PrefixLengths, Rate,
    RateLimiter,
};
pub use logs::{LogFormat, LogId, LogTarget, LogTargets};
pub use names::{NameSet, SuffixSet};
pub use netmask::{Netmask, NetmaskGroup};
pub use notes::{MAX_LOGS, MAX_TAGS, MAX_TTL_EDITS, Notes, TtlEdit};
pub use pools::{MAX_POOLS, PoolId, PoolName, PoolNames, PoolStatus};
pub use ranges::AddressRanges;
pub use rule::{Action, Decision, Moment, ReplyAction, ReplyDecision, Rule, Selector, Step, Uuid};
pub use subject::{Ends, Subject, Transport};
