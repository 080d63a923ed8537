//! A site in namespaces: two nodes with everything that the site file gives them, a laboratory Internet, a client.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use weir_lab::internet::{self, Internet};
use weir_lab::{Ask, Client, Namespace, Network, Process, Scratch, wait_for};

/// How long anything may take; the machine has other work.
const PATIENCE: Duration = Duration::from_secs(30);
/// The floating address.
pub(crate) const FLOATING: &str = "10.10.2.160";

/// The site as it runs; `FOLDER` is where its files are.
const SITE: &str = r#"
[site]
name = "doctor"
[subscribers]
networks = "10.10.2.0/24"
[networks.lan]
prefix = "10.10.2.0/24"
interface = "eth0"
[floating.dns]
address = "10.10.2.160/24"
[nodes]
dd1 = { address = "10.10.2.161", roles = ["front", "vip", "auth", "resolve"] }
dd2 = { address = "10.10.2.162", roles = ["front", "vip"] }
[zones."zaibdns.lab"]
file = "FOLDER/db.zaibdns.lab"
[policy]
strangers = "refuse"
[health]
names = "google.com"
[resolver]
cache = "16MiB"
clients = 200
threads = 1
dnssec = false
root_hints = "FOLDER/root.hints"
"#;
const ZONE: &str =
    "$TTL 300\n@ SOA ns admin 1 3600 600 86400 300\n@ NS ns\nns A 10.10.2.161\nwww A 192.0.2.7\n";

/// Fields are dropped in order: supervisors before the hosts they run on, with which their servers end.
pub(crate) struct Stage {
    up: Vec<Process>,
    _internet: Internet,
    /// dd1 and dd2.
    pub(crate) nodes: [Namespace; 2],
    pub(crate) client: Namespace,
    pub(crate) network: Network,
    pub(crate) scratch: Scratch,
}

/// Where the doctor is called to.
pub(crate) struct Ward<'s> {
    stage: &'s Stage,
    host: &'s Namespace,
    words: Vec<String>,
}

/// What the doctor has said.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    findings: Vec<Value>,
}

impl Stage {
    /// The site, serving, with the address on dd1.
    pub(crate) fn start() -> Self {
        let (network, scratch) = (Network::create().unwrap(), Scratch::create().unwrap());
        let internet = Internet::start(&network, &scratch).unwrap();
        let nodes = ["dd1", "dd2"].map(|role| {
            let address = format!("10.10.2.16{}/24", &role[2..]);
            let host = network.attach(role, &[&address]).unwrap();
            host.ip(&["route", "add", internet::PREFIX, "via", internet::GATEWAY])
                .unwrap();
            run(host
                .command("sysctl")
                .args(["-qw", "net.ipv4.ip_nonlocal_bind=1"]));
            host
        });
        let client = network.attach("client", &["10.10.2.166/24"]).unwrap();
        scratch.write("db.zaibdns.lab", ZONE).unwrap();
        scratch.write("root.hints", internet::HINTS).unwrap();
        let mut stage = Self {
            up: Vec::new(),
            _internet: internet,
            nodes,
            client,
            network,
            scratch,
        };
        stage.write_site("running.toml", "", "");
        for number in [0, 1] {
            let started = stage.start_up(number);
            stage.up.push(started);
        }
        stage.wait_for("the site serves", |stage| {
            stage.answers(FLOATING, "www.zaibdns.lab") && stage.answers("10.10.2.162", "google.com")
        });
        stage.wait_for("dd1 has the address", |stage| stage.holds(0) && !stage.holds(1));
        stage
    }

    fn start_up(&self, number: usize) -> Process {
        let name = NODES[number];
        let path = |name: &str| self.scratch.path().join(name);
        let mut up = self.nodes[number].command(env!("CARGO_BIN_EXE_weir"));
        up.args(["up", "--node", name, "-f"])
            .arg(path("running.toml"))
            .arg("--run")
            .arg(self.run_of(number))
            .arg("--state")
            .arg(path(&format!("state-{name}")));
        Process::start(&format!("up-{name}"), up, self.scratch.path()).unwrap()
    }

    fn run_of(&self, number: usize) -> String {
        let path = self.scratch.path().join(format!("run-{}", NODES[number]));
        path.display().to_string()
    }

    /// Ends everything on both nodes, in order.
    pub(crate) fn stop(&mut self) {
        for up in &self.up {
            up.ask_to_end().unwrap();
        }
        for up in &mut self.up {
            up.terminate(PATIENCE).unwrap();
        }
    }

    /// The doctor's place on a node.
    pub(crate) fn node(&self, number: usize) -> Ward<'_> {
        Ward {
            stage: self,
            host: &self.nodes[number],
            words: ["--node", NODES[number], "--run", &self.run_of(number)]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// His place on a client.
    pub(crate) fn client<'s>(&'s self, host: &'s Namespace) -> Ward<'s> {
        Ward {
            stage: self,
            host,
            words: vec!["--client".to_owned()],
        }
    }

    fn write_site(&self, name: &str, from: &str, to: &str) {
        assert!(SITE.contains(from), "{from}");
        let folder = self.scratch.path().display().to_string();
        let site = SITE.replace(from, to).replace("FOLDER", &folder);
        self.scratch.write(name, &site).unwrap();
    }

    fn answers(&self, server: &str, name: &str) -> bool {
        let server = SocketAddr::new(server.parse().unwrap(), 53);
        let client = Client::to(server).from(&self.client);
        let client = client.patience(Duration::from_millis(300));
        let reply = client.udp(&Ask::new(name, "A").unwrap());
        reply.is_ok_and(|reply| !reply.addresses().is_empty())
    }

    /// Whether a node has the floating address.
    pub(crate) fn holds(&self, number: usize) -> bool {
        let shown = self.nodes[number]
            .command("ip")
            .args(["-oneline", "address"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&shown.stdout).contains(&format!(" {FLOATING}/"))
    }

    /// Waits until something holds, or shows what the nodes say.
    pub(crate) fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        if let Err(error) = wait_for(what, PATIENCE, || holds(self)) {
            let logs: Vec<_> = self.up.iter().map(Process::log).collect();
            panic!("{error}\n{}", logs.join("\n----\n"));
        }
    }

    /// Has a node drop what these rules say (`nft`).
    pub(crate) fn filter(&self, number: usize, rule: &str) {
        let rules = format!(
            "add table inet lab; add chain inet lab in {{ type filter hook input priority 0; }}; \
             add rule inet lab in {rule} drop"
        );
        run(self.nodes[number].command("nft").arg(rules));
    }
}

const NODES: [&str; 2] = ["dd1", "dd2"];

impl Ward<'_> {
    /// What he says about the site file in which `from` is `to`, once that is what is waited for: a machine with other
    /// work stands still at times, and then addresses move and answers are late.
    #[track_caller]
    pub(crate) fn until(&self, (from, to): (&str, &str), wanted: impl Fn(&Said) -> bool) -> Said {
        self.stage.write_site("weir.toml", from, to);
        let mut last = Said::default();
        let found = wait_for("the doctor finds it", PATIENCE, || {
            last = self.visit();
            wanted(&last)
        });
        assert!(found.is_ok(), "{:#?}", last.findings);
        last
    }

    /// Waits until something has failed, and among it is what the parts say, with this next command.
    #[track_caller]
    pub(crate) fn fails(&self, change: (&str, &str), question: &str, parts: &[&str], next: &str) -> Said {
        self.until(change, |said| {
            let mut findings = said.findings.iter();
            let found = findings.any(|finding| {
                let what = finding["what"].as_str().unwrap_or_default();
                finding["severity"] == "fail"
                    && finding["question"] == question
                    && parts.iter().all(|part| what.contains(part))
                    && finding["next"].as_str().unwrap_or_default().contains(next)
            });
            found && said.status == Some(1)
        })
    }

    fn visit(&self) -> Said {
        let mut doctor = self.host.command(env!("CARGO_BIN_EXE_weir"));
        doctor.args(["doctor", "--json", "-f"]);
        doctor
            .arg(self.stage.scratch.path().join("weir.toml"))
            .args(&self.words);
        let output = doctor.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let findings = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        Said {
            status: output.status.code(),
            findings,
        }
    }
}

impl Said {
    /// All findings of one severity but those about the clock, which is the machine's.
    pub(crate) fn of(&self, severity: &str) -> Vec<String> {
        let findings = self.findings.iter();
        let findings =
            findings.filter(|finding| finding["severity"] == severity && finding["question"] != "clock");
        let line = |finding: &Value| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text("question"), text("what"))
        };
        findings.map(line).collect()
    }

    /// Whether nothing but the clock is to be looked at.
    pub(crate) fn is_well(&self) -> bool {
        let levels = ["fail", "warn", "note"];
        self.status == Some(0) && levels.iter().all(|level| self.of(level).is_empty())
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
