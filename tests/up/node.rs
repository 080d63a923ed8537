//! A node through its day: start, death of a role, reload, stop.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::stage::{FLOATING, OWN, SECRETS, Stage, WEIR, kill, lives};

/// Every role's number.
fn pids(stage: &Stage) -> [u64; 4] {
    ["auth", "resolve", "front", "vip"].map(|role| stage.pid(role))
}

/// Files below a folder that hold a text.
fn holding(folder: &Path, text: &str, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            holding(&path, text, found);
        } else if kind.is_file() && fs::read_to_string(&path).unwrap_or_default().contains(text) {
            found.push(path);
        }
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_up_starts_in_order_serves_and_stops_in_the_other_order() {
    let mut stage = Stage::start();
    stage.wait_for("the address answers", |stage| {
        let reply = stage.resolve(FLOATING, "www.solo.test");
        reply.is_some_and(|reply| reply.addresses() == ["192.0.2.7".parse::<std::net::IpAddr>().unwrap()])
    });
    stage.wait_for("systemd hears of it", |stage| {
        stage.heard().contains(&"READY=1".to_owned())
    });
    stage.wait_for("and again", |stage| {
        stage.heard().contains(&"WATCHDOG=1".to_owned())
    });
    let page = stage.weir(&["status"]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("10.77.0.100/24  this node"), "{page}");

    let (status, _) = stage.up.terminate(Duration::from_secs(30)).unwrap();
    let log = stage.up.log();
    assert!(status.success(), "{status}\n{log}");
    let place = |what: &str| log.find(what).unwrap_or_else(|| panic!("no '{what}' in\n{log}"));
    let order = [
        "auth: up",
        "front: weir front started",
        "front: up",
        "vip: weir vip started",
        "vip: up",
        "vip: ended, exit status: 0",
        "front: ended, exit status: 0",
        "auth: ended, exit status: 0",
    ];
    assert!(order.is_sorted_by_key(|what| place(what)), "{log}");
    assert!(place("resolve: up") < place("front: weir front started"), "{log}");
    assert!(stage.heard().contains(&"STOPPING=1".to_owned()));
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_what_is_killed_starts_again_and_the_others_go_on() {
    let mut stage = Stage::start();
    for role in ["auth", "resolve", "front", "vip"] {
        let before = pids(&stage);
        let old = stage.pid(role);
        kill(old);
        stage.wait_for(&format!("{role} is back"), |stage| {
            let now = stage.role(role).unwrap_or_default();
            now["state"] == "up" && now["pid"] != old
        });
        let state = stage.role(role).unwrap();
        assert_eq!(
            (state["failures"].as_u64(), state["last_failure"].as_str()),
            (Some(1), Some("signal: 9 (SIGKILL)"))
        );
        let kept = before
            .iter()
            .zip(pids(&stage))
            .filter(|(before, now)| **before == *now);
        assert_eq!(kept.count(), 3, "{role}");
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_what_an_operator_stops_stays_stopped_until_an_operator_starts_it() {
    let mut stage = Stage::start();
    let said = |output: std::process::Output| {
        let (status, text) = (output.status, [output.stdout, output.stderr].concat());
        (status.success(), String::from_utf8(text).unwrap())
    };
    let old = stage.pid("front");
    assert_eq!(
        said(stage.weir(&["stop", "front"])),
        (true, "front: stopped\n".to_owned())
    );
    assert!(!lives(old));
    assert!(stage.weir(&["reload"]).status.success());
    let (_, page) = said(stage.weir(&["status"]));
    assert!(
        page.contains("front    weir front  stopped (by weir stop)  -"),
        "{page}"
    );
    stage.wait_for("vip sees it", |stage| {
        let status = stage.status().unwrap();
        status["addresses"][0]["held_here"] == false
    });
    assert_eq!(
        said(stage.weir(&["start", "front"])),
        (true, "front: up\n".to_owned())
    );
    let front = stage.role("front").unwrap();
    assert_eq!((&front["state"], &front["failures"]), (&"up".into(), &0.into()));
    stage.wait_for("the address answers", |stage| {
        stage.resolve(FLOATING, "www.solo.test").is_some()
    });
    // What is up stays as it is.
    assert_eq!(
        said(stage.weir(&["start", "front"])),
        (true, "front: up\n".to_owned())
    );
    assert_eq!(stage.pid("front"), front["pid"].as_u64().unwrap());
    let (done, why) = said(stage.weir(&["stop", "frnot"]));
    assert!(!done && why.contains("did you mean front?"), "{why}");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_the_status_of_the_site_shows_drift() {
    let stage = Stage::start();
    let way = stage.script(
        "way",
        &format!("exec {} status --json --run {}", WEIR, stage.run().display()),
    );
    let file = stage.run().with_file_name("weir.toml").display().to_string();
    let ask = |more: &[&str]| {
        let words = ["status", "--site", "-f", &file, "--via", &way];
        let output = stage.weir(&[&words[..], more].concat());
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (is_well, page) = ask(&[]);
    assert!(
        is_well && page.contains("solo  10.77.0.1  up     up   up    up"),
        "{page}"
    );
    stage.rewrite("threads = 1", "threads = 2");
    let (is_well, page) = ask(&[]);
    assert!(!is_well && page.contains(" differs"), "{page}");
    let (_, json) = ask(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["nodes"][0]["differs"], true);
    assert_eq!(json["nodes"][0]["roles"].as_array().unwrap().len(), 4);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_what_a_killed_supervisor_leaves_is_replaced() {
    let mut stage = Stage::start();
    let old = pids(&stage);
    stage.replace_killed();
    stage.wait_until_up(&["auth", "resolve", "front", "vip"]);
    assert!(pids(&stage).iter().all(|pid| !old.contains(pid)));
    assert!(!old.into_iter().any(lives), "{}", stage.up.log());
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_broken_site_file_changes_nothing() {
    let stage = Stage::start();
    let (before, digest) = (pids(&stage), stage.status().unwrap()["digest"].clone());
    let configurations = || {
        let text = |name: &str| fs::read_to_string(stage.run().join(name)).unwrap();
        [
            "front/dnsdist.conf",
            "vip/keepalived.conf",
            "auth/named.conf",
            "resolve/unbound.conf",
        ]
        .map(text)
    };
    let old = configurations();
    // One that is no site file, one that a checker refuses, one without a password.
    for (from, to, why) in [
        ("threads = 1", "threds = 1", "did you mean `threads`?"),
        (
            "threads = 1",
            "root_hints = \"/nonexistent\"",
            "unbound: its configuration is refused",
        ),
        ("FOLDER/vrrp", "FOLDER/nothing", "nothing: No such file"),
    ] {
        stage.rewrite(from, to);
        let output = stage.weir(&["reload"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    assert_eq!(configurations(), old);
    assert_eq!(
        (pids(&stage), stage.status().unwrap()["digest"].clone()),
        (before, digest)
    );
    assert!(stage.resolve(OWN, "www.solo.test").is_some());
    let reloads = stage.up.log().matches("Configuration reloaded").count();
    assert_eq!(reloads, 0, "{}", stage.up.log());
    let heard = stage.heard();
    let heard = heard
        .iter()
        .filter(|word| *word != "WATCHDOG=1")
        .map(String::as_str);
    let said = [["RELOADING=1", "READY=1"]; 3].concat();
    assert_eq!(heard.collect::<Vec<_>>(), [vec!["READY=1"], said].concat());
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_reload_reaches_every_role_that_it_concerns() {
    let mut stage = Stage::start();
    let before = pids(&stage);
    stage.rewrite(
        "threads = 1",
        "threads = 1\n[policy]\nblocked = [\"www.solo.test\"]",
    );
    stage.up.hang_up().unwrap();
    stage.wait_for("the name is blocked", |stage| {
        let reply = stage.resolve(OWN, "www.solo.test");
        reply.is_some_and(|reply| reply.addresses().is_empty())
    });
    assert_eq!(pids(&stage), before, "no process is another one");
    stage.wait_for("named has read its file", |stage| {
        stage.up.log().contains("reloading configuration succeeded")
    });
    // Nothing has changed for the others: unbound would lose its cache.
    let log = stage.up.log();
    assert_eq!(
        log.matches("init module 0").count(),
        1,
        "unbound has kept its cache: {log}"
    );
    assert!(!log.contains("reloaded /"), "vip: {log}");

    stage.rewrite("advert = \"1s\"", "advert = \"2s\"");
    assert!(stage.weir(&["reload"]).status.success());
    stage.wait_for("vip reads its file", |stage| {
        stage.up.log().contains("reloaded /")
    });
    assert_eq!(pids(&stage), before);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_roles_come_and_go_with_the_site_file() {
    let mut stage = Stage::start();
    let resolver = stage.pid("resolve");
    stage.rewrite("\"auth\", \"resolve\"", "\"auth\"");
    let output = stage.weir(&["reload"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stage.wait_until_up(&["auth", "front", "vip"]);
    assert!(!lives(resolver));
    stage.rewrite("threads = 1", "threads = 1");
    assert!(stage.weir(&["reload"]).status.success());
    stage.wait_until_up(&["auth", "resolve", "front", "vip"]);
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_secrets_are_their_users_alone_and_gone_afterwards() {
    let mut stage = Stage::start();
    for secret in SECRETS {
        let mut found = Vec::new();
        holding(&stage.run(), secret, &mut found);
        assert_eq!(found.len(), 1, "{found:?}");
        let folder = found[0].parent().unwrap();
        for (path, mode) in [(found[0].as_path(), 0o600), (folder, 0o700)] {
            assert_eq!(path.metadata().unwrap().mode() & 0o777, mode, "{path:?}");
        }
        assert_eq!(
            found[0].metadata().unwrap().uid(),
            folder.metadata().unwrap().uid()
        );
        assert!(!stage.up.log().contains(secret));
    }
    stage.up.terminate(Duration::from_secs(30)).unwrap();
    for secret in SECRETS {
        let mut found = Vec::new();
        holding(&stage.run(), secret, &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_every_role_has_the_least_privileges() {
    const BIND: u64 = 1 << 10;
    const RAW: u64 = 1 << 13;
    // CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_SYS_NICE.
    const ADDRESS: u64 = 1 << 12 | RAW | 1 << 14 | 1 << 23;
    let stage = Stage::start();
    for (role, is_root, most) in [
        ("auth", false, BIND),
        ("resolve", false, 0),
        ("front", false, BIND | RAW),
        ("vip", true, ADDRESS),
    ] {
        let status = fs::read_to_string(format!("/proc/{}/status", stage.pid(role))).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().to_owned()
        };
        let effective = u64::from_str_radix(&field("CapEff:"), 16).unwrap();
        assert_eq!(
            (field("Uid:") == "0", effective & !most),
            (is_root, 0),
            "{role}: {status}"
        );
    }
}
