//! The blueprint's files as an operator would collect them: a folder per node.

use std::io;
use std::path::Path;

use weir_lab::{Scratch, blueprint};

/// What the section "Prometheus Exporter" adds to the front ends.
const STATUS_PAGE: &str =
    "webserver(\"0.0.0.0:8083\")\nsetWebserverConfig({password=\"admin123\", apiKey=\"secret\"})\n";
/// What the section "Test Recovery" says of the priority that LAB-DD1's file gives as 150.
const SAID: &str = "# priority higher on DD1 (which you already set 110 vs 100)\n";

/// Every file of the tree.
pub(crate) const FILES: [&str; 9] = [
    "dd1/dnsdist.conf",
    "dd1/keepalived.conf",
    "dd2/dnsdist.conf",
    "dd2/keepalived.conf",
    "auth1/named.conf.options",
    "auth1/named.conf.local",
    "auth1/db.zaibdns.lab",
    "rec1/named.conf.options",
    "rec2/named.conf.options",
];

/// The tree, gone when dropped.
pub(crate) struct Tree(Scratch);

impl Tree {
    /// The blueprint's files.
    pub(crate) fn of_the_blueprint() -> io::Result<Self> {
        let resolver = include_str!("../../lab/blueprint/named-rec1.conf.options");
        let first_vip = include_str!("../../crates/config/fixtures/keepalived/lab-dd1.conf");
        let texts = [
            format!("{}{STATUS_PAGE}", blueprint::DNSDIST_DD1),
            format!("{SAID}{first_vip}"),
            blueprint::DNSDIST_DD2.to_owned(),
            include_str!("../../crates/config/fixtures/keepalived/lab-dd2.conf").to_owned(),
            include_str!("../../lab/blueprint/named-auth1.conf.options").to_owned(),
            include_str!("../../lab/blueprint/named-auth1.conf.local").to_owned(),
            blueprint::ZONE.to_owned(),
            resolver.to_owned(),
            resolver.replace("10.10.2.164", "10.10.2.165"),
        ];
        let tree = Self(Scratch::create()?);
        for (name, text) in FILES.iter().zip(&texts) {
            tree.0.write(name, text)?;
        }
        Ok(tree)
    }

    /// The directory that the files' names are relative to.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}
