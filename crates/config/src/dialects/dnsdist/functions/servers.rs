//! Backends: `newServer` with its keys, and those that find or remove one.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::time::Duration;

use mlua::{Table, Value};
use weir_balance::{BackendId, BackendSettings, LazyTrigger, Mode, Percent, SampleSize, Source};
use weir_wire::{Class, NameBuf, QType};

use crate::diagnostics::Place;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::server::Server;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::dialects::dnsdist::values::{self, Address, OneOrMore, Read, Seconds, Unlimited, Wrong};
use crate::spec::{BackendKey, BackendSpec};

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "newServer",
        "(address or options)",
        "forwards queries to a server",
        |call| {
            let value = call.value();
            let draft = read_draft(call, &value)?;
            let key = add(call.state, draft.settings, &draft.pools, &call.place.clone())?;
            call.give_object(Server(key))
        },
    ),
    Function::new(
        "getServer",
        "(number or id)",
        "the server with this number in showServers(), or this id",
        |call| {
            let Which(which) = call.required("number")?;
            match which.find(call.state) {
                Some(key) => call.give_object(Server(key)),
                None => Err(Failure::new(format!("there is no server {which}"))),
            }
        },
    ),
    Function::new("getServers", "()", "all servers, as a list", |call| {
        let keys: Vec<_> = call
            .state
            .spec
            .backends
            .iter()
            .map(|backend| backend.key)
            .collect();
        give_servers(call, &keys)
    }),
    Function::new("rmServer", "(number, id or server)", "removes a server", |call| {
        let value = call.value();
        let key = match values::object::<Server>(&value) {
            Some(Server(key)) => key,
            None => {
                let Which(which) = values::read("number", &value)?;
                which
                    .find(call.state)
                    .ok_or_else(|| Failure::new(format!("there is no server {which}")))?
            }
        };
        call.state.edit().backends.retain(|backend| backend.key != key);
        Ok(Value::Nil)
    }),
];

/// What a table of `newServer` says.
struct Draft {
    settings: BackendSettings,
    pools: Vec<String>,
    id: Option<BackendId>,
    has_address: bool,
}

pub(super) fn keys() -> Vec<Part> {
    [
        parts_of("newServer", KEYS),
        parts_of("newServer", CHECK_KEYS),
        parts_of("newServer", TCP_KEYS),
        parts_of("newServer", MOOT_KEYS),
    ]
    .concat()
}

const KEYS: &[Key<Draft>] = &[
    key!(
        "address",
        "none",
        "where queries go; the port is 53 unless given",
        Address<53>,
        |draft, Address(address)| {
            draft.settings.address = address;
            draft.has_address = true;
        }
    ),
    key!(
        "consecutiveTimeouts",
        "10",
        "timeouts in a row that take the server out; 0 leaves that to probes",
        Unlimited,
        |draft, Unlimited(limit)| draft.settings.consecutive_timeouts = limit
    ),
    key!(
        "id",
        "from address and name",
        "what chashed places the server by: a UUID",
        Id,
        |draft, Id(id)| {
            draft.id = Some(id);
        }
    ),
    key!(
        "maxOutstandingQueries",
        "0",
        "queries that may wait for replies; 0 is no limit",
        Unlimited,
        |draft, Unlimited(limit)| draft.settings.max_outstanding = limit
    ),
    key!(
        "name",
        "\"\"",
        "what people call the server",
        String,
        |draft, name| draft.settings.name = name
    ),
    key!("order", "1", "lower is preferred", i32, |draft, order| draft
        .settings
        .order =
        order),
    key!(
        "pool",
        "{\"\"}",
        "the pool, or a list of pools, that the server is in",
        OneOrMore<String>,
        |draft, OneOrMore(pools)| draft.pools = pools
    ),
    key!(
        "qps",
        "0",
        "queries per second above which firstAvailable goes on; 0 is no limit",
        Unlimited,
        |draft, Unlimited(qps)| draft.settings.qps = qps
    ),
    key!(
        "sockets",
        "1",
        "UDP sockets, and so source ports, per worker",
        NonZeroU16,
        |draft, sockets| draft.settings.sockets = sockets
    ),
    key!(
        "source",
        "\"\"",
        "where queries leave from: address, interface or address@interface",
        SourceText,
        |draft, SourceText(source)| draft.settings.source = source
    ),
    key!(
        "udpTimeout",
        "0",
        "seconds that a UDP query waits for its reply; 0 is that of setUDPTimeout",
        Seconds,
        |draft, Seconds(timeout)| draft.settings.udp_timeout =
            Some(timeout).filter(|timeout| !timeout.is_zero())
    ),
    key!("useClientSubnet", "false", "tell the server the client's subnet", not yet unless |value| value.as_boolean() == Some(false)),
    key!("useProxyProtocol", "false", "tell the server the client's address", not yet unless |value| value.as_boolean() == Some(false)),
    key!("tls", "\"\"", "DNS over TLS", not yet unless |value| value.as_string().is_some_and(|text| text.as_bytes().is_empty())),
    key!("dohPath", "\"\"", "DNS over HTTPS", not yet unless |value| value.as_string().is_some_and(|text| text.as_bytes().is_empty())),
    key!("autoUpgrade", "false", "look for DNS over TLS at the server", not yet unless |value| value.as_boolean() == Some(false)),
    key!("xskSockets", "nil", "packets by AF_XDP", not yet unless |value| value.is_nil()),
    key!(
        "weight",
        "1",
        "share of queries for wrandom, whashed and chashed",
        NonZeroU32,
        |draft, weight| draft.settings.weight = weight
    ),
];

const CHECK_KEYS: &[Key<Draft>] = &[
    key!(
        "checkClass",
        "DNSClass.IN",
        "the class that probes ask in",
        Class,
        |draft, class| draft.settings.check.class = class
    ),
    key!("checkFunction", "nil", "makes probes in Lua", not yet unless |value| value.is_nil()),
    key!(
        "checkInterval",
        "1",
        "seconds from one probe to the next",
        NonZeroU32,
        |draft, interval| draft.settings.check.interval_secs = interval
    ),
    key!(
        "checkName",
        "\"a.root-servers.net.\"",
        "the name that probes ask for",
        NameBuf,
        |draft, name| draft.settings.check.name = name
    ),
    key!("checkTCP", "false", "probe over TCP", bool, |draft, tcp| draft
        .settings
        .check
        .tcp =
        tcp),
    key!(
        "checkTimeout",
        "1000",
        "milliseconds that a probe waits for its reply",
        NonZeroU32,
        |draft, timeout| draft.settings.check.timeout_ms = timeout
    ),
    key!(
        "checkType",
        "\"A\"",
        "the type that probes ask for",
        QType,
        |draft, qtype| draft.settings.check.qtype = qtype
    ),
    key!(
        "healthCheckMode",
        "\"auto\"",
        "auto, lazy, up, down or drain",
        ModeName,
        |draft, ModeName(mode)| draft.settings.mode = mode
    ),
    key!(
        "lazyHealthCheckFailedInterval",
        "30",
        "seconds between probes while down",
        NonZeroU32,
        |draft, interval| draft.settings.lazy.failed_interval_secs = interval
    ),
    key!(
        "lazyHealthCheckMaxBackOff",
        "3600",
        "seconds between probes at most",
        NonZeroU32,
        |draft, longest| draft.settings.lazy.max_backoff_secs = longest
    ),
    key!(
        "lazyHealthCheckMinSampleCount",
        "1",
        "queries below which nothing is concluded",
        u16,
        |draft, samples| draft.settings.lazy.min_samples = samples
    ),
    key!(
        "lazyHealthCheckMode",
        "\"TimeoutOrServFail\"",
        "which queries failed",
        TriggerName,
        |draft, TriggerName(trigger)| draft.settings.lazy.trigger = trigger
    ),
    key!(
        "lazyHealthCheckSampleSize",
        "100",
        "queries that are looked at",
        Samples,
        |draft, Samples(size)| draft.settings.lazy.sample_size = size
    ),
    key!(
        "lazyHealthCheckThreshold",
        "20",
        "percentage of failed queries that starts probing",
        Share,
        |draft, Share(threshold)| draft.settings.lazy.threshold = threshold
    ),
    key!(
        "lazyHealthCheckUseExponentialBackOff",
        "false",
        "double the interval after each failed probe",
        bool,
        |draft, backoff| draft.settings.lazy.exponential_backoff = backoff
    ),
    key!(
        "maxCheckFailures",
        "1",
        "failed probes in a row that take the server down",
        NonZeroU8,
        |draft, failures| draft.settings.check.max_failures = failures
    ),
    key!(
        "mustResolve",
        "false",
        "NXDOMAIN and REFUSED are failed probes too",
        bool,
        |draft, must| draft.settings.check.must_resolve = must
    ),
    key!(
        "rise",
        "1",
        "good probes in a row that bring the server back",
        NonZeroU8,
        |draft, rise| draft.settings.check.rise = rise
    ),
    key!(
        "setCD",
        "false",
        "set the CD bit in probes",
        bool,
        |draft, set_cd| draft.settings.check.set_cd = set_cd
    ),
];

const TCP_KEYS: &[Key<Draft>] = &[
    key!(
        "maxConcurrentTCPConnections",
        "0",
        "TCP connections at once; 0 is no limit",
        Unlimited,
        |draft, Unlimited(limit)| draft.settings.tcp.max_connections = limit
    ),
    key!(
        "maxInFlight",
        "0",
        "queries of one TCP connection at once; 0 is one after the other",
        u16,
        |draft, limit| draft.settings.tcp.max_in_flight = NonZeroU16::new(limit).unwrap_or(NonZeroU16::MIN)
    ),
    key!(
        "retries",
        "5",
        "times that a query is sent again over TCP",
        u16,
        |draft, retries| draft.settings.tcp.retries = retries
    ),
    key!(
        "tcpConnectTimeout",
        "5",
        "seconds that connecting may take",
        Seconds,
        |draft, Seconds(timeout)| draft.settings.tcp.connect_timeout = at_least_a_second(timeout)
    ),
    key!(
        "tcpOnly",
        "false",
        "forward over TCP whatever the client used",
        bool,
        |draft, tcp_only| draft.settings.tcp_only = tcp_only
    ),
    key!(
        "tcpRecvTimeout",
        "30",
        "seconds that a reply over TCP may take",
        Seconds,
        |draft, Seconds(timeout)| draft.settings.tcp.receive_timeout = at_least_a_second(timeout)
    ),
    key!(
        "tcpSendTimeout",
        "30",
        "seconds that sending over TCP may take",
        Seconds,
        |draft, Seconds(timeout)| draft.settings.tcp.send_timeout = at_least_a_second(timeout)
    ),
];

/// Keys of transports that are refused by `tls` already, and keys without a choice.
const MOOT_KEYS: &[Key<Draft>] = &[
    key!("addXForwardedHeaders", "false", "for DNS over HTTPS", moot),
    key!("addXPF", "0", "no more in dnsdist either", moot),
    key!("caStore", "\"\"", "for DNS over TLS", moot),
    key!("ciphers", "\"\"", "for DNS over TLS", moot),
    key!("ciphersTLS13", "\"\"", "for DNS over TLS", moot),
    key!(
        "cpus",
        "{}",
        "CPUs of the thread for replies; workers do that",
        moot
    ),
    key!("disableZeroScope", "false", "for the client's subnet", moot),
    key!(
        "ipBindAddrNoPort",
        "true",
        "choose the source port late; always so",
        moot
    ),
    key!("ktls", "false", "for DNS over TLS", moot),
    key!(
        "maxUDPOutstanding",
        "65535",
        "size of a table that Weir does not have",
        moot
    ),
    key!("proxyProtocolAdvertiseTLS", "false", "for PROXY headers", moot),
    key!(
        "reconnectOnUp",
        "false",
        "open sockets anew when the server comes back; they are kept per worker",
        moot
    ),
    key!("releaseBuffers", "true", "for DNS over TLS", moot),
    key!("subjectAddr", "\"\"", "for DNS over TLS", moot),
    key!("subjectName", "\"\"", "for DNS over TLS", moot),
    key!(
        "tcpFastOpen",
        "false",
        "TCP fast open; the connection is kept instead",
        moot
    ),
    key!("validateCertificates", "true", "for DNS over TLS", moot),
];

fn read_draft(call: &mut Call<'_>, value: &Value) -> Result<Draft, Failure> {
    let mut draft = Draft {
        settings: BackendSettings::new(([0, 0, 0, 0], 0).into()),
        pools: Vec::new(),
        id: None,
        has_address: false,
    };
    match value {
        Value::Table(table) => read_keys(
            call,
            &table.clone() as &Table,
            &[KEYS, CHECK_KEYS, TCP_KEYS, MOOT_KEYS],
            &mut draft,
        )?,
        _ => Address(draft.settings.address) = values::read::<Address<53>>("address", value)?,
    }
    if !draft.has_address && value.is_table() {
        return Err(Failure::new(
            "address is missing, as in newServer({address=\"192.0.2.1:53\"})",
        ));
    }
    let settings = &mut draft.settings;
    settings.id = draft
        .id
        .unwrap_or_else(|| BackendId::derived(settings.address, &settings.name));
    Ok(draft)
}

/// Adds a backend to `pools`, or to the default pool.
pub(in crate::dialects::dnsdist) fn add(
    state: &mut State,
    mut settings: BackendSettings,
    pools: &[String],
    place: &Place,
) -> Result<BackendKey, Failure> {
    let key = state.next_backend();
    let spec = state.edit();
    // A server that is written twice, once per pool, is two backends, told apart by their order.
    if settings.id == BackendId::derived(settings.address, &settings.name) {
        let is_twin = |other: &&BackendSpec| {
            other.settings.address == settings.address && other.settings.name == settings.name
        };
        let twins = spec.backends.iter().filter(is_twin).count();
        if twins > 0 {
            settings.id = BackendId::derived(settings.address, &format!("{} {twins}", settings.name));
        }
    }
    let mut names = Vec::new();
    for name in pools {
        let name = spec.pools.intern(name, place)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        names.push(spec.pools.intern("", place)?);
    }
    spec.add_backend(BackendSpec {
        key,
        settings,
        pools: names,
        place: place.clone(),
    });
    Ok(key)
}

/// A list of servers for Lua.
pub(super) fn give_servers(call: &Call<'_>, keys: &[BackendKey]) -> Result<Value, Failure> {
    let servers: Result<Vec<_>, _> = keys.iter().map(|key| call.give_object(Server(*key))).collect();
    Ok(Value::Table(call.lua.create_sequence_from(servers?)?))
}

/// A timeout of 0 would end everything at once; dnsdist takes it for none.
fn at_least_a_second(timeout: Duration) -> Duration {
    timeout.max(Duration::from_secs(1))
}

/// A server by number or identifier.
enum ServerName {
    Number(usize),
    Id(BackendId),
}

struct Which(ServerName);

impl Read for Which {
    const EXPECTED: &'static str = "a server's number or UUID, as in showServers({showUUIDs=true})";

    fn read(value: &Value) -> Result<Self, Wrong> {
        if let Ok(number) = usize::read(value) {
            return Ok(Self(ServerName::Number(number)));
        }
        Id::read(value).map(|Id(id)| Self(ServerName::Id(id)))
    }
}

impl ServerName {
    fn find(&self, state: &State) -> Option<BackendKey> {
        let backends = &state.spec.backends;
        let backend = match self {
            Self::Number(number) => backends.get(*number),
            Self::Id(id) => backends.iter().find(|backend| backend.settings.id == *id),
        };
        backend.map(|backend| backend.key)
    }
}

impl std::fmt::Display for ServerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// Declares types that are read from a string.
macro_rules! from_text {
    ($($name:ident($inner:ty), $expected:literal, $parse:expr;)*) => {
        $(struct $name($inner);

        impl Read for $name {
            const EXPECTED: &'static str = $expected;

            fn read(value: &Value) -> Result<Self, Wrong> {
                let parse: fn(&str) -> Option<$inner> = $parse;
                parse(&String::read(value)?).map(Self).ok_or(Wrong::Kind)
            }
        })*
    };
}

from_text! {
    Id(BackendId), "a UUID, such as 9b6bf51e-26f5-40c4-898a-4a5a2c5555ba", |text| text.parse().ok();
    ModeName(Mode), "auto, lazy, up, down or drain", Mode::from_name;
    TriggerName(LazyTrigger), "TimeoutOnly or TimeoutOrServFail", LazyTrigger::from_name;
    Samples(SampleSize), "a whole number from 1 to 1024", |text| SampleSize::new(text.parse().ok()?);
    Share(Percent), "a whole number from 1 to 100", |text| Percent::new(text.parse().ok()?);
    SourceText(Source), "an address, an interface or address@interface", parse_source;
}

fn parse_source(text: &str) -> Option<Source> {
    if let Some((address, interface)) = text.split_once('@') {
        return Some(Source {
            address: Some(address.parse().ok()?),
            interface: Some(interface.to_owned()),
        });
    }
    match text.parse::<IpAddr>() {
        Ok(address) => Some(Source {
            address: Some(address),
            interface: None,
        }),
        Err(_) if text.is_empty() => Some(Source::default()),
        Err(_) => Some(Source {
            address: None,
            interface: Some(text.to_owned()),
        }),
    }
}
