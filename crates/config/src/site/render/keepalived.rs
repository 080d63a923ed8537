//! `keepalived.conf`, its VRRP part: for keepalived from 2.2 on, and for `weir vip`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::settings::Secret;
use crate::site::model::{Floating, Node, Site, VrrpVersion};
use crate::site::words::VipServer;

pub(super) fn render(site: &Site, node: &Node, directory: &Path) -> String {
    let mut text = format!("\nglobal_defs {{\n    router_id {}\n", node.name);
    if needs_probe(node) {
        text += "    script_user root\n    enable_script_security\n";
    }
    text += "    ! After a partition has healed, neighbours learn again who holds the address.\n    \
             vrrp_garp_master_refresh 1\n    vrrp_higher_prio_send_advert true\n}\n";
    text += &probe(node).unwrap_or_default();
    for (floating, rank) in site.floating_of(node) {
        text += &instance(node, floating, rank, directory);
    }
    text
}

/// Asks the front end as a subscriber would: a process that hangs is there, but answers nobody. Any answer will do:
/// what the servers behind it do is the same for all front ends. `weir vip` asks by itself, and more often.
fn probe(node: &Node) -> Option<String> {
    if !needs_probe(node) {
        return None;
    }
    let own = node
        .subscriber_addresses()
        .next()
        .map(|own| own.address.to_string());
    Some(format!(
        "\nvrrp_script front {{\n    script \"/usr/bin/dig @{} +time=1 +tries=1 . NS\"\n    interval 1\n    \
         timeout 2\n    fall 2\n    rise 2\n}}\n",
        own.unwrap_or_default()
    ))
}

fn needs_probe(node: &Node) -> bool {
    node.roles.vip == Some(VipServer::Keepalived)
}

fn instance(node: &Node, floating: &Floating, rank: usize, directory: &Path) -> String {
    let own = node.address_in(&floating.network, floating.address);
    let interface = own.and_then(|own| own.interface.as_deref()).unwrap_or_default();
    let (version, password) = match &floating.version {
        VrrpVersion::Two(password) => (2, password.is_some()),
        VrrpVersion::Three => (3, false),
    };
    let mut text = format!(
        "\nvrrp_instance {} {{\n    state BACKUP\n    interface {interface}\n    virtual_router_id {}\n    \
         priority {}\n    version {version}\n    advert_int {}\n",
        floating.name,
        floating.vrid,
        Floating::priority(rank),
        floating.advert.as_secs_f64()
    );
    if !floating.preempt {
        text += "    nopreempt\n";
    }
    if password {
        let _ = writeln!(
            text,
            "    include {}",
            password_file(floating, directory).display()
        );
    }
    let _ = write!(
        text,
        "    virtual_ipaddress {{\n        {}/{}\n    }}\n",
        floating.address, floating.prefix
    );
    if needs_probe(node) {
        text += "    track_script {\n        front\n    }\n";
    }
    text += "}\n";
    text
}

/// The file that the configuration includes where a floating address has a password; it holds [`password_text`] and
/// nobody but root may read it.
pub fn password_file(floating: &Floating, directory: &Path) -> PathBuf {
    directory.join(format!("vrrp-{}.auth", floating.name))
}

/// What is in that file.
pub fn password_text(password: &Secret) -> Secret {
    Secret::new(format!(
        "authentication {{\n    auth_type PASS\n    auth_pass \"{}\"\n}}\n",
        password.reveal()
    ))
}
