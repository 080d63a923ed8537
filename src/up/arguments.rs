//! The command lines of `weir up` and of those that talk to it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use weir_config::site::{DEFAULT_FILE, RoleName};

use super::reach::Way;
use super::shares::ROLES;

/// Where configurations and sockets live unless the command line says otherwise.
const RUN_DIRECTORY: &str = "/run/weir";
/// Where servers keep what they write.
const STATE_DIRECTORY: &str = "/var/lib/weir";
/// Where a trial listens; the status page is on the next port.
const TRIAL_ADDRESS: &str = "127.0.0.1:5300";

/// `weir up`: run everything that the site file gives this node.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The site file
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    pub(super) file: PathBuf,

    /// The node that this machine is (default: the one with the host's name)
    #[arg(short, long, value_name = "NAME")]
    pub(super) node: Option<String>,

    /// Keep the roles' configurations and the status sockets in DIR
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    pub(super) run: PathBuf,

    /// Keep what servers write, such as transferred zones, below DIR
    #[arg(long, value_name = "DIR", default_value = STATE_DIRECTORY)]
    pub(super) state: PathBuf,

    /// The user that `weir front` becomes (default: weir, or nobody where there is none)
    #[arg(short, long, value_name = "USER")]
    pub(super) user: Option<String>,

    /// Without a site file: a front end to try, with its status page on the next port
    #[arg(long = "try", value_name = "ADDR:PORT", num_args = 0..=1, require_equals = true,
          default_missing_value = TRIAL_ADDRESS, conflicts_with_all = ["file", "node", "run", "state"])]
    pub(super) trial: Option<SocketAddr>,

    /// Go on where the program was that this process has been until now
    #[arg(long, hide = true)]
    pub(super) successor: bool,

    /// Write details to the journal
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// `weir status`: what runs on this node, or on every one.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 when somebody answers, 1 when nobody does; with --site also 1 when a node is not \
    reached, a role is not up, or a node runs another site file than FILE."
)]
pub struct Status {
    /// Every node of the site: which roles run, which version, and whether it runs this site file
    #[arg(long)]
    pub(super) site: bool,

    /// The site file that the nodes are compared with
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE, requires = "site")]
    pub(super) file: PathBuf,

    /// Run commands on a node by COMMAND, with {node} and {address} in the place of its name and address, and without a
    /// shell (default: ssh; this node itself without)
    #[arg(long, value_name = "COMMAND", value_parser = Way::parse, requires = "site")]
    pub(super) via: Option<Way>,

    /// JSON, for machines
    #[arg(long)]
    pub(super) json: bool,

    /// The run directory of `weir up`
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    pub(super) run: PathBuf,
}

/// `weir reload`: have `weir up` read the site file again.
#[derive(Args, Debug)]
pub struct Reload {
    /// The run directory of `weir up`
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    pub(super) run: PathBuf,
}

/// `weir stop` and `weir start`: have `weir up` end one role, or run it again.
#[derive(Args, Debug)]
pub struct Order {
    /// The role: front, vip, auth or resolve
    #[arg(value_parser = role)]
    pub(super) role: RoleName,

    /// The run directory of `weir up`
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    pub(super) run: PathBuf,
}

/// `weir upgrade`: have `weir up` and its roles go on as a new program.
#[derive(Args, Debug)]
#[command(
    after_help = "The new program is checked first: it has to take this node's files. Then the front end, the \
    floating address and weir up itself go over to it, in this order; the address stays, and no query is lost. What fails \
    leaves the old one serving. named and unbound are left alone.\nExit codes: 0 when everything runs the new program, 1 \
    when not."
)]
pub struct Upgrade {
    /// The new program, where weir up can see it: its unit has a /tmp of its own (default: what is now in the file that weir
    /// up was started from)
    #[arg(long, value_name = "PATH")]
    pub(super) binary: Option<PathBuf>,

    /// The run directory of `weir up`
    #[arg(long, value_name = "DIR", default_value = RUN_DIRECTORY)]
    pub(super) run: PathBuf,
}

/// The role of this name.
///
/// # Errors
/// There is none; what was probably meant.
pub(super) fn role(name: &str) -> Result<RoleName, String> {
    let words = ROLES.map(|role| role.to_string());
    let found = words.iter().position(|word| word == name);
    if let Some(role) = found.and_then(|at| ROLES.get(at)) {
        return Ok(*role);
    }
    let near = weir_config::nearest(name, words.iter().map(String::as_str));
    Err(near.map_or_else(
        || format!("roles are {}", words.join(", ")),
        |near| format!("did you mean {near}?"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_role_names_its_neighbour() {
        assert_eq!(role("front"), Ok(RoleName::Front));
        assert_eq!(role("frnot"), Err("did you mean front?".to_owned()));
        assert_eq!(role("dns"), Err("roles are front, vip, auth, resolve".to_owned()));
    }
}
