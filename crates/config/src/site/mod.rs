//! The site file: everything that one operator runs, in one file that every node gets.
//!
//! ```text
//! weir.toml ─▶ read ─▶ Spec ─▶ check ─▶ Site ─▶ render: dnsdist, keepalived, named, unbound, sysctl, nftables
//!                ▲      what was written          cannot hold a bad value
//!               keys: one row per key ─▶ explain, JSON Schema
//! ```
//!
//! [`Site::load`] names everything that is wrong with a file at once. Not here: files, secrets (a [`SecretSource`] says
//! where one is, whoever needs it reads it), and judgement about a site that is possible but unwise.

pub mod explain;
pub mod render;

mod check;
mod keys;
mod model;
mod places;
mod read;
mod spec;
mod text;
mod values;
mod words;

#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

pub use keys::{Otherwise, Row};
pub use model::{
    Address, Cache, Digest, Floating, Health, Limits, Monitoring, Network, Node, Policy, Pool, PoolUse,
    Purposes, Resolver, Roles, SecretSource, Site, StatusPage, Subscribers, Targets, TrustAnchor,
    VrrpVersion, Zone,
};
pub use places::Places;
pub use spec::{SECTIONS, Section};
pub use values::{Form, Size, show_time};
pub use words::{
    AuthServer, BlockedAnswer, FrontServer, OverLimit, PickPolicy, Purpose, ResolveServer, RoleName,
    Treatment, VipServer,
};

use crate::diagnostics::{Diagnostic, Severity};

/// Where a node keeps the file.
pub const DEFAULT_FILE: &str = "/etc/weir/weir.toml";

impl Site {
    /// Reads `text`, the file that the operator calls `file`. The second part of the result are warnings.
    ///
    /// # Errors
    /// Everything that is wrong with it, warnings among it, in the file's order.
    pub fn load(text: &str, file: &str) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut findings = Vec::new();
        let text = text::Text::new(text, file);
        let digest = Digest(Sha256::digest(text.text).into());
        let spec = read::read(&text, &mut findings);
        let site = spec.and_then(|spec| check::check(spec, digest, &mut findings));
        findings.sort_by(|one, other| one.place.cmp(&other.place));
        match site {
            Some(site) if findings.iter().all(|found| found.severity == Severity::Warning) => {
                Ok((site, findings))
            }
            _ => Err(findings),
        }
    }
}
