//! Answers that policy gives itself, and how they are written.
//!
//! Their visible shape is dnsdist's, found by asking one: QR set; opcode, RD and CD copied from the query; RA a
//! copy of RD; AA, TC and AD clear; then the rule's own `aa`, `ad` and `ra`. Records are of class IN whatever was
//! asked. A query with EDNS gets an OPT record back, with the DO bit copied. One difference: dnsdist lets an AA
//! bit of the query through; here it is cleared.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weir_wire::{Builder, Class, Flags, Full, Name, NameBuf, QType, Query, Rcode, Section};

/// TTL of spoofed records in seconds when the rule names none, as in dnsdist.
const DEFAULT_TTL: u32 = 60;

/// The table of options that ends the arguments of dnsdist's answering actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerOptions {
    /// Sets or clears AA; `None` leaves it clear.
    pub aa: Option<bool>,
    /// Sets or clears AD; `None` leaves it clear.
    pub ad: Option<bool>,
    /// Sets or clears RA; `None` copies RD.
    pub ra: Option<bool>,
    /// TTL of the records in seconds. Answers without records ignore it.
    pub ttl: u32,
}

impl Default for AnswerOptions {
    fn default() -> Self {
        Self {
            aa: None,
            ad: None,
            ra: None,
            ttl: DEFAULT_TTL,
        }
    }
}

impl AnswerOptions {
    /// The flags of an answer to `query`.
    fn flags(self, query: &Query<'_>) -> Flags {
        let kept = Flags(query.header.flags.0 & (Flags::RD | Flags::CD));
        let ra = self.ra.unwrap_or_else(|| kept.has(Flags::RD));
        let bits = [(Flags::AA, self.aa), (Flags::AD, self.ad), (Flags::RA, Some(ra))];
        let set = bits.into_iter().filter(|(_, wanted)| *wanted == Some(true));
        set.fold(kept, |flags, (bit, _)| flags.with(bit))
    }
}

/// An answer that a rule gives. It borrows from the rule; write it before the snapshot goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'p> {
    /// A response code and no records.
    Rcode {
        /// The code; its bits above the header's four appear only in an OPT record.
        rcode: Rcode,
        /// Header bits.
        options: AnswerOptions,
    },
    /// TC set and no records: the client is to come back over TCP.
    Truncated,
    /// Addresses: those of the family asked for, or all of them for ANY.
    Addresses {
        /// The addresses by family.
        addresses: &'p Addresses,
        /// Random bits that choose which one comes first.
        turn: u64,
        /// Header bits and TTL.
        options: AnswerOptions,
    },
    /// An alias, whatever type was asked for; its target is not looked up.
    Cname {
        /// Where the alias leads.
        target: &'p NameBuf,
        /// Header bits and TTL.
        options: AnswerOptions,
    },
    /// Records of the type asked for with given data.
    Raw {
        /// The data, and what ANY is answered with.
        data: &'p RawData,
        /// Random bits that choose which one comes first.
        turn: u64,
        /// Header bits and TTL.
        options: AnswerOptions,
    },
    /// NXDOMAIN or an empty NOERROR with an SOA record.
    Negative {
        /// The response code and the SOA record.
        soa: &'p NegativeAnswer,
        /// Header bits; the TTL is the SOA record's own.
        options: AnswerOptions,
    },
}

/// Spoofed addresses by family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
}

impl Addresses {
    /// Sorts `addresses` into families; order within a family is kept.
    pub(crate) fn new(addresses: &[IpAddr]) -> Self {
        let mut sorted = Self::default();
        for address in addresses {
            match address {
                IpAddr::V4(v4) => sorted.v4.push(*v4),
                IpAddr::V6(v6) => sorted.v6.push(*v6),
            }
        }
        sorted
    }

    /// Whether there is an address to answer `qtype` with.
    pub(crate) fn answer(&self, qtype: QType) -> bool {
        match qtype {
            QType::A => !self.v4.is_empty(),
            QType::AAAA => !self.v6.is_empty(),
            QType::ANY => !self.v4.is_empty() || !self.v6.is_empty(),
            _ => false,
        }
    }
}

/// Spoofed record data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawData {
    /// The data of each record.
    pub(crate) records: Vec<Box<[u8]>>,
    /// The type of the records that answer ANY; ANY itself without one, as dnsdist does.
    pub(crate) type_for_any: Option<QType>,
}

/// A negative answer's response code and SOA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegativeAnswer {
    /// NXDOMAIN or NOERROR.
    pub(crate) rcode: Rcode,
    /// Owner of the SOA record.
    pub(crate) zone: NameBuf,
    /// TTL of the SOA record in seconds.
    pub(crate) ttl: u32,
    /// Data of the SOA record.
    pub(crate) rdata: Box<[u8]>,
    /// Where the SOA record goes: dnsdist's default is the additional section, RFC 2308 §3 wants the authority
    /// section.
    pub(crate) section: Section,
}

impl Answer<'_> {
    /// The response code, for counters.
    pub fn rcode(&self) -> Rcode {
        match self {
            Self::Rcode { rcode, .. } => *rcode,
            Self::Negative { soa, .. } => soa.rcode,
            Self::Truncated | Self::Addresses { .. } | Self::Cname { .. } | Self::Raw { .. } => {
                Rcode::NOERROR
            }
        }
    }

    /// Writes the reply to `query` into `buffer` and returns its length. `opt_size` is the UDP payload size that
    /// an OPT record in the reply announces (`setPayloadSizeOnSelfGeneratedAnswers`); `None` adds no OPT record
    /// (`setAddEDNSToSelfGeneratedResponses(false)`). Whether the reply fits the client's UDP limit is for the
    /// sender to check, as with any other reply.
    ///
    /// # Errors
    /// [`Full`] when the reply does not fit into `buffer`.
    pub fn write(&self, query: &Query<'_>, opt_size: Option<u16>, buffer: &mut [u8]) -> Result<usize, Full> {
        let rcode = self.rcode();
        let mut reply = Builder::new(buffer, query, self.flags(query).with_rcode_bits(rcode.0))?;
        self.write_records(query, &mut reply)?;
        if let (Some(edns), Some(size)) = (query.edns, opt_size) {
            reply.opt(size, rcode, edns.dnssec_ok)?;
        }
        Ok(reply.finish())
    }

    fn flags(&self, query: &Query<'_>) -> Flags {
        match self {
            Self::Truncated => AnswerOptions::default().flags(query).with(Flags::TC),
            Self::Rcode { options, .. }
            | Self::Addresses { options, .. }
            | Self::Cname { options, .. }
            | Self::Raw { options, .. }
            | Self::Negative { options, .. } => options.flags(query),
        }
    }

    fn write_records(&self, query: &Query<'_>, reply: &mut Builder<'_>) -> Result<(), Full> {
        let mut add = |section, owner: Name<'_>, qtype, ttl, rdata: &[u8]| {
            reply.record(section, owner, (qtype, Class::IN), ttl, rdata)
        };
        let (owner, qtype) = (query.qname, query.qtype);
        match self {
            Self::Rcode { .. } | Self::Truncated => Ok(()),
            Self::Addresses {
                addresses,
                turn,
                options,
            } => {
                let wanted = |family: QType| qtype == family || qtype == QType::ANY;
                for v4 in turned(&addresses.v4, *turn).filter(|_| wanted(QType::A)) {
                    add(Section::Answer, owner, QType::A, options.ttl, &v4.octets())?;
                }
                for v6 in turned(&addresses.v6, *turn).filter(|_| wanted(QType::AAAA)) {
                    add(Section::Answer, owner, QType::AAAA, options.ttl, &v6.octets())?;
                }
                Ok(())
            }
            Self::Cname { target, options } => add(
                Section::Answer,
                owner,
                QType::CNAME,
                options.ttl,
                target.as_name().wire(),
            ),
            Self::Raw { data, turn, options } => {
                let any = (qtype == QType::ANY).then_some(data.type_for_any).flatten();
                for rdata in turned(&data.records, *turn) {
                    add(Section::Answer, owner, any.unwrap_or(qtype), options.ttl, rdata)?;
                }
                Ok(())
            }
            Self::Negative { soa, .. } => {
                add(soa.section, soa.zone.as_name(), QType::SOA, soa.ttl, &soa.rdata)
            }
        }
    }
}

/// All of `list`, beginning with an element that `turn` chooses, so that each comes first equally often.
fn turned<T>(list: &[T], turn: u64) -> impl Iterator<Item = &T> {
    let len = list.len();
    let start = if len == 0 { 0 } else { (turn % len as u64) as usize };
    let (before, from) = list.split_at(start);
    from.iter().chain(before)
}

#[cfg(test)]
mod tests;
