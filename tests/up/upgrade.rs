//! A new program takes over while clients ask.

use std::cell::RefCell;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use weir_lab::{Ask, Client, Namespace, wait_for};

use crate::stage::{FLOATING, PATIENCE, Stage, WEIR, kill, lives};

/// Queries that are out at once, per client, and how often.
const BURST: usize = 16;
const PACE: Duration = Duration::from_millis(25);
/// How many queries have to come before, and after, for a measurement.
const AROUND: u32 = 2_500;

/// What clients saw.
#[derive(Default)]
struct Seen {
    datagrams: AtomicU32,
    connections: AtomicU32,
    is_over: AtomicBool,
}

impl Seen {
    /// Asks through the floating address, for names that no cache knows, until told to stop; what was lost.
    fn ask(&self, host: &Namespace, number: u32) -> Vec<String> {
        let client = Client::to(FLOATING.parse().unwrap()).from(host);
        let client = client.patience(Duration::from_secs(2));
        let mut lost = Vec::new();
        for round in 0.. {
            let began = Instant::now();
            lost.extend(self.ask_once(&client, &format!("{round}-{number}.solo.test")));
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            thread::sleep(PACE.saturating_sub(began.elapsed()));
        }
        lost
    }

    /// Asks many datagrams at once, and then over a connection.
    fn ask_once(&self, client: &Client<'_>, name: &str) -> Vec<String> {
        let query = |number: usize| Ask::new(&format!("n{number}-{name}"), "A").unwrap();
        let sockets: Vec<_> = (0..BURST).map(|_| client.udp_socket().unwrap()).collect();
        for (number, socket) in sockets.iter().enumerate() {
            let query = query(number).to_bytes().unwrap();
            socket.send_to(&query, client.server()).unwrap();
        }
        let failed = |socket: &UdpSocket| socket.recv(&mut [0; 512]).err();
        let lost = sockets
            .iter()
            .filter_map(failed)
            .map(|error| format!("udp: {error}"));
        let mut lost: Vec<String> = lost.collect();
        self.datagrams.fetch_add(BURST as u32, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
        let failed = client.tcp(&query(BURST)).err();
        lost.extend(failed.map(|error| format!("tcp: {error}")));
        lost
    }

    fn wait_for_more(&self) {
        let until = self.datagrams.load(Ordering::Relaxed) + AROUND;
        let enough = || self.datagrams.load(Ordering::Relaxed) >= until;
        wait_for("queries", PATIENCE, enough).unwrap();
    }
}

/// Ends the asking when it is dropped, also by a failure.
struct AskedOn<'s>(&'s Seen);

impl Drop for AskedOn<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// A node that serves at its floating address.
fn serving() -> Stage {
    let mut stage = Stage::start();
    stage.wait_for("the address answers", |stage| {
        stage.resolve(FLOATING, "www.solo.test").is_some()
    });
    stage
}

/// The file that a process runs.
fn program(pid: u64) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

/// Upgrades to `binary`; whether it went well, and what was said.
fn upgrade(stage: &Stage, binary: &Path) -> (bool, String) {
    let output = stage.weir(&["upgrade", "--binary", binary.to_str().unwrap()]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Has clients ask before, during and after an upgrade to `binary`; what they asked, and what they lost.
fn upgrade_under_load(stage: &Stage, client: &Namespace, binary: &Path) -> ((u32, u32), Vec<String>) {
    let seen = Seen::default();
    let lost = thread::scope(|scope| {
        let asking = [0, 1].map(|number| {
            let seen = &seen;
            scope.spawn(move || seen.ask(client, number))
        });
        let asked_on = AskedOn(&seen);
        seen.wait_for_more();
        let (is_done, said) = upgrade(stage, binary);
        assert!(is_done, "{said}\n{}", stage.up.log());
        seen.wait_for_more();
        drop(asked_on);
        asking.map(|thread| thread.join().unwrap()).concat()
    });
    ((seen.datagrams.into_inner(), seen.connections.into_inner()), lost)
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_an_upgrade_loses_no_query_and_nobody_notices() {
    let stage = serving();
    let client = stage.neighbour();
    let rival = stage.rival(&client);
    let monitor = stage.run_beside(&["ip", "monitor", "address"]);
    let servers = || ["auth", "resolve", "vip"].map(|role| stage.pid(role));
    let (before, old) = (servers(), stage.pid("front"));
    let new = stage.copy("weir-new");
    let (asked, lost) = upgrade_under_load(&stage, &client, &new);
    let log = stage.up.log();
    assert!(
        lost.is_empty(),
        "{} of {asked:?} lost: {lost:?}\n{log}",
        lost.len()
    );
    assert_eq!(servers(), before);
    assert!(!lives(old), "the old front end is still there");
    wait_for("the old guard has gone", PATIENCE, || stage.guards().len() == 1).unwrap();
    for pid in [
        stage.up.id().into(),
        stage.pid("vip"),
        stage.guards()[0].into(),
        stage.pid("front"),
    ] {
        assert_eq!(program(pid), new, "{pid}");
    }
    assert!(!log.contains("left by a weir up that was killed"), "{log}");
    let moves = monitor.log();
    assert!(
        moves.contains("10.77.0.100") && !moves.contains("Deleted"),
        "{moves}"
    );
    // The other node would be master if an advert had been late or a farewell had come.
    let router = &rival.status()["routers"][0];
    let counters = &router["counters"];
    assert_eq!(router["state"], "backup", "{}", rival.vip.log());
    assert_eq!(
        (&counters["become_master"], &counters["priority_zero_received"]),
        (&0.into(), &0.into())
    );
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_an_upgraded_node_looks_after_everything_as_before() {
    let mut stage = serving();
    let (new, heard) = (stage.copy("weir-new"), RefCell::new(Vec::new()));
    let _ = stage.heard();
    let (is_done, said) = upgrade(&stage, &new);
    assert!(is_done, "{said}\n{}", stage.up.log());
    stage.wait_for("systemd hears of it", |stage| {
        let news = stage.heard().into_iter().filter(|word| word != "WATCHDOG=1");
        heard.borrow_mut().extend(news);
        *heard.borrow() == ["RELOADING=1", "READY=1"]
    });
    let old = ["auth", "front", "vip"].map(|role| (role, stage.pid(role)));
    for (_, pid) in old {
        kill(pid);
    }
    stage.wait_for("all are back", |stage| {
        old.into_iter().all(|(role, pid)| {
            let now = stage.role(role).unwrap_or_default();
            now["state"] == "up" && now["pid"] != pid && now["failures"] == 1
        })
    });
    assert_eq!(program(stage.pid("front")), new);
    assert!(stage.weir(&["stop", "front"]).status.success());
    let (is_done, said) = upgrade(&stage, Path::new(WEIR));
    assert!(is_done, "{said}\n{}", stage.up.log());
    assert_eq!(stage.role("front").unwrap()["state"], "stopped");
    assert!(stage.weir(&["start", "front"]).status.success());
    assert_eq!(program(stage.pid("front")), Path::new(WEIR));
    // Killed, it leaves no more behind than before, and told to end it ends everything.
    let roles = ["auth", "resolve", "front", "vip"];
    let old = roles.map(|role| stage.pid(role));
    stage.replace_killed();
    stage.wait_until_up(&roles);
    assert!(!old.into_iter().any(lives), "{}", stage.up.log());
    let last = roles.map(|role| stage.pid(role));
    let (is_done, said) = upgrade(&stage, &new);
    assert!(is_done, "{said}\n{}", stage.up.log());
    let (status, _) = stage.up.terminate(PATIENCE).unwrap();
    assert!(
        status.success() && !last.into_iter().any(lives),
        "{}",
        stage.up.log()
    );
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_program_that_does_not_work_changes_nothing() {
    let stage = serving();
    let roles = ["auth", "resolve", "front", "vip"];
    let before = roles.map(|role| stage.pid(role));
    let instead =
        |of: &str, what: &str| format!("case \"$*\" in {of}) {what};; *) exec {WEIR} \"$@\";; esac");
    for (line, why) in [
        ("exit 1".to_owned(), "does not run"),
        ("echo something else".to_owned(), "is another program"),
        (
            instead("vip*", "exit 2"),
            "cannot take over from another: its weir vip does not know how",
        ),
        (
            instead("config*", "echo threads?; exit 1"),
            "refuses the site file:\nthreads?",
        ),
        (
            instead("*--check-config*", "echo no; exit 1"),
            "weir front: its configuration is refused:\nno",
        ),
        (
            instead("*--supervised*", "exit 3"),
            "front: the new one does not start: exit status: 3; the old one serves on",
        ),
    ] {
        let (is_done, said) = upgrade(&stage, Path::new(&stage.script("broken", &line)));
        assert!(!is_done && said.contains(why), "{line}: {said}");
        assert_eq!(roles.map(|role| stage.pid(role)), before, "{line}");
        assert!(
            stage.resolve(FLOATING, "www.solo.test").is_some(),
            "{line}\n{}",
            stage.up.log()
        );
    }
    stage.rewrite("threads = 1", "threads = 2");
    let (is_done, said) = upgrade(&stage, Path::new(WEIR));
    assert!(!is_done && said.contains("run `weir reload` first"), "{said}");
    assert!(stage.weir(&["reload"]).status.success());
    assert!(stage.weir(&["upgrade"]).status.success(), "{}", stage.up.log());
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_an_address_whose_program_does_not_go_on_comes_back() {
    let mut stage = serving();
    let vip = stage.pid("vip");
    let broken = stage.script(
        "broken",
        &format!("case \"$*\" in *vip*-f*--successor) exit 1;; *) exec {WEIR} \"$@\";; esac"),
    );
    let (is_done, said) = upgrade(&stage, Path::new(&broken));
    assert!(!is_done && said.contains("vip: "), "{said}");
    stage.wait_for("it holds the address again", |stage| {
        let role = stage.role("vip").unwrap_or_default();
        role["state"] == "up" && role["pid"] != vip && stage.resolve(FLOATING, "www.solo.test").is_some()
    });
    // The next one finds nothing in its way.
    assert!(stage.weir(&["upgrade"]).status.success(), "{}", stage.up.log());
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_roles_start_again_when_what_was_left_cannot_be_read() {
    let mut stage = Stage::start();
    let roles = ["auth", "resolve", "front", "vip"];
    let old = roles.map(|role| stage.pid(role));
    let spoilt = format!(
        "case \"$*\" in up*--successor) echo >{}/up.bequest;; esac; exec {WEIR} \"$@\"",
        stage.run().display()
    );
    upgrade(&stage, Path::new(&stage.script("spoilt", &spoilt)));
    stage.wait_until_up(&roles);
    stage.wait_for("all are others", |stage| {
        roles.iter().zip(old).all(|(role, old)| stage.pid(role) != old)
    });
    assert!(!old.into_iter().any(lives));
    let log = stage.up.log();
    assert!(
        log.contains("what the program before has left is of no use"),
        "{log}"
    );
}
