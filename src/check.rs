//! `weir check`: what in a site's files works until the bad day.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use weir_config::dialects::keepalived::Disk;
use weir_config::lint::{self, File, Finding, Given, Kind, Level, Local, RULES};
use weir_config::site::DEFAULT_FILE;
use weir_config::{Diagnostic, Look, Place, report};
use weir_linux::netlink::Links;
use weir_policy::Netmask;

use crate::site_file;

/// There is a finding that somebody should do something about.
const FOUND: u8 = 1;
/// A file could not be read.
const UNREADABLE: u8 = 2;
/// Most errors that are shown: a file with more of them is another file than was meant.
const MAX_ERRORS: usize = 50;

/// Flags of `weir check`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 nothing found but notes, 1 errors or warnings, 2 a file could not be read.\n\
    Whose a file is shows in its name or its folder: dd1/dnsdist.conf, keepalived-dd1.conf.\n\
    A file of dnsdist is a program: it is run, as `weir front` runs it, but no socket is opened."
)]
pub struct Arguments {
    /// The site file, or files of dnsdist, keepalived and named and zone files, of one node or of several
    #[arg(default_value = DEFAULT_FILE)]
    files: Vec<PathBuf>,

    /// What files are that look like nothing known
    #[arg(long = "as", value_name = "KIND", value_parser = PossibleValuesParser::new(Kind::names()))]
    kind: Option<String>,

    /// A network that subscribers ask from, where no site file says so; may be given several times
    #[arg(long, value_name = "NETWORK")]
    subscribers: Vec<Netmask>,

    /// A network whose addresses stand for many homes each; may be given several times
    #[arg(long, value_name = "NETWORK")]
    cgnat: Vec<Netmask>,

    /// How many subscribers there are
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,

    /// The files are this machine's: look for the interfaces that they name
    #[arg(long)]
    local: bool,

    /// Print an array of JSON objects
    #[arg(long)]
    json: bool,

    /// List the rules and why they are there
    #[arg(long, conflicts_with_all = ["files", "json", "local"])]
    list: bool,
}

/// Runs `weir check`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    if arguments.list {
        return site_file::say(&list());
    }
    let (files, mut errors) = read(&arguments);
    let found = given(&arguments)
        .map_err(|error| vec![Diagnostic::error(Place::new("--local", 0), error.to_string())])
        .and_then(|given| lint::check(&files, &given, &Disk));
    let findings = match found {
        Ok(findings) if errors.is_empty() => findings,
        Ok(_) => return refuse(&files, &errors),
        Err(more) => {
            errors.extend(more);
            return refuse(&files, &errors);
        }
    };
    let text = if arguments.json {
        json(&findings)
    } else {
        lines(&findings)
    };
    site_file::say(&text);
    if findings.iter().any(|finding| finding.level != Level::Note) {
        return ExitCode::from(FOUND);
    }
    ExitCode::SUCCESS
}

/// The files that can be read, and why the others cannot.
fn read(arguments: &Arguments) -> (Vec<File>, Vec<Diagnostic>) {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    let otherwise = arguments.kind.as_deref().and_then(Kind::from_name);
    for path in &arguments.files {
        let name = path.display().to_string();
        let read = fs::read(path)
            .map_err(|error| Diagnostic::error(Place::new(name.as_str(), 0), error.to_string()))
            .and_then(|bytes| File::new(&name, String::from_utf8_lossy(&bytes).into_owned(), otherwise));
        match read {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error),
        }
    }
    (files, errors)
}

fn given(arguments: &Arguments) -> io::Result<Given> {
    let local = arguments.local.then(|| -> io::Result<Local> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname")?;
        let links = Links::open()?.list()?;
        Ok(Local {
            host: host.trim().split('.').next().unwrap_or_default().to_owned(),
            interfaces: links.into_iter().map(|link| link.name).collect(),
        })
    });
    Ok(Given {
        subscribers: arguments.subscribers.clone(),
        cgnat: arguments.cgnat.clone(),
        count: arguments.count,
        local: local.transpose()?,
    })
}

fn refuse(files: &[File], errors: &[Diagnostic]) -> ExitCode {
    let look = if io::stderr().is_terminal() {
        Look::Coloured
    } else {
        Look::Plain
    };
    let text_of = |name: &str| files.iter().find(|file| file.name() == name).map(File::text);
    let shown = errors.get(..MAX_ERRORS).unwrap_or(errors);
    let mut text = report(shown, text_of, look);
    if shown.len() < errors.len() {
        text += &format!("and {} more errors\n", errors.len() - shown.len());
    }
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(UNREADABLE)
}

fn lines(findings: &[Finding]) -> String {
    let shown = findings.iter().map(|finding| format!("{finding}\n"));
    shown.collect::<String>() + &lint::summary(findings) + "\n"
}

fn json(findings: &[Finding]) -> String {
    let objects = findings.iter().map(|finding| {
        serde_json::json!({
            "severity": finding.level.to_string(),
            "rule": finding.rule.id,
            "file": &*finding.place.file,
            "line": finding.place.line,
            "what": finding.what,
            "bad_day": finding.rule.bad_day,
            "fix": finding.fix,
        })
    });
    format!("{:#}\n", serde_json::Value::Array(objects.collect()))
}

fn list() -> String {
    let rows = RULES.iter().map(|rule| {
        format!(
            "{} ({})\n    {}\n    on the bad day: {}\n",
            rule.id, rule.level, rule.about, rule.bad_day
        )
    });
    rows.collect()
}
