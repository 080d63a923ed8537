//! Pages of the console, aligned as dnsdist's.

use std::collections::BTreeMap;

use mlua::{Table, Value};
use weir_balance::{Backend, Counter, Status};
use weir_policy::Transport;

use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::Object;
use crate::dialects::dnsdist::objects::cache::PacketCache;
use crate::dialects::dnsdist::reference::{self, Part, parts_of};
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::spec::{BackendSpec, PoolSpec};

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "showServers",
        "([options])",
        "prints the servers with their state and numbers",
        show_servers,
    ),
    Function::new(
        "showPools",
        "()",
        "prints the pools with their caches, policies and servers",
        show_pools,
    ),
    Function::new(
        "showBinds",
        "()",
        "prints the addresses that are listened on",
        show_binds,
    ),
    Function::new(
        "showTCPStats",
        "()",
        "prints what TCP connections have done",
        show_tcp,
    ),
    Function::new(
        "showCacheHitResponseCounts",
        "()",
        "prints what caches have answered, and answers by response code",
        show_cache_hits,
    ),
    Function::new("showVersion", "()", "prints the program's version", |call| {
        call.state.print_line(concat!("weir ", env!("CARGO_PKG_VERSION")));
        Ok(Value::Nil)
    }),
    Function::new(
        "showWebserverConfig",
        "()",
        "prints where the web server is and who may use it",
        |call| {
            let web = call.state.spec.web.clone();
            let text = match &web.listen {
                Some(listen) => format!("Listening on {}, ACL: {}", listen.value, web.access.acl),
                None => "No web server".to_owned(),
            };
            call.state.print_line(text);
            Ok(Value::Nil)
        },
    ),
    Function::new("dumpStats", "()", "prints every counter", dump_stats),
    Function::new(
        "getStatisticsCounters",
        "()",
        "every counter, as a table",
        |call| {
            let statistics = statistics(call).into_iter();
            Ok(Value::Table(call.lua.create_table_from(statistics)?))
        },
    ),
    Function::new(
        "help",
        "([name])",
        "prints the functions, or those whose name contains name",
        help,
    ),
];

/// What `showServers` prints besides.
#[derive(Default)]
struct Columns {
    with_uuids: bool,
}

const KEYS: &[Key<Columns>] = &[key!(
    "showUUIDs",
    "false",
    "prints the servers' identifiers",
    bool,
    |columns, show| columns.with_uuids = show
)];

pub(super) fn keys() -> Vec<Part> {
    parts_of("showServers", KEYS)
}

/// What is known about the running backend of a line.
#[derive(Default)]
struct Numbers {
    status: Option<Status>,
    queries_per_second: f64,
    drops_per_second: f64,
    queries: u64,
    drops: u64,
    latency_ms: f64,
    outstanding: u32,
}

fn numbers(call: &Call<'_>, backend: &BackendSpec) -> Numbers {
    let (Some(live), Some(running)) = (&call.state.live, call.state.live_backend(backend.key)) else {
        return Numbers::default();
    };
    let number = live.snapshot.backends.iter().position(|other| other.is(running));
    let (queries_per_second, drops_per_second) = number
        .and_then(|number| live.rates.get(number).copied())
        .unwrap_or_default();
    Numbers {
        status: Some(running.status()),
        queries_per_second,
        drops_per_second,
        queries: running.total(Counter::Queries),
        drops: running.total(Counter::Timeouts),
        latency_ms: running.latency_us() / 1000.0,
        outstanding: running.outstanding(),
    }
}

fn show_servers(call: &mut Call<'_>) -> Result<Value, Failure> {
    let mut columns = Columns::default();
    if let Some(table) = call.optional::<Table>("options")? {
        read_keys(call, &table, &[KEYS], &mut columns)?;
    }
    let uuid = |text: &str| {
        if columns.with_uuids {
            format!("{text:<36} ")
        } else {
            String::new()
        }
    };
    call.state.print_line(format_args!(
        "{:<3} {}{:<20} {:<29} {:>5} {:>7} {:>7} {:>3} {:>2} {:>10} {:>7} {:>5} {:>5} {:>11} Pools",
        "#",
        uuid("UUID"),
        "Name",
        "Address",
        "State",
        "Qps",
        "Qlim",
        "Ord",
        "Wt",
        "Queries",
        "Drops",
        "Drate",
        "Lat",
        "Outstanding"
    ));
    let mut sum = Numbers::default();
    for (number, backend) in call.state.spec.backends.clone().iter().enumerate() {
        let settings = &backend.settings;
        let it = numbers(call, backend);
        let status = it
            .status
            .map_or_else(|| "down".to_owned(), |status| status.to_string());
        let qps_limit = settings.qps.map_or(0, std::num::NonZeroU32::get);
        let mut pools: Vec<_> = backend.pools.iter().map(|pool| pool.as_str()).collect();
        pools.sort_unstable();
        call.state.print_line(format_args!(
            "{number:<3} {}{:<20} {:<29} {status:>5} {:>7.1} {qps_limit:>7} {:>3} {:>2} {:>10} {:>7} {:>5.1} {:>5.1} {:>11} {}",
            uuid(&settings.id.to_string()), settings.label().to_string(), settings.address.to_string(),
            it.queries_per_second, settings.order, settings.weight, it.queries, it.drops, it.drops_per_second,
            it.latency_ms, it.outstanding, pools.join(" ")
        ));
        sum.queries_per_second += it.queries_per_second;
        sum.queries += it.queries;
        sum.drops += it.drops;
    }
    call.state.print_line(format_args!(
        "{:<3} {}{:<20} {:<29} {:>5} {:>7.1} {:>7} {:>3} {:>2} {:>10} {:>7} {:>5} {:>5} {:>11} ",
        "All",
        uuid(""),
        "",
        "",
        "",
        sum.queries_per_second,
        "",
        "",
        "",
        sum.queries,
        sum.drops,
        "",
        "",
        ""
    ));
    Ok(Value::Nil)
}

fn show_pools(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.state.print_line(format_args!(
        "{:<20} {:>24} {:>20} Servers",
        "Name", "Cache", "ServerPolicy"
    ));
    let pools: BTreeMap<String, PoolSpec> = call
        .state
        .spec
        .pools
        .iter()
        .map(|pool| (pool.name.to_string(), pool.clone()))
        .collect();
    for (name, pool) in pools {
        let cache = pool
            .cache
            .map(|index| PacketCache(index).describe(call.state))
            .unwrap_or_default();
        let policy = pool.policy.unwrap_or(call.state.spec.policy).name;
        let backends = call
            .state
            .spec
            .backends
            .iter()
            .filter(|backend| backend.pools.contains(&pool.name));
        let servers: Vec<_> = backends
            .map(|backend| format!("{} {}", backend.settings.label(), backend.settings.address))
            .collect();
        call.state.print_line(format_args!(
            "{name:<20} {cache:>24} {policy:>20} {}",
            servers.join(", ")
        ));
    }
    Ok(Value::Nil)
}

fn show_binds(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.state.print_line(format_args!(
        "{:<3} {:<30} {:<21} Queries",
        "#", "Address", "Protocol"
    ));
    let frontends = call
        .state
        .live
        .as_ref()
        .map(|live| live.frontends.clone())
        .unwrap_or_default();
    for (number, frontend) in frontends.iter().enumerate() {
        let protocol = match frontend.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let address = frontend.address.to_string();
        call.state.print_line(format_args!(
            "{number:<3} {address:<30} {protocol:<21} {}",
            frontend.queries
        ));
    }
    Ok(Value::Nil)
}

fn show_tcp(call: &mut Call<'_>) -> Result<Value, Failure> {
    let tcp = call.state.spec.tcp.clone();
    call.state.print_line(format_args!(
        "{:<12} {:<12} {:<12} {:<12}",
        "Workers", "Max Workers", "Queued", "Max Queued"
    ));
    call.state.print_line(format_args!(
        "{:<12} {:<12} {:<12} {:<12}\n\nFrontends:",
        tcp.client_threads, tcp.client_threads, 0, tcp.max_queued_connections
    ));
    call.state.print_line(format_args!(
        "{:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<20} {:<20} {:<20} {:<20} {:<20}",
        "#",
        "Address",
        "Connections",
        "Max concurrent conn",
        "Died reading query",
        "Died sending response",
        "Gave up",
        "Client timeouts",
        "Downstream timeouts",
        "Avg queries/conn",
        "Avg duration"
    ));
    let frontends = call
        .state
        .live
        .as_ref()
        .map(|live| live.frontends.clone())
        .unwrap_or_default();
    let over_tcp = frontends
        .iter()
        .filter(|frontend| frontend.transport == Transport::Tcp);
    for (number, it) in over_tcp.enumerate() {
        call.state.print_line(format_args!(
            "{number:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<20} {:<20} {:<20} {:<20.6} {:<20.6}",
            it.address.to_string(),
            it.connections,
            it.most_connections,
            it.died_reading,
            it.died_sending,
            it.gave_up,
            it.client_timeouts,
            it.downstream_timeouts,
            it.queries_per_connection,
            it.connection_ms
        ));
    }
    call.state.print_line(format_args!(
        "\nBackends:\n{:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<25} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20}",
        "#", "Name", "Address", "Connections", "Max concurrent conn", "Died sending query", "Died reading response",
        "Gave up", "Read timeouts", "Write timeouts", "Connect timeouts", "Total connections", "Reused connections",
        "Avg queries/conn", "Avg duration"
    ));
    let backends = call
        .state
        .live
        .as_ref()
        .map(|live| live.snapshot.backends.clone())
        .unwrap_or_default();
    for (number, backend) in backends.iter().enumerate() {
        let line = backend_tcp_line(number, backend);
        call.state.print_line(line);
    }
    Ok(Value::Nil)
}

fn backend_tcp_line(number: usize, backend: &Backend) -> String {
    let counted = |counter| backend.total(counter);
    format!(
        "{number:<3} {:<20} {:<20} {:<20} {:<20} {:<25} {:<25} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20} {:<20.6} {:<20.6}",
        backend.settings().label().to_string(),
        backend.settings().address.to_string(),
        backend.tcp_connections(),
        backend.tcp_most_connections(),
        counted(Counter::TcpDiedSendingQuery),
        counted(Counter::TcpDiedReadingResponse),
        counted(Counter::TcpGaveUp),
        counted(Counter::TcpReadTimeouts),
        counted(Counter::TcpWriteTimeouts),
        counted(Counter::TcpConnectTimeouts),
        counted(Counter::TcpNewConnections),
        counted(Counter::TcpReusedConnections),
        backend.tcp_queries_per_connection(),
        backend.tcp_connection_ms()
    )
}

fn show_cache_hits(call: &mut Call<'_>) -> Result<Value, Failure> {
    call.state.print_line(format_args!(
        "{:<20} {:>12} {:>12} {:>12} {:>7}",
        "Pool", "Entries", "Hits", "Misses", "Hits %"
    ));
    let pools: Vec<_> = call
        .state
        .spec
        .pools
        .iter()
        .filter_map(|pool| Some((pool.name.to_string(), pool.cache?)))
        .collect();
    for (name, index) in pools {
        let counters = PacketCache(index)
            .live(call.state)
            .map(|cache| cache.counters())
            .unwrap_or_default();
        let lookups = counters.hits + counters.misses;
        let share = if lookups == 0 {
            0.0
        } else {
            counters.hits as f64 * 100.0 / lookups as f64
        };
        call.state.print_line(format_args!(
            "{name:<20} {:>12} {:>12} {:>12} {share:>7.1}",
            counters.entries, counters.hits, counters.misses
        ));
    }
    call.state
        .print_line(format_args!("\n{:<20} {:>12}", "Response code", "Answers"));
    let counted = statistics(call);
    for (label, name) in [
        ("NOERROR", "frontend-noerror"),
        ("NXDOMAIN", "frontend-nxdomain"),
        ("SERVFAIL", "frontend-servfail"),
    ] {
        call.state.print_line(format_args!(
            "{label:<20} {:>12}",
            counted.get(name).copied().unwrap_or(0.0)
        ));
    }
    Ok(Value::Nil)
}

fn statistics(call: &Call<'_>) -> BTreeMap<String, f64> {
    let statistics = call.state.live.as_ref().map(|live| live.statistics.clone());
    statistics.unwrap_or_default().into_iter().collect()
}

/// Two columns, the first half of the names in the left one.
fn dump_stats(call: &mut Call<'_>) -> Result<Value, Failure> {
    let cells: Vec<String> = statistics(call)
        .iter()
        .map(|(name, value)| statistic(name, *value))
        .collect();
    let (left, right) = cells.split_at(cells.len().div_ceil(2));
    for (number, cell) in left.iter().enumerate() {
        let other = right.get(number).map_or("", |other| other.trim_end());
        call.state.print_line(format!("{cell}{other}").trim_end());
    }
    Ok(Value::Nil)
}

fn statistic(name: &str, value: f64) -> String {
    if name.starts_with("latency-avg") {
        format!("{name:<35}\t{value:>13.1}  ")
    } else {
        format!("{name:<35}\t{value:>11}    ")
    }
}

fn help(call: &mut Call<'_>) -> Result<Value, Failure> {
    let part = call
        .optional::<String>("name")?
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_asked_for = |name: &str| name.to_ascii_lowercase().contains(&part);
    let mut lines: Vec<String> = reference::reference()
        .filter(|function| function.is_supported() && is_asked_for(function.name))
        .map(|function| format!("{}{}: {}", function.name, function.args, function.doc))
        .collect();
    let methods = reference::methods()
        .into_iter()
        .filter(|method| method.is_supported && is_asked_for(method.name));
    lines.extend(
        methods.map(|method| format!("{}:{}{}: {}", method.of, method.name, method.args, method.doc)),
    );
    lines.sort_unstable();
    lines.iter().for_each(|line| call.state.print_line(line));
    Ok(Value::Nil)
}
