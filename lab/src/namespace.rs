//! Hosts as network namespaces, and the switch between them.
//!
//! Names carry the process id of their creator, so that two laboratories run side by side and what a killed one left
//! behind can be told from what is in use ([`remove_leftovers`]). Everything goes through `ip`; a namespace is
//! removed when its value is dropped, and therefore also when a test panics.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The name of every namespace and directory starts with this, then the creator's process id.
pub(crate) const PREFIX: &str = "weir-lab-";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// One host: its own interfaces, addresses, routes and ports.
#[derive(Debug)]
pub struct Namespace {
    /// None for the one that this process is in.
    name: Option<String>,
}

impl Namespace {
    /// A host with loopback up and nothing else. Needs root.
    pub fn create(role: &str) -> io::Result<Self> {
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{serial}-{role}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name: Some(name) };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// This machine itself, as far as this process sees it.
    pub fn of_this_machine() -> Self {
        Self { name: None }
    }

    /// The name as `ip netns` lists it; that of this machine is empty.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Runs `ip` for this host: `ip -n NAME ARGUMENTS`.
    pub fn ip(&self, arguments: &[&str]) -> io::Result<()> {
        match &self.name {
            Some(name) => ip(&[&["-n", name], arguments].concat()),
            None => ip(arguments),
        }
    }

    /// Sets what `sysctl` would. What the kernel has once for all hosts stays as it is: that is none of a host's.
    pub fn set(&self, name: &str, value: &str) -> io::Result<()> {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        match self.enter(|| fs::write(&path, value))? {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => Ok(()),
            Err(error) => Err(io::Error::new(error.kind(), format!("{name} = {value}: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    /// The processes on this host, which is one of a laboratory.
    pub fn processes(&self) -> io::Result<Vec<Pid>> {
        match &self.name {
            Some(name) => processes(name),
            None => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Those of them that withdraw addresses when a `weir vip` dies.
    pub fn guards(&self) -> io::Result<Vec<u32>> {
        let is_guard = |pid: &u32| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|words| words.split(|byte| *byte == 0).nth(2) == Some(b"guard"))
        };
        let pids = self.processes()?.into_iter();
        let pids = pids.map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
        Ok(pids.filter(is_guard).collect())
    }

    /// A command that will run on this host; `ip` replaces itself by it, so the child's pid is the program's.
    pub fn command(&self, program: &str) -> Command {
        let Some(name) = &self.name else {
            return Command::new(program);
        };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name, program]);
        command
    }

    /// Runs `work` on a thread that belongs to this host. Sockets opened there stay on it.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        let door = self.door()?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| pass(door.as_ref(), work));
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// As [`enter`](Self::enter), without waiting for the end.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<io::Result<T>>> {
        let door = self.door()?;
        Ok(std::thread::spawn(move || pass(door.as_ref(), work)))
    }

    /// The way in; none is needed where this process is.
    fn door(&self) -> io::Result<Option<File>> {
        let open = |name| File::open(PathBuf::from("/run/netns").join(name));
        self.name.as_ref().map(open).transpose()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            remove(name);
        }
    }
}

/// The processes of a namespace.
fn processes(name: &str) -> io::Result<Vec<Pid>> {
    let listed = Command::new("ip").args(["netns", "pids", name]).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let pids = listed.split_whitespace().filter_map(|pid| pid.parse().ok());
    Ok(pids.filter_map(Pid::from_raw).collect())
}

/// Moves this thread through the door, for good, and does the work there.
fn pass<T>(door: Option<&File>, work: impl FnOnce() -> T) -> io::Result<T> {
    if let Some(door) = door {
        move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network))?;
    }
    Ok(work())
}

/// A switch: a bridge in a namespace of its own, to which hosts are attached.
#[derive(Debug)]
pub struct Network {
    switch: Namespace,
}

impl Network {
    /// A switch without hosts. Needs root.
    pub fn create() -> io::Result<Self> {
        let switch = Namespace::create("switch")?;
        switch.ip(&["link", "add", "lan", "type", "bridge"])?;
        switch.ip(&["link", "set", "lan", "up"])?;
        Ok(Self { switch })
    }

    /// A new host on this switch, its `eth0` having `addresses` (with prefix length, the first is its own).
    pub fn attach(&self, role: &str, addresses: &[&str]) -> io::Result<Namespace> {
        let host = Namespace::create(role)?;
        self.connect(&host, role, "eth0")?;
        for address in addresses {
            host.ip(&["address", "add", address, "dev", "eth0"])?;
        }
        Ok(host)
    }

    /// A cable from this switch to a new interface of a host, which is known here by its role.
    pub fn connect(&self, host: &Namespace, role: &str, interface: &str) -> io::Result<()> {
        let port = port(role);
        let cable = ["link", "add", &port, "type", "veth", "peer", "name", interface];
        self.switch.ip(&[&cable[..], &["netns", host.name()]].concat())?;
        self.switch.ip(&["link", "set", &port, "master", "lan", "up"])?;
        host.ip(&["link", "set", interface, "up"])
    }

    /// Pulls the plug of a host, by its role, out of the switch: its `eth0` loses the carrier.
    pub fn unplug(&self, role: &str) -> io::Result<()> {
        self.switch.ip(&["link", "set", &port(role), "down"])
    }

    /// Puts it in again.
    pub fn plug(&self, role: &str) -> io::Result<()> {
        self.switch.ip(&["link", "set", &port(role), "up"])
    }

    /// From now on, in each pair, the second does not hear the first, nor any frame that the first sends to all; all
    /// pairs at the same moment. Nobody's carrier tells. Needs `nft`.
    pub fn cut(&self, pairs: &[(&str, &str)]) -> io::Result<()> {
        self.filter(&format!(
            "{FILTER}\nadd element bridge weir_lab cut {{ {} }}",
            elements(pairs)
        ))
    }

    /// Ends what [`cut`](Self::cut) began.
    pub fn join(&self, pairs: &[(&str, &str)]) -> io::Result<()> {
        // Adding first makes deleting right for a pair that is not cut.
        let pairs = elements(pairs);
        self.filter(&format!(
            "{FILTER}\nadd element bridge weir_lab cut {{ {pairs} }}\n\
             delete element bridge weir_lab cut {{ {pairs} }}"
        ))
    }

    fn filter(&self, rules: &str) -> io::Result<()> {
        let mut command = self.switch.command("nft");
        run(command.arg(rules))
    }
}

/// The switch's filter: a frame goes no further than the set of pairs allows. Repeating it changes nothing but the
/// chain's rules, which are flushed first.
const FILTER: &str = "add table bridge weir_lab
add set bridge weir_lab cut { type ifname . ifname; }
add chain bridge weir_lab forward { type filter hook forward priority 0; }
flush chain bridge weir_lab forward
add rule bridge weir_lab forward iifname . oifname @cut drop";

/// Pairs of hosts as elements of the filter's set.
fn elements(pairs: &[(&str, &str)]) -> String {
    let elements = pairs
        .iter()
        .map(|(from, to)| format!("\"{}\" . \"{}\"", port(from), port(to)));
    elements.collect::<Vec<_>>().join(", ")
}

/// The switch's end of a host's cable. Interface names have 15 characters at most; roles are short.
fn port(role: &str) -> String {
    format!("to-{role}")
}

/// Removes what laboratories that no longer live left behind: namespaces with all that runs in them, directories.
pub fn remove_leftovers() -> io::Result<()> {
    let listed = Command::new("ip").args(["netns", "list"]).output()?;
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if is_leftover(name) {
            remove(name);
        }
    }
    for entry in std::env::temp_dir().read_dir()? {
        let path = entry?.path();
        if path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(is_leftover)
        {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

/// Whether the name is one of ours and the process that it names has ended.
fn is_leftover(name: &str) -> bool {
    let creator = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    creator.is_some_and(|pid| !PathBuf::from("/proc").join(pid).exists())
}

/// Kills what runs in the namespace and deletes it. Errors are not reported: this also runs while a test panics.
fn remove(name: &str) {
    for pid in processes(name).unwrap_or_default() {
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = Command::new("ip")
        .args(["netns", "delete", name])
        .stderr(Stdio::null())
        .status();
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    run(Command::new("ip").args(arguments))
}

/// Runs a command to its end; what it said is the error.
fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}", said.trim())))
}
