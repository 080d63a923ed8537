//! Programs of the configuration: how one is started.

use std::io;
use std::process::{Command, Stdio};

use weir_config::vip::Program;
use weir_linux::child::{self, Child, Ending, Launch};
use weir_linux::privileges::resolve_account;

/// What becomes of a program when `weir vip` ends before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is of no use any more, and is told to end.
    EndsWithUs,
    /// It has something to finish.
    Finishes,
}

/// Starts a program with these arguments behind its own, without waiting for it: one that cannot be run is seen to end
/// with a [refusal](Child::refusal).
///
/// # Errors
/// There is no such user, or no room for another process.
pub(super) fn start(program: &Program, arguments: &[String], fate: Fate) -> io::Result<Child> {
    let Some((name, words)) = program.words.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut command = Command::new(name);
    command
        .args(words)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let account = match &program.user {
        Some((user, group)) => Some(resolve_account(user, group.as_deref())?),
        None => None,
    };
    let launch = Launch {
        account,
        with_parent: match fate {
            Fate::EndsWithUs => Some(Ending::Ask),
            Fate::Finishes => None,
        },
        ..Launch::default()
    };
    child::start(command, &launch).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
}
