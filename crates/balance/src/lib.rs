//! Backends, health, pick policies, pending queries, retry.
#![forbid(unsafe_code)]
