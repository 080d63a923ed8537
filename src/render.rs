//! `weir render`: a node's share of the site file in the formats of other programs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use weir_config::site::render::{Format, render};
use weir_config::site::{DEFAULT_FILE, RoleName, Site};

use crate::site_file;

/// Flags of `weir render`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The node, as the site file calls it
    node: String,

    /// The format
    #[arg(value_parser = formats())]
    format: Format,

    /// The site file
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,

    /// Where the program will keep what it writes (default: /var/lib/weir/FORMAT)
    #[arg(short, long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,

    /// The role that named is to have, on a node where it has both
    #[arg(long, value_parser = roles())]
    role: Option<RoleName>,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::all().map(|(name, _)| name)).try_map(|name| name.parse::<Format>())
}

/// The roles that named can have.
fn roles() -> impl TypedValueParser<Value = RoleName> {
    let role = |name: String| {
        if name == "auth" {
            RoleName::Auth
        } else {
            RoleName::Resolve
        }
    };
    PossibleValuesParser::new(["auth", "resolve"]).map(role)
}

/// Runs `weir render`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    let rendered = site_file::load(&arguments.file).and_then(|site| rendered(&site, &arguments));
    match rendered {
        Ok(text) => site_file::say(&text),
        Err(why) => site_file::fail(&why),
    }
}

fn rendered(site: &Site, arguments: &Arguments) -> Result<String, String> {
    let node = site_file::node(site, &arguments.node)?;
    let default = Path::new("/var/lib/weir").join(arguments.format.to_string());
    let directory = arguments.directory.as_deref().unwrap_or(&default);
    render(arguments.format, site, node, arguments.role, directory).map_err(|no_share| no_share.to_string())
}
