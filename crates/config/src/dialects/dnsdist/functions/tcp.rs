//! TCP with clients.

use std::time::Duration;

use mlua::Value;

use super::{moot, setting};
use crate::dialects::dnsdist::tables::Function;
use crate::dialects::dnsdist::values::{Read, Seconds, Wrong};

pub(super) const ROWS: &[Function] = &[
    setting!(
        "setMaxTCPClientThreads",
        "(threads)",
        "threads for TCP; every worker does TCP, the number is shown only",
        u32,
        |spec, threads| spec.tcp.client_threads = threads
    ),
    setting!(
        "setMaxTCPConnectionsPerClient",
        "(connections)",
        "connections of one client at once; 0 is no limit",
        u32,
        |spec, limit| spec.tcp.max_connections_per_client = limit
    ),
    setting!(
        "setMaxTCPQueriesPerConnection",
        "(queries)",
        "queries on one connection; 0 is no limit",
        u32,
        |spec, limit| spec.tcp.max_queries_per_connection = limit
    ),
    setting!(
        "setMaxTCPConnectionDuration",
        "(seconds)",
        "the life of a connection; 0 is no limit",
        Seconds,
        |spec, Seconds(longest)| spec.tcp.max_connection_duration = longest
    ),
    setting!(
        "setMaxTCPQueuedConnections",
        "(connections)",
        "connections that wait for a thread; shown only",
        u32,
        |spec, limit| spec.tcp.max_queued_connections = limit
    ),
    setting!(
        "setMaxTCPConnectionRatePerClient",
        "(rate)",
        "new connections of one client per second; 0 is no limit",
        u32,
        |spec, rate| spec.tcp.max_connection_rate_per_client = rate
    ),
    setting!(
        "setTCPConnectionRateInterval",
        "(minutes)",
        "what that rate is averaged over",
        u16,
        |spec, minutes| {
            spec.tcp.connection_rate_interval = Duration::from_secs(u64::from(minutes.max(1)) * 60);
        }
    ),
    setting!(
        "setBanDurationForExceedingTCPTLSRate",
        "(seconds)",
        "how long a client above the rate is not accepted",
        Seconds,
        |spec, Seconds(ban)| spec.tcp.ban_for_rate = ban
    ),
    setting!(
        "setMaxTCPReadIOsPerQuery",
        "(reads)",
        "reads that one query may take; 0 is no limit",
        u32,
        |spec, limit| spec.tcp.max_read_ios_per_query = limit
    ),
    setting!(
        "setBanDurationForExceedingMaxReadIOsPerQuery",
        "(seconds)",
        "how long such a client is not accepted",
        Seconds,
        |spec, Seconds(ban)| spec.tcp.ban_for_read_ios = ban
    ),
    setting!(
        "setTCPConnectionsMaskV4",
        "(bits)",
        "bits of an IPv4 address that make one client",
        BitsV4,
        |spec, BitsV4(bits)| spec.tcp.client_prefix.0 = bits
    ),
    setting!(
        "setTCPConnectionsMaskV6",
        "(bits)",
        "bits of an IPv6 address that make one client",
        BitsV6,
        |spec, BitsV6(bits)| spec.tcp.client_prefix.1 = bits
    ),
    setting!(
        "setTCPConnectionsOverloadThreshold",
        "(percentage)",
        "share of connections from which they get less; 0 is off",
        Percentage,
        |spec, Percentage(threshold)| spec.tcp.overload_threshold = threshold
    ),
    setting!(
        "setTCPRecvTimeout",
        "(seconds)",
        "how long a connection may be silent",
        Seconds,
        |spec, Seconds(timeout)| spec.tcp.receive_timeout = timeout.max(Duration::from_secs(1))
    ),
    setting!(
        "setTCPSendTimeout",
        "(seconds)",
        "how long a client may take to read its reply",
        Seconds,
        |spec, Seconds(timeout)| spec.tcp.send_timeout = timeout.max(Duration::from_secs(1))
    ),
    setting!(
        "setMaxCachedTCPConnectionsPerDownstream",
        "(connections)",
        "the former name of setMaxIdleTCPConnectionsPerDownstream",
        usize,
        |spec, most| spec.tcp.backend_max_idle = most
    ),
    setting!(
        "setMaxIdleTCPConnectionsPerDownstream",
        "(connections)",
        "idle connections that a worker keeps to a backend",
        usize,
        |spec, most| spec.tcp.backend_max_idle = most
    ),
    setting!(
        "setTCPDownstreamMaxIdleTime",
        "(seconds)",
        "how long it keeps them",
        Seconds,
        |spec, Seconds(longest)| spec.tcp.backend_max_idle_time = longest
    ),
    moot!("setMaxTLSNewSessionRatePerClient", "for DNS over TLS"),
    moot!("setMaxTLSResumedSessionRatePerClient", "for DNS over TLS"),
    moot!(
        "setTCPConnectionsMaskV4Port",
        "bits of the port that make one client"
    ),
    moot!(
        "setTCPDownstreamCleanupInterval",
        "idle connections to backends; each ends at its own time"
    ),
    moot!("setTCPFastOpenKey", "the kernel's key"),
    moot!(
        "setTCPInternalPipeBufferSize",
        "pipes between threads; there are none"
    ),
    moot!("setTCPUseSinglePipe", "pipes between threads; there are none"),
];

/// Declares numbers with a largest value.
macro_rules! up_to {
    ($($name:ident, $most:literal, $expected:literal;)*) => {
        $(struct $name(u8);

        impl Read for $name {
            const EXPECTED: &'static str = $expected;

            fn read(value: &Value) -> Result<Self, Wrong> {
                u8::read(value).ok().filter(|number| *number <= $most).map(Self).ok_or(Wrong::Kind)
            }
        })*
    };
}

up_to! {
    BitsV4, 32, "a whole number from 0 to 32";
    BitsV6, 128, "a whole number from 0 to 128";
    Percentage, 100, "a whole number from 0 to 100";
}
