//! Roles of a `weir up` that was killed: servers that have become another user outlive it, and would hold the ports.
//!
//! The numbers of a role's processes are in a file, each with the time at which the process began, so that a number which
//! belongs to another process by now is left alone. A role has two while one takes over from the other.

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
    let path = file(options, role);
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    text += &format!("{pid} {}\n", began(pid)?);
    fs::write(path, text)
}

/// A role's process has ended.
pub(super) fn forget(options: &Options, role: RoleName, pid: u32) {
    let path = file(options, role);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let is_other = |line: &&str| line.split(' ').next() != Some(&pid.to_string());
    let others: Vec<&str> = text.lines().filter(is_other).collect();
    let _ = if others.is_empty() {
        fs::remove_file(path)
    } else {
        fs::write(path, others.join("\n") + "\n")
    };
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
        let numbers = text.lines().filter_map(|line| line.split_once(' '));
        for (pid, time) in numbers.filter_map(|(pid, time)| Some((pid.parse().ok()?, time))) {
            end_one(role, pid, time)?;
        }
        let _ = fs::remove_file(file(options, role));
    }
    Ok(())
}

/// Ends the process that has this number and began at this time, if there is one.
fn end_one(role: RoleName, pid: u32, time: &str) -> io::Result<()> {
    // Opened before its time is looked at: from here on the number is not given to another.
    let Ok(process) = Pidfd::open(pid) else {
        return Ok(());
    };
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
