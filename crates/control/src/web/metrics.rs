//! `/metrics`: Prometheus's text format, with the names and labels that dnsdist's dashboards expect.
//!
//! Written by hand from the tables of names; there is no registry. One family after the other, as the format
//! wants it. Values that dnsdist also has, but Weir counts nowhere (TLS, DoH, dynamic blocks per frontend and
//! server), are left out; the global ones are zero, see [`Unused`](crate::counters::Unused).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

use weir_balance::{Backend, FailureKind};
use weir_cache::{Cache, Refusal};
use weir_config::{Pool, Snapshot};
use weir_policy::Transport;

use super::Status;
use crate::counters::{Counter, Counters, FrontendCounter, FrontendCounters, Kind, LATENCY_BUCKETS, Reading};
use crate::usage::Usage;

/// The whole page.
pub(super) fn page(status: &dyn Status) -> String {
    let snapshot = status.snapshot();
    let instance = snapshot
        .web
        .as_ref()
        .is_some_and(|web| web.access.add_instance_label);
    let mut text = Text {
        out: String::new(),
        family: String::new(),
        instance: snapshot.server_id.clone().filter(|_| instance),
    };
    write_globals(&mut text, status.counters(), &Usage::read(status.started()));
    write_latency(&mut text, status.counters());
    write_servers(&mut text, &snapshot);
    write_frontends(&mut text, &status.frontends());
    write_pools(&mut text, &snapshot);
    write_rules(&mut text, &snapshot);
    text.family("dnsdist_info", Kind::Gauge, "Information about the program");
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.out
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

/// A value of a backend, of a frontend or of a pool's cache that is worked out on demand: the ending of the metric's name,
/// its kind, what it means, and where it comes from.
type Column<T> = (&'static str, Kind, &'static str, fn(&T) -> f64);

const SERVER_COLUMNS: [Column<Backend>; 12] = [
    (
        "status",
        Kind::Gauge,
        "Whether this backend is up (1) or down (0)",
        |backend| f64::from(backend.is_up()),
    ),
    (
        "latency",
        Kind::Gauge,
        "Mean latency over UDP, in milliseconds",
        |backend| backend.latency_us() / 1000.0,
    ),
    (
        "tcplatency",
        Kind::Gauge,
        "Mean latency over TCP, in milliseconds",
        |backend| backend.tcp_latency_us() / 1000.0,
    ),
    (
        "outstanding",
        Kind::Gauge,
        "Queries that wait for a reply",
        |backend| f64::from(backend.outstanding()),
    ),
    (
        "order",
        Kind::Gauge,
        "The order in which this backend is picked",
        |backend| f64::from(backend.settings().order),
    ),
    (
        "weight",
        Kind::Gauge,
        "The share of queries that this backend gets",
        |backend| f64::from(backend.settings().weight.get()),
    ),
    (
        "tcpcurrentconnections",
        Kind::Gauge,
        "TCP connections open now",
        |backend| f64::from(backend.tcp_connections()),
    ),
    (
        "tcpmaxconcurrentconnections",
        Kind::Counter,
        "The most TCP connections ever open at once",
        |backend| f64::from(backend.tcp_most_connections()),
    ),
    (
        "tcpavgqueriesperconn",
        Kind::Gauge,
        "Mean number of queries on a TCP connection",
        Backend::tcp_queries_per_connection,
    ),
    (
        "tcpavgconnduration",
        Kind::Gauge,
        "Mean life of a TCP connection, in milliseconds",
        Backend::tcp_connection_ms,
    ),
    (
        "healthcheckfailures",
        Kind::Counter,
        "Health checks that failed",
        |backend| backend.failed_checks() as f64,
    ),
    (
        "healthchecklatency",
        Kind::Gauge,
        "Latency of the last successful health check, in milliseconds",
        Backend::check_latency_ms,
    ),
];

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

const FRONTEND_AVERAGES: [Column<FrontendCounters>; 3] = [
    (
        "tcpavgqueriesperconnection",
        Kind::Gauge,
        "Mean number of queries on a TCP connection",
        |frontend| frontend.averages()[0],
    ),
    (
        "tcpavgconnectionduration",
        Kind::Gauge,
        "Mean life of a TCP connection, in milliseconds",
        |frontend| frontend.averages()[1],
    ),
    (
        "tcpavgreadios",
        Kind::Gauge,
        "Mean number of reads per query over TCP",
        |frontend| frontend.averages()[2],
    ),
];

fn write_frontends(text: &mut Text, frontends: &[std::sync::Arc<FrontendCounters>]) {
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

/// A column of a pool's cache.
type CacheColumn = (&'static str, Kind, &'static str, fn(&weir_cache::Counters) -> u64);

const CACHE_COLUMNS: [CacheColumn; 13] = [
    (
        "dnsdist_pool_cache_entries",
        Kind::Gauge,
        "Entries in the cache",
        |counters| counters.entries,
    ),
    (
        "dnsdist_pool_cache_hits",
        Kind::Counter,
        "Queries answered from the cache",
        |counters| counters.hits,
    ),
    (
        "dnsdist_pool_cache_misses",
        Kind::Counter,
        "Queries not found in the cache",
        |counters| counters.misses,
    ),
    (
        "dnsdist_pool_cache_deferred_inserts",
        Kind::Counter,
        "Inserts that had to wait for a lock",
        |counters| counters.deferred_inserts,
    ),
    (
        "dnsdist_pool_cache_deferred_lookups",
        Kind::Counter,
        "Lookups that had to wait for a lock",
        |counters| counters.deferred_lookups,
    ),
    (
        "dnsdist_pool_cache_lookup_collisions",
        Kind::Counter,
        "Lookups that met another question with the same hash",
        |counters| counters.lookup_collisions,
    ),
    (
        "dnsdist_pool_cache_insert_collisions",
        Kind::Counter,
        "Inserts that met another question with the same hash",
        |counters| counters.insert_collisions,
    ),
    (
        "dnsdist_pool_cache_ttl_too_shorts",
        Kind::Counter,
        "Replies not stored because of their TTL",
        weir_cache::Counters::ttl_too_shorts,
    ),
    (
        "dnsdist_pool_cache_cleanup_count_total",
        Kind::Counter,
        "Purges of expired entries",
        |counters| counters.cleanups,
    ),
    (
        "weir_pool_cache_bytes",
        Kind::Gauge,
        "Memory of the cache's entries, in bytes",
        |counters| counters.bytes,
    ),
    (
        "weir_pool_cache_inserts_total",
        Kind::Counter,
        "Replies stored",
        |counters| counters.inserts,
    ),
    (
        "weir_pool_cache_evictions_total",
        Kind::Counter,
        "Entries removed to make room",
        |counters| counters.evictions,
    ),
    (
        "weir_pool_cache_stale_hits_total",
        Kind::Counter,
        "Queries answered from an expired entry",
        |counters| counters.stale_hits,
    ),
];

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

/// The page as it grows.
struct Text {
    out: String,
    family: String,
    /// The value of the label `instance` on every sample, where there is to be one.
    instance: Option<String>,
}

impl Text {
    /// Begins a family of samples.
    fn family(&mut self, name: &str, kind: Kind, help: &str) {
        self.header(name, &kind, help);
        name.clone_into(&mut self.family);
    }

    fn header(&mut self, name: &str, kind: &dyn Display, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A sample of the family that was begun last.
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let name = std::mem::take(&mut self.family);
        self.line(&name, labels, value);
        self.family = name;
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(name);
        let instance = self.instance.take();
        let common = instance.as_deref().map(|instance| ("instance", instance));
        for (at, (label, value)) in labels.iter().copied().chain(common).enumerate() {
            let opening = if at == 0 { '{' } else { ',' };
            self.write(format_args!("{opening}{label}=\"{}\"", Escaped(value)));
        }
        if !labels.is_empty() || instance.is_some() {
            self.out.push('}');
        }
        self.instance = instance;
        self.write(format_args!(" {value}\n"));
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        let written = self.out.write_fmt(text);
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
}

/// A label's value, escaped as the format asks for.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}
