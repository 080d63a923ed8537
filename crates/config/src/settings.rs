//! Settings of the front end as a whole: plain values whose types leave no room for a bad one.
//!
//! A [`Spec`](crate::Spec) collects them while a file is read, a [`Snapshot`](crate::Snapshot) hands them out.
//! Defaults are dnsdist's unless the field says otherwise.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use weir_policy::NetmaskGroup;

/// Where clients' queries are taken, over UDP and TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub address: SocketAddr,
    /// The interface that queries must come in by (`SO_BINDTODEVICE`).
    pub interface: Option<String>,
    /// Connections that wait to be accepted; `None` is the system's maximum.
    pub tcp_backlog: Option<u32>,
    /// TCP fast open: connections that may wait for their handshake; 0 is off.
    pub tcp_fast_open: u32,
    /// Queries of one connection in flight at once; 0 and 1 are one after the other.
    pub max_in_flight: u32,
    /// TCP connections open at once on this address, over all workers; 0 is no limit.
    pub max_tcp_connections: u32,
}

impl Listen {
    /// `address` with every default.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            interface: None,
            tcp_backlog: None,
            tcp_fast_open: 0,
            max_in_flight: 0,
            max_tcp_connections: 0,
        }
    }
}

impl Default for Listen {
    /// 127.0.0.1, port 53.
    fn default() -> Self {
        Self::new(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53))
    }
}

/// What happens to the query of a client that the access list does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AclRefusal {
    /// Nothing; dnsdist's way.
    #[default]
    Drop,
    /// REFUSED.
    Refused,
}

/// TCP with clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// How long a connection may be silent before a query is complete.
    pub receive_timeout: Duration,
    /// How long a client may take to read its reply.
    pub send_timeout: Duration,
    /// Queries on one connection; 0 is no limit.
    pub max_queries_per_connection: u32,
    /// The life of a connection; zero is no limit.
    pub max_connection_duration: Duration,
    /// Connections that were accepted and wait for a thread. Weir has no such queue; the number is shown only.
    pub max_queued_connections: u32,
    /// Connections of one client at once; 0 is no limit.
    pub max_connections_per_client: u32,
    /// New connections of one client per second, averaged over [`Self::connection_rate_interval`]; 0 is no limit.
    pub max_connection_rate_per_client: u32,
    /// What that rate is averaged over.
    pub connection_rate_interval: Duration,
    /// How long a client that exceeded the rate is not accepted.
    pub ban_for_rate: Duration,
    /// Reads that one query may take; 0 is no limit.
    pub max_read_ios_per_query: u32,
    /// How long a client that exceeded that is not accepted.
    pub ban_for_read_ios: Duration,
    /// Connections without queries that a worker keeps to one backend.
    pub backend_max_idle: usize,
    /// How long it keeps them.
    pub backend_max_idle_time: Duration,
    /// Leading bits of an IPv4 and of an IPv6 address that make one client.
    pub client_prefix: (u8, u8),
    /// Percentage of the connections allowed at once above which each gets one query and little time; 0 is off.
    pub overload_threshold: u8,
    /// Threads for TCP in dnsdist. Every worker of Weir does TCP; the number is shown only.
    pub client_threads: u32,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            receive_timeout: Duration::from_secs(2),
            send_timeout: Duration::from_secs(2),
            max_queries_per_connection: 0,
            max_connection_duration: Duration::ZERO,
            max_queued_connections: 10_000,
            max_connections_per_client: 0,
            max_connection_rate_per_client: 0,
            connection_rate_interval: Duration::from_secs(5 * 60),
            ban_for_rate: Duration::from_secs(10),
            max_read_ios_per_query: 50,
            ban_for_read_ios: Duration::from_secs(60),
            backend_max_idle: 10,
            backend_max_idle_time: Duration::from_secs(300),
            client_prefix: (32, 128),
            overload_threshold: 90,
            client_threads: 10,
        }
    }
}

/// UDP with clients and backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpSettings {
    /// How long a query waits for its reply, unless the backend says otherwise.
    pub timeout: Duration,
    /// Packets received or sent with one system call. Default 32; dnsdist's is 1.
    pub batch: u16,
    /// Queries in flight per worker; more are refused.
    pub max_outstanding: u16,
    /// Size of the kernel's receive buffer in bytes; 0 leaves the system's default.
    pub receive_buffer: u32,
    /// Size of the kernel's send buffer in bytes; 0 leaves the system's default.
    pub send_buffer: u32,
}

impl UdpSettings {
    /// The largest [`Self::batch`]: beyond it a batch outgrows the processor's nearest cache.
    pub const MAX_BATCH: u16 = 256;
}

impl Default for UdpSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            batch: 32,
            max_outstanding: u16::MAX,
            receive_buffer: 0,
            send_buffer: 0,
        }
    }
}

/// The OPT record of replies that are written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfAnswered {
    /// The UDP payload size that it announces (`setPayloadSizeOnSelfGeneratedAnswers`).
    pub payload_size: u16,
    /// Whether there is one at all (`setAddEDNSToSelfGeneratedResponses`).
    pub add_edns: bool,
}

impl SelfAnswered {
    /// What `Answer::write` wants: the payload size, or `None` for no OPT record.
    pub fn opt_size(self) -> Option<u16> {
        self.add_edns.then_some(self.payload_size)
    }
}

impl Default for SelfAnswered {
    fn default() -> Self {
        Self {
            payload_size: 1232,
            add_edns: true,
        }
    }
}

/// Answers from the past (RFC 8767).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StaleSettings {
    /// Seconds after its end that an answer may be given (RFC 8767 §5, "maximum stale timer"); 0 is off.
    pub window: u32,
    /// How long a client waits for backends before it gets a stale answer (§5, "client response timer"); `None`
    /// waits until no server is usable or the query times out, as dnsdist.
    pub answer_after: Option<Duration>,
}

/// How expired cache entries are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheCleaning {
    /// Time from one sweep to the next (`setCacheCleaningDelay`).
    pub delay: Duration,
    /// A sweep stops when this share of the entries, in a hundred, is gone (`setCacheCleaningPercentage`).
    pub percentage: u8,
}

impl Default for CacheCleaning {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(60),
            percentage: 100,
        }
    }
}

/// How the journal is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// `key="value"` lines; `None` leaves it to the command line.
    pub structured: Option<bool>,
    /// Details of queries and connections (`setVerbose`).
    pub verbose: bool,
}

/// A word that must not appear in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text` from now on.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The word itself, to compare with.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The console (`controlSocket`).
#[derive(Clone, Debug, PartialEq)]
pub struct ConsoleSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who may connect.
    pub acl: NetmaskGroup,
    /// The shared key, in base64 as `setKey` takes it.
    pub key: Option<Secret>,
    /// Connections at once; 0 is no limit.
    pub max_connections: u32,
}

/// The web server.
#[derive(Clone, Debug, PartialEq)]
pub struct WebSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// What may be asked for.
    pub access: WebAccess,
}

/// What the web server asks of its visitors (`setWebserverConfig`).
#[derive(Clone, Debug, PartialEq)]
pub struct WebAccess {
    /// For pages and statistics, with any user name.
    pub password: Option<Secret>,
    /// For the API, in `X-API-Key`.
    pub api_key: Option<Secret>,
    /// Who may connect.
    pub acl: NetmaskGroup,
    /// Headers that replace or follow the usual ones.
    pub custom_headers: Vec<(String, String)>,
    /// Whether the API may change things (`setAPIWritable`).
    pub api_read_write: bool,
    /// Whether `/api` needs the key.
    pub api_requires_auth: bool,
    /// Whether pages need the password.
    pub dashboard_requires_auth: bool,
    /// Whether `/metrics` and `/jsonstat` need the password or the key.
    pub stats_require_auth: bool,
    /// Whether each metric carries the label `instance` with the server's identifier.
    pub add_instance_label: bool,
    /// Connections at once; 0 is no limit.
    pub max_connections: u32,
}

impl Default for WebAccess {
    fn default() -> Self {
        Self {
            password: None,
            api_key: None,
            acl: loopback(),
            custom_headers: Vec::new(),
            api_read_write: false,
            api_requires_auth: true,
            dashboard_requires_auth: true,
            stats_require_auth: true,
            add_instance_label: false,
            max_connections: 100,
        }
    }
}

/// The masks that console and web server start from.
pub(crate) fn loopback() -> NetmaskGroup {
    let mut masks = NetmaskGroup::default();
    for mask in ["127.0.0.0/8", "::1/128"] {
        // Constants that a test parses.
        let _ = masks.add(mask);
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_loopback() {
        assert_eq!(loopback().to_string(), "127.0.0.0/8, ::1/128");
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        assert_eq!(format!("{:?}", Secret::new("admin123")), "Secret(..)");
    }
}
