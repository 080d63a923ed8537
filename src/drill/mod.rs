//! `weir drill`: rehearsed failures, and what subscribers would notice of them.
//!
//! ```text
//!   outside: starts itself again in an enclosure, waits
//!   inside: starts a laboratory, or one after the other to compare, and lets the drills happen in it
//!   node: on a node of a real site, neither
//! ```

mod node;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use clap::Args;
use clap::builder::PossibleValuesParser;
use weir_config::site::Site;
use weir_lab::drill::node::Node;
use weir_lab::drill::report::{self, Report};
use weir_lab::drill::round::Round;
use weir_lab::drill::scenario::{Part, Scenario};
use weir_lab::drill::scenarios;
use weir_lab::drill::verdict::Targets;
use weir_lab::interrupt;
use weir_lab::lab::{Lab, Plan, enclosure};
use weir_linux::privileges;

use crate::lab::Pieces;
use crate::site_file::{self, fail, say};
use crate::table::aligned;
use node::OnNode;

/// This is not the machine for it.
const CANNOT: u8 = 2;
/// Ended by Ctrl-C or SIGTERM.
const INTERRUPTED: u8 = 130;

/// `weir drill`: rehearse failures in a laboratory of its own, or what can be undone on a node of a real site.
#[derive(Args, Debug)]
#[command(
    after_help = "Needs Linux and root. In a laboratory nothing is left when it ends, also by SIGKILL; on a node of a real site what\n\
    was done is undone, also after Ctrl-C.\n\
    Exit codes: 0 every drill passed, 1 one did not or it failed, 2 not on this machine, 130 ended by Ctrl-C or SIGTERM."
)]
pub struct Arguments {
    /// Only these drills
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = PossibleValuesParser::new(names()), hide_possible_values = true)]
    only: Vec<String>,

    /// The short form, for CI
    #[arg(long)]
    quick: bool,

    /// Say which drills there are
    #[arg(long)]
    list: bool,

    /// JSON instead of a table
    #[arg(long)]
    json: bool,

    /// Write a page with pictures here as well
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Rehearse dnsdist and keepalived as well, side by side
    #[arg(long)]
    compare: bool,

    /// The site file whose targets have to be kept
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    pieces: Pieces,

    #[command(flatten)]
    on_node: OnNode,

    /// This process is inside already
    #[arg(long, hide = true)]
    enclosed: bool,
}

/// The drills that there are.
pub(crate) fn names() -> Vec<&'static str> {
    scenarios().map(|scenario| scenario.name).collect()
}

/// Runs `weir drill`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    if arguments.list {
        return say(&list());
    }
    if !privileges::is_root() {
        fail("weir drill: network namespaces need root: run this as root");
        return ExitCode::from(CANNOT);
    }
    let outcome = match arguments.enclosed {
        true if enclosure::is_first() => enclosure::be_first().map(ExitCode::from),
        true => inside(&arguments),
        false => match arguments.on_node.node(arguments.file.as_deref()) {
            Ok(Some(node)) => on_node(&arguments, &node),
            Ok(None) => outside(),
            Err(error) => Err(error),
        },
    };
    outcome.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::Interrupted => ExitCode::from(INTERRUPTED),
        _ => fail(&format!("weir drill: {error}")),
    })
}

fn list() -> String {
    let row = |scenario: &Scenario| {
        let part = match scenario.part {
            Part::Quick => "quick",
            Part::Whole => "",
        };
        [scenario.name, scenario.title, part].map(str::to_owned)
    };
    aligned(&scenarios().map(row).collect::<Vec<_>>())
}

/// Starts this program inside, and waits for it.
fn outside() -> io::Result<ExitCode> {
    interrupt::watch()?;
    let arguments = env::args_os().skip(1).chain(["--enclosed".into()]);
    let mut child = enclosure::command(arguments)?.stdin(Stdio::piped()).spawn()?;
    let code = enclosure::attend(&mut child, || false)?;
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The drills themselves. Whoever was asked for decides on the exit code; others are there to compare.
fn inside(arguments: &Arguments) -> io::Result<ExitCode> {
    enclosure::end_with_input();
    let round = arguments.round()?;
    let own = arguments.pieces.plan()?;
    let mut reports = Vec::new();
    for plan in [Some(own.clone()), arguments.compare.then(|| foreign(&own))]
        .into_iter()
        .flatten()
    {
        let mut tell = |line: &str| {
            fail(line);
        };
        let mut lab = Lab::start(&plan, &mut tell)?;
        reports.push(round.run(&mut lab, &mut tell)?);
    }
    arguments.tell(&reports)
}

fn on_node(arguments: &Arguments, node: &Node) -> io::Result<ExitCode> {
    let mut tell = |line: &str| {
        match arguments.json {
            true => fail(line),
            false => say(&format!("{line}\n")),
        };
    };
    match arguments.on_node.rehearse(node, &mut tell)? {
        Some(report) => arguments.tell(&[report]),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The same site with what the blueprint installs.
fn foreign(plan: &Plan) -> Plan {
    let Plan { front, vip, .. } = Plan::debian(&plan.weir);
    Plan {
        front,
        vip,
        ..plan.clone()
    }
}

impl Arguments {
    fn round(&self) -> io::Result<Round> {
        Ok(Round {
            only: self.only.clone(),
            is_quick: self.quick,
            targets: match &self.file {
                Some(file) => targets(file)?,
                None => Targets::default(),
            },
        })
    }

    fn tell(&self, reports: &[Report]) -> io::Result<ExitCode> {
        if let Some(file) = &self.html {
            fs::write(file, report::html(reports))
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?;
        }
        say(&match self.json {
            true => report::json(reports),
            false => format!("\n{}", report::text(reports)),
        });
        Ok(match reports.first().is_some_and(Report::passed) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

/// What the site of a file promises its subscribers.
///
/// # Errors
/// The file cannot be read, or is none.
pub(crate) fn targets(file: &Path) -> io::Result<Targets> {
    let site = site_file::load(file).map_err(io::Error::other)?;
    Ok(promised(&site))
}

fn promised(site: &Site) -> Targets {
    Targets {
        convergence: site.targets.convergence,
        failed_queries: usize::try_from(site.targets.failed_queries).unwrap_or(usize::MAX),
    }
}
