//! Servers as child processes: started with a log, waited for, paused, killed by pid, and gone when dropped.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt;
use crate::namespace::PREFIX;

/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(5);
/// How much of a log a failed test prints.
const LOG_TAIL_LINES: usize = 60;

/// A directory of one test or laboratory, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A new, empty directory that every user may read: servers drop privileges.
    pub fn create() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{PREFIX}{}-{serial}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, making the directories above it.
    pub fn write(&self, name: &str, content: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A running server. Dropping it kills it; when a test is failing, the end of its log is printed first.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with everything it prints in `DIRECTORY/NAME.log`.
    pub fn start(name: &str, mut command: Command, directory: &Path) -> io::Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Its own group: Ctrl-C on the laboratory must not kill the peers before the laboratory says so.
            .process_group(0)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{name}: {command:?}: {error}")))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until `ready` holds, at most `limit`; fails at once when the process ends. Returns the time it took.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> io::Result<Duration> {
        let began = Instant::now();
        while !ready() {
            interrupt::check()?;
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "{} ended ({status}):\n{}",
                    self.name,
                    self.log()
                )));
            }
            if began.elapsed() > limit {
                return Err(io::Error::other(format!(
                    "{} not ready in {limit:?}:\n{}",
                    self.name,
                    self.log()
                )));
            }
            std::thread::sleep(POLL);
        }
        Ok(began.elapsed())
    }

    /// Stops the process where it stands (SIGSTOP): it keeps its sockets and answers nothing.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills the process and all that descend from it ([`kill_families`]).
    pub fn kill_family(&mut self) -> io::Result<()> {
        self.kill_with(&[])
    }

    /// The same, and `others` that do not descend from it.
    pub fn kill_with(&mut self, others: &[u32]) -> io::Result<()> {
        kill_families(&[&[self.id()], others].concat())?;
        self.kill()
    }

    /// SIGHUP.
    pub fn hang_up(&self) -> io::Result<()> {
        self.signal(Signal::HUP)
    }

    /// SIGTERM.
    pub fn ask_to_end(&self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    /// SIGTERM, then at most `limit` until it has ended by itself; the exit status and the time it took.
    pub fn terminate(&mut self, limit: Duration) -> io::Result<(ExitStatus, Duration)> {
        self.ask_to_end()?;
        let began = Instant::now();
        let status = self.wait(limit)?;
        Ok((status, began.elapsed()))
    }

    /// Waits at most `limit` for the process to end by itself.
    pub fn wait(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() > limit {
                return Err(io::Error::other(format!(
                    "{} still runs after {limit:?}",
                    self.name
                )));
            }
            std::thread::sleep(POLL);
        }
    }

    /// SIGKILL: no farewell, as in a power cut.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kilobytes
            .map(|number| number * 1024)
            .ok_or_else(|| io::Error::other("no VmRSS"))
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no such process"))?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
            eprintln!("---- end of the log of {} ----\n{}", self.name, tail.join("\n"));
        }
    }
}

/// Kills processes and all that descend from them, at once as far as they can tell: nobody runs any more when the first
/// one dies, so that nobody cleans up after another.
pub fn kill_families(roots: &[u32]) -> io::Result<()> {
    let families: Vec<Vec<Pid>> = roots
        .iter()
        .map(|root| family(*root))
        .collect::<io::Result<_>>()?;
    for signal in [Signal::STOP, Signal::KILL] {
        for &pid in families.iter().flatten() {
            // One that is gone already needs no signal.
            let _ = kill_process(pid, signal);
        }
    }
    Ok(())
}

/// The process and all its descendants.
fn family(root: u32) -> io::Result<Vec<Pid>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // After the name, which may hold anything, in parentheses: state, parent, ...
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let parent = fields.split(' ').nth(1).and_then(|parent| parent.parse().ok());
        parents.extend(parent.map(|parent: i32| (pid, parent)));
    }
    let mut family = vec![root.try_into().map_err(io::Error::other)?];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        family.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == member)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    Ok(family.into_iter().filter_map(Pid::from_raw).collect())
}

/// Waits until `ready` holds, at most `limit`; returns the time it took, or an error that names `what`.
pub fn wait_for(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) -> io::Result<Duration> {
    let began = Instant::now();
    while !ready() {
        interrupt::check()?;
        if began.elapsed() > limit {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("not in {limit:?}: {what}"),
            ));
        }
        std::thread::sleep(POLL);
    }
    Ok(began.elapsed())
}
