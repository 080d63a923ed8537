//! The command lines of `weir up`, `weir status` and `weir reload`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use weir_config::site::DEFAULT_FILE;

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

    /// Write details to the journal
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// `weir status`: what runs on this node.
#[derive(Args, Debug)]
pub struct Status {
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
