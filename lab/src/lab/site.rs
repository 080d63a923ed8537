//! The site file of the laboratory: the blueprint's, with what a laboratory has instead of the world.

use std::fmt::Write as _;
use std::path::Path;

use super::plan::{Auth, CGNAT, Front, Networks, Plan, Rec, Vip};
use crate::{blueprint, internet};

/// The blueprint's laboratory, as its operator would write it.
const BLUEPRINT: &str = include_str!("../../blueprint/weir.toml");
/// The files that it names.
pub(super) const FILES: [(&str, &str); 4] = [
    ("db.zaibdns.lab", blueprint::ZONE),
    ("root.hints", internet::HINTS),
    // The blueprint's.
    ("vrrp", "lab123\n"),
    ("page", "laboratory\n"),
];

/// `weir.toml` of the laboratory; `directory` has the [`FILES`], `anchors` are what validation starts from.
pub(super) fn toml(plan: &Plan, directory: &Path, anchors: &[String]) -> String {
    let folder = directory.display();
    let mut text = BLUEPRINT
        .replace(
            "networks = \"10.10.2.0/24\"",
            &format!("networks = \"10.10.2.0/24\"\ncgnat = \"{CGNAT}\""),
        )
        .replace(
            "password_credential = \"vrrp\"",
            &format!("password_file = \"{folder}/vrrp\""),
        )
        .replace("ens160", "eth0");
    for (name, rec) in ["rec1", "rec2"].into_iter().zip(plan.rec) {
        text = with_line(&text, &format!("{name} = "), |line| {
            line.replace(", resolve = \"named\"", "")
                .replace(" }", &format!(", resolve = \"{}\" }}", rec.name()))
        });
    }
    if plan.networks == Networks::Three {
        text = in_three_networks(&text);
    }
    let anchors: Vec<String> = anchors.iter().map(|anchor| format!("\"{anchor}\"")).collect();
    // The blueprint's last table is that of its zone.
    let _ = write!(
        text,
        "file = \"{folder}/db.zaibdns.lab\"\n\n[servers]\nfront = \"{}\"\nvip = \"{}\"\nauth = \"{}\"\n\n\
         [resolver]\nroot_hints = \"{folder}/root.hints\"\ntrust_anchors = [{}]\ncache = \"16MiB\"\nclients = 1000\n\
         threads = 1\n\n[monitoring]\npassword_file = \"{folder}/page\"\n",
        plan.front.name(),
        plan.vip.name(),
        plan.auth.name(),
        anchors.join(", "),
    );
    text
}

/// Front ends get an address in each network, servers one in the backend and one for management.
fn in_three_networks(text: &str) -> String {
    let lan = "[networks.lan]\nprefix = \"10.10.2.0/24\"\ninterface = \"eth0\"\n";
    let three = "[networks.subscribers]\nprefix = \"10.10.2.0/24\"\ninterface = \"eth0\"\n\n\
                 [networks.backend]\nprefix = \"10.10.3.0/24\"\ninterface = \"eth1\"\n\n\
                 [networks.management]\nprefix = \"10.10.4.0/24\"\ninterface = \"eth2\"\n";
    let mut text = text.replace(lan, three);
    for last in [161, 162] {
        text = text.replace(
            &format!("\"10.10.2.{last}\""),
            &format!("[\"10.10.2.{last}\", \"10.10.3.{last}\", \"10.10.4.{last}\"]"),
        );
    }
    for last in [163, 164, 165] {
        text = text.replace(
            &format!("\"10.10.2.{last}\""),
            &format!("[\"10.10.3.{last}\", \"10.10.4.{last}\"]"),
        );
    }
    text
}

/// The text with one more recursive server.
pub(super) fn with_recursive(text: &str, name: &str, addresses: &[String]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    with_line(text, "rec2 = ", |line| {
        format!(
            "{line}\n{name} = {{ address = [{}], roles = \"resolve\" }}",
            addresses.join(", ")
        )
    })
}

/// The text with the line that begins so changed.
fn with_line(text: &str, begins: &str, change: impl Fn(&str) -> String) -> String {
    let lines = text.lines().map(|line| match line.starts_with(begins) {
        true => change(line) + "\n",
        false => format!("{line}\n"),
    });
    lines.collect()
}

impl Front {
    /// As the site file has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weir => "weir",
            Self::Dnsdist => "dnsdist",
        }
    }
}

impl Vip {
    /// As the site file has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weir => "weir",
            Self::Keepalived => "keepalived",
        }
    }
}

impl Auth {
    /// As the site file has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
        }
    }
}

impl Rec {
    /// As the site file has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Named => "named",
        }
    }
}
