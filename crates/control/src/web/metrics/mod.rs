//! `/metrics`: Prometheus's text format, with the names and labels that dnsdist's dashboards expect.
//!
//! Written by hand from the tables of names; there is no registry. One family after the other, as the format
//! wants it. Values that dnsdist also has, but Weir counts nowhere (TLS, DoH, dynamic blocks per frontend and
//! server), are left out; the global ones are zero, see [`Unused`](crate::counters::Unused).

mod columns;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_balance::{Backend, FailureKind};
use weir_cache::{Cache, Refusal};
use weir_config::{Pool, Snapshot};
use weir_policy::Transport;

use super::Status;
use crate::counters::{Counter, Counters, FrontendCounter, FrontendCounters, Kind, LATENCY_BUCKETS, Reading};
use crate::usage::Usage;
use columns::{CACHE_COLUMNS, FRONTEND_AVERAGES, SERVER_COLUMNS};
use text::Text;

/// The whole page.
pub(super) fn page(status: &dyn Status) -> String {
    let snapshot = status.snapshot();
    let instance = snapshot
        .web
        .as_ref()
        .is_some_and(|web| web.access.add_instance_label);
    let mut text = Text::new(snapshot.server_id.clone().filter(|_| instance));
    write_globals(&mut text, status.counters(), &Usage::read(status.started()));
    write_latency(&mut text, status.counters());
    write_servers(&mut text, &snapshot);
    write_frontends(&mut text, &status.frontends());
    write_pools(&mut text, &snapshot);
    write_rules(&mut text, &snapshot);
    text.family("dnsdist_info", Kind::Gauge, "Information about the program");
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.into_string()
}

fn write_globals(text: &mut Text, counters: &Counters, usage: &Usage) {
    // The histogram has names for these two already.
    let taken = [Reading::LatencyCount, Reading::LatencySum].map(Reading::metric);
    for statistic in counters
        .statistics(usage)
        .filter(|statistic| !taken.contains(&statistic.metric))
    {
        let metric = statistic.metric;
        text.family(&metric.prometheus_name(), metric.kind, metric.help);
        text.sample(&[], statistic.value);
    }
    text.family(
        "weir_malformed_queries_total",
        Kind::Counter,
        "Malformed queries by what is wrong with them",
    );
    for (reason, count) in counters.malformed() {
        text.sample(&[("reason", reason)], count);
    }
}

fn write_latency(text: &mut Text, counters: &Counters) {
    let name = "dnsdist_latency";
    text.header(
        name,
        &"histogram",
        "Time until clients got their answer, in milliseconds",
    );
    let mut below = 0;
    for (bound, bucket) in LATENCY_BUCKETS {
        below += counters.sum(bucket);
        text.line("dnsdist_latency_bucket", &[("le", &bound.to_string())], below);
    }
    below += counters.sum(Counter::LatencySlow);
    text.line("dnsdist_latency_bucket", &[("le", "+Inf")], below);
    text.line(
        "dnsdist_latency_sum",
        &[],
        counters.latency_sum_us() as f64 / 1000.0,
    );
    text.line("dnsdist_latency_count", &[], below);
}

fn write_servers(text: &mut Text, snapshot: &Snapshot) {
    let backends: Vec<(String, String, &Backend)> = snapshot
        .backends
        .iter()
        .map(|backend| {
            let settings = backend.settings();
            // dnsdist's labels have no dots, and dashboards filter by them.
            (
                settings.label().to_string().replace('.', "_"),
                settings.address.to_string(),
                backend.as_ref(),
            )
        })
        .collect();
    let mut family = |name: &str, kind, help: &str, value: &dyn Fn(&Backend) -> f64| {
        text.family(name, kind, help);
        for (server, address, backend) in &backends {
            text.sample(&[("server", server), ("address", address)], value(backend));
        }
    };
    for (ending, kind, help, value) in SERVER_COLUMNS {
        family(&format!("dnsdist_server_{ending}"), kind, help, &value);
    }
    for (counter, ending, help) in weir_balance::Counter::ALL {
        let name = match counter {
            weir_balance::Counter::Reused | weir_balance::Counter::Retries => {
                format!("weir_server_{ending}_total")
            }
            _ => format!("dnsdist_server_{ending}"),
        };
        family(&name, Kind::Counter, help, &|backend| {
            backend.total(counter) as f64
        });
    }
    for (kind, ending) in FailureKind::ALL {
        let name = format!("dnsdist_server_healthcheckfailures{ending}");
        let help = "Health checks that failed in this way";
        family(&name, Kind::Counter, help, &|backend| {
            backend.check_failures(kind) as f64
        });
    }
    family(
        "dnsdist_server_tlsresumptions",
        Kind::Counter,
        "TLS sessions resumed; Weir has no TLS yet",
        &|_| 0.0,
    );
}

fn write_frontends(text: &mut Text, frontends: &[Arc<FrontendCounters>]) {
    let mut family = |ending: &str, kind, help: &str, value: &dyn Fn(&FrontendCounters) -> f64| {
        text.family(&format!("dnsdist_frontend_{ending}"), kind, help);
        let concerned = frontends
            .iter()
            .filter(|frontend| frontend.transport == Transport::Tcp || !ending.starts_with("tcp"));
        for frontend in concerned {
            let (address, worker) = (frontend.address.to_string(), frontend.worker.to_string());
            let proto = transport_name(frontend.transport);
            text.sample(
                &[("frontend", &address), ("proto", proto), ("thread", &worker)],
                value(frontend),
            );
        }
    };
    for counter in FrontendCounter::ALL {
        let metric = counter.metric();
        family(metric.name, metric.kind, metric.help, &|frontend| {
            frontend.count(counter) as f64
        });
    }
    for (ending, kind, help, value) in FRONTEND_AVERAGES {
        family(ending, kind, help, &value);
    }
}

/// A transport as dnsdist's labels and pages name it.
pub(super) fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    }
}

fn write_pools(text: &mut Text, snapshot: &Snapshot) {
    let label = |pool: &Pool| match pool.name.as_str() {
        "" => "_default_".to_owned(),
        name => name.to_owned(),
    };
    let pools: Vec<(String, &Pool)> = snapshot.pools.iter().map(|pool| (label(pool), pool)).collect();
    text.family("dnsdist_pool_servers", Kind::Gauge, "Backends in the pool");
    for (label, pool) in &pools {
        text.sample(&[("pool", label)], pool.servers.backends().len());
    }
    text.family(
        "dnsdist_pool_active_servers",
        Kind::Gauge,
        "Backends in the pool that are up",
    );
    for (label, pool) in &pools {
        let up = pool.servers.backends().iter().filter(|backend| backend.is_up());
        text.sample(&[("pool", label)], up.count());
    }
    let caches: Vec<(&str, &Cache, weir_cache::Counters)> = pools
        .iter()
        .filter_map(|(label, pool)| {
            let cache = pool.cache.as_deref()?;
            Some((label.as_str(), cache, cache.counters()))
        })
        .collect();
    text.family(
        "dnsdist_pool_cache_size",
        Kind::Gauge,
        "Entries that the cache may hold",
    );
    for (label, cache, _) in &caches {
        text.sample(&[("pool", label)], cache.checked().max_entries());
    }
    for (name, kind, help, value) in CACHE_COLUMNS {
        text.family(name, kind, help);
        for (label, _, counters) in &caches {
            text.sample(&[("pool", label)], value(counters));
        }
    }
    text.family(
        "weir_pool_cache_refused_total",
        Kind::Counter,
        "Replies not stored, by reason",
    );
    for (label, _, counters) in &caches {
        for (refusal, reason) in Refusal::ALL {
            text.sample(
                &[("pool", label), ("reason", reason)],
                counters.refused_for(*refusal),
            );
        }
    }
}

fn write_rules(text: &mut Text, snapshot: &Snapshot) {
    let chain = &snapshot.query_rules;
    // Rules of one name are one series: Prometheus takes no label set twice.
    let mut hits: BTreeMap<String, u64> = BTreeMap::new();
    for (number, rule) in chain.rules().iter().enumerate() {
        let id = if rule.name.is_empty() {
            rule.uuid.to_string()
        } else {
            rule.name.clone()
        };
        *hits.entry(id).or_default() += chain.matches(number);
    }
    text.family(
        "dnsdist_rule_hits",
        Kind::Counter,
        "Queries that the rule has matched",
    );
    for (id, hits) in &hits {
        text.sample(&[("id", id)], hits);
    }
}
