//! The pairs that stand side by side.

use std::io;
use std::path::Path;
use std::process::Command;

use weir_lab::pair::{Contender, Pair, Protocol, Settings};

/// What runs on both nodes of a pair.
#[derive(Debug)]
pub(crate) struct Team {
    /// What `--pair` calls it.
    pub(crate) name: &'static str,
    /// Weir on both nodes, or keepalived and dnsdist on both.
    pub(crate) is_weir: bool,
    /// What both nodes read.
    pub(crate) settings: Settings,
}

/// With the blueprint's file, and with what is fast: adverts every 100 ms. keepalived can check once a second at most,
/// and needs a script to; `weir vip` asks the front end itself.
pub(crate) const TEAMS: [Team; 4] = [
    Team {
        name: "keepalived-v2",
        is_weir: false,
        settings: Settings::BLUEPRINT,
    },
    Team {
        name: "weir-v2",
        is_weir: true,
        settings: Settings::BLUEPRINT,
    },
    Team {
        name: "keepalived-v3",
        is_weir: false,
        settings: Settings {
            protocol: Protocol::V3,
            check_s: Some(1),
        },
    },
    Team {
        name: "weir-v3",
        is_weir: true,
        settings: Settings {
            protocol: Protocol::V3,
            check_s: None,
        },
    },
];

impl Team {
    /// What both nodes read with an IPv6 address; version 2 has none.
    pub(crate) fn over_ipv6(&self) -> Option<Settings> {
        let protocol = match self.settings.protocol {
            Protocol::V2 => return None,
            Protocol::V3 | Protocol::V3Ipv6 => Protocol::V3Ipv6,
        };
        Some(Settings {
            protocol,
            ..self.settings
        })
    }

    /// Starts both nodes.
    ///
    /// # Errors
    /// Also when a program is not there, or has no such role.
    pub(crate) fn start(&self, weir: &Path, settings: Settings) -> io::Result<Pair> {
        let contender = match self.is_weir {
            true => Contender::weir(weir),
            false => Contender::debian(),
        };
        if self.is_weir
            && !Command::new(weir)
                .args(["vip", "--help"])
                .output()?
                .status
                .success()
        {
            return Err(io::Error::other(format!("{} has no role `vip`", weir.display())));
        }
        Pair::start([contender.clone(), contender], settings)
    }
}
