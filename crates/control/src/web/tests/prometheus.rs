//! The metrics page.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::*;

/// Every metric that dnsdist documents, but for those of TLS, DoH and dynamic blocks per frontend or server and
/// the histogram of health checks, which Weir does not have.
const DNSDISTS: &str = include_str!("../../../tests/dnsdist-metrics.txt");

#[test]
fn families_are_those_of_dnsdist_and_our_own() {
    let page = page(&spec());
    let families: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let unique: BTreeSet<&str> = families.iter().copied().collect();
    assert_eq!(unique.len(), families.len(), "a family was begun twice");
    let (ours, dnsdists): (BTreeSet<&str>, _) =
        unique.into_iter().partition(|name| name.starts_with("weir_"));
    assert_eq!(dnsdists, DNSDISTS.lines().collect());
    assert!(
        ours.contains("weir_reloads_total") && ours.contains("weir_pool_cache_bytes"),
        "{ours:?}"
    );
}

#[test]
fn samples_carry_dnsdists_labels() {
    let page = page(&spec());
    for line in [
        "dnsdist_queries 7",
        "dnsdist_latency_avg100 10250",
        "weir_malformed_queries_total{reason=\"is-reply\"} 1",
        "dnsdist_latency_bucket{le=\"1\"} 1",
        "dnsdist_latency_bucket{le=\"10\"} 1",
        "dnsdist_latency_bucket{le=\"50\"} 2",
        "dnsdist_latency_bucket{le=\"1000\"} 2",
        "dnsdist_latency_bucket{le=\"+Inf\"} 3",
        "dnsdist_latency_sum 2020.5",
        "dnsdist_latency_count 3",
        "dnsdist_server_status{server=\"b_1\",address=\"127.0.0.1:5300\"} 0",
        "dnsdist_server_weight{server=\"127_0_0_1:5301\",address=\"127.0.0.1:5301\"} 1",
        "dnsdist_frontend_queries{frontend=\"127.0.0.1:53\",proto=\"UDP\",thread=\"0\"} 0",
        "dnsdist_frontend_queries{frontend=\"127.0.0.1:53\",proto=\"TCP\",thread=\"0\"} 3",
        "dnsdist_frontend_tcpcurrentconnections{frontend=\"127.0.0.1:53\",proto=\"TCP\",thread=\"0\"} 1",
        "dnsdist_pool_servers{pool=\"_default_\"} 2",
        "dnsdist_pool_servers{pool=\"rec\"} 1",
        "dnsdist_pool_cache_size{pool=\"rec\"} 1000",
        concat!("dnsdist_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in\n{page}"
        );
    }
    assert!(!page.contains("frontend_tcpgaveup{frontend=\"127.0.0.1:53\",proto=\"UDP\""));
    assert!(!page.contains("cache_size{pool=\"_default_\"}"));
}

#[test]
fn rules_of_one_name_are_one_series_and_labels_are_escaped() {
    let page = page(&spec());
    let hits: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("dnsdist_rule_hits{"))
        .collect();
    let unnamed = "dnsdist_rule_hits{id=\"00000000-0000-4000-8000-000000000001\"} 0";
    assert_eq!(
        hits,
        [unnamed, "dnsdist_rule_hits{id=\"same \\\"name\\\"\\\\\\n\"} 0"]
    );
}

#[test]
fn every_sample_can_carry_the_instance() {
    let mut spec = spec();
    spec.server_id = Some("front-1".to_owned());
    assert!(!page(&spec).contains("instance="));
    spec.web.access.add_instance_label = true;
    let page = page(&spec);
    let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(samples.iter().all(|line| line.contains("instance=\"front-1\"}")));
    assert!(samples.contains(&"dnsdist_queries{instance=\"front-1\"} 7"));
}

#[test]
fn prometheus_scrapes_it_as_text() {
    let address = start(&Site::new(&spec()));
    let reply = get(address, "/metrics", KEY);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4"));
    assert!(reply.body.contains("dnsdist_info{"));
}

/// Skipped, and says so, where promtool (Debian's package `prometheus`) is not installed.
#[test]
fn promtool_finds_nothing_but_dnsdists_names_to_remark() {
    let command = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = command else {
        eprintln!("skipped: promtool is not installed");
        return;
    };
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(page(&spec()).as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let remarks = String::from_utf8(output.stderr).unwrap();
    // dnsdist's names are older than Prometheus's custom of ending counters in _total, and Weir keeps them.
    let is_known = |remark: &str| remark.starts_with("dnsdist_") && remark.contains("\"_total\" suffix");
    let others: Vec<&str> = remarks.lines().filter(|remark| !is_known(remark)).collect();
    assert_eq!(others, [""; 0]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", output.status);
}

fn page(spec: &Spec) -> String {
    metrics::page(Site::new(spec).as_ref())
}
