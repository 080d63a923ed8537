//! The command line: dnsdist's own flags, so that units and scripts need no change.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

/// Where dnsdist, and so an operator, keeps the configuration.
const DEFAULT_CONFIG: &str = "/etc/dnsdist/dnsdist.conf";

/// Flags of `weir front`, as documented for dnsdist.
#[derive(Args, Debug)]
#[command(disable_version_flag = true)]
pub struct Arguments {
    /// Load the configuration from FILE
    #[arg(short = 'C', long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,

    /// Validate the configuration and exit: 0 when it is usable, 1 when not
    #[arg(long)]
    pub check_config: bool,

    /// Be a console client: connect to the configuration's controlSocket, or to an address
    #[arg(short, long, value_name = "IP[:PORT]", num_args = 0..=1, default_missing_value = "")]
    pub client: Option<String>,

    /// Send COMMAND to the console, print the answer and exit
    #[arg(short, long, value_name = "COMMAND")]
    pub execute: Option<String>,

    /// Listen here instead of the configuration's addresses (may be repeated)
    #[arg(short, long, value_name = "ADDR[:PORT]")]
    pub local: Vec<String>,

    /// Answer clients from NETMASK instead of the default ranges (may be repeated)
    #[arg(short, long, value_name = "NETMASK")]
    pub acl: Vec<String>,

    /// Console key, as setKey() sets it; visible in the process list
    #[arg(short = 'k', long, value_name = "KEY")]
    pub setkey: Option<String>,

    /// Change to this user (name or number) once the sockets are bound
    #[arg(short, long, value_name = "USER")]
    pub uid: Option<String>,

    /// Change to this group (name or number) once the sockets are bound
    #[arg(short, long, value_name = "GROUP")]
    pub gid: Option<String>,

    /// Accepted for service managers: the console is never opened on standard input
    #[arg(long)]
    pub supervised: bool,

    /// Take over from a program that runs with the same configuration: open the console and the status page when it has
    /// closed them
    #[arg(long, hide = true)]
    pub successor: bool,

    /// Accepted: the journal always goes to standard output
    #[arg(long)]
    pub disable_syslog: bool,

    /// Put a timestamp in front of each plain line of the journal
    #[arg(long)]
    pub log_timestamps: bool,

    /// Write the journal as key="value" lines
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true",
          action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub structured_logging: bool,

    /// Write details to the journal
    #[arg(short, long)]
    pub verbose: bool,

    /// Show the version and exit
    #[arg(short = 'V', long)]
    pub version: bool,

    /// Forward to these servers, in addition to the configuration's
    #[arg(value_name = "SERVER")]
    pub servers: Vec<String>,
}
