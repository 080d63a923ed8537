//! What rules do to replies: the actions that only replies know, one per file, and those that do the same to
//! queries.

mod limit_ttl;
mod set_reduced_ttl;

pub use crate::actions::{Allow, Delay, Drop, Log, SetMaxReturnedTtl, SetSkipCache, SetTag};
pub use limit_ttl::LimitTtl;
pub use set_reduced_ttl::SetReducedTtl;
