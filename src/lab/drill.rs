//! `weir lab drill`: drills in the laboratory that runs.
//!
//! The order goes in as a line of JSON. Lines come out, each with its kind in front: progress, the exit code, an error, and
//! what is to be printed.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::{Deserialize, Serialize};
use weir_lab::drill::report::{self, Report};
use weir_lab::drill::round::Round;
use weir_lab::lab::Lab;

use crate::drill;
use crate::site_file::{fail, say};

const PROGRESS: char = '+';
const PRINTED: char = ' ';
/// Begins the answer to a request that cannot be fulfilled.
pub(super) const ERROR: char = '!';
const PASSED: char = '=';

/// Which drills, and how they are told.
#[derive(Args, Debug, Deserialize, Serialize)]
pub(super) struct Wanted {
    /// Only these drills (`weir drill --list`)
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = PossibleValuesParser::new(drill::names()), hide_possible_values = true)]
    only: Vec<String>,

    /// The short form
    #[arg(long)]
    quick: bool,

    /// JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Wanted {
    /// The order as a line.
    pub(super) fn order(&self) -> io::Result<String> {
        serde_json::to_string(self).map_err(io::Error::other)
    }

    /// Carries an order out, and tells of it.
    pub(super) fn carry_out(order: &str, lab: &mut Lab, mut output: impl Write) -> io::Result<()> {
        match Self::run(order, lab, &mut output) {
            Ok((report, text)) => {
                if report.passed() {
                    writeln!(output, "{PASSED}")?;
                }
                text.lines()
                    .try_for_each(|line| writeln!(output, "{PRINTED}{line}"))
            }
            Err(error) => writeln!(output, "{ERROR}{}", error.to_string().replace('\n', " ")),
        }
    }

    fn run(order: &str, lab: &mut Lab, output: &mut impl Write) -> io::Result<(Report, String)> {
        let wanted: Self = serde_json::from_str(order).map_err(io::Error::other)?;
        let round = Round {
            only: wanted.only,
            is_quick: wanted.quick,
            targets: drill::targets(lab.site_file())?,
        };
        let report = round.run(lab, &mut |line| {
            // Who ordered it may have gone; what has begun still ends as it should.
            let _ = writeln!(output, "{PROGRESS}{line}");
        })?;
        let reports = std::slice::from_ref(&report);
        let text = match wanted.json {
            true => report::json(reports),
            false => format!("\n{}", report::text(reports)),
        };
        Ok((report, text))
    }
}

/// Shows what comes of an order.
pub(super) fn show(answer: impl BufRead) -> io::Result<ExitCode> {
    let mut code = ExitCode::FAILURE;
    for line in answer.lines() {
        let line = line?;
        let mut rest = line.chars();
        match (rest.next(), rest.as_str()) {
            (Some(PROGRESS), rest) => {
                fail(rest);
            }
            (Some(PRINTED), rest) => {
                say(&format!("{rest}\n"));
            }
            (Some(PASSED), _) => code = ExitCode::SUCCESS,
            (Some(ERROR), rest) => return Err(io::Error::other(rest.to_owned())),
            _ => return Err(io::Error::other(line)),
        }
    }
    Ok(code)
}
