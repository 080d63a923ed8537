//! `/jsonstat` and `/api/v1`: JSON with dnsdist's keys.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use weir_balance::{Backend, Counter, FailureKind};
use weir_cache::Scope;
use weir_config::{Pool, Snapshot};
use weir_policy::{Chain, Transport};
use weir_wire::{NameBuf, QType};

use super::Web;
use super::metrics::transport_name;
use crate::counters::{self, FrontendCounter, FrontendCounters, Statistic};
use crate::rates::Rates;
use crate::usage::Usage;

/// The parameters of a request; the last of several with one name counts.
type Parameters = Query<BTreeMap<String, String>>;

/// GET `/jsonstat?command=stats|dynblocklist|ebpfblocklist`.
pub(super) async fn jsonstat(State(web): State<Web>, Query(parameters): Parameters) -> Response {
    match parameters.get("command").map(String::as_str) {
        Some("stats") => to_json(&stats(&web)),
        // Weir has neither dynamic blocks nor eBPF filters yet.
        Some("dynblocklist" | "ebpfblocklist") => to_json(&json!({})),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn stats(web: &Web) -> Value {
    let mut all: Map<String, Value> = statistics(web)
        .into_iter()
        .map(|(statistic, value)| (statistic.metric.name.to_owned(), value))
        .collect();
    let snapshot = web.status.snapshot();
    let caches = snapshot
        .pools
        .iter()
        .filter_map(|pool| pool.cache.as_deref())
        .map(|cache| cache.counters());
    let (hits, misses) = caches.fold((0, 0), |(hits, misses), cache| {
        (hits + cache.hits, misses + cache.misses)
    });
    all.insert("packetcache-hits".to_owned(), hits.into());
    all.insert("packetcache-misses".to_owned(), misses.into());
    // dnsdist sends these two for the sake of old clients, always zero.
    all.insert("over-capacity-drops".to_owned(), 0.into());
    all.insert("too-old-drops".to_owned(), 0.into());
    all.insert("server-policy".to_owned(), default_policy(&snapshot).into());
    Value::Object(all)
}

/// GET `/api/v1/servers/localhost/statistics`.
pub(super) async fn statistics_list(State(web): State<Web>) -> Response {
    let items = statistics(&web).into_iter();
    let items = items.map(|(statistic, value)| item("StatisticItem", statistic.metric.name, value));
    to_json(&items.collect())
}

fn statistics(web: &Web) -> Vec<(Statistic, Value)> {
    let usage = Usage::read(web.status.started());
    let all = web.status.counters().statistics(&usage);
    let with_value = all.map(|statistic| match statistic.value {
        counters::Value::Whole(value) => (statistic, value.into()),
        counters::Value::Average(value) => (statistic, value.into()),
    });
    with_value.collect()
}

/// GET `/api/v1/servers/localhost`.
pub(super) async fn overview(State(web): State<Web>) -> Response {
    let snapshot = web.status.snapshot();
    let frontends = web.status.frontends();
    let pools = snapshot.pools.iter().enumerate();
    let pools = pools.map(|(id, pool)| with_id(id, pool_fields(pool)));
    let frontends = frontends.iter().enumerate();
    let frontends = frontends.map(|(id, frontend)| with_id(id, frontend_fields(frontend)));
    let listen: Vec<String> = snapshot
        .listen
        .iter()
        .map(|listen| listen.address.to_string())
        .collect();
    to_json(&json!({
        "daemon_type": "dnsdist",
        "version": env!("CARGO_PKG_VERSION"),
        "acl": snapshot.acl.masks().to_string(),
        "local": listen.join(", "),
        "servers": servers(&snapshot, &snapshot.backends, &web),
        "pools": pools.collect::<Vec<_>>(),
        "frontends": frontends.collect::<Vec<_>>(),
        "dohFrontends": [],
        "rules": rules(&snapshot.query_rules),
        "cache-miss-rules": rules(&snapshot.cache_miss_rules),
        "response-rules": rules(&snapshot.reply_rules),
        "cache-hit-response-rules": rules(&snapshot.cache_hit_reply_rules),
        "cache-inserted-response-rules": rules(&snapshot.cache_inserted_reply_rules),
        "self-answered-response-rules": rules(&snapshot.self_answered_reply_rules),
    }))
}

/// GET `/api/v1/servers/localhost/pool?name=`.
pub(super) async fn pool(State(web): State<Web>, Query(parameters): Parameters) -> Response {
    let snapshot = web.status.snapshot();
    let Some(name) = parameters.get("name") else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match snapshot.pool(name) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(pool) => to_json(&json!({
            "stats": pool_fields(pool),
            "servers": servers(&snapshot, pool.servers.backends(), &web),
        })),
    }
}

/// GET `/api/v1/servers/localhost/config`.
pub(super) async fn config(State(web): State<Web>) -> Response {
    let snapshot = web.status.snapshot();
    let console = snapshot
        .console
        .as_ref()
        .map(|console| console.address.to_string());
    let settings: [(&str, Value); 15] = [
        ("acl", snapshot.acl.masks().to_string().into()),
        ("allow-empty-response", false.into()),
        ("control-socket", console.into()),
        ("ecs-override", false.into()),
        ("ecs-source-prefix-v4", 24.into()),
        ("ecs-source-prefix-v6", 56.into()),
        ("fixup-case", false.into()),
        ("max-outstanding", snapshot.udp.max_outstanding.into()),
        ("server-policy", default_policy(&snapshot).into()),
        ("stale-cache-entries-ttl", snapshot.stale.window.into()),
        ("tcp-recv-timeout", snapshot.tcp.receive_timeout.as_secs().into()),
        ("tcp-send-timeout", snapshot.tcp.send_timeout.as_secs().into()),
        ("truncate-tc", false.into()),
        ("verbose", snapshot.logging.verbose.into()),
        ("verbose-health-checks", snapshot.verbose_health_checks.into()),
    ];
    to_json(
        &settings
            .into_iter()
            .map(|(name, value)| item("ConfigSetting", name, value))
            .collect(),
    )
}

/// GET `/api/v1/servers/localhost/config/allow-from`.
pub(super) async fn allow_from(State(web): State<Web>) -> Response {
    let masks: Vec<String> = web.status.snapshot().acl.masks().to_masks().collect();
    to_json(&item("ConfigSetting", "allow-from", masks.into()))
}

/// DELETE `/api/v1/cache?pool=&name=[&type=][&suffix=]`.
pub(super) async fn expunge(State(web): State<Web>, Query(parameters): Parameters) -> Response {
    let snapshot = web.status.snapshot();
    if !snapshot.web.as_ref().is_some_and(|web| web.access.api_read_write) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let parameter = |name| parameters.get(name).map(String::as_str);
    let Some((pool, name)) = parameter("pool").zip(parameter("name")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(cache) = snapshot.pool(pool).and_then(|pool| pool.cache.as_deref()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(name) = name.parse::<NameBuf>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let qtype = match parameter("type").map(QType::from_name) {
        Some(None) => return StatusCode::BAD_REQUEST.into_response(),
        Some(qtype) => qtype,
        None => None,
    };
    let scope = if parameters.contains_key("suffix") {
        Scope::Suffix
    } else {
        Scope::Name
    };
    let count = cache.expunge_by_name(name.as_name(), qtype, scope);
    to_json(&json!({ "status": "purged", "count": count }))
}

fn servers(snapshot: &Snapshot, backends: &[Arc<Backend>], web: &Web) -> Vec<Value> {
    let rates = web.rates.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = backends.iter().enumerate();
    rows.map(|(id, backend)| with_id(id, server_fields(snapshot, backend, &rates)))
        .collect()
}

fn server_fields(snapshot: &Snapshot, backend: &Backend, rates: &Rates) -> Value {
    let settings = backend.settings();
    let rate = rates.of(backend);
    let pools = snapshot
        .pools
        .iter()
        .filter(|pool| pool.servers.backends().iter().any(|member| member.is(backend)));
    let mut fields = json!({
        "name": settings.label().to_string(),
        "address": settings.address.to_string(),
        "state": backend.status().to_string(),
        "order": settings.order,
        "weight": settings.weight,
        "pools": pools.map(|pool| pool.name.as_str()).collect::<Vec<_>>(),
        "qps": rate.queries,
        "dropRate": rate.drops,
        "qpsLimit": settings.qps.map_or(0, NonZeroU32::get),
        "outstanding": backend.outstanding(),
        "latency": backend.latency_us() / 1000.0,
        "tcpLatency": backend.tcp_latency_us() / 1000.0,
        "tcpCurrentConnections": backend.tcp_connections(),
        "tcpMaxConcurrentConnections": backend.tcp_most_connections(),
        "tcpAvgQueriesPerConnection": backend.tcp_queries_per_connection(),
        "tcpAvgConnectionDuration": backend.tcp_connection_ms(),
        "tlsResumptions": 0,
        "healthCheckFailures": backend.failed_checks(),
        "healthCheckLatency": backend.check_latency_ms(),
    });
    for (counter, key) in SERVER_COUNTERS {
        fields[key] = backend.total(counter).into();
    }
    for (kind, key) in CHECK_FAILURES {
        fields[key] = backend.check_failures(kind).into();
    }
    fields
}

/// The counters of a backend under dnsdist's keys.
const SERVER_COUNTERS: [(Counter, &str); 16] = [
    (Counter::Queries, "queries"),
    (Counter::Responses, "responses"),
    (Counter::Timeouts, "drops"),
    (Counter::SendErrors, "sendErrors"),
    (Counter::Reused, "reuseds"),
    (Counter::NonCompliantResponses, "nonCompliantResponses"),
    (Counter::Retries, "retries"),
    (Counter::TcpDiedSendingQuery, "tcpDiedSendingQuery"),
    (Counter::TcpDiedReadingResponse, "tcpDiedReadingResponse"),
    (Counter::TcpGaveUp, "tcpGaveUp"),
    (Counter::TcpConnectTimeouts, "tcpConnectTimeouts"),
    (Counter::TcpReadTimeouts, "tcpReadTimeouts"),
    (Counter::TcpWriteTimeouts, "tcpWriteTimeouts"),
    (Counter::TcpTooManyConnections, "tcpTooManyConcurrentConnections"),
    (Counter::TcpNewConnections, "tcpNewConnections"),
    (Counter::TcpReusedConnections, "tcpReusedConnections"),
];

/// What health checks found, under dnsdist's keys.
const CHECK_FAILURES: [(FailureKind, &str); 5] = [
    (FailureKind::Parsing, "healthCheckFailuresParsing"),
    (FailureKind::Timeout, "healthCheckFailuresTimeout"),
    (FailureKind::Network, "healthCheckFailuresNetwork"),
    (FailureKind::Mismatch, "healthCheckFailuresMismatch"),
    (FailureKind::Invalid, "healthCheckFailuresInvalid"),
];

fn pool_fields(pool: &Pool) -> Value {
    let cache = pool.cache.as_deref();
    let counters = cache.map(weir_cache::Cache::counters).unwrap_or_default();
    json!({
        "name": pool.name.as_str(),
        "serversCount": pool.servers.backends().len(),
        "policy": pool.servers.policy().name,
        "cacheSize": cache.map_or(0, |cache| cache.checked().max_entries()),
        "cacheEntries": counters.entries,
        "cacheBytes": counters.bytes,
        "cacheHits": counters.hits,
        "cacheMisses": counters.misses,
        "cacheDeferredInserts": counters.deferred_inserts,
        "cacheDeferredLookups": counters.deferred_lookups,
        "cacheLookupCollisions": counters.lookup_collisions,
        "cacheInsertCollisions": counters.insert_collisions,
        "cacheTTLTooShorts": counters.ttl_too_shorts(),
        "cacheCleanupCount": counters.cleanups,
    })
}

fn frontend_fields(frontend: &FrontendCounters) -> Value {
    let count = |counter| frontend.count(counter);
    let [queries_per_connection, duration, reads_per_query] = frontend.averages();
    json!({
        "address": frontend.address.to_string(),
        "type": transport_name(frontend.transport),
        "udp": frontend.transport == Transport::Udp,
        "tcp": frontend.transport == Transport::Tcp,
        "thread": frontend.worker,
        "queries": count(FrontendCounter::Queries),
        "nonCompliantQueries": count(FrontendCounter::NoncompliantQueries),
        "responses": count(FrontendCounter::Responses),
        "tcpDiedReadingQuery": count(FrontendCounter::TcpDiedReadingQuery),
        "tcpDiedSendingResponse": count(FrontendCounter::TcpDiedSendingResponse),
        "tcpGaveUp": count(FrontendCounter::TcpGaveUp),
        "tcpClientTimeouts": count(FrontendCounter::TcpClientTimeouts),
        "tcpDownstreamTimeouts": count(FrontendCounter::TcpDownstreamTimeouts),
        "tcpCurrentConnections": count(FrontendCounter::TcpCurrentConnections),
        "tcpMaxConcurrentConnections": count(FrontendCounter::TcpMaxConcurrentConnections),
        "tcpAvgQueriesPerConnection": queries_per_connection,
        "tcpAvgConnectionDuration": duration,
        "tcpAvgIOsPerQuery": reads_per_query,
    })
}

fn rules<A: ?Sized + std::fmt::Display>(chain: &Chain<A>) -> Vec<Value> {
    let rows = chain.rules().iter().enumerate();
    let rows = rows.map(|(number, rule)| {
        json!({
            "id": number,
            "name": rule.name,
            "uuid": rule.uuid.to_string(),
            "creationOrder": rule.creation_order,
            "rule": rule.selector.to_string(),
            "action": rule.action.to_string(),
            "action-stats": {},
            "matches": chain.matches(number),
        })
    });
    rows.collect()
}

fn default_policy(snapshot: &Snapshot) -> Option<&'static str> {
    snapshot.pools.first().map(|pool| pool.servers.policy().name)
}

fn item(kind: &str, name: &str, value: Value) -> Value {
    json!({ "name": name, "type": kind, "value": value })
}

fn with_id(id: usize, mut fields: Value) -> Value {
    fields["id"] = id.into();
    fields
}

fn to_json(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
