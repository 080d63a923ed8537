//! `weir lab` as people have it: what it prints, how it ends, what it leaves behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use weir_lab::{Namespace, Process, Scratch, wait_for};

use crate::PATIENCE;

/// A machine: the control socket of a laboratory is its network namespace's.
struct Machine {
    host: Namespace,
    scratch: Scratch,
}

impl Machine {
    fn create() -> Self {
        Self {
            host: Namespace::create("machine").unwrap(),
            scratch: Scratch::create().unwrap(),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.host.command(env!("CARGO_BIN_EXE_weir"));
        command.arg("lab").args(words);
        command
    }

    fn lab(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// `weir lab up` in the foreground.
    fn launch(&self) -> Process {
        // Of the one before.
        let _ = fs::remove_file(self.log());
        Process::start("lab", self.command(&["up"]), self.scratch.path()).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("lab.log")
    }

    /// The same, once it says what to try.
    fn up(&self) -> Process {
        let mut up = self.launch();
        up.wait_until(PATIENCE, || {
            fs::read_to_string(self.log()).unwrap().contains("weir lab down")
        })
        .unwrap();
        up
    }

    /// Waits until nothing is left of a laboratory whose foreground process has ended.
    fn wait_until_nothing_is_left(&self, inside: &Inside) {
        wait_for("its processes are gone", PATIENCE, || {
            inside.processes().is_empty()
        })
        .unwrap();
        let list = Command::new("ip").args(["netns", "list"]).output().unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        assert!(!list.contains(INSIDE), "{list}");
        let links = self.host.command("ip").args(["-o", "link"]).output().unwrap();
        let links = String::from_utf8(links.stdout).unwrap();
        assert_eq!(links.lines().count(), 1, "only lo: {links}");
        for entry in std::env::temp_dir().read_dir().unwrap() {
            let name = entry.unwrap().file_name();
            assert!(!name.to_string_lossy().starts_with(INSIDE), "{name:?}");
        }
        assert_eq!(text(&self.lab(&["status"]).stderr), NONE);
    }
}

/// What names begin with that are made inside, where the laboratory is process 2.
const INSIDE: &str = "weir-lab-2-";
const NONE: &str = "weir lab: no laboratory runs on this machine; weir lab up starts one\n";

/// The inside of a laboratory: a PID namespace.
struct Inside(PathBuf);

impl Inside {
    /// That of this foreground process: two generations below.
    fn of(up: &Process) -> Self {
        let children = |pid: &str| fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let unshare = children(&up.id().to_string());
        let first = children(unshare.trim());
        let inside = Self(fs::read_link(format!("/proc/{}/ns/pid", first.trim())).unwrap());
        assert!(
            inside.processes().len() > 10,
            "servers, supervisors, the laboratory"
        );
        inside
    }

    /// Its processes, zombies too.
    fn processes(&self) -> BTreeSet<String> {
        let all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| fs::read_link(path.join("ns/pid")).is_ok_and(|link| link == self.0))
            .map(|path| path.display().to_string())
            .collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_up_status_exec_and_down_from_end_to_end() {
    let machine = Machine::create();
    let up = machine.lab(&["up", "--detach"]);
    let page = text(&up.stdout);
    assert!(
        up.status.success() && up.stderr.is_empty(),
        "{page}{}",
        text(&up.stderr)
    );
    assert!(page.contains("10.10.2.160, held by dd1"), "{page}");
    assert!(
        page.contains("weir lab exec client dig @10.10.2.160 www.zaibdns.lab"),
        "{page}"
    );

    let status: Value = serde_json::from_slice(&machine.lab(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["floating"]["holders"][0], "dd1");
    let nodes = status["nodes"].as_array().unwrap();
    let states = nodes.iter().flat_map(|node| node["roles"].as_array().unwrap());
    let states: Vec<_> = states
        .map(|role| (role["program"].as_str().unwrap(), role["state"].as_str().unwrap()))
        .collect();
    let programs = [
        "weir front",
        "weir vip",
        "weir front",
        "weir vip",
        "named",
        "named",
        "unbound",
    ];
    assert_eq!(states, programs.map(|program| (program, "up")));

    let dig = [
        "exec",
        "client",
        "dig",
        "+short",
        "@10.10.2.160",
        "www.zaibdns.lab",
    ];
    assert_eq!(text(&machine.lab(&dig).stdout), "10.10.2.163\n");
    let own = machine.lab(&["exec", "dd2", env!("CARGO_BIN_EXE_weir"), "status"]);
    assert!(
        text(&own.stdout).starts_with("dd2 in the site zaibdns-lab"),
        "{own:?}"
    );
    assert_eq!(
        machine.lab(&["exec", "rec1", "sh", "-c", "exit 7"]).status.code(),
        Some(7)
    );
    let nobody = machine.lab(&["exec", "dd9", "true"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("there is no host dd9; there are auth1, client, dd1"));

    let drill = machine.lab(&["drill", "--only", "reload"]);
    let report = text(&drill.stdout);
    assert!(
        text(&drill.stderr).contains("reload"),
        "it tells how far it is: {drill:?}"
    );
    // Whether it passes is up to a machine with other work.
    assert_eq!(
        drill.status.success(),
        report.contains("1 of 1 drills passed"),
        "{report}"
    );

    let second = machine.lab(&["up"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("a laboratory runs already, process "));

    let down = machine.lab(&["down"]);
    assert!(down.status.success(), "{}", text(&down.stderr));
    assert_eq!(text(&machine.lab(&["down"]).stderr), NONE);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_up_that_is_killed_leaves_nothing_behind() {
    let machine = Machine::create();
    // Alone, and with its process group.
    for before_pid in ["", "-"] {
        let mut up = machine.up();
        let inside = Inside::of(&up);
        let kill = Command::new("kill")
            .args(["-9", "--", &format!("{before_pid}{}", up.id())])
            .status();
        assert!(kill.unwrap().success());
        up.wait(PATIENCE).unwrap();
        machine.wait_until_nothing_is_left(&inside);
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_up_that_is_interrupted_has_ended_everything_when_it_ends() {
    let machine = Machine::create();
    let mut up = machine.up();
    let inside = Inside::of(&up);
    let (status, _) = up.terminate(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(inside.processes().is_empty());
    machine.wait_until_nothing_is_left(&inside);

    // Before it is ready.
    let mut up = machine.launch();
    wait_for("it has begun", PATIENCE, || up.log().contains("Internet")).unwrap();
    assert_eq!(up.terminate(PATIENCE).unwrap().0.code(), Some(130));
    assert!(!up.log().contains("weir lab down"));
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_up_with_other_programs_answers_as_well() {
    let machine = Machine::create();
    let words = "up -d --front dnsdist --vip keepalived --auth named --rec unbound --networks 3";
    let up = machine.lab(&words.split(' ').collect::<Vec<_>>());
    assert!(up.status.success(), "{}", text(&up.stderr));
    let page = text(&machine.lab(&["status"]).stdout);
    for (host, program) in [
        ("dd1", "dnsdist"),
        ("dd2", "dnsdist"),
        ("auth1", "named"),
        ("rec1", "unbound"),
    ] {
        let line = page.lines().find(|line| line.starts_with(host)).unwrap();
        assert!(line.contains(program) && line.contains("10.10.4."), "{page}");
    }
    assert_eq!(page.matches("keepalived").count(), 2, "{page}");
    for (name, address) in [("www.zaibdns.lab", "10.10.2.163"), ("google.com", "192.0.2.80")] {
        let dig = machine.lab(&["exec", "client", "dig", "+short", "@10.10.2.160", name]);
        assert_eq!(text(&dig.stdout).trim(), address);
    }
    assert!(machine.lab(&["down"]).status.success());
}
