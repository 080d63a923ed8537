//! The servers that are measured, as processes on a CPU of their own.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use weir_lab::{Process, Scratch};

use crate::backend::Backend;
use crate::load::{self, Clients, Enough, Run};
use crate::machine::PRIORITY;
use crate::pace::Pace;
use crate::packets::Zone;

/// A server answers within this time of its start, or the row says that it does not.
const READY: Duration = Duration::from_secs(10);

/// Who is measured. The order is that of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Debian's dnsdist.
    Dnsdist,
    /// `weir front` with the same file.
    Weir,
    /// The floor: packets sent back as they are.
    Echo,
}

impl Kind {
    /// All columns.
    pub(crate) const ALL: [Self; 3] = [Self::Dnsdist, Self::Weir, Self::Echo];
    /// Those that read a configuration.
    pub(crate) const FRONTS: [Self; 2] = [Self::Dnsdist, Self::Weir];

    /// The name of the column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dnsdist => "dnsdist",
            Self::Weir => "weir",
            Self::Echo => "echo",
        }
    }
}

/// Where the programs are, and the directory for their files.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The weir executable.
    pub(crate) weir: PathBuf,
    /// The echo of `weir-linux`'s examples.
    pub(crate) echo: PathBuf,
    /// Configurations and logs.
    pub(crate) scratch: Scratch,
    /// The CPU that servers run on.
    pub(crate) cpu: usize,
    /// The one for a second worker.
    pub(crate) second_cpu: Option<usize>,
    /// How many CPUs there are.
    pub(crate) cpus: usize,
    /// Whether this process may raise priorities.
    pub(crate) privileged: bool,
}

/// What differs between the configurations of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// How many answers the packet cache may hold.
    pub(crate) cache_entries: u32,
    /// Whether clients are limited.
    pub(crate) limiter: Limiter,
}

impl Setting {
    /// A cache that holds everything, no limiter.
    pub(crate) const PLAIN: Self = Self {
        cache_entries: 1_000_000,
        limiter: Limiter::None,
    };
    /// A cache that holds everything, a limiter that finds a bucket for each client and drops nothing.
    pub(crate) const LIMITED: Self = Self {
        limiter: Limiter::PerClient,
        ..Self::PLAIN
    };
    /// A cache for one answer: what a server needs for itself.
    pub(crate) const BARE: Self = Self {
        cache_entries: 1,
        ..Self::PLAIN
    };
}

/// Whether clients are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limiter {
    /// They are not.
    None,
    /// One bucket per client, which never runs empty.
    PerClient,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    /// Which.
    pub(crate) kind: Kind,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    process: Process,
    clock: ClockId,
}

impl Server {
    /// Starts a server on `cpus` (as `taskset` writes them) and waits until it answers a query.
    pub(crate) fn start(
        kind: Kind,
        setting: Setting,
        cpus: &str,
        programs: &Programs,
        backend: &mut Backend,
    ) -> io::Result<Self> {
        let address = free_address()?;
        let name = format!("{}-{}", kind.name(), address.port());
        let file = format!("{name}.conf");
        let file = programs
            .scratch
            .write(&file, &configuration(address, backend.address(), setting))?;
        let arguments = command_line(kind, address, &file, programs);
        let mut command = Command::new("taskset");
        command.args(["-c", cpus]);
        if programs.privileged {
            command.args(["nice", "-n", &PRIORITY.to_string()]);
        }
        command.args(arguments);
        let process = Process::start(&name, command, programs.scratch.path())?;
        // Both wrappers become the program that they start, so this is its process.
        let clock = clock_getcpuclockid(Pid::from_raw(
            i32::try_from(process.id()).map_err(io::Error::other)?,
        ))?;
        let mut server = Self {
            kind,
            address,
            process,
            clock,
        };
        server.wait_until_ready(backend)?;
        Ok(server)
    }

    /// CPU time of all its threads since its start, in user and system mode.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        Ok(self.clock.now()?.into())
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        self.process.resident_bytes()
    }

    fn wait_until_ready(&mut self, backend: &mut Backend) -> io::Result<()> {
        let probe = Run {
            server: self.address,
            zone: Zone::Forwarded,
            first: 0,
            names: 1,
            pace: Pace::Window(1),
            enough: Enough::Queries(1),
            clients: Clients::One,
        };
        let (kind, mut failure) = (self.kind, None);
        self.process
            .wait_until(READY, || match load::run(&probe, Some(backend)) {
                Ok(outcome) if kind == Kind::Echo => outcome.replies > 0,
                Ok(outcome) => outcome.answers > 0,
                Err(error) => {
                    failure = Some(error);
                    true
                }
            })?;
        failure.map_or(Ok(()), Err)
    }
}

fn command_line(kind: Kind, address: SocketAddr, file: &Path, programs: &Programs) -> Vec<String> {
    let config = ["-C".to_owned(), file.display().to_string()];
    let quiet = ["--supervised".to_owned(), "--disable-syslog".to_owned()];
    match kind {
        Kind::Dnsdist => [&["dnsdist".to_owned()][..], &config, &quiet].concat(),
        Kind::Weir => [
            &[programs.weir.display().to_string(), "front".to_owned()][..],
            &config,
            &quiet,
        ]
        .concat(),
        Kind::Echo => vec![programs.echo.display().to_string(), address.to_string()],
    }
}

/// The one file that both front ends load: the blueprint's ACL, rules, pools and routing, dnsdist's batches switched
/// on, one listener, a cache that holds everything. `setUp` because the backend is looked after during measurements
/// only, and would fail a health check between them.
fn configuration(listen: SocketAddr, backend: SocketAddr, setting: Setting) -> String {
    let limiter = match setting.limiter {
        Limiter::None => "",
        Limiter::PerClient => "addAction(MaxQPSIPRule(1000000), DropAction())\n",
    };
    format!(
        r#"setLocal("{listen}")
addACL("10.10.2.0/24")
setSecurityPollSuffix("")
setUDPMultipleMessagesVectorSize(64)
setUDPSocketBufferSizes(4194304, 4194304)
setServerPolicy(leastOutstanding)
pc = newPacketCache({entries}, {{maxTTL=86400}})
getPool("rec"):setCache(pc)
addAction(QTypeRule(DNSQType.ANY), DropAction())
{limiter}newServer({{address="{backend}", pool={{"auth", "rec"}}}}):setUp()
local suffixes = newSuffixMatchNode()
suffixes:add(newDNSName("{auth}"))
addAction(SuffixMatchNodeRule(suffixes), PoolAction("auth"))
addAction(AllRule(), PoolAction("rec"))
"#,
        entries = setting.cache_entries,
        auth = Zone::Forwarded.name(),
    )
}

/// A port on 127.0.0.1 that is free for UDP and TCP.
fn free_address() -> io::Result<SocketAddr> {
    let mut last = io::Error::other("no free port");
    for _ in 0..20 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = tcp.local_addr()?;
        match UdpSocket::bind(address) {
            Ok(_) => return Ok(address),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What the program says that it is, in a few words; why not, when it cannot be asked.
pub(crate) fn version(kind: Kind, programs: &Programs) -> String {
    let mut command = match kind {
        Kind::Dnsdist => Command::new("dnsdist"),
        Kind::Weir => Command::new(&programs.weir),
        Kind::Echo => return String::from("echo (examples/echo.rs)"),
    };
    match command.arg("--version").output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("{}: {error}", kind.name()),
    }
}

/// Says what is missing, and how to get it, when the program is not there.
pub(crate) fn availability(kind: Kind, programs: &Programs) -> Result<(), String> {
    let (path, hint) = match kind {
        Kind::Dnsdist => return Ok(()),
        Kind::Weir => (&programs.weir, "cargo build --release -p weir"),
        Kind::Echo => (
            &programs.echo,
            "cargo build --release -p weir-linux --example echo",
        ),
    };
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{}: {error} ({hint})", path.display())),
    }
}
