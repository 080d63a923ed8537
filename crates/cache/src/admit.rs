//! What a reply is worth to the cache: its lifetime, or the reason why it is not kept.

use std::borrow::Cow;
use std::fmt;

use weir_wire::{Edns, Flags, Opcode, Query, Rcode, Reply, Summary};

use crate::entry::Body;
use crate::key::Key;
use crate::settings::Settings;

/// Bytes of an OPT record before its options; the last two are their length (RFC 6891 §6.1.2).
const OPT_FIXED_LEN: usize = 11;

/// Declares the reasons once: enum, labels and texts derive from it.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $label:literal, $text:literal;)*) => {
        /// Why a reply is not cached.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            /// Every reason in the order of [`Counters::refused`](crate::Counters::refused), with its label.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $label),)*];
        }

        impl fmt::Display for Refusal {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }
    };
}

refusals! {
    /// Longer than [`Settings::max_reply_len`].
    TooLong = "too-long", "longer than the maximum entry size";
    /// Not a well-formed reply.
    Malformed = "malformed", "not a well-formed reply";
    /// It answers another question.
    OtherQuestion = "other-question", "answers another question";
    /// An extended response code, which speaks about this exchange and not about the name.
    ExtendedRcode = "extended-rcode", "has an extended response code";
    /// SERVFAIL or REFUSED, and those are not to be cached.
    TemporaryFailure = "temporary-failure", "temporary failures are not cached";
    /// TC is set, and such replies are not to be cached.
    Truncated = "truncated", "truncated replies are not cached";
    /// No record, so nothing that says how long it holds.
    NoRecords = "no-records", "has no record and so no TTL";
    /// A TTL of 0, or below [`Settings::min_ttl`].
    TtlTooShort = "ttl-too-short", "its TTL is 0 or below the minimum";
    /// An option to skip stands in an OPT record that is not the last record.
    OptNotLast = "opt-not-last", "records follow the OPT record";
    /// What is cached is valid at least as long.
    KeptFresher = "kept-fresher", "what is cached is valid at least as long";
    /// A failure or a truncated reply does not displace an answer that is valid or may be served stale.
    KeptAnswer = "kept-answer", "does not displace a complete answer";
    /// No room even after the evictions that one insert may make.
    Full = "full", "no room after the evictions that one insert may make";
}

impl Refusal {
    /// Number of reasons.
    pub const COUNT: usize = Self::ALL.len();

    /// The reason's name in metrics.
    pub fn label(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("", |(_, label)| label)
    }
}

/// A reply that may be cached, packed for it.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) body: Body,
    /// How long it holds, in seconds; at least 1.
    pub(crate) ttl: u32,
}

/// Judges `packet`, the reply to `query`. `failure_ttl` is how long SERVFAIL and REFUSED are kept.
pub(crate) fn admit(
    packet: &[u8],
    query: &Query<'_>,
    key: &Key,
    settings: &Settings,
    failure_ttl: u32,
) -> Result<Admitted, Refusal> {
    if packet.len() > settings.max_reply_len {
        return Err(Refusal::TooLong);
    }
    let reply = Reply::parse(packet).map_err(|_| Refusal::Malformed)?;
    if reply.header.flags.opcode() != Opcode::QUERY {
        return Err(Refusal::Malformed);
    }
    if reply.question().is_empty() || !reply.answers(query.question()) {
        return Err(Refusal::OtherQuestion);
    }
    let mut ttl_offsets = Vec::new();
    let summary = reply
        .summarize(|at| ttl_offsets.push(at as u16))
        .map_err(|_| Refusal::Malformed)?;
    let ttl = lifetime(reply.header.flags, &summary, settings, failure_ttl)?;
    // Bytes behind the last record belong to no part of the message.
    let message = packet.get(..summary.end).unwrap_or(packet);
    let message = without_skipped_options(message, summary.edns, &settings.skip_options)?;
    Ok(Admitted {
        body: Body::new(key, &ttl_offsets, &message),
        ttl,
    })
}

/// How long a reply holds, in seconds.
fn lifetime(flags: Flags, summary: &Summary, settings: &Settings, failure_ttl: u32) -> Result<u32, Refusal> {
    if summary.edns.is_some_and(|edns| edns.extended_rcode != 0) {
        return Err(Refusal::ExtendedRcode);
    }
    let rcode = Rcode(flags.rcode_bits());
    let ttl = if matches!(rcode, Rcode::SERVFAIL | Rcode::REFUSED) {
        return nonzero(failure_ttl.min(settings.max_ttl), Refusal::TemporaryFailure);
    } else if flags.has(Flags::TC) {
        return nonzero(settings.truncated_ttl.min(settings.max_ttl), Refusal::Truncated);
    } else {
        summary.min_ttl.ok_or(Refusal::NoRecords)?
    };
    let negative = rcode == Rcode::NXDOMAIN || summary.negative_ttl.is_some();
    let ttl = if negative {
        // RFC 2308 §5: no longer than the zone says by its SOA record's MINIMUM field.
        ttl.min(summary.negative_ttl.unwrap_or(ttl))
            .min(settings.max_negative_ttl)
    } else {
        ttl
    };
    if ttl < settings.min_ttl {
        return Err(Refusal::TtlTooShort);
    }
    nonzero(ttl.min(settings.max_ttl), Refusal::TtlTooShort)
}

fn nonzero(ttl: u32, otherwise: Refusal) -> Result<u32, Refusal> {
    if ttl == 0 { Err(otherwise) } else { Ok(ttl) }
}

/// `message` without the EDNS options that make no difference to the key.
///
/// They were meant for the one client whose query was forwarded: its cookie given to another client would make
/// that one discard the reply (RFC 7873 §5.3).
fn without_skipped_options<'a>(
    message: &'a [u8],
    edns: Option<Edns>,
    skip: &[u16],
) -> Result<Cow<'a, [u8]>, Refusal> {
    let Some(edns) = edns.filter(|edns| edns.options(message).any(|option| skip.contains(&option.code)))
    else {
        return Ok(Cow::Borrowed(message));
    };
    let options_at = edns.at + OPT_FIXED_LEN;
    // Offsets of later records and compression pointers into them would have to move.
    if edns.end != message.len() {
        return Err(Refusal::OptNotLast);
    }
    let mut kept = message.get(..options_at).ok_or(Refusal::Malformed)?.to_vec();
    for option in edns
        .options(message)
        .filter(|option| !skip.contains(&option.code))
    {
        kept.extend_from_slice(&option.code.to_be_bytes());
        kept.extend_from_slice(&(option.data.len() as u16).to_be_bytes());
        kept.extend_from_slice(option.data);
    }
    let len = (kept.len() - options_at) as u16;
    if let Some(field) = kept.get_mut(options_at - 2..options_at) {
        field.copy_from_slice(&len.to_be_bytes());
    }
    Ok(Cow::Owned(kept))
}
