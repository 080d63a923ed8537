//! May this query pass, and where to: selectors, actions, chains, ACL, limits.
#![forbid(unsafe_code)]
