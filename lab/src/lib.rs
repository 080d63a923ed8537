//! Network namespaces, real peers and load, for tests and benches; never shipped.
#![forbid(unsafe_code)]
