//! `weir drill` as people and CI have it: its exit code, its JSON, its page.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use weir_lab::lab::{Lab, Plan};
use weir_lab::{Process, Scratch};

/// How long anything may take; the machine has other work.
const PATIENCE: Duration = Duration::from_secs(60);

fn weir(words: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("drill")
        .args(words)
        .output();
    output.unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The report of the only site.
fn site(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    report["sites"][0].clone()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap()
}

#[test]
fn drills_are_listed_without_being_root() {
    let listed = weir(&["--list"]);
    assert!(listed.status.success());
    let listed = text(&listed.stdout);
    for name in [
        "front-killed",
        "node-off",
        "rec-all-down",
        "flood-subdomains",
        "upgrade",
        "rec-added",
    ] {
        assert!(listed.lines().any(|line| line.starts_with(name)), "{listed}");
    }
    let unknown = weir(&["--only", "front-kiled"]);
    assert!(!unknown.status.success());
    assert!(text(&unknown.stderr).contains("front-killed"), "{unknown:?}");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_the_short_form_passes() {
    let scratch = Scratch::create().unwrap();
    let page = scratch.path().join("report.html");
    let output = weir(&["--quick", "--json", "--html", page.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let site = site(&output);
    assert_eq!(site["passed"], true);
    let drills = list(&site, "drills");
    let names: Vec<&str> = drills
        .iter()
        .map(|drill| drill["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "front-stopped",
            "front-killed",
            "rec-down",
            "auth-down",
            "flood-address",
            "reload"
        ]
    );
    for drill in drills {
        assert_eq!(drill["verdict"], "PASS");
        assert!(drill["asked"].as_u64().unwrap() > 500, "{drill}");
        assert!(drill["outage_ms"].as_u64().unwrap() <= 3000, "{drill}");
        assert!(!list(drill, "held").is_empty());
    }
    let served = |name: &str| {
        let drill = drills.iter().find(|drill| drill["name"] == name).unwrap();
        let served = list(drill, "answered_by").iter();
        served
            .map(|by| by["node"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(served("front-stopped").contains(&"dd2".to_owned()));
    let tests = list(&site, "tests");
    assert!(
        tests.len() > 20 && tests.iter().all(|test| test["ok"] == true),
        "{tests:?}"
    );
    let page = fs::read_to_string(page).unwrap();
    for name in names {
        assert!(page.contains(&format!("<article id=\"{name}\">")), "{name}");
    }
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_promise_that_cannot_be_kept_fails() {
    let scratch = Scratch::create().unwrap();
    let promise = "\n[targets]\nconvergence = \"1ms\"\n";
    let file = scratch.write(
        "weir.toml",
        &(include_str!("../lab/blueprint/weir.toml").to_owned() + promise),
    );
    // A front end that hangs is noticed by being asked: that takes longer than a millisecond.
    let output = weir(&[
        "--only",
        "front-hung",
        "--json",
        "-f",
        file.unwrap().to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let site = site(&output);
    assert_eq!(site["targets"]["convergence_ms"], 1);
    let [drill] = list(&site, "drills") else {
        panic!("{site}");
    };
    assert_eq!(drill["verdict"], "FAIL");
    assert!(drill["reasons"].to_string().contains("1 ms allowed"), "{drill}");
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_node_of_a_site_is_told_before_and_as_it_was_afterwards() {
    let mut lab = Lab::start(&Plan::new(env!("CARGO_BIN_EXE_weir").as_ref()), &mut |_| {}).unwrap();
    let file = lab.site_file().to_str().unwrap().to_owned();
    let words = ["drill", "--node", "dd1", "-f", &file];
    let pids = |lab: &Lab| ["front", "vip"].map(|role| lab.role_pid("dd1", role).unwrap());
    let before = pids(&lab);

    let told = lab.weir("dd1", &words).unwrap();
    assert!(told.status.success(), "{told:?}");
    let words_of_it = text(&told.stdout);
    assert!(words_of_it.contains("weir stop front"), "{words_of_it}");
    assert!(words_of_it.contains("nothing was done"), "{words_of_it}");
    assert_eq!(pids(&lab), before);

    let yes = [&words[..], &["--yes", "--countdown", "0", "--json"]].concat();
    let output = lab.weir("dd1", &yes).unwrap();
    assert!(output.status.success(), "{output:?}");
    let site = site(&output);
    let drills = list(&site, "drills");
    let names: Vec<&str> = drills
        .iter()
        .map(|drill| drill["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["handover", "front-stopped", "vip-stopped", "reload"]);
    assert!(drills.iter().all(|drill| drill["verdict"] == "PASS"), "{site}");
    assert!(
        drills[0]["answered_by"].to_string().contains("another node"),
        "{site}"
    );
    assert_ne!(pids(&lab), before, "both were stopped and started");
    assert!(lab.node_mut("dd1").unwrap().is_running());
}

#[test]
#[ignore = "needs root: network namespaces"]
fn lab_a_node_whose_drill_is_stopped_is_as_it_was() {
    let lab = Lab::start(&Plan::new(env!("CARGO_BIN_EXE_weir").as_ref()), &mut |_| {}).unwrap();
    let scratch = Scratch::create().unwrap();
    let node = lab.node("dd1").unwrap();
    let mut command = node.namespace().command(env!("CARGO_BIN_EXE_weir"));
    command.args(["drill", "--node", "dd1", "--yes", "--countdown", "0", "-f"]);
    command.arg(lab.site_file()).arg("--run").arg(node.run());
    let mut drill = Process::start("drill", command, scratch.path()).unwrap();
    drill
        .wait_until(PATIENCE, || lab.role_pid("dd1", "front").is_err())
        .unwrap();
    let (status, _) = drill.terminate(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(130), "{}", drill.log());
    assert!(lab.role_pid("dd1", "front").is_ok(), "{}", drill.log());
}
