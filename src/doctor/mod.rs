//! Why is there no answer? (`weir doctor`)
//!
//! ```text
//!   arguments, site file ─▶ Surroundings ─▶ questions, all at once ─▶ findings ─▶ report: text, JSON, exit code
//!                                             │ look (I/O)                ▲
//!                                             └──── facts ─▶ judge (pure) ┘
//! ```
//!
//! It changes nothing and asks nobody but the addresses that the site file or the command line names. Whatever comes from
//! the network is hostile: it becomes numbers and addresses, or nothing, and of everything so much and no more is taken.

mod arguments;
mod asking;
mod finding;
mod questions;
mod report;
mod surroundings;
mod watch;

use std::io::{self, IsTerminal, Write};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;

use crate::site_file;
use crate::table::span;
use questions::{QUESTIONS, time_to_listen};
use report::Answered;
use surroundings::Surroundings;

pub use arguments::Arguments;

/// Something does not work.
const FAILED: u8 = 1;
/// There was no way to look.
const NOT_LOOKED: u8 = 2;

/// Runs `weir doctor`; see [`Arguments`].
pub fn main(arguments: Arguments) -> ExitCode {
    let surroundings = match Surroundings::new(&arguments) {
        Ok(surroundings) => surroundings,
        Err(why) => {
            site_file::fail(&why);
            return ExitCode::from(NOT_LOOKED);
        }
    };
    if !arguments.json && io::stderr().is_terminal() {
        announce(&surroundings);
    }
    let answered = ask_all(&surroundings);
    let text = if arguments.json {
        report::json(&answered)
    } else {
        report::text(&answered)
    };
    site_file::say(&text);
    if report::has_failed(&answered) {
        return ExitCode::from(FAILED);
    }
    ExitCode::SUCCESS
}

/// Says who this machine is taken for, and what takes time.
fn announce(surroundings: &Surroundings) {
    let who = match &surroundings.node {
        Some(node) => format!("this is the node {}", node.name),
        None => "this is a client".to_owned(),
    };
    let listening = time_to_listen(surroundings).map_or_else(String::new, |time| {
        format!("; listening for adverts takes {}", span(time.as_secs_f64()))
    });
    // Who reads no standard error misses nothing.
    let _ = writeln!(io::stderr(), "{who}{listening}");
}

/// Asks every question at the same time.
fn ask_all(surroundings: &Surroundings) -> Vec<Answered> {
    thread::scope(|scope| {
        let threads: Vec<_> = QUESTIONS
            .iter()
            .map(|question| (question.name, scope.spawn(|| (question.ask)(surroundings))))
            .collect();
        let answered = threads.into_iter().map(|(question, thread)| Answered {
            question,
            findings: thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
        });
        answered.collect()
    })
}
