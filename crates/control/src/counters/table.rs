//! The statistics by name: each row is declared once; dumpStats, `/metrics`, `/jsonstat` and `/statistics` are
//! derived from it.

use std::fmt;

/// What one statistic is called and means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name as `dumpStats()` prints it. dnsdist's, or Weir's own when it starts with `weir-`.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// What it counts, one line.
    pub help: &'static str,
}

impl Metric {
    /// The name in `/metrics`: `acl-drops` is `dnsdist_acl_drops`. Weir's own follow Prometheus's custom instead:
    /// `weir-reloads` is `weir_reloads_total`.
    pub fn prometheus_name(self) -> String {
        let name = self.name.replace('-', "_");
        match (self.name.starts_with("weir-"), self.kind) {
            (false, _) => format!("dnsdist_{name}"),
            (true, Kind::Counter) => format!("{name}_total"),
            (true, Kind::Gauge) => name,
        }
    }
}

/// Whether a statistic only grows, in Prometheus's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows until the program restarts.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        })
    }
}

/// Declares an enum whose rows are statistics: the help line is the documentation of the variant.
macro_rules! metrics {
    ($(#[$meta:meta])* pub enum $Table:ident { $($Row:ident: $kind:ident $name:literal, $help:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Table {
            $(#[doc = $help] $Row,)*
        }

        impl $Table {
            /// Every row, in the order of declaration.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$Row),*];

            /// Name, kind and meaning.
            pub const fn metric(self) -> Metric {
                match self {
                    $(Self::$Row => Metric { name: $name, kind: Kind::$kind, help: $help },)*
                }
            }
        }
    };
}

metrics! {
    /// What workers count.
    pub enum Counter {
        Queries: Counter "queries", "Queries received";
        Responses: Counter "responses", "Replies received from backends";
        ServfailResponses: Counter "servfail-responses", "SERVFAIL replies received from backends";
        FrontendNoerror: Counter "frontend-noerror", "NOERROR answers sent to clients";
        FrontendNxdomain: Counter "frontend-nxdomain", "NXDOMAIN answers sent to clients";
        FrontendServfail: Counter "frontend-servfail", "SERVFAIL answers sent to clients";
        AclDrops: Counter "acl-drops", "Queries dropped because the client is outside the ACL";
        RuleDrop: Counter "rule-drop", "Queries dropped by a rule";
        RuleNxdomain: Counter "rule-nxdomain", "Queries that a rule answered with NXDOMAIN";
        RuleRefused: Counter "rule-refused", "Queries that a rule answered with REFUSED";
        RuleServfail: Counter "rule-servfail", "Queries that a rule answered with SERVFAIL";
        RuleTruncated: Counter "rule-truncated", "Queries that a rule answered with TC set";
        SelfAnswered: Counter "self-answered", "Queries answered without a backend, cache hits not counted";
        DownstreamTimeouts: Counter "downstream-timeouts", "Queries that a backend did not answer in time";
        DownstreamSendErrors: Counter "downstream-send-errors", "Queries that could not be sent to a backend";
        TruncFailures: Counter "trunc-failures", "Answers that could not be truncated";
        NoPolicy: Counter "no-policy", "Queries for which no backend was usable";
        Latency0To1: Counter "latency0-1", "Answers sent in less than 1 ms";
        Latency1To10: Counter "latency1-10", "Answers sent in 1 to 10 ms";
        Latency10To50: Counter "latency10-50", "Answers sent in 10 to 50 ms";
        Latency50To100: Counter "latency50-100", "Answers sent in 50 to 100 ms";
        Latency100To1000: Counter "latency100-1000", "Answers sent in 100 to 1000 ms";
        LatencySlow: Counter "latency-slow", "Answers sent after a second or more";
        NoncompliantQueries: Counter "noncompliant-queries", "Malformed queries";
        NoncompliantResponses: Counter "noncompliant-responses", "Replies that match no pending query";
        RdQueries: Counter "rdqueries", "Queries with RD set";
        EmptyQueries: Counter "empty-queries", "Queries without a question";
        CacheHits: Counter "cache-hits", "Queries answered from the cache";
        CacheMisses: Counter "cache-misses", "Queries not found in the cache";
        CoalescedQueries: Counter "weir-coalesced-queries",
            "Queries that waited for the same question already in flight";
        StaleAnswers: Counter "weir-stale-answers", "Queries answered from the cache after expiry (RFC 8767)";
        Prefetches: Counter "weir-prefetches", "Popular cache entries asked for again before expiry";
        Retries: Counter "weir-retries", "Queries sent to a second backend after a timeout";
        PendingFull: Counter "weir-pending-full", "Queries dropped because too many were pending";
        LateReplies: Counter "weir-late-replies", "Replies that came after their query had timed out";
        MismatchedReplies: Counter "weir-mismatched-replies", "Replies to another question than the one pending";
        EgressTruncated: Counter "weir-egress-truncated", "Answers truncated to the size that the client takes";
        TcpLimitsHit: Counter "weir-tcp-limits-hit", "TCP connections refused or closed because of a limit";
        Reloads: Counter "weir-reloads", "Configurations loaded after the first";
        ReloadFailures: Counter "weir-reload-failures", "Configurations refused, the running one kept";
    }
}

metrics! {
    /// What is worked out when somebody asks.
    pub enum Reading {
        LatencyCount: Counter "latency-count", "Answers whose latency was measured";
        LatencySum: Counter "latency-sum", "Latencies of all answers added up, in milliseconds";
        LatencyAvg100: Gauge "latency-avg100", "Mean latency of the last 100 answers over UDP, in microseconds";
        LatencyAvg1000: Gauge "latency-avg1000", "Mean latency of the last 1000 answers over UDP, in microseconds";
        LatencyAvg10000: Gauge "latency-avg10000",
            "Mean latency of the last 10000 answers over UDP, in microseconds";
        LatencyAvg1000000: Gauge "latency-avg1000000",
            "Mean latency of the last 1000000 answers over UDP, in microseconds";
        LatencyTcpAvg100: Gauge "latency-tcp-avg100",
            "Mean latency of the last 100 answers over TCP, in microseconds";
        LatencyTcpAvg1000: Gauge "latency-tcp-avg1000",
            "Mean latency of the last 1000 answers over TCP, in microseconds";
        LatencyTcpAvg10000: Gauge "latency-tcp-avg10000",
            "Mean latency of the last 10000 answers over TCP, in microseconds";
        LatencyTcpAvg1000000: Gauge "latency-tcp-avg1000000",
            "Mean latency of the last 1000000 answers over TCP, in microseconds";
        Uptime: Gauge "uptime", "Seconds since the program started";
        RealMemoryUsage: Gauge "real-memory-usage", "Resident memory, in bytes";
        FdUsage: Gauge "fd-usage", "Open file descriptors";
        CpuUserMsec: Counter "cpu-user-msec", "Milliseconds of CPU spent in the program";
        CpuSysMsec: Counter "cpu-sys-msec", "Milliseconds of CPU spent in the kernel for the program";
        CpuIowait: Counter "cpu-iowait", "Time that the machine waited for I/O, in USER_HZ";
        CpuSteal: Counter "cpu-steal", "Time stolen from the virtual machine, in USER_HZ";
        UdpInErrors: Counter "udp-in-errors", "The machine's UDP InErrors";
        UdpNoportErrors: Counter "udp-noport-errors", "The machine's UDP NoPorts";
        UdpRecvbufErrors: Counter "udp-recvbuf-errors", "The machine's UDP RcvbufErrors";
        UdpSndbufErrors: Counter "udp-sndbuf-errors", "The machine's UDP SndbufErrors";
        UdpInCsumErrors: Counter "udp-in-csum-errors", "The machine's UDP InCsumErrors";
        Udp6InErrors: Counter "udp6-in-errors", "The machine's UDP InErrors over IPv6";
        Udp6NoportErrors: Counter "udp6-noport-errors", "The machine's UDP NoPorts over IPv6";
        Udp6RecvbufErrors: Counter "udp6-recvbuf-errors", "The machine's UDP RcvbufErrors over IPv6";
        Udp6SndbufErrors: Counter "udp6-sndbuf-errors", "The machine's UDP SndbufErrors over IPv6";
        Udp6InCsumErrors: Counter "udp6-in-csum-errors", "The machine's UDP InCsumErrors over IPv6";
        TcpListenOverflows: Counter "tcp-listen-overflows", "The machine's TCP ListenOverflows";
    }
}

metrics! {
    /// Names of dnsdist for what Weir does not have. They stay zero, and are there because dashboards and alerts
    /// ask for them.
    pub enum Unused {
        DynBlocked: Counter "dyn-blocked", "Queries dropped by a dynamic block";
        DynBlockNmgSize: Gauge "dyn-block-nmg-size", "Dynamic blocks of addresses";
        SecurityStatus: Gauge "security-status", "Security status: 0 is no data, Weir does not poll";
        ProxyProtocolInvalid: Counter "proxy-protocol-invalid", "Queries with an invalid Proxy Protocol header";
        DohQueryPipeFull: Counter "doh-query-pipe-full", "DoH queries dropped because a pipe was full";
        DohResponsePipeFull: Counter "doh-response-pipe-full", "DoH answers dropped because a pipe was full";
        OutgoingDohQueryPipeFull: Counter "outgoing-doh-query-pipe-full",
            "Outgoing DoH queries dropped because a pipe was full";
        TcpQueryPipeFull: Counter "tcp-query-pipe-full", "TCP connections dropped because a pipe was full";
        TcpCrossProtocolQueryPipeFull: Counter "tcp-cross-protocol-query-pipe-full",
            "Cross-protocol queries dropped because a pipe was full";
        TcpCrossProtocolResponsePipeFull: Counter "tcp-cross-protocol-response-pipe-full",
            "Cross-protocol answers dropped because a pipe was full";
        LatencyDotAvg100: Gauge "latency-dot-avg100", "Mean latency of the last 100 DoT answers";
        LatencyDotAvg1000: Gauge "latency-dot-avg1000", "Mean latency of the last 1000 DoT answers";
        LatencyDotAvg10000: Gauge "latency-dot-avg10000", "Mean latency of the last 10000 DoT answers";
        LatencyDotAvg1000000: Gauge "latency-dot-avg1000000", "Mean latency of the last 1000000 DoT answers";
        LatencyDohAvg100: Gauge "latency-doh-avg100", "Mean latency of the last 100 DoH answers";
        LatencyDohAvg1000: Gauge "latency-doh-avg1000", "Mean latency of the last 1000 DoH answers";
        LatencyDohAvg10000: Gauge "latency-doh-avg10000", "Mean latency of the last 10000 DoH answers";
        LatencyDohAvg1000000: Gauge "latency-doh-avg1000000", "Mean latency of the last 1000000 DoH answers";
        LatencyDoqAvg100: Gauge "latency-doq-avg100", "Mean latency of the last 100 DoQ answers";
        LatencyDoqAvg1000: Gauge "latency-doq-avg1000", "Mean latency of the last 1000 DoQ answers";
        LatencyDoqAvg10000: Gauge "latency-doq-avg10000", "Mean latency of the last 10000 DoQ answers";
        LatencyDoqAvg1000000: Gauge "latency-doq-avg1000000", "Mean latency of the last 1000000 DoQ answers";
    }
}

metrics! {
    /// What is counted per listening socket; the names are the endings of dnsdist's `frontend_*` metrics.
    pub enum FrontendCounter {
        Queries: Counter "queries", "Queries received by this frontend";
        NoncompliantQueries: Counter "noncompliantqueries", "Malformed queries received by this frontend";
        Responses: Counter "responses", "Answers sent by this frontend";
        TcpDiedReadingQuery: Counter "tcpdiedreadingquery", "TCP connections that broke while a query was read";
        TcpDiedSendingResponse: Counter "tcpdiedsendingresponse",
            "TCP connections that broke while an answer was sent";
        TcpGaveUp: Counter "tcpgaveup", "TCP connections closed after too many attempts to reach a backend";
        TcpClientTimeouts: Counter "tcpclienttimeouts", "TCP connections closed because the client was too slow";
        TcpDownstreamTimeouts: Counter "tcpdownstreamtimeouts",
            "TCP queries that no backend answered in time";
        TcpCurrentConnections: Gauge "tcpcurrentconnections", "Open TCP connections";
        TcpMaxConcurrentConnections: Gauge "tcpmaxconcurrentconnections",
            "The most TCP connections ever open at once";
    }
}
