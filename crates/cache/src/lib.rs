//! The packet cache: key, entry, ageing, eviction, stale and prefetch decisions.
#![forbid(unsafe_code)]
