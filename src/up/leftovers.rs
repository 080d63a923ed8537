//! Roles of a `weir up` that was killed: servers that have become another user outlive it, and would hold the ports.
//!
//! Each role's number is in a file, with the time at which the process began, so that a number which belongs to another
//! process by now is left alone.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use weir_config::site::RoleName;
use weir_linux::child::Ending;
use weir_linux::pidfd::Pidfd;
use weir_linux::poll::{Events, Interest, Poller};

use super::Options;
use super::shares::ROLES;

/// How long one may take to end when it is told to.
const ENDING_TIMEOUT: Duration = Duration::from_secs(10);

/// Remembers a role's process.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn remember(options: &Options, role: RoleName, pid: u32) -> io::Result<()> {
    fs::write(file(options, role), format!("{pid} {}\n", began(pid)?))
}

/// A role's process has ended.
pub(super) fn forget(options: &Options, role: RoleName) {
    let _ = fs::remove_file(file(options, role));
}

/// Ends what is left, the address first.
///
/// # Errors
/// When something cannot be ended.
pub(super) fn end(options: &Options) -> io::Result<()> {
    let first_vip = [RoleName::Vip];
    let others = ROLES.into_iter().filter(|role| *role != RoleName::Vip);
    for role in first_vip.into_iter().chain(others) {
        let text = fs::read_to_string(file(options, role)).unwrap_or_default();
        let numbers = text.trim().split_once(' ');
        let Some((pid, time)) = numbers.and_then(|(pid, time)| Some((pid.parse().ok()?, time))) else {
            continue;
        };
        // Opened before its time is looked at: from here on the number is not given to another.
        let Ok(process) = Pidfd::open(pid) else { continue };
        if began(pid).is_ok_and(|found| found == time) && !process.has_exited()? {
            tracing::warn!("{role}: process {pid} was left by a weir up that was killed; it is ended");
            process.end(Ending::Ask)?;
            let poller = Poller::new()?;
            poller.add(&process, 0, Interest::Read)?;
            poller.wait(&mut Events::new(1), Some(ENDING_TIMEOUT))?;
            if !process.has_exited()? {
                process.end(Ending::Force)?;
            }
        }
        forget(options, role);
    }
    Ok(())
}

fn file(options: &Options, role: RoleName) -> PathBuf {
    options.run.join(format!("{role}.pid"))
}

/// When a process began, in ticks since the machine did (`proc(5)`, field 22 of `stat`).
fn began(pid: u32) -> io::Result<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name in parentheses, in which anything may stand.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let field = fields.split(' ').nth(19).map(str::to_owned);
    field.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
