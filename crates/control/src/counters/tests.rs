use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::usage::Usage;

/// dnsdist's names of global statistics.
const DNSDIST_NAMES: &str = include_str!("../../tests/dnsdist-statistics.txt");

#[test]
fn every_name_of_dnsdist_is_there_once() {
    let all: Vec<Metric> = Counters::default()
        .statistics(&Usage::default())
        .map(|row| row.metric)
        .collect();
    let names: BTreeSet<&str> = all.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), all.len());
    let ours = names.into_iter().filter(|name| !name.starts_with("weir-"));
    let mut dnsdists: Vec<&str> = DNSDIST_NAMES.lines().collect();
    dnsdists.sort_unstable();
    assert_eq!(ours.collect::<Vec<_>>(), dnsdists);
}

#[test]
fn prometheus_names_follow_from_the_name() {
    assert_eq!(
        Counter::Latency100To1000.metric().prometheus_name(),
        "dnsdist_latency100_1000"
    );
    assert_eq!(Counter::Reloads.metric().prometheus_name(), "weir_reloads_total");
}

#[test]
fn a_sum_covers_every_thread() {
    let mut counters = Counters::default();
    let (one, two) = (counters.register(), counters.register());
    one.add(Counter::AclDrops, 2);
    two.add(Counter::AclDrops, 3);
    two.add(Counter::Queries, 7);
    assert_eq!(counters.sum(Counter::AclDrops), 5);
    assert_eq!(counters.sum(Counter::Queries), 7);
    assert_eq!(counters.sum(Counter::Responses), 0);
}

#[test]
fn malformed_queries_are_counted_by_reason_and_in_total() {
    let mut counters = Counters::default();
    let block = counters.register();
    block.add_malformed(QueryError::TrailingData);
    block.add_malformed(QueryError::TrailingData);
    block.add_malformed(QueryError::IsReply);
    let malformed: Vec<_> = counters.malformed().filter(|(_, count)| *count > 0).collect();
    assert_eq!(malformed, [("is-reply", 1), ("trailing-data", 2)]);
    assert_eq!(counters.sum(Counter::NoncompliantQueries), 3);
}

#[test]
fn latencies_fall_into_dnsdists_buckets() {
    let mut counters = Counters::default();
    let block = counters.register();
    for us in [
        0,
        999,
        1000,
        9_999,
        10_000,
        50_000,
        99_999,
        100_000,
        999_999,
        1_000_000,
        u32::MAX,
    ] {
        block.observe_latency(Transport::Udp, us);
    }
    let counts = LATENCY_BUCKETS.map(|(_, bucket)| counters.sum(bucket));
    assert_eq!(counts, [2, 2, 1, 2, 2]);
    assert_eq!(counters.sum(Counter::LatencySlow), 2);
    assert_eq!(counters.latency_count(), 11);
}

#[test]
fn averages_are_plain_means_until_the_window_is_full() {
    let mut counters = Counters::default();
    let block = counters.register();
    assert_eq!(counters.mean_latency_us(Transport::Udp, Window::Last100), 0.0);
    for us in 1..=99 {
        block.observe_latency(Transport::Udp, us);
    }
    let mean = counters.mean_latency_us(Transport::Udp, Window::Last100);
    assert!((mean - 50.0).abs() < 1e-9, "{mean}");
    assert_eq!(counters.mean_latency_us(Transport::Tcp, Window::Last100), 0.0);
}

#[test]
fn short_windows_follow_a_change_and_long_ones_lag() {
    let mut counters = Counters::default();
    let block = counters.register();
    (0..2000).for_each(|_| block.observe_latency(Transport::Tcp, 100));
    (0..1000).for_each(|_| block.observe_latency(Transport::Tcp, 1100));
    let mean = |window| counters.mean_latency_us(Transport::Tcp, window);
    assert!(mean(Window::Last100) > 1099.0);
    let of_1000 = mean(Window::Last1000);
    assert!(
        (700.0..760.0).contains(&of_1000),
        "1 - 1/e of the step, not {of_1000}"
    );
    assert!((mean(Window::Last10000) - 433.33).abs() < 0.01);
}

#[test]
fn workers_weigh_by_the_answers_their_average_covers() {
    let mut counters = Counters::default();
    let (busy, idle) = (counters.register(), counters.register());
    (0..30).for_each(|_| busy.observe_latency(Transport::Udp, 100));
    (0..10).for_each(|_| idle.observe_latency(Transport::Udp, 500));
    let mean = counters.mean_latency_us(Transport::Udp, Window::Last100);
    assert!((mean - 200.0).abs() < 1e-9, "{mean}");
}

#[test]
fn readings_come_from_the_machine_and_the_workers() {
    let mut counters = Counters::default();
    counters.register().observe_latency(Transport::Udp, 2500);
    let usage = Usage {
        uptime: Duration::from_millis(1900),
        memory_bytes: 7,
        ..Usage::default()
    };
    assert_eq!(counters.reading(Reading::LatencySum, &usage), Value::Whole(2));
    assert_eq!(
        counters.reading(Reading::LatencyAvg100, &usage),
        Value::Average(2500.0)
    );
    assert_eq!(counters.reading(Reading::Uptime, &usage), Value::Whole(1));
    assert_eq!(
        counters.reading(Reading::RealMemoryUsage, &usage),
        Value::Whole(7)
    );
}

#[test]
fn a_frontend_knows_its_connections() {
    let frontend = FrontendCounters::new(([127, 0, 0, 1], 53).into(), Transport::Tcp, 0);
    frontend.connection_opened();
    frontend.connection_opened();
    frontend.connection_closed(4, 100, 8);
    frontend.connection_opened();
    assert_eq!(frontend.count(FrontendCounter::TcpCurrentConnections), 2);
    assert_eq!(frontend.count(FrontendCounter::TcpMaxConcurrentConnections), 2);
    assert_eq!(frontend.averages(), [4.0, 100.0, 2.0]);
    (0..3).for_each(|_| frontend.connection_closed(0, 0, 0));
    assert_eq!(frontend.count(FrontendCounter::TcpCurrentConnections), 0);
}
