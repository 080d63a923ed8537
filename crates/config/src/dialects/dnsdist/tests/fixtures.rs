//! Configurations of the field load as they stand.

use std::net::SocketAddr;
use std::path::Path;

use super::*;

const LAB_DD1: &str = include_str!("../../../../fixtures/dnsdist/lab-dd1.conf");
const LAB_DD2: &str = include_str!("../../../../fixtures/dnsdist/lab-dd2.conf");
const CLEAN: &str = include_str!("../../../../fixtures/dnsdist/clean-production-block.conf");
const TUNING: &str = include_str!("../../../../fixtures/dnsdist/tuning.conf");

fn rules(snapshot: &Snapshot) -> Vec<String> {
    let rules = snapshot.query_rules.rules().iter();
    rules
        .map(|rule| format!("{} -> {}", rule.selector, rule.action))
        .collect()
}

fn listen(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .listen
        .iter()
        .map(|listen| listen.address.to_string())
        .collect()
}

#[test]
fn the_configuration_of_lab_dd1_loads_with_its_shell_comment_repaired() {
    let loaded = loaded(LAB_DD1);
    assert_eq!(
        lines(&loaded.warnings),
        "dnsdist.conf:28: warning: a comment begins with '--' here, not with '#'"
    );
    let Built { snapshot, warnings } = build(&loaded.session.spec(), None).expect("a snapshot");
    assert_eq!(lines(&warnings), "");
    assert_eq!(listen(&snapshot), ["0.0.0.0:53"]);
    assert!(
        snapshot
            .acl
            .masks()
            .to_string()
            .starts_with("10.10.2.0/24, 10.0.0.0/8, ")
    );
    assert_eq!(
        rules(&snapshot),
        [
            "qtype==ANY -> drop",
            "IP (/32, /64) match for QPS over 200 burst 200 -> drop",
            "qname in zaibdns.lab. -> to pool auth",
            "All -> to pool rec",
        ]
    );
    let rec = snapshot.pool("rec").expect("the pool");
    let cache = rec.cache.as_ref().expect("a cache").checked().settings();
    assert_eq!((cache.max_entries, cache.max_ttl), (500_000, 300));
    assert_eq!(rec.servers.policy().name, "leastOutstanding");
    let checks = rec.servers.backends().iter().map(|backend| {
        let settings = backend.settings();
        (
            settings.address.to_string(),
            settings.check.name.to_string(),
            settings.check.interval_secs.get(),
        )
    });
    assert_eq!(
        checks.collect::<Vec<_>>(),
        [
            ("10.10.2.164:53".to_owned(), "google.com.".to_owned(), 5),
            ("10.10.2.165:53".to_owned(), "google.com.".to_owned(), 5),
        ]
    );
    let auth = snapshot.pool("auth").expect("the pool");
    assert!(auth.cache.is_none());
    assert_eq!(auth.servers.backends().len(), 1);
    let console = snapshot.console.as_ref().expect("a console");
    assert_eq!(
        (console.address, &console.key),
        (SocketAddr::from(([127, 0, 0, 1], 5199)), &None)
    );
}

#[test]
fn the_configuration_of_lab_dd2_loads() {
    let loaded = loaded(LAB_DD2);
    assert_eq!(lines(&loaded.warnings), "");
    let snapshot = build(&loaded.session.spec(), None).expect("a snapshot").snapshot;
    assert_eq!(listen(&snapshot), ["10.10.2.162:53"]);
    assert_eq!(
        rules(&snapshot),
        ["qname in zaibdns.lab. -> to pool auth", "All -> to pool rec"]
    );
    assert_eq!(snapshot.backends.len(), 3);
    assert!(snapshot.console.is_none() && snapshot.web.is_none());
}

#[test]
fn the_clean_production_block_loads() {
    let loaded = loaded(CLEAN);
    assert_eq!(lines(&loaded.warnings), "");
    let snapshot = build(&loaded.session.spec(), None).expect("a snapshot").snapshot;
    assert_eq!(
        rules(&snapshot)[1],
        "IP (/32, /64) match for QPS over 50 burst 50 -> drop"
    );
    let cache = snapshot
        .pool("rec")
        .and_then(|pool| pool.cache.as_ref())
        .expect("a cache");
    assert_eq!(
        (
            cache.checked().settings().max_entries,
            cache.checked().settings().max_ttl
        ),
        (10_000, 60)
    );
}

#[test]
fn the_tuning_lines_load_and_the_known_password_is_said() {
    let Built { snapshot, warnings } = built(TUNING);
    assert_eq!(
        lines(&warnings),
        "dnsdist.conf:39: warning: setWebserverConfig: this password is one that everybody tries first; choose \
         another one\n\
         dnsdist.conf:39: warning: setWebserverConfig: this apiKey is one that everybody tries first; choose another one"
    );
    assert_eq!(rules(&snapshot)[2], "(qclass==3) && (qtype==TXT) -> drop");
    assert_eq!(rules(&snapshot)[3], "All -> log to /var/log/dnsdist-queries.log");
    assert_eq!(
        snapshot.log_targets.as_slice()[0].path,
        "/var/log/dnsdist-queries.log"
    );
    assert!(snapshot.verbose_health_checks);
    assert_eq!(
        (
            snapshot.tcp.client_threads,
            snapshot.tcp.max_connections_per_client
        ),
        (10, 20)
    );
    let web = snapshot.web.as_ref().expect("a web server");
    assert_eq!(web.address.to_string(), "0.0.0.0:8083");
    assert_eq!(
        web.access.password.as_ref().map(|password| password.reveal()),
        Some("admin123")
    );
    let cache = snapshot
        .pool("rec")
        .and_then(|pool| pool.cache.as_ref())
        .expect("a cache");
    assert_eq!(cache.checked().settings().temporary_failure_ttl, 10);
}

#[test]
fn the_policy_of_the_blueprint_is_a_bare_name() {
    for name in [
        "leastOutstanding",
        "firstAvailable",
        "wrandom",
        "whashed",
        "chashed",
        "roundrobin",
    ] {
        let snapshot = snapshot(&format!(
            "setServerPolicy({name})\nsetPoolServerPolicy(wrandom, 'other')"
        ));
        assert_eq!(snapshot.pools[0].servers.policy().name, name);
        assert_eq!(
            snapshot.pool("other").expect("the pool").servers.policy().name,
            "wrandom"
        );
    }
}

#[test]
fn an_empty_file_is_a_configuration() {
    let snapshot = snapshot("");
    assert_eq!(listen(&snapshot), ["127.0.0.1:53"]);
    assert_eq!(
        (snapshot.pools.len(), snapshot.backends.len(), snapshot.generation),
        (1, 0, 0)
    );
    assert!(snapshot.allows([127, 0, 0, 1].into()) && !snapshot.allows([192, 0, 2, 1].into()));
    assert_eq!(snapshot.self_answered.opt_size(), Some(1232));
}

#[test]
fn the_command_line_replaces_and_adds() {
    let overrides = Overrides {
        local: vec!["127.0.0.2".to_owned(), "[::1]:5300".to_owned()],
        acl: vec!["192.0.2.0/24".to_owned()],
        servers: vec!["192.0.2.53".to_owned()],
        key: None,
        verbose: true,
    };
    let loaded = Session::load(
        "setLocal('127.0.0.9')\naddACL('10.0.0.0/8')",
        Path::new(FILE),
        &overrides,
        carry(),
    );
    let snapshot = build(&loaded.expect("a file").session.spec(), None)
        .expect("a snapshot")
        .snapshot;
    assert_eq!(listen(&snapshot), ["127.0.0.2:53", "[::1]:5300"]);
    assert_eq!(snapshot.acl.masks().to_string(), "10.0.0.0/8, 192.0.2.0/24");
    assert_eq!(
        snapshot.backends[0].settings().address.to_string(),
        "192.0.2.53:53"
    );
    assert!(snapshot.logging.verbose);
    let bad = Overrides {
        local: vec!["localhost".to_owned()],
        ..Overrides::default()
    };
    let errors = Session::load("", Path::new(FILE), &bad, carry()).expect_err("not an address");
    assert_eq!(
        lines(&errors),
        "command line: 'localhost' is not an IP address with or without a port"
    );
}
