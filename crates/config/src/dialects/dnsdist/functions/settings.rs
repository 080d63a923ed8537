//! Settings of the whole: UDP, answers written here, health checks, logging, and what Weir has no use for.

use mlua::{Table, Value};

use super::{moot, setting};
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::dialects::dnsdist::values::{Read, Seconds, Wrong};
use crate::settings::UdpSettings;

pub(super) const ROWS: &[Function] = &[
    setting!(
        "setUDPTimeout",
        "(seconds)",
        "how long a UDP query waits for its reply",
        Seconds,
        |spec, Seconds(timeout)| spec.udp.timeout = timeout.max(std::time::Duration::from_secs(1))
    ),
    setting!(
        "setUDPMultipleMessagesVectorSize",
        "(packets)",
        "packets received or sent with one system call",
        Batch,
        |spec, Batch(batch)| spec.udp.batch = batch
    ),
    setting!(
        "setMaxUDPOutstanding",
        "(queries)",
        "queries that may wait for replies, per worker",
        Outstanding,
        |spec, Outstanding(limit)| spec.udp.max_outstanding = limit
    ),
    Function::new(
        "setUDPSocketBufferSizes",
        "(receive, send)",
        "the kernel's buffers in bytes; 0 is the system's",
        |call| {
            let (receive, send) = (call.required("receive")?, call.required("send")?);
            let udp = &mut call.state.edit().udp;
            (udp.receive_buffer, udp.send_buffer) = (receive, send);
            Ok(Value::Nil)
        },
    ),
    setting!(
        "setPayloadSizeOnSelfGeneratedAnswers",
        "(bytes)",
        "the UDP size that answers written here announce",
        u16,
        |spec, size| spec.self_answered.payload_size = size.max(weir_wire::MIN_UDP_PAYLOAD)
    ),
    setting!(
        "setAddEDNSToSelfGeneratedResponses",
        "(add)",
        "puts an OPT record into answers written here",
        bool,
        |spec, add| spec.self_answered.add_edns = add
    ),
    setting!(
        "setDropEmptyQueries",
        "(drop)",
        "says nothing to queries without a question, instead of NOTIMP",
        bool,
        |spec, drop| spec.drop_empty_queries = drop
    ),
    setting!(
        "setVerboseHealthChecks",
        "(verbose)",
        "logs every failed health check",
        bool,
        |spec, verbose| spec.verbose_health_checks = verbose
    ),
    setting!(
        "setVerbose",
        "(verbose)",
        "logs details of queries and connections",
        bool,
        |spec, verbose| spec.logging.verbose = verbose
    ),
    setting!(
        "setServerID",
        "(name)",
        "what the server calls itself",
        String,
        |spec, name| spec.server_id = Some(name)
    ),
    Function::new(
        "setStructuredLogging",
        "(enable[, options])",
        "writes the journal as key=\"value\"",
        |call| {
            let structured = call.required("enable")?;
            if let Some(table) = call.optional::<Table>("options")? {
                read_keys(call, &table, &[LOGGING_KEYS], &mut ())?;
            }
            call.state.edit().logging.structured = Some(structured);
            Ok(Value::Nil)
        },
    ),
    Function::new("truncateTC", "(empty)", "empties truncated replies", |call| {
        only_default(call, "replies with TC are passed on as they are")
    }),
    Function::new(
        "setAllowEmptyResponse",
        "(allow)",
        "takes replies without a question",
        |call| only_default(call, "a reply without the question is not taken"),
    ),
    moot!(
        "fixupCase",
        "gives names back as the client wrote them; always so"
    ),
    moot!("setRandomizedIdsOverUDP", "draws message identifiers; always so"),
    moot!(
        "setRandomizedOutgoingSockets",
        "draws the socket of each query; always so"
    ),
    moot!("setRingBuffersLockRetries", "for pages about recent queries"),
    moot!("setRingBuffersOptions", "for pages about recent queries"),
    moot!("setRingBuffersSize", "for pages about recent queries"),
    moot!("setSecurityPollInterval", "how often to ask for security notices"),
    moot!("setSecurityPollSuffix", "where to ask for security notices"),
    moot!("setSyslogFacility", "for syslog"),
    moot!("setVerboseLogDestination", "a file for details"),
    moot!(
        "setDoHDownstreamCleanupInterval",
        "for DNS over HTTPS to backends"
    ),
    moot!("setDoHDownstreamMaxIdleTime", "for DNS over HTTPS to backends"),
    moot!(
        "setMaxIdleDoHConnectionsPerDownstream",
        "for DNS over HTTPS to backends"
    ),
    moot!("setOutgoingDoHWorkerThreads", "for DNS over HTTPS to backends"),
    moot!(
        "setOutgoingTLSSessionsCacheCleanupDelay",
        "for DNS over TLS to backends"
    ),
    moot!(
        "setOutgoingTLSSessionsCacheMaxTicketValidity",
        "for DNS over TLS to backends"
    ),
    moot!(
        "setOutgoingTLSSessionsCacheMaxTicketsPerBackend",
        "for DNS over TLS to backends"
    ),
    moot!("setTicketsKeyAddedHook", "for DNS over TLS"),
    moot!("addCapabilitiesToRetain", "keeps privileges"),
    moot!("setECSOverride", "for the client's subnet"),
    moot!("setECSSourcePrefixV4", "for the client's subnet"),
    moot!("setECSSourcePrefixV6", "for the client's subnet"),
    moot!("setDynBlocksPurgeInterval", "for dynamic blocks"),
];

const LOGGING_KEYS: &[Key<()>] = &[
    key!("backend", "\"default\"", "the form of lines", not yet unless |value| value.as_string().is_some_and(|text| text == "default")),
    key!("levelPrefix", "\"prio\"", "the name of the level", not yet unless |value| value.as_string().is_some_and(|text| text == "prio")),
    key!(
        "setInstanceFromServerID",
        "false",
        "adds the server's name to lines",
        moot
    ),
    key!("timeFormat", "\"numeric\"", "the form of times", moot),
];

pub(super) fn keys() -> Vec<Part> {
    parts_of("setStructuredLogging", LOGGING_KEYS)
}

/// For switches whose other position does not exist here: what happens instead is said.
fn only_default(call: &mut Call<'_>, instead: &str) -> Result<Value, Failure> {
    if call.required::<bool>("the value")? {
        call.warn(format_args!("not supported yet; {instead}"));
    }
    Ok(Value::Nil)
}

/// Packets of a batch; 0 is one, as in dnsdist.
struct Batch(u16);

impl Read for Batch {
    const EXPECTED: &'static str = "a whole number of packets";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let packets = u32::read(value)?.clamp(1, u32::from(UdpSettings::MAX_BATCH));
        Ok(Self(packets as u16))
    }
}

/// Queries in flight; dnsdist allows one more than there are identifiers.
struct Outstanding(u16);

impl Read for Outstanding {
    const EXPECTED: &'static str = "a whole number from 1 to 65536";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let queries = u32::read(value)
            .ok()
            .filter(|queries| (1..=65_536).contains(queries))
            .ok_or(Wrong::Kind)?;
        Ok(Self(u16::try_from(queries).unwrap_or(u16::MAX)))
    }
}
