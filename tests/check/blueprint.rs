//! The blueprint contradicts itself; each contradiction is a finding at its place.

use super::{expect_golden, of_the_blueprint, printed};
use crate::tree::{FILES, Tree};

/// Asserts that the rule finds something in this line of this file, and that what it says contains `what`.
fn found_with(flags: &[&str], place: &str, finding: &str, what: &str) {
    let (text, code) = of_the_blueprint(flags);
    let head = format!("{place}: {finding}: ");
    let said = text.lines().filter_map(|line| line.strip_prefix(&head));
    let said: Vec<_> = said.collect();
    assert!(
        said.iter().any(|said| said.contains(what)),
        "{head}{what} is not in\n{text}"
    );
    assert_eq!(code, 1);
}

fn found(place: &str, finding: &str, what: &str) {
    found_with(&[], place, finding, what);
}

#[test]
fn dd2_does_not_listen_on_the_floating_address() {
    found(
        "dd2/dnsdist.conf:1",
        "error[floating-address-not-served]",
        "10.10.2.160",
    );
    found(
        "dd2/dnsdist.conf:1",
        "warning[drift]",
        "dd1 and dd2 differ in listening",
    );
}

#[test]
fn dd2_has_no_cache() {
    found(
        "dd2/dnsdist.conf:4",
        "warning[cache-missing]",
        "the pool rec has no cache",
    );
    found(
        "dd2/dnsdist.conf",
        "warning[drift]",
        "differ in caches: dd2 lacks 500000 answers",
    );
}

#[test]
fn dd2_has_no_limits() {
    found(
        "dd2/dnsdist.conf",
        "warning[rate-limit-missing]",
        "as much as it likes",
    );
    found(
        "dd2/dnsdist.conf",
        "warning[drift]",
        "differ in limits: dd2 lacks IP (/32, /64) match for QPS over 200",
    );
}

#[test]
fn dd2_lacks_a_rule_and_probes_of_its_own() {
    found(
        "dd2/dnsdist.conf:8",
        "warning[drift]",
        "differ in rules: dd2 lacks qtype==ANY => drop",
    );
    found("dd2/dnsdist.conf:3", "warning[drift]", "differ in health checks");
}

#[test]
fn the_priority_is_110_and_150() {
    found(
        "dd1/keepalived.conf:1",
        "warning[vrrp-priority-contradicted]",
        "priority 110, the files say 100, 150",
    );
}

#[test]
fn two_hundred_queries_per_second_are_few_for_thousands_of_homes() {
    let shared = ["--cgnat", "203.0.113.0/24"];
    found_with(
        &shared,
        "dd1/dnsdist.conf:11",
        "warning[rate-limit-against-cgnat]",
        "200 queries per second for an address of 203.0.113.0/24",
    );
    found(
        "dd1/dnsdist.conf:11",
        "note[rate-limit-against-cgnat]",
        "every address may ask 200",
    );
}

#[test]
fn every_health_check_depends_on_one_name() {
    found(
        "dd1/dnsdist.conf:17",
        "warning[probe-depends-on-one-name]",
        "while google.com resolves",
    );
}

#[test]
fn the_access_list_leaves_the_default_ranges_open() {
    for node in ["dd1", "dd2"] {
        found(
            &format!("{node}/dnsdist.conf:2"),
            "warning[acl-wider-than-subscribers]",
            "100.64.0.0/10",
        );
    }
}

#[test]
fn the_status_page_is_open_to_whoever_tries_admin123() {
    found(
        "dd1/dnsdist.conf:29",
        "error[weak-secret]",
        "well-known password and API key",
    );
    found(
        "dd1/dnsdist.conf:29",
        "warning[page-on-every-address]",
        "0.0.0.0:8083",
    );
}

#[test]
fn there_is_one_authoritative_server() {
    found(
        "dd1/dnsdist.conf:16",
        "warning[single-point-of-failure]",
        "the pool auth is 10.10.2.163 alone",
    );
    found(
        "auth1/db.zaibdns.lab:8",
        "warning[zone-name-servers]",
        "one name server, ns1.zaibdns.lab",
    );
}

#[test]
fn subscribers_reach_the_servers_behind_the_front_ends() {
    found(
        "dd1/dnsdist.conf:16",
        "warning[backend-reachable]",
        "10.10.2.163, 10.10.2.164, 10.10.2.165",
    );
}

#[test]
fn the_pattern_that_it_warns_of_is_a_suffix() {
    let tree = Tree::of_the_blueprint().unwrap();
    let rule = "addAction(RegexRule(\"yourisp.com\"), PoolAction(\"auth\"))\nnewServer({address=\"10.10.2.163\", pool=\"auth\"})\n";
    std::fs::write(tree.path().join("dnsdist.conf"), rule).unwrap();
    let (text, _) = printed(tree.path(), &["dnsdist.conf"]);
    assert!(
        text.contains("dnsdist.conf:1: warning[regex-for-suffix]: "),
        "{text}"
    );
}

#[test]
fn the_laboratorys_cache_is_too_small_for_its_subscribers() {
    let tree = Tree::of_the_blueprint().unwrap();
    std::fs::write(
        tree.path().join("production.conf"),
        weir_lab::blueprint::DNSDIST_PRODUCTION,
    )
    .unwrap();
    let (text, _) = printed(tree.path(), &["production.conf", "--count", "100000"]);
    assert!(
        text.contains("production.conf:4: warning[cache-too-small]: "),
        "{text}"
    );
    let (text, _) = printed(tree.path(), &["dd1/dnsdist.conf", "--count", "100000"]);
    assert!(!text.contains("cache-too-small"), "{text}");
}

#[test]
fn everything_as_people_and_as_programs_read_it() {
    expect_golden("blueprint.txt", &of_the_blueprint(&[]).0);
    expect_golden("blueprint.json", &of_the_blueprint(&["--json"]).0);
}

#[test]
fn the_order_of_the_files_changes_nothing_but_who_differs_from_whom() {
    let tree = Tree::of_the_blueprint().unwrap();
    let mut files = FILES;
    files.reverse();
    let places = |text: &str| {
        text.lines()
            .filter(|line| line.contains("]: ") && !line.contains("[drift]"))
            .count()
    };
    let (forward, backward) = (of_the_blueprint(&[]).0, printed(tree.path(), &files).0);
    assert_eq!(places(&forward), places(&backward), "{backward}");
}
