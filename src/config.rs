//! `weir config`: what the site file may say, and which file this is.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use weir_config::site::{DEFAULT_FILE, explain};

use crate::site_file;

/// Flags of `weir config`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    about: About,
}

#[derive(Debug, Subcommand)]
enum About {
    /// Explain a key of the site file (health.interval) or a table (health); without KEY, list them all
    Explain {
        /// The key
        key: Option<String>,
    },
    /// Print the JSON Schema of the site file
    Schema,
    /// Check the site file and print its SHA-256, which `weir status` shows for every node
    Digest {
        /// The site file
        #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
        file: PathBuf,
    },
}

/// Runs `weir config`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    match arguments.about {
        About::Explain { key: None } => site_file::say(&explain::list()),
        About::Explain { key: Some(key) } => match explain::explain(&key) {
            Ok(text) => site_file::say(&text),
            Err(why) => site_file::fail(&why),
        },
        About::Schema => site_file::say(&explain::schema()),
        About::Digest { file } => match site_file::load(&file) {
            Ok(site) => site_file::say(&format!("{}\n", site.digest)),
            Err(why) => site_file::fail(&why),
        },
    }
}
