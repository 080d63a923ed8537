//! A backend's reply: enough of a check to match it, cache it and pass it on.

use std::fmt;

use crate::edns::Edns;
use crate::header::{Flags, HEADER_LEN, Header};
use crate::name::NameError;
use crate::record::{Records, Section, skip_name};
use crate::types::{QType, Rcode};
use crate::u32_at;

/// Why a packet is not a usable reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyError {
    /// Shorter than a header.
    ShortHeader,
    /// QR is clear: not a reply.
    NotReply,
    /// More than one question.
    SeveralQuestions,
    /// The question is malformed or ends outside the packet.
    BadQuestion,
    /// A record is malformed or ends outside the packet.
    BadRecord(NameError),
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortHeader => f.write_str("shorter than a DNS header"),
            Self::NotReply => f.write_str("QR is clear: not a reply"),
            Self::SeveralQuestions => f.write_str("more than one question"),
            Self::BadQuestion => f.write_str("malformed question"),
            Self::BadRecord(error) => write!(f, "record: {error}"),
        }
    }
}

impl std::error::Error for ReplyError {}

/// A reply whose header and question have been checked. Its records are checked by whoever walks them.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    packet: &'a [u8],
    question_end: usize,
    /// The header.
    pub header: Header,
}

/// What a cache needs to know about a reply's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The lowest TTL of all records but OPT, in seconds; `None` without such records.
    pub min_ttl: Option<u32>,
    /// For a negative answer with an SOA in the authority section: the lower of that record's TTL and its
    /// MINIMUM field, in seconds (RFC 2308 §5).
    pub negative_ttl: Option<u32>,
    /// Records in the answer section.
    pub answers: usize,
    /// The OPT record.
    pub edns: Option<Edns>,
    /// Offset behind the last record; bytes may follow.
    pub end: usize,
}

impl<'a> Reply<'a> {
    /// Checks header and question. A reply without a question is accepted: some servers send FORMERR and
    /// NOTIMP so.
    ///
    /// # Errors
    /// As [`ReplyError`] says.
    pub fn parse(packet: &'a [u8]) -> Result<Self, ReplyError> {
        let header = Header::parse(packet).ok_or(ReplyError::ShortHeader)?;
        if !header.flags.has(Flags::QR) {
            return Err(ReplyError::NotReply);
        }
        let question_end = match header.counts[0] {
            0 => HEADER_LEN,
            1 => skip_name(packet, HEADER_LEN).map_err(|_| ReplyError::BadQuestion)? + 4,
            _ => return Err(ReplyError::SeveralQuestions),
        };
        if question_end > packet.len() {
            return Err(ReplyError::BadQuestion);
        }
        Ok(Self {
            packet,
            question_end,
            header,
        })
    }

    /// The whole packet.
    pub fn packet(&self) -> &'a [u8] {
        self.packet
    }

    /// The question: name, type and class; empty when the reply has none.
    pub fn question(&self) -> &'a [u8] {
        self.packet.get(HEADER_LEN..self.question_end).unwrap_or(&[])
    }

    /// Offset of the first byte behind the question.
    pub fn question_end(&self) -> usize {
        self.question_end
    }

    /// Whether this answers `question` (name in any case, type and class exactly).
    ///
    /// A reply without a question answers any question when it reports an error, since there is nothing to
    /// compare; its identifier and source have to do.
    pub fn answers(&self, question: &[u8]) -> bool {
        let own = self.question();
        if own.is_empty() {
            return self.header.flags.rcode_bits() != 0;
        }
        let (Some((own_name, own_type)), Some((name, qtype))) =
            (own.split_last_chunk::<4>(), question.split_last_chunk::<4>())
        else {
            return false;
        };
        own_type == qtype && own_name.eq_ignore_ascii_case(name)
    }

    /// The records behind the question.
    pub fn records(&self) -> Records<'a> {
        Records::new(self.packet, self.question_end, self.header.counts)
    }

    /// The response code with its EDNS bits; those of a malformed reply are taken as zero.
    pub fn rcode(&self) -> Rcode {
        let low = self.header.flags.rcode_bits();
        let opt = self
            .records()
            .map_while(Result::ok)
            .find_map(|record| record.as_edns(self.packet));
        Rcode(opt.map_or(0, |edns| u16::from(edns.extended_rcode) << 4) | low)
    }

    /// Walks all records once and calls `on_ttl` with the offset of every TTL field, OPT excepted.
    ///
    /// # Errors
    /// [`ReplyError::BadRecord`] at the first malformed record.
    pub fn summarize(&self, mut on_ttl: impl FnMut(usize)) -> Result<Summary, ReplyError> {
        let mut summary = Summary::default();
        let mut soa_ttl = None;
        let mut records = self.records();
        for record in records.by_ref() {
            let record = record.map_err(ReplyError::BadRecord)?;
            if let Some(edns) = record.as_edns(self.packet) {
                summary.edns = Some(edns);
                continue;
            }
            on_ttl(record.ttl_at);
            summary.min_ttl = Some(summary.min_ttl.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
            match record.section {
                Section::Answer => summary.answers += 1,
                Section::Authority if record.qtype == QType::SOA => {
                    // MINIMUM is the last of the five numbers that end the data (RFC 1035 §3.3.13).
                    let minimum = record
                        .rdata
                        .end
                        .checked_sub(4)
                        .and_then(|at| u32_at(self.packet, at));
                    soa_ttl = minimum.map(|minimum| minimum.min(record.ttl));
                }
                Section::Authority | Section::Additional => {}
            }
        }
        summary.end = records.offset();
        let nxdomain = self.header.flags.rcode_bits() == Rcode::NXDOMAIN.0;
        let nodata = self.header.flags.rcode_bits() == Rcode::NOERROR.0 && summary.answers == 0;
        summary.negative_ttl = soa_ttl.filter(|_| nxdomain || nodata);
        Ok(summary)
    }
}
