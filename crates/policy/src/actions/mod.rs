//! What rules do to queries, one action per file.
//!
//! Names and texts are dnsdist's without its `Action`. Those that do the same to replies are in
//! [`reply_actions`](crate::reply_actions), too.

mod allow;
mod delay;
mod drop;
mod log;
mod negative_and_soa;
mod none;
mod pool;
mod qps;
mod qps_pool;
mod rcode;
mod set_max_returned_ttl;
mod set_no_recurse;
mod set_skip_cache;
mod set_tag;
mod set_temp_failure_cache_ttl;
mod spoof;
mod spoof_cname;
mod spoof_raw;
mod tc;

pub use self::log::Log;
pub use allow::Allow;
pub use delay::Delay;
pub use drop::Drop;
pub use negative_and_soa::{Negative, NegativeAndSoa, Soa, SoaSection};
pub use none::None;
pub use pool::{Pool, Then};
pub use qps::Qps;
pub use qps_pool::QpsPool;
pub use rcode::RCode;
pub use set_max_returned_ttl::SetMaxReturnedTtl;
pub use set_no_recurse::SetNoRecurse;
pub use set_skip_cache::SetSkipCache;
pub use set_tag::SetTag;
pub use set_temp_failure_cache_ttl::SetTempFailureCacheTtl;
pub use spoof::Spoof;
pub use spoof_cname::SpoofCname;
pub use spoof_raw::SpoofRaw;
pub use tc::Tc;
