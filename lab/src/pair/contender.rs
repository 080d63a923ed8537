//! Who holds the address and who answers on it, and the files that say so.

use std::path::{Path, PathBuf};

use crate::Front;

/// Which program speaks VRRP on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vip {
    /// Debian's keepalived.
    Keepalived,
    /// `weir vip` of the executable at this path.
    Weir(PathBuf),
}

/// What runs on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Holds the address.
    pub vip: Vip,
    /// Answers on it.
    pub front: Front,
}

impl Contender {
    /// What the blueprint installs.
    pub fn debian() -> Self {
        Self {
            vip: Vip::Keepalived,
            front: Front::Dnsdist,
        }
    }

    /// Both roles of the executable at this path.
    pub fn weir(program: &Path) -> Self {
        Self {
            vip: Vip::Weir(program.to_owned()),
            front: Front::Weir(program.to_owned()),
        }
    }
}

/// What both nodes speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Version 2, one advert per second, with a password: the blueprint's.
    V2,
    /// Version 3, an advert every 100 ms, the address an IPv4 one.
    V3,
    /// As `V3`, the address an IPv6 one.
    V3Ipv6,
}

/// Both nodes' `keepalived.conf`, apart from names and priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is spoken.
    pub protocol: Protocol,
    /// Every how many seconds a script checks the front end's process; none does when absent.
    pub check_s: Option<u32>,
}

impl Settings {
    /// The blueprint's.
    pub const BLUEPRINT: Self = Self {
        protocol: Protocol::V2,
        check_s: Some(2),
    };

    /// `keepalived.conf` of a node: the lines of the blueprint's LAB-DD2, which keepalived reads as it was meant (it
    /// loses the script and the password of LAB-DD1's single line).
    pub(super) fn keepalived_conf(self, node: usize, check: &Path) -> String {
        let (state, priority) = [("MASTER", 150), ("BACKUP", 100)][node];
        let (version, interval, authentication, address) = match self.protocol {
            Protocol::V2 => (
                2,
                "1",
                "authentication {\nauth_type PASS\nauth_pass lab123\n}\n",
                "10.10.2.160",
            ),
            Protocol::V3 => (3, "0.1", "", "10.10.2.160"),
            Protocol::V3Ipv6 => (3, "0.1", "", "fe80::160\nfd10:10:2::160"),
        };
        let (script, track) = match self.check_s {
            Some(interval) => (
                format!(
                    "vrrp_script chk_dnsdist {{\nscript \"{}\"\ninterval {interval}\nfall 1\nrise 1\n}}\n",
                    check.display()
                ),
                "track_script {\nchk_dnsdist\n}\n",
            ),
            None => (String::new(), ""),
        };
        format!(
            "global_defs {{\nrouter_id LAB_DD{}\nvrrp_version {version}\n}}\n{script}vrrp_instance VI_DNS {{\n\
             state {state}\ninterface eth0\nvirtual_router_id 51\npriority {priority}\nadvert_int {interval}\n\
             {authentication}virtual_ipaddress {{\n{address}\n}}\n{track}}}\n",
            node + 1
        )
    }
}

/// The front ends' configuration: one backend, checked every second, and a cache in front of it.
pub(super) const DNSDIST_CONF: &str = r#"setSecurityPollSuffix("")
setLocal("0.0.0.0:53")
addLocal("[::]:53")
addACL("10.10.2.0/24")
addACL("fd10:10:2::/64")
newServer({address="10.10.2.163:53", checkName="check.lab.", checkInterval=1})
getPool(""):setCache(newPacketCache(10000))
"#;

/// In place of `systemctl is-active --quiet dnsdist`: a namespace has no systemd. As systemd does, it takes a process
/// that has died and was not waited for as dead; `kill -0` would call that one alive.
pub(super) fn check_script(pid_file: &Path) -> String {
    format!(
        "#!/bin/sh\nread -r pid <{} || exit 1\nread -r stat 2>/dev/null </proc/$pid/stat || exit 1\n\
         case ${{stat##*) }} in Z*|X*) exit 1 ;; esac\n",
        pid_file.display()
    )
}
