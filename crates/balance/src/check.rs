//! The health-check probe on the wire: writing it, and judging what comes back.

use std::fmt;

use weir_wire::{Flags, HEADER_LEN, MAX_NAME_LEN, Rcode, Reply, ReplyError};

use crate::settings::CheckSettings;

/// The longest probe: header, name, type and class.
pub const PROBE_MAX_LEN: usize = HEADER_LEN + MAX_NAME_LEN + 4;

/// Why a probe failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFailure {
    /// The reply is not a DNS message.
    Parsing(ReplyError),
    /// No reply in time.
    Timeout,
    /// The probe could not be sent or its reply not received.
    Network,
    /// The reply belongs to another query.
    Mismatch,
    /// The reply reports an error that counts as a failure.
    InvalidRcode(Rcode),
}

impl CheckFailure {
    /// The counter that this failure belongs to.
    pub const fn kind(self) -> FailureKind {
        match self {
            Self::Parsing(_) => FailureKind::Parsing,
            Self::Timeout => FailureKind::Timeout,
            Self::Network => FailureKind::Network,
            Self::Mismatch => FailureKind::Mismatch,
            Self::InvalidRcode(_) => FailureKind::Invalid,
        }
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parsing(error) => write!(f, "malformed reply: {error}"),
            Self::Timeout => f.write_str("no reply in time"),
            Self::Network => f.write_str("network error"),
            Self::Mismatch => f.write_str("reply to another query"),
            Self::InvalidRcode(rcode) => write!(f, "reply code {rcode}"),
        }
    }
}

impl std::error::Error for CheckFailure {}

/// The kinds of [`CheckFailure`] that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// [`CheckFailure::Parsing`]
    Parsing,
    /// [`CheckFailure::Timeout`]
    Timeout,
    /// [`CheckFailure::Network`]
    Network,
    /// [`CheckFailure::Mismatch`]
    Mismatch,
    /// [`CheckFailure::InvalidRcode`]
    Invalid,
}

impl FailureKind {
    /// Every kind in declaration order, with the ending of dnsdist's `server_healthcheckfailures*` metric.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Parsing, "parsing"),
        (Self::Timeout, "timeout"),
        (Self::Network, "network"),
        (Self::Mismatch, "mismatch"),
        (Self::Invalid, "invalid"),
    ];
}

/// Writes the probe with identifier `id` and returns its length. RD is set; EDNS is not used, as dnsdist does not.
pub fn probe_packet(check: &CheckSettings, id: u16, out: &mut [u8; PROBE_MAX_LEN]) -> usize {
    let cd = if check.set_cd { Flags::CD } else { 0 };
    let header = [id, Flags::RD | cd, 1, 0, 0, 0];
    let header = header.into_iter().flat_map(u16::to_be_bytes);
    let name = check.name.as_name();
    let question = [check.qtype.0, check.class.0]
        .into_iter()
        .flat_map(u16::to_be_bytes);
    let bytes = header.chain(name.wire().iter().copied()).chain(question);
    out.iter_mut().zip(bytes).map(|(to, from)| *to = from).count()
}

/// Judges `reply` to the probe with identifier `id`.
///
/// Any reply code but SERVFAIL is good, unless `must_resolve` also rules out NXDOMAIN and REFUSED.
///
/// # Errors
/// Why the reply does not show a usable backend.
pub fn judge(check: &CheckSettings, id: u16, reply: &[u8]) -> Result<(), CheckFailure> {
    let reply = Reply::parse(reply).map_err(CheckFailure::Parsing)?;
    let mut probe = [0; PROBE_MAX_LEN];
    let len = probe_packet(check, id, &mut probe);
    let question = probe.get(HEADER_LEN..len).unwrap_or_default();
    if reply.header.id != id || !reply.answers(question) {
        return Err(CheckFailure::Mismatch);
    }
    match reply.rcode() {
        rcode @ Rcode::SERVFAIL => Err(CheckFailure::InvalidRcode(rcode)),
        rcode @ (Rcode::NXDOMAIN | Rcode::REFUSED) if check.must_resolve => {
            Err(CheckFailure::InvalidRcode(rcode))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_wire::{Class, QType, Query};

    const ID: u16 = 0xbeef;

    fn reply(check: &CheckSettings, rcode: Rcode) -> Vec<u8> {
        let mut probe = [0; PROBE_MAX_LEN];
        let len = probe_packet(check, ID, &mut probe);
        probe[2] |= 0x80;
        probe[3] |= rcode.0 as u8;
        probe[..len].to_vec()
    }

    #[test]
    fn probe_is_the_query_that_was_configured() {
        let check = CheckSettings {
            name: "version.bind.".parse().expect("a name"),
            qtype: QType::TXT,
            class: Class::CHAOS,
            set_cd: true,
            ..CheckSettings::default()
        };
        let mut out = [0; PROBE_MAX_LEN];
        let len = probe_packet(&check, ID, &mut out);
        let query = Query::parse(&out[..len]).expect("a well-formed query");
        assert_eq!(
            (query.header.id, query.qtype, query.class),
            (ID, QType::TXT, Class::CHAOS)
        );
        assert_eq!(query.qname, check.name.as_name());
        assert!(query.header.flags.has(Flags::RD | Flags::CD));
        let len = probe_packet(&CheckSettings::default(), ID, &mut out);
        let query = Query::parse(&out[..len]).expect("a well-formed query");
        assert_eq!(
            (query.qname.to_string().as_str(), query.qtype),
            ("a.root-servers.net.", QType::A)
        );
        assert!(!query.header.flags.has(Flags::CD));
    }

    #[test]
    fn only_servfail_fails_unless_the_name_must_resolve() {
        let lenient = CheckSettings::default();
        let strict = CheckSettings {
            must_resolve: true,
            ..CheckSettings::default()
        };
        for (rcode, lenient_passes, strict_passes) in [
            (Rcode::NOERROR, true, true),
            (Rcode::FORMERR, true, true),
            (Rcode::SERVFAIL, false, false),
            (Rcode::NXDOMAIN, true, false),
            (Rcode::NOTIMP, true, true),
            (Rcode::REFUSED, true, false),
        ] {
            let expected = |passes| {
                if passes {
                    Ok(())
                } else {
                    Err(CheckFailure::InvalidRcode(rcode))
                }
            };
            assert_eq!(
                judge(&lenient, ID, &reply(&lenient, rcode)),
                expected(lenient_passes),
                "{rcode}"
            );
            assert_eq!(
                judge(&strict, ID, &reply(&strict, rcode)),
                expected(strict_passes),
                "{rcode} strict"
            );
        }
    }

    #[test]
    fn replies_to_other_queries_and_garbage_are_told_apart() {
        let check = CheckSettings::default();
        let good = reply(&check, Rcode::NOERROR);
        assert_eq!(judge(&check, ID ^ 1, &good), Err(CheckFailure::Mismatch));
        let other = CheckSettings {
            qtype: QType::AAAA,
            ..CheckSettings::default()
        };
        assert_eq!(judge(&other, ID, &good), Err(CheckFailure::Mismatch));
        assert_eq!(
            judge(&check, ID, b"x"),
            Err(CheckFailure::Parsing(ReplyError::ShortHeader))
        );
        assert_eq!(
            judge(&check, ID, &good[..20]),
            Err(CheckFailure::Parsing(ReplyError::BadQuestion))
        );
    }

    #[test]
    fn kinds_are_declared_in_order() {
        for (index, (kind, _)) in FailureKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }
}
