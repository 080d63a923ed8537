//! The console on `controlSocket`, asked as a script asks it: with `-e`.

use std::process::{Command, Output};

use weir_lab::{Front, Responder};

use crate::stage::{Stage, free_address, program};

/// A front end with one backend, a cache and a console.
struct Consoled {
    stage: Stage,
    backend: Responder,
}

impl Consoled {
    fn start() -> Self {
        let backend = Responder::start().unwrap();
        let console = free_address();
        let stage = Stage::start(&format!(
            "controlSocket(\"{console}\")\nsetKey(\"7tuvgEYh9mUMqXGqMy4Z+jZB/LmD8tW1wMYLEyyMgKc=\")\n\
             newServer({{address=\"{}\", name=\"one\", pool=\"rec\"}})\n\
             getPool(\"rec\"):setCache(newPacketCache(1000))\naddAction(AllRule(), PoolAction(\"rec\"))\n",
            backend.address()
        ));
        Self { stage, backend }
    }

    /// What the console prints for one command.
    fn ask(&self, text: &str) -> String {
        let output = self.run(text);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    fn run(&self, text: &str) -> Output {
        let mut command = match program() {
            Front::Weir(path) => {
                let mut command = Command::new(path);
                command.arg("front");
                command
            }
            Front::Dnsdist => Command::new("dnsdist"),
        };
        command
            .arg("-C")
            .arg(&self.stage.file)
            .args(["-e", text])
            .output()
            .unwrap()
    }
}

#[test]
fn expressions_are_evaluated_as_lua() {
    let front = Consoled::start();
    assert_eq!(front.ask("return 6 * 7").trim(), "42");
    assert_eq!(front.ask("x = {1, 2, 3} return #x").trim(), "3");
}

#[test]
fn servers_pools_rules_and_binds_are_shown() {
    let front = Consoled::start();
    let backend = front.backend.address().to_string();
    let servers = front.ask("showServers()");
    assert!(
        servers.contains("one") && servers.contains(&backend) && servers.to_lowercase().contains("up"),
        "{servers}"
    );
    let pools = front.ask("showPools()");
    assert!(pools.contains("rec") && pools.contains("one"), "{pools}");
    let rules = front.ask("showRules()");
    assert!(rules.contains("All") && rules.contains("to pool rec"), "{rules}");
    let binds = front.ask("showBinds()");
    assert!(binds.contains(&front.stage.address.to_string()), "{binds}");
}

#[test]
fn the_cache_tells_its_numbers() {
    let front = Consoled::start();
    for _ in 0..3 {
        front.stage.resolve("numbers.example").unwrap();
    }
    let stats = front.ask("getPool(\"rec\"):getCache():printStats()");
    let hits = stats
        .lines()
        .find(|line| line.starts_with("Hits"))
        .unwrap_or_default()
        .to_owned();
    assert!(hits.ends_with('2'), "{stats}");
}

#[test]
fn rules_count_and_the_top_ones_are_shown() {
    let front = Consoled::start();
    for number in 0..5 {
        front.stage.resolve(&format!("top-{number}.example")).unwrap();
    }
    let top = front.ask("topRules()");
    assert!(top.contains("All"), "{top}");
}

#[test]
fn statistics_are_dumped() {
    let front = Consoled::start();
    front.stage.resolve("dump.example").unwrap();
    let dump = front.ask("dumpStats()");
    for name in ["queries", "cache-hits", "acl-drops", "uptime"] {
        assert!(dump.contains(name), "no {name} in {dump}");
    }
}

#[test]
fn a_server_is_added_taken_down_and_removed_while_running() {
    let front = Consoled::start();
    let other = Responder::start().unwrap();
    front.ask(&format!(
        "newServer({{address=\"{}\", name=\"two\", pool=\"rec\"}})",
        other.address()
    ));
    front.ask("getServer(0):setDown()");
    front.stage.wait_for_answers("switched.example");
    front.stage.resolve("two.example").unwrap();
    assert_eq!(
        (front.backend.count("two.example"), other.count("two.example")),
        (0, 1)
    );
    front.ask("getServer(0):setUp()");
    front.ask("rmServer(1)");
    front.stage.resolve("one.example").unwrap();
    assert_eq!(
        (front.backend.count("one.example"), other.count("one.example")),
        (1, 0)
    );
}

#[test]
fn beyond_the_blueprints_command_for_cache_hit_rules_exists() {
    let front = Consoled::start();
    front.ask("showCacheHitResponseCounts()");
}

#[test]
fn a_wrong_command_is_answered_with_an_error() {
    let front = Consoled::start();
    let output = front.run("noSuchCommand()");
    let said = [output.stdout, output.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("noSuchCommand"));
    assert_eq!(front.ask("return 1").trim(), "1");
}
