//! Reading the site file for a subcommand, and telling the operator what came of it.

use std::fs;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use weir_config::site::{Node, SecretSource, Site};
use weir_config::{Look, Secret, report};

/// The site that `file` describes; warnings go to standard error.
///
/// # Errors
/// What to tell the operator: why the file cannot be read, or everything that is wrong with it.
pub fn load(file: &Path) -> Result<Site, String> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let look = if std::io::stderr().is_terminal() {
        Look::Coloured
    } else {
        Look::Plain
    };
    let shown = |findings: &[_]| report(findings, |_| Some(text.as_str()), look);
    match Site::load(&text, &name) {
        Ok((site, warnings)) => {
            if !warnings.is_empty() {
                let _ = std::io::stderr().write_all(shown(&warnings).as_bytes());
            }
            Ok(site)
        }
        Err(findings) => Err(shown(&findings).trim_end().to_owned()),
    }
}

/// The node of this name.
///
/// # Errors
/// There is none; which ones there are.
pub(crate) fn node<'s>(site: &'s Site, name: &str) -> Result<&'s Node, String> {
    site.node(name).map(AsRef::as_ref).ok_or_else(|| {
        let known: Vec<_> = site.nodes.iter().map(|node| node.name.as_str()).collect();
        let near = weir_config::nearest(name, known.iter().copied());
        let help = near.map_or_else(
            || format!("there are {}", known.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        format!("there is no node '{name}'; {help}")
    })
}

/// This machine's name.
pub(crate) fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// The node that a machine of this name is: by the whole name or by its first label.
pub(crate) fn own_node<'s>(site: &'s Site, host: &str) -> Option<&'s Arc<Node>> {
    let short = host.split('.').next().unwrap_or_default();
    site.node(host).or_else(|| site.node(short))
}

/// A secret: the first line of where it is.
///
/// # Errors
/// It cannot be read, or there is none.
pub(crate) fn secret(source: &SecretSource) -> Result<Secret, String> {
    let path = match source {
        SecretSource::File(path) => path.clone(),
        SecretSource::Credential(name) => std::env::var_os("CREDENTIALS_DIRECTORY")
            .map(|folder| Path::new(&folder).join(name))
            .ok_or_else(|| {
                format!("the credential {name} is wanted, but this was started without credentials")
            })?,
    };
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    match text.lines().next() {
        None | Some("") => Err(format!("{}: there is no secret in it", path.display())),
        Some(line) => Ok(Secret::new(line)),
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no error.
pub(crate) fn say(text: &str) -> ExitCode {
    let mut output = std::io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => fail(&error.to_string()),
        _ => ExitCode::SUCCESS,
    }
}

/// Writes to standard error.
pub(crate) fn fail(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::FAILURE
}
