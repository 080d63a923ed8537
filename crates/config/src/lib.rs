//! Configuration: dialects to [`Spec`] to checked [`Snapshot`]; the site file to a checked [`site::Site`].
//!
//! ```text
//! dnsdist.conf ─▶ dialects::dnsdist::Session ─▶ Spec ─▶ check ─▶ Snapshot ─▶ one pointer swap
//!                        ▲      (Lua)      what was written      cannot hold a bad value
//!                  console line
//! ```
//!
//! A dialect runs or parses what the operator wrote and fills a [`Spec`], every item with its place in the file.
//! [`Snapshot::build`] checks that the items fit together and carries over what survives a reload. Whatever goes
//! wrong on the way is a [`Diagnostic`]: where, what, why, and what to write instead; [`report()`] shows it in the file.
//! The floating address has a way of its own, from [`dialects::keepalived::read`] to [`vip::VipSettings`], with the same
//! stages and the same diagnostics.
//!
//! Not here: logs, sockets, threads, clocks, and the swap itself.
#![forbid(unsafe_code)]

pub mod dialects;
pub mod lint;
pub mod site;
pub mod vip;

mod base64;
mod check;
mod diagnostics;
mod nearest;
pub mod password;
mod report;
mod settings;
mod snapshot;
mod spec;

pub use diagnostics::{Diagnostic, Place, Placed, Severity, Span};
pub use nearest::nearest;
pub use report::{Look, report};
pub use settings::{
    AclRefusal, CacheCleaning, ConsoleSettings, Listen, Logging, Secret, SelfAnswered, StaleSettings,
    TcpLimits, UdpSettings, WebAccess, WebSettings,
};
pub use snapshot::{Built, Pool, Seeds, Snapshot};
pub use spec::{
    BackendKey, BackendSpec, CacheDefaults, CacheIndex, ConsoleSpec, PoolSpec, PoolSpecs, RuleSpecs, Spec,
    WebSpec,
};
