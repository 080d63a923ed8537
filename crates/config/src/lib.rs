//! Configuration: dialects to Spec to checked Snapshot.
#![forbid(unsafe_code)]
