//! What is exported per backend, per frontend and per pool, besides the counters that have tables of their own.

use weir_balance::Backend;
use weir_cache::Counters;

use crate::counters::{FrontendCounters, Kind};

/// One exported value: the metric's name (its ending, for backends and frontends), its kind, what it means, and
/// where it comes from.
pub(super) type Column<T, V = f64> = (&'static str, Kind, &'static str, fn(&T) -> V);

/// Per backend, after `dnsdist_server_`.
pub(super) const SERVER_COLUMNS: [Column<Backend>; 12] = [
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

/// Per frontend, after `dnsdist_frontend_`.
pub(super) const FRONTEND_AVERAGES: [Column<FrontendCounters>; 3] = [
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

/// Per pool with a cache; full names, since some are Weir's own.
pub(super) const CACHE_COLUMNS: [Column<Counters, u64>; 13] = [
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
        Counters::ttl_too_shorts,
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
