//! A query, checked from its first byte to its last before anything else may look at it.

use std::fmt;

use crate::edns::{Edns, EdnsOptions};
use crate::header::{Flags, HEADER_LEN, Header, Opcode};
use crate::name::{Name, NameError};
use crate::record::{Records, Section, check_name};
use crate::types::{Class, QType, Rcode};
use crate::{MIN_UDP_PAYLOAD, u16_at};

/// Why a packet is not a query that may be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueryError {
    /// Shorter than a header.
    ShortHeader,
    /// QR is set: a reply sent to a server.
    IsReply,
    /// QDCOUNT is 0.
    NoQuestion,
    /// QDCOUNT is above 1 (RFC 9619).
    SeveralQuestions,
    /// The question's name is malformed; compression is not allowed in it.
    BadName(NameError),
    /// The question ends outside the packet.
    ShortQuestion,
    /// A record is malformed or ends outside the packet.
    BadRecord(NameError),
    /// An OPT record with an owner other than the root, outside the additional section, or with cut options.
    BadOpt,
    /// More than one OPT record (RFC 6891 §6.1.1).
    SeveralOpt,
    /// Bytes behind the last announced record.
    TrailingData,
}

impl QueryError {
    /// Every reason once, for tables of counters; details inside a reason are not told apart.
    pub const LABELS: [&'static str; 10] = [
        "short-header",
        "is-reply",
        "no-question",
        "several-questions",
        "bad-name",
        "short-question",
        "bad-record",
        "bad-opt",
        "several-opt",
        "trailing-data",
    ];

    /// Position of this reason in [`Self::LABELS`].
    pub const fn index(self) -> usize {
        match self {
            Self::ShortHeader => 0,
            Self::IsReply => 1,
            Self::NoQuestion => 2,
            Self::SeveralQuestions => 3,
            Self::BadName(_) => 4,
            Self::ShortQuestion => 5,
            Self::BadRecord(_) => 6,
            Self::BadOpt => 7,
            Self::SeveralOpt => 8,
            Self::TrailingData => 9,
        }
    }

    /// What to answer: nothing where the packet cannot be a client's honest query, as dnsdist does.
    pub const fn answer(self) -> Option<Rcode> {
        match self {
            Self::ShortHeader | Self::IsReply | Self::BadName(_) | Self::ShortQuestion => None,
            Self::NoQuestion => Some(Rcode::NOTIMP),
            Self::SeveralQuestions
            | Self::BadRecord(_)
            | Self::BadOpt
            | Self::SeveralOpt
            | Self::TrailingData => Some(Rcode::FORMERR),
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortHeader => f.write_str("shorter than a DNS header"),
            Self::IsReply => f.write_str("QR is set: this is a reply"),
            Self::NoQuestion => f.write_str("no question"),
            Self::SeveralQuestions => f.write_str("more than one question"),
            Self::BadName(error) => write!(f, "question: {error}"),
            Self::ShortQuestion => f.write_str("question ends outside the packet"),
            Self::BadRecord(error) => write!(f, "record: {error}"),
            Self::BadOpt => f.write_str("malformed OPT record"),
            Self::SeveralOpt => f.write_str("more than one OPT record"),
            Self::TrailingData => f.write_str("bytes behind the last record"),
        }
    }
}

impl std::error::Error for QueryError {}

/// A well-formed query with exactly one question.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    packet: &'a [u8],
    question_end: usize,
    /// The header.
    pub header: Header,
    /// The name asked for.
    pub qname: Name<'a>,
    /// The type asked for.
    pub qtype: QType,
    /// The class asked in.
    pub class: Class,
    /// The OPT record, when there is one.
    pub edns: Option<Edns>,
}

impl<'a> Query<'a> {
    /// Checks a whole packet.
    ///
    /// # Errors
    /// The first reason in the order of the packet's bytes.
    pub fn parse(packet: &'a [u8]) -> Result<Self, QueryError> {
        let header = Header::parse(packet).ok_or(QueryError::ShortHeader)?;
        if header.flags.has(Flags::QR) {
            return Err(QueryError::IsReply);
        }
        match header.counts[0] {
            0 => return Err(QueryError::NoQuestion),
            1 => {}
            _ => return Err(QueryError::SeveralQuestions),
        }
        let qname = Name::parse(packet, HEADER_LEN).map_err(QueryError::BadName)?;
        let type_at = HEADER_LEN + qname.wire().len();
        let qtype = QType(u16_at(packet, type_at).ok_or(QueryError::ShortQuestion)?);
        let class = Class(u16_at(packet, type_at + 2).ok_or(QueryError::ShortQuestion)?);
        let question_end = type_at + 4;
        let edns = check_records(packet, question_end, header.counts)?;
        Ok(Self {
            packet,
            question_end,
            header,
            qname,
            qtype,
            class,
            edns,
        })
    }

    /// The whole packet.
    pub fn packet(&self) -> &'a [u8] {
        self.packet
    }

    /// The question: name, type and class.
    pub fn question(&self) -> &'a [u8] {
        self.packet.get(HEADER_LEN..self.question_end).unwrap_or(&[])
    }

    /// Offset of the first byte behind the question.
    pub fn question_end(&self) -> usize {
        self.question_end
    }

    /// The operation code.
    pub fn opcode(&self) -> Opcode {
        self.header.flags.opcode()
    }

    /// Whether the sender takes DNSSEC records (the DO bit).
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    /// The largest UDP reply that the sender takes: 512 bytes, or what it announced if that is more
    /// (RFC 6891 §6.2.3).
    pub fn payload_limit(&self) -> u16 {
        self.edns
            .map_or(MIN_UDP_PAYLOAD, |edns| edns.udp_size.max(MIN_UDP_PAYLOAD))
    }

    /// The EDNS options, none without EDNS.
    pub fn options(&self) -> EdnsOptions<'a> {
        self.edns
            .map_or(EdnsOptions::NONE, |edns| edns.options(self.packet))
    }

    /// The records behind the question; `parse` has checked them all.
    pub fn records(&self) -> Records<'a> {
        Records::new(self.packet, self.question_end, self.header.counts)
    }

    /// Whether this asks for a whole zone or its changes: a reply of several messages over TCP.
    pub fn is_transfer(&self) -> bool {
        matches!(self.qtype, QType::AXFR | QType::IXFR) && self.opcode() == Opcode::QUERY
    }
}

/// Checks everything behind the question and finds the OPT record.
fn check_records(packet: &[u8], at: usize, counts: [u16; 4]) -> Result<Option<Edns>, QueryError> {
    let mut edns = None;
    let mut records = Records::new(packet, at, counts);
    for record in records.by_ref() {
        let record = record.map_err(QueryError::BadRecord)?;
        if record.qtype == QType::OPT {
            let found = record
                .as_edns(packet)
                .filter(|found| found.is_well_formed(packet));
            let found = found
                .filter(|_| record.section == Section::Additional)
                .ok_or(QueryError::BadOpt)?;
            if edns.replace(found).is_some() {
                return Err(QueryError::SeveralOpt);
            }
        } else {
            check_name(packet, record.at).map_err(QueryError::BadRecord)?;
        }
    }
    if records.offset() == packet.len() {
        Ok(edns)
    } else {
        Err(QueryError::TrailingData)
    }
}
