//! A host that runs `weir up`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use super::host::Host;
use super::plan::{Networks, Plan};
use crate::{Namespace, Process};

/// How long a node's roles may take until they serve; the machine has other work.
const READY: Duration = Duration::from_secs(30);
/// How long they may take to end.
const GOODBYE: Duration = Duration::from_secs(15);

/// One of LAB-DD1, LAB-DD2, LAB-AUTH1, LAB-REC1, LAB-REC2, and what came later.
#[derive(Debug)]
pub struct Node {
    // Dropped in this order: the program before the host it runs on.
    up: Option<Process>,
    host: Host,
    weir: PathBuf,
    site: PathBuf,
    networks: Networks,
    run: PathBuf,
    state: PathBuf,
}

impl Node {
    /// A node that does not run yet; `site` is what it will read, `directory` is its own.
    pub(super) fn new(host: Host, plan: &Plan, site: &Path, directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self {
            up: None,
            host,
            weir: plan.weir.clone(),
            site: site.to_owned(),
            networks: plan.networks,
            run: directory.join("run"),
            state: directory.join("state"),
        })
    }

    /// Its name, as in the site file.
    pub fn name(&self) -> &str {
        self.host.name()
    }

    /// The machine.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The machine's network namespace.
    pub fn namespace(&self) -> &Namespace {
        self.host.namespace()
    }

    /// The run directory of its `weir up`.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// Whether its `weir up` runs.
    pub fn is_running(&mut self) -> bool {
        self.up.as_mut().is_some_and(Process::is_running)
    }

    /// Everything that its `weir up` and the roles have printed since it was started for the last time.
    pub fn log(&self) -> String {
        self.up.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Runs a subcommand of weir here, told of the node's run directory.
    pub fn weir(&self, words: &[&str]) -> io::Result<Output> {
        let mut command = self.namespace().command(&self.weir.to_string_lossy());
        command.args(words).arg("--run").arg(&self.run);
        command.output()
    }

    /// What `weir status --json` says.
    pub fn status(&self) -> io::Result<Value> {
        // A socket of the file system: no need to go there.
        let mut command = Command::new(&self.weir);
        let output = command
            .args(["status", "--json", "--run"])
            .arg(&self.run)
            .output()?;
        if output.status.success() {
            return serde_json::from_slice(&output.stdout).map_err(io::Error::other);
        }
        Err(said(self.name(), &output))
    }

    /// The number of a role's process.
    pub fn role_pid(&self, role: &str) -> io::Result<u32> {
        let status = self.status()?;
        let pid = roles(&status)
            .find(|one| one["role"] == role)
            .and_then(|one| one["pid"].as_u64());
        pid.and_then(|pid| u32::try_from(pid).ok())
            .ok_or_else(|| io::Error::other(format!("{}: the role {role} does not run", self.name())))
    }

    /// Starts `weir up`; returns before the roles are up.
    pub(super) fn launch(&mut self) -> io::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        self.prepare()?;
        let mut command = self.namespace().command(&self.weir.to_string_lossy());
        command.args(["up", "--node", self.name(), "-f"]).arg(&self.site);
        command
            .arg("--run")
            .arg(&self.run)
            .arg("--state")
            .arg(&self.state);
        let directory = self.run.parent().unwrap_or(&self.run);
        self.up = Some(Process::start("up", command, directory)?);
        Ok(())
    }

    /// Waits until every role is up.
    pub(super) fn wait_until_up(&mut self) -> io::Result<Duration> {
        let Some(mut up) = self.up.take() else {
            return Err(io::Error::other(format!(
                "{}: weir up was not started",
                self.name()
            )));
        };
        let ready = up.wait_until(READY, || {
            self.status().is_ok_and(|status| {
                let mut roles = roles(&status).peekable();
                roles.peek().is_some() && roles.all(|role| role["state"] == "up")
            })
        });
        self.up = Some(up);
        ready.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.name())))
    }

    /// A planned stop: SIGTERM, and what `weir up` does then.
    pub fn stop(&mut self) -> io::Result<Duration> {
        match self.up.as_mut() {
            Some(up) => Ok(up.terminate(GOODBYE)?.1),
            None => Ok(Duration::ZERO),
        }
    }

    /// Starts what was stopped, and waits until every role is up.
    pub fn start(&mut self) -> io::Result<Duration> {
        self.launch()?;
        self.wait_until_up()
    }

    /// Nothing runs here any more, from one moment to the next, and nobody could say goodbye.
    pub(super) fn lose_power(&mut self) -> io::Result<()> {
        self.host.lose_power()?;
        // It is dead already, and waits to be noted.
        self.up = None;
        Ok(())
    }

    /// Gives the host back what it lost.
    pub(super) fn regain_power(&self) -> io::Result<()> {
        self.host.regain_power()
    }

    /// Has the node follow a site file that has changed.
    pub(super) fn reload(&self) -> io::Result<()> {
        self.prepare()?;
        let output = self.weir(&["reload"])?;
        match output.status.success() {
            true => Ok(()),
            false => Err(said(self.name(), &output)),
        }
    }

    /// Kernel settings and, where networks are apart, the firewall, as the site file asks for them.
    fn prepare(&self) -> io::Result<()> {
        for line in self.render("sysctl")?.lines() {
            if let Some((name, value)) = line.split_once(" = ") {
                self.namespace().set(name, value)?;
            }
        }
        if self.networks == Networks::One {
            return Ok(());
        }
        let rules = self.run.with_file_name("nftables");
        fs::write(&rules, self.render("nftables")?)?;
        let mut nft = self.namespace().command("nft");
        let output = nft.arg("-f").arg(rules).output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(said(self.name(), &output)),
        }
    }

    fn render(&self, format: &str) -> io::Result<String> {
        let mut command = Command::new(&self.weir);
        let output = command
            .args(["render", self.name(), format, "-f"])
            .arg(&self.site)
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(said(self.name(), &output))
    }
}

/// What `weir status` says of the roles.
fn roles(status: &Value) -> impl Iterator<Item = &Value> {
    status["roles"].as_array().into_iter().flatten()
}

/// What a program of a node complained about.
fn said(node: &str, output: &Output) -> io::Error {
    let why = String::from_utf8_lossy(&output.stderr);
    io::Error::other(format!("{node}: {}", why.trim()))
}
