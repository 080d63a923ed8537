//! A node that is a host of its own, with everything that the site file below gives it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use weir_lab::{Ask, Client, Namespace, Network, Process, Reply, Scratch, wait_for};

/// How long the node may take for anything; the machine has other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The node's own address, and the floating one.
pub(crate) const OWN: &str = "10.77.0.1:53";
pub(crate) const FLOATING: &str = "10.77.0.100:53";
/// The program.
pub(crate) const WEIR: &str = env!("CARGO_BIN_EXE_weir");
/// The password of the floating address and that of the status page.
pub(crate) const SECRETS: [&str; 2] = ["vrrp-pw1", "correct horse battery staple"];

/// The site; `FOLDER` is where its files are. Nobody else may hold the address.
const SITE: &str = r#"
[site]
name = "solo"
[subscribers]
networks = "10.77.0.0/24"
[networks.lan]
prefix = "10.77.0.0/24"
interface = "eth0"
[floating.dns]
address = "10.77.0.100/24"
vrid = 51
advert = "1s"
password_file = "FOLDER/vrrp"
[nodes]
solo = { address = "10.77.0.1", roles = ["front", "vip", "auth", "resolve"] }
[zones."solo.test"]
file = "FOLDER/db.solo.test"
[limits]
queries_per_address = 0
[resolver]
cache = "16MiB"
clients = 200
threads = 1
[monitoring]
allow = "10.77.0.0/24"
password_credential = "status-page"
"#;
const ZONE: &str =
    "$TTL 300\n@ SOA ns admin 1 3600 600 86400 300\n@ NS ns\nns A 10.77.0.1\nwww A 192.0.2.7\n";

pub(crate) struct Stage {
    pub(crate) up: Process,
    /// What the node says to its service manager.
    pub(crate) supervisor: UnixDatagram,
    host: Namespace,
    scratch: Scratch,
    network: Network,
}

impl Stage {
    /// The node with all its roles up.
    pub(crate) fn start() -> Self {
        let (network, scratch) = (Network::create().unwrap(), Scratch::create().unwrap());
        let host = network.attach("solo", &["10.77.0.1/24"]).unwrap();
        let bind = host
            .command("sysctl")
            .args(["-qw", "net.ipv4.ip_nonlocal_bind=1"])
            .status();
        assert!(bind.unwrap().success());
        write_site(&scratch, SITE);
        scratch.write("db.solo.test", ZONE).unwrap();
        scratch.write("vrrp", SECRETS[0]).unwrap();
        scratch.write("credentials/status-page", SECRETS[1]).unwrap();
        let supervisor = UnixDatagram::bind(scratch.path().join("supervisor")).unwrap();
        supervisor.set_nonblocking(true).unwrap();
        let up = Self::command(&host, &scratch);
        let up = Process::start("up", up, scratch.path()).unwrap();
        let mut stage = Self {
            up,
            supervisor,
            host,
            scratch,
            network,
        };
        stage.wait_until_up(&["auth", "resolve", "front", "vip"]);
        stage
    }

    fn command(host: &Namespace, scratch: &Scratch) -> Command {
        let path = |name: &str| scratch.path().join(name).display().to_string();
        let mut up = host.command(WEIR);
        up.args(["up", "--node", "solo", "-f", &path("weir.toml")])
            .args(["--run", &path("run"), "--state", &path("state")])
            .env("CREDENTIALS_DIRECTORY", path("credentials"))
            .env("NOTIFY_SOCKET", path("supervisor"))
            .env("WATCHDOG_USEC", "1000000");
        up
    }

    /// Kills the supervisor and starts another one.
    pub(crate) fn replace_killed(&mut self) {
        self.up.kill().unwrap();
        let up = Self::command(&self.host, &self.scratch);
        self.up = Process::start("up", up, self.scratch.path()).unwrap();
    }

    /// Runs a subcommand that talks to the running `weir up`.
    pub(crate) fn weir(&self, words: &[&str]) -> Output {
        let mut command = Command::new(WEIR);
        command.args(words).arg("--run").arg(self.run()).output().unwrap()
    }

    /// What `weir status --json` says; `None` while nobody answers.
    pub(crate) fn status(&self) -> Option<Value> {
        serde_json::from_slice(&self.weir(&["status", "--json"]).stdout).ok()
    }

    /// What it says of one role.
    pub(crate) fn role(&self, name: &str) -> Option<Value> {
        let status = self.status()?;
        let roles = status["roles"].as_array()?;
        roles.iter().find(|role| role["role"] == name).cloned()
    }

    /// The number of a role's process.
    pub(crate) fn pid(&self, name: &str) -> u64 {
        self.role(name).unwrap()["pid"].as_u64().unwrap()
    }

    /// Waits until the node has exactly these roles and all of them are up.
    pub(crate) fn wait_until_up(&mut self, wanted: &[&str]) {
        let is_up = |stage: &Self| {
            let roles = stage
                .status()
                .and_then(|status| status["roles"].as_array().cloned());
            let states = roles.unwrap_or_default();
            let up = states.iter().filter(|role| role["state"] == "up");
            let names: Vec<_> = up.filter_map(|role| role["role"].as_str()).collect();
            states.len() == wanted.len() && names == wanted
        };
        self.wait_for(&format!("{wanted:?} are up"), is_up);
    }

    /// Waits until something holds, or shows what the node says.
    pub(crate) fn wait_for(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        if let Err(error) = wait_for(what, PATIENCE, || holds(self)) {
            panic!("{error}\n{:#?}\n{}", self.status(), self.up.log());
        }
    }

    /// Replaces a part of the site file.
    pub(crate) fn rewrite(&self, from: &str, to: &str) {
        assert!(SITE.contains(from));
        write_site(&self.scratch, &SITE.replace(from, to));
    }

    /// The guards of `weir vip`.
    pub(crate) fn guards(&self) -> Vec<u32> {
        self.host.guards().unwrap()
    }

    /// A host beside it, for clients.
    pub(crate) fn neighbour(&self) -> Namespace {
        self.network.attach("client", &["10.77.0.9/24"]).unwrap()
    }

    /// Has a neighbour compete for the address, worse than the node in every way.
    pub(crate) fn rival(&self, neighbour: &Namespace) -> Rival {
        let own = fs::read_to_string(self.run().join("vip/keepalived.conf")).unwrap();
        let own = own.replace("priority 254", "priority 10");
        let file = self.scratch.write("rival.conf", &own).unwrap();
        let run = self.scratch.path().join("rival");
        let mut command = neighbour.command(WEIR);
        command.args(["vip", "-f"]).arg(file).arg("--run").arg(&run);
        let vip = Process::start("rival", command, self.scratch.path()).unwrap();
        Rival { vip, run }
    }

    /// Starts a program on the node.
    pub(crate) fn run_beside(&self, words: &[&str]) -> Process {
        let mut command = self.host.command(words[0]);
        command.args(&words[1..]);
        Process::start(words[0], command, self.scratch.path()).unwrap()
    }

    /// A copy of the program under another name; where it is.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let copy = self.scratch.path().join(name);
        fs::copy(WEIR, &copy).unwrap();
        copy
    }

    /// Makes a program of a line of shell; where it is.
    pub(crate) fn script(&self, name: &str, line: &str) -> String {
        let file = self.scratch.write(name, &format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file.display().to_string()
    }

    /// Asks from the node itself.
    pub(crate) fn resolve(&self, server: &str, name: &str) -> Option<Reply> {
        let client = Client::to(server.parse::<SocketAddr>().unwrap()).from(&self.host);
        let client = client.patience(Duration::from_millis(500));
        client.udp(&Ask::new(name, "A").unwrap()).ok()
    }

    /// Where the roles' configurations are.
    pub(crate) fn run(&self) -> PathBuf {
        self.scratch.path().join("run")
    }

    /// What the service manager has heard since the last call.
    pub(crate) fn heard(&self) -> Vec<String> {
        let mut buffer = [0; 256];
        let mut heard = Vec::new();
        while let Ok(length) = self.supervisor.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]);
            heard.push(text.lines().next().unwrap_or_default().to_owned());
        }
        heard
    }
}

/// Another node's `weir vip`.
pub(crate) struct Rival {
    pub(crate) vip: Process,
    run: PathBuf,
}

impl Rival {
    /// What it says of itself.
    pub(crate) fn status(&self) -> Value {
        let mut command = Command::new(WEIR);
        command.args(["vip", "status", "--json", "--run"]).arg(&self.run);
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    }
}

impl Drop for Stage {
    /// A killed supervisor would leave its servers to the namespace, which kills them.
    fn drop(&mut self) {
        let _ = self.up.terminate(PATIENCE);
    }
}

fn write_site(scratch: &Scratch, site: &str) {
    let folder = scratch.path().display().to_string();
    scratch
        .write("weir.toml", &site.replace("FOLDER", &folder))
        .unwrap();
}

/// Kills a process that is not our child.
pub(crate) fn kill(pid: u64) {
    assert!(
        Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Whether a process is there and runs; a dead one stays until whoever adopted it takes note.
pub(crate) fn lives(pid: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, state)| !state.starts_with('Z'))
}
