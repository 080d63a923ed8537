//! One node of the pair: its files, its front end, its speaker of VRRP.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::{Contender, DD, READY, Settings, Vip, contender, running};
use crate::{Namespace, Process, Scratch, wait_for};

/// LAB-DD1 or LAB-DD2.
#[derive(Debug)]
pub(super) struct Node {
    /// `keepalived` or `weir vip`, once started.
    pub(super) vip: Option<Process>,
    /// The front end, once started.
    pub(super) front: Option<Process>,
    /// The machine.
    pub(super) host: Namespace,
    contender: Contender,
    directory: PathBuf,
}

impl Node {
    /// Writes its files; nothing runs yet.
    pub(super) fn create(
        number: usize,
        contender: Contender,
        host: Namespace,
        settings: Settings,
        scratch: &Scratch,
    ) -> io::Result<Self> {
        let directory = scratch.path().join(DD[number]);
        let file = |name: &str| format!("{}/{name}", DD[number]);
        let check = scratch.write(
            &file("check"),
            &contender::check_script(&directory.join("front.pid")),
        )?;
        fs::set_permissions(&check, fs::Permissions::from_mode(0o755))?;
        scratch.write(
            &file("keepalived.conf"),
            &settings.keepalived_conf(number, &check),
        )?;
        scratch.write(&file("dnsdist.conf"), contender::DNSDIST_CONF)?;
        // IPv6 addresses are unusable until the kernel has asked whether anyone has them.
        wait_for("addresses without conflict", READY, || {
            !has_tentative_address(&host)
        })?;
        Ok(Self {
            vip: None,
            front: None,
            host,
            contender,
            directory,
        })
    }

    /// Starts the front end and writes down its process id.
    pub(super) fn launch_front(&self) -> io::Result<Process> {
        let command = self
            .contender
            .front
            .command(&self.directory.join("dnsdist.conf"), |program| {
                self.host.command(program)
            })?;
        let front = Process::start("front", command, &self.directory)?;
        // Renamed into place: a check never reads half a number.
        let (new, file) = (
            self.directory.join("front.pid.new"),
            self.directory.join("front.pid"),
        );
        fs::write(&new, format!("{}\n", front.id()))?;
        fs::rename(new, file)?;
        Ok(front)
    }

    /// Starts `keepalived` or `weir vip`, unless it runs.
    pub(super) fn start_vip(&mut self) -> io::Result<()> {
        if self.vip.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        let path = |name: &str| self.directory.join(name);
        let mut command;
        match &self.contender.vip {
            Vip::Keepalived => {
                let pid_files = [path("keepalived.pid"), path("vrrp.pid")];
                for file in &pid_files {
                    // What was killed left them, and their numbers may be somebody else's by now.
                    let _ = fs::remove_file(file);
                }
                command = self.host.command("keepalived");
                command.args(["--dont-fork", "--log-console", "--log-detail", "--vrrp"]);
                command.arg("--use-file").arg(path("keepalived.conf"));
                command
                    .arg("--pid")
                    .arg(&pid_files[0])
                    .arg("--vrrp_pid")
                    .arg(&pid_files[1]);
            }
            Vip::Weir(program) => {
                command = self.host.command(&program.to_string_lossy());
                command.args(["vip", "--front", "127.0.0.1:53"]);
                command.arg("-f").arg(path("keepalived.conf"));
                command.arg("--pidfile").arg(path("front.pid"));
                command.arg("--run").arg(path("run"));
            }
        }
        self.vip = Some(Process::start("vip", command, &self.directory)?);
        Ok(())
    }

    /// Changes a line of the instance and waits until `weir vip` has taken it up.
    pub(super) fn reload_vip(&mut self, line: &str) -> io::Result<()> {
        let word = line.split(' ').next().unwrap_or(line);
        let file = self.directory.join("keepalived.conf");
        let text = fs::read_to_string(&file)?;
        let mut lines: Vec<&str> = text.lines().filter(|old| !old.starts_with(word)).collect();
        let instance = lines.iter().position(|line| line.starts_with("vrrp_instance"));
        lines.insert(instance.map_or(0, |at| at + 1), line);
        fs::write(&file, lines.join("\n") + "\n")?;
        let log = self.directory.join("vip.log");
        let reloads = || fs::read_to_string(&log).map_or(0, |log| log.matches("reloaded").count());
        let vip = running(&mut self.vip)?;
        let before = reloads();
        vip.hang_up()?;
        vip.wait_until(READY, || reloads() > before).map(drop)
    }

    /// Takes a lease of the check script (fcntl(2), `F_SETLEASE`), once nobody has it open.
    pub(super) fn block_check(&self) -> io::Result<Process> {
        const TAKE: &str = r#"$| = 1; $SIG{IO} = "IGNORE"; open F, "<", $ARGV[0] or die;
            select undef, undef, undef, 0.001 until fcntl F, 1024, 1; print "taken"; sleep"#;
        let mut command = Command::new("perl");
        command.args(["-e", TAKE]).arg(self.directory.join("check"));
        let mut holder = Process::start("lease", command, &self.directory)?;
        let log = self.directory.join("lease.log");
        let taken = || fs::read_to_string(&log).is_ok_and(|text| text.contains("taken"));
        holder.wait_until(READY, taken)?;
        Ok(holder)
    }

    /// Runs `weir vip ORDER`.
    pub(super) fn order_vip(&self, order: &str) -> io::Result<()> {
        let Vip::Weir(program) = &self.contender.vip else {
            return Err(io::Error::other("keepalived takes no orders"));
        };
        let mut command = self.host.command(&program.to_string_lossy());
        command
            .args(["vip", order])
            .arg("--run")
            .arg(self.directory.join("run"));
        let output = command.output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(io::Error::other(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            )),
        }
    }
}

fn has_tentative_address(host: &Namespace) -> bool {
    let listed = host
        .command("ip")
        .args(["-6", "address", "show", "tentative"])
        .output();
    listed.map_or(true, |listed| !listed.stdout.is_empty())
}
