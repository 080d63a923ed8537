//! `weir drill --node`: on a node of a real site; said before it is done, and only with `--yes`.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use weir_config::site::{DEFAULT_FILE, VipServer};
use weir_lab::drill::node::Node;
use weir_lab::drill::report::Report;
use weir_lab::interrupt;

use super::promised;
use crate::site_file;

/// The port of DNS.
const PORT: u16 = 53;

/// Which node, and what about it.
#[derive(Args, Debug)]
pub(super) struct OnNode {
    /// Rehearse on this node of a real site, which this machine is, instead of in a laboratory: only what can be undone
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "quick", "compare"])]
    node: Option<String>,

    /// Do it; without, say what would be done
    #[arg(long, requires = "node")]
    yes: bool,

    /// How long Ctrl-C can still prevent it
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "node")]
    countdown: u64,

    /// The name of the Internet that is asked for meanwhile
    #[arg(long, value_name = "NAME", default_value = "google.com", requires = "node")]
    ask: String,

    /// The run directory of the node's `weir up`
    #[arg(long, value_name = "DIR", default_value = "/run/weir", requires = "node")]
    run: PathBuf,
}

impl OnNode {
    /// The node that is meant, if one is.
    ///
    /// # Errors
    /// The file does not have it, or it has no floating address to rehearse with.
    pub(super) fn node(&self, file: Option<&Path>) -> io::Result<Option<Node>> {
        let Some(name) = &self.node else {
            return Ok(None);
        };
        let file = file.unwrap_or_else(|| Path::new(DEFAULT_FILE));
        let site = site_file::load(file).map_err(io::Error::other)?;
        let node = site_file::node(&site, name).map_err(io::Error::other)?;
        let floating = site.floating_of(node).next();
        let (floating, _) = floating.ok_or_else(|| {
            io::Error::other(format!("{name} holds no floating address: nothing to rehearse"))
        })?;
        Ok(Some(Node {
            weir: env::current_exe()?,
            run: self.run.clone(),
            name: node.name.clone(),
            site: site.name.clone(),
            floating: SocketAddr::new(floating.address, PORT),
            zone: site.zones.first().map(|zone| zone.name.to_string()),
            popular: self.ask.clone(),
            targets: promised(&site),
            can_hand_over: node.roles.vip == Some(VipServer::Weir),
        }))
    }

    /// Says what will be done and does it, unless that was all that was asked for.
    pub(super) fn rehearse(&self, node: &Node, tell: &mut dyn FnMut(&str)) -> io::Result<Option<Report>> {
        tell(&node.announcement());
        if !self.yes {
            tell("nothing was done: --yes does it");
            return Ok(None);
        }
        interrupt::watch()?;
        let warning = format!(
            "drill on {} in {} s; Ctrl-C prevents it",
            node.name, self.countdown
        );
        tell(&warning);
        // For the system's journal; a machine without one has been told here.
        let _ = Command::new("logger").args(["-t", "weir", &warning]).status();
        interrupt::sleep(Duration::from_secs(self.countdown))?;
        node.rehearse(tell).map(Some)
    }
}
