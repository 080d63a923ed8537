//! A box around a laboratory, which the kernel empties when its first process ends, however that ends.
//!
//! ```text
//!   weir lab up                        outside: waits, has the other end of the innermost one's standard input
//!    └─ unshare --pid --mount          kills the first process when it is killed itself
//!        └─ weir … (process 1)         the first: its own /run, collects what others leave, ends with the next one
//!            └─ weir …                 the laboratory
//! ```
//!
//! Processes are in a PID namespace, which ends with its first process. Names of network namespaces, scratch files and
//! sockets are on a file system in memory, at `/run` of a mount namespace that only those processes have. Outside, nothing
//! is ever written, so that nothing has to be removed.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;
use std::{env, fs, process, thread};

use rustix::mount::{MountFlags, mount};
use rustix::process::{WaitOptions, wait};

use crate::interrupt;

/// Where scratch directories are inside.
const SCRATCH: &str = "/run/weir-lab";
/// Where `weir up` keeps its sockets by default: inside, the place for a node's own to be mounted on.
const RUN: &str = "/run/weir";
/// How often whoever waits outside looks whether it is to stop.
const TICK: Duration = Duration::from_millis(20);

/// The command that runs this program inside, with these arguments. It is started twice there: first as process 1, which
/// has to call [`be_first`], and then by that one.
pub fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> io::Result<Command> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command.arg(env::current_exe()?).args(arguments);
    command.env("PATH", env::join_paths(search_path()).map_err(io::Error::other)?);
    Ok(command)
}

/// Where programs are looked for: also where Debian has those that an ordinary user's path leaves out.
pub(super) fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let others = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(others).collect()
}

/// Whether this is the first process inside.
pub fn is_first() -> bool {
    process::id() == 1
}

/// What the first process does: prepares the place, runs this program once more with the same arguments, and collects
/// every process that loses its parent, until that one has ended. Returns its exit code.
pub fn be_first() -> io::Result<u8> {
    let options = Some(c"mode=755");
    mount(
        c"weir-lab",
        c"/run",
        c"tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        options,
    )?;
    for directory in [SCRATCH, RUN] {
        fs::create_dir(directory)?;
    }
    let mut command = Command::new(env::current_exe()?);
    let child = command
        .args(env::args_os().skip(1))
        .env("TMPDIR", SCRATCH)
        .spawn()?;
    loop {
        match wait(WaitOptions::empty())? {
            Some((pid, status)) if pid.as_raw_pid().unsigned_abs() == child.id() => {
                return Ok(code(ExitStatus::from_raw(status.as_raw())));
            }
            _ => {}
        }
    }
}

/// Ends this process, and with it everything inside, when its standard input ends: whoever waits outside has gone. Unless
/// that one has let it stay.
pub fn end_with_input() {
    thread::spawn(|| {
        if !matches!(io::stdin().read(&mut [0]), Ok(1)) {
            process::exit(0);
        }
    });
}

/// Lets everything inside go on when this process ends.
pub fn let_stay(child: &mut Child) -> io::Result<()> {
    child
        .stdin
        .take()
        .map_or(Ok(()), |mut input| input.write_all(b"."))
}

/// Waits outside until everything inside has ended, and returns the exit code; or until `enough` holds. When somebody asks
/// to stop, everything inside ends before this returns.
///
/// # Errors
/// `Interrupted`, when somebody asked to stop.
pub fn attend(child: &mut Child, mut enough: impl FnMut() -> bool) -> io::Result<Option<u8>> {
    loop {
        // What was said before the end is heard before the end is seen.
        let ended = child.try_wait()?;
        if enough() {
            return Ok(None);
        }
        if let Some(status) = ended {
            return Ok(Some(code(status)));
        }
        if let Err(interrupted) = interrupt::check() {
            drop(child.stdin.take());
            child.wait()?;
            return Err(interrupted);
        }
        thread::sleep(TICK);
    }
}

/// The command that runs words on a host of the laboratory of process `lab`, from outside. On a node, its run directory is
/// where `weir` looks for one; this program is found as `weir` also when it was started by its path.
pub fn command_at(lab: u32, host: &str, words: &[OsString]) -> io::Result<Command> {
    let root = Path::new("/proc").join(lab.to_string()).join("root");
    let namespace = namespace(&root, host)?;
    let mut command = Command::new("nsenter");
    command.args(["--mount", "--pid", "--target", &lab.to_string()]);
    let network = [OsStr::new("--net="), namespace.as_os_str()];
    command.arg(network.into_iter().collect::<OsString>()).arg("--");
    if let Some(run) = run_directory(&root, host)? {
        let script = format!("mount --bind \"$0\" {RUN} && exec \"$@\"");
        command
            .args(["unshare", "--mount", "--", "sh", "-c", &script])
            .arg(run);
    }
    let own = env::current_exe()?.parent().map(Path::to_owned);
    let path = env::join_paths(own.into_iter().chain(search_path()));
    command.args(words).env("PATH", path.map_err(io::Error::other)?);
    Ok(command)
}

/// The network namespace of a host; an error names the hosts that there are.
fn namespace(root: &Path, host: &str) -> io::Result<PathBuf> {
    let mut known = BTreeSet::new();
    for entry in fs::read_dir(root.join("run/netns"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let role = name.rsplit('-').next().unwrap_or_default();
        if role == host {
            return Ok(entry.path());
        }
        known.insert(role.to_owned());
    }
    let known = Vec::from_iter(known).join(", ");
    Err(io::Error::other(format!(
        "there is no host {host}; there are {known}"
    )))
}

/// The run directory of a node's `weir up`, as it is called inside; none on a host that is no node.
fn run_directory(root: &Path, host: &str) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(root.join(SCRATCH.trim_start_matches('/')))? {
        let run = entry?.path().join(host).join("run");
        if run.is_dir() {
            let inside = run.strip_prefix(root).map_err(io::Error::other)?;
            return Ok(Some(Path::new("/").join(inside)));
        }
    }
    Ok(None)
}

/// As a shell has it.
fn code(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(signal).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
