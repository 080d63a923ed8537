//! Reading the site file for a subcommand, and telling the operator what came of it.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use weir_config::site::{Node, Site};
use weir_config::{Look, report};

/// The site that `file` describes; warnings go to standard error.
///
/// # Errors
/// What to tell the operator: why the file cannot be read, or everything that is wrong with it.
pub fn load(file: &Path) -> Result<Site, String> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
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
