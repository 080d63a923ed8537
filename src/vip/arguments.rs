//! The command line of `weir vip`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

/// Where keepalived, and so an operator, keeps the configuration.
const DEFAULT_CONFIG: &str = "/etc/keepalived/keepalived.conf";

/// `weir vip`: hold the floating address, or talk to the one that does.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) run: Run,
}

/// What is asked of a running `weir vip`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show who holds the address, and why
    Status(Status),
    /// Give the address to the other node without losing a query; it stays there until `resume`
    Handover(Running),
    /// Take part in the election with the full priority again, after `handover`
    Resume(Running),
    /// The process that withdraws the address when `weir vip` dies; started by it
    #[command(hide = true)]
    Guard {
        /// The number of its end of the line to its ward
        line: i32,
    },
}

/// Flags of `weir vip status`.
#[derive(Args, Debug)]
pub(super) struct Status {
    /// JSON, for machines
    #[arg(long, conflicts_with = "metrics")]
    pub(super) json: bool,
    /// Prometheus' text format, for a textfile collector
    #[arg(long)]
    pub(super) metrics: bool,
    #[command(flatten)]
    pub(super) running: Running,
}

/// Which running `weir vip` is meant.
#[derive(Args, Debug)]
pub(super) struct Running {
    /// The directory of its lock and status socket
    #[arg(long, value_name = "DIR")]
    pub(super) run: Option<PathBuf>,
}

/// Flags of `weir vip` itself.
#[derive(Args, Debug)]
pub(super) struct Run {
    /// Load keepalived's configuration from FILE
    #[arg(short = 'f', long = "use-file", value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) file: PathBuf,

    /// Check the configuration and exit: 0 when it is usable, 1 when not
    #[arg(short = 't', long)]
    pub(super) config_test: bool,

    /// Read lines marked @ID, as this node
    #[arg(short = 'i', long, value_name = "ID")]
    pub(super) config_id: Option<String>,

    /// Watch the front end that listens here: ask it 40 times a second, and never hold the address without it
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) front: Option<SocketAddr>,

    /// Watch the process whose number is in FILE
    #[arg(long, value_name = "FILE", conflicts_with = "child")]
    pub(super) pidfile: Option<PathBuf>,

    /// Ask for random names below NAME to see a live backend behind the front end
    #[arg(long, value_name = "NAME", default_value = "invalid.")]
    pub(super) backend_name: String,

    /// Yield while the load average of the last minute is above NUMBER
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_load: Option<f64>,

    /// Yield while the kernel drops more UDP packets than NUMBER in a second for want of room
    #[arg(long, value_name = "NUMBER")]
    pub(super) max_udp_drops: Option<u32>,

    /// Yield while this program itself is woken up later than MS milliseconds
    #[arg(long, value_name = "MS", default_value = "200", value_parser = milliseconds)]
    pub(super) max_delay: Duration,

    /// Keep the lock and the status socket in DIR
    #[arg(long, value_name = "DIR")]
    pub(super) run: Option<PathBuf>,

    /// Go on where the program was that this process has been until now
    #[arg(long, hide = true)]
    pub(super) successor: bool,

    /// Write details to the journal
    #[arg(short, long)]
    pub(super) verbose: bool,

    /// Run the front end as a child, and start it again when it ends
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) child: Vec<String>,
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}
