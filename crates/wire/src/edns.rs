//! EDNS(0): the OPT pseudo-record and its options (RFC 6891 §6.1).

use crate::u16_at;

/// Bytes of an OPT record before its options: root owner, type, class, TTL, length.
const OPT_FIXED_LEN: usize = 11;

/// Where the OPT record of a message stands, and its fixed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// Offset of the record's owner, the root label.
    pub at: usize,
    /// Offset of the first byte behind the record.
    pub end: usize,
    /// The sender's UDP payload size in bytes, as announced.
    pub udp_size: u16,
    /// The upper eight bits of the extended RCODE.
    pub extended_rcode: u8,
    /// The EDNS version; only 0 exists.
    pub version: u8,
    /// The DO bit: the sender takes DNSSEC records (RFC 3225).
    pub dnssec_ok: bool,
}

impl Edns {
    /// The OPT record at `at`..`end`, whose owner the caller has checked to be the root.
    pub(crate) fn at(at: usize, end: usize, class: u16, ttl: u32) -> Self {
        Self {
            at,
            end,
            udp_size: class,
            extended_rcode: (ttl >> 24) as u8,
            version: (ttl >> 16) as u8,
            dnssec_ok: ttl & 0x8000 != 0,
        }
    }

    /// The options, in the message that this record was found in.
    pub fn options(self, message: &[u8]) -> EdnsOptions<'_> {
        EdnsOptions {
            rest: message.get(self.at + OPT_FIXED_LEN..self.end).unwrap_or(&[]),
        }
    }

    /// Whether the options fill the record exactly, each with its whole data.
    pub(crate) fn is_well_formed(self, message: &[u8]) -> bool {
        let mut options = self.options(message);
        while options.next().is_some() {}
        options.rest.is_empty()
    }
}

/// One EDNS option (IANA "DNS EDNS0 Option Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdnsOption<'a> {
    /// The option code.
    pub code: u16,
    /// The option's data.
    pub data: &'a [u8],
}

impl EdnsOption<'_> {
    /// Client subnet (RFC 7871).
    pub const CLIENT_SUBNET: u16 = 8;
    /// Cookie (RFC 7873).
    pub const COOKIE: u16 = 10;
    /// Padding (RFC 7830).
    pub const PADDING: u16 = 12;
}

/// The options of one OPT record, in order; ends for good at the first one that is cut off.
#[derive(Clone, Debug)]
pub struct EdnsOptions<'a> {
    rest: &'a [u8],
}

impl EdnsOptions<'_> {
    /// No options: a message without EDNS.
    pub const NONE: EdnsOptions<'static> = EdnsOptions { rest: &[] };
}

impl<'a> Iterator for EdnsOptions<'a> {
    type Item = EdnsOption<'a>;

    fn next(&mut self) -> Option<EdnsOption<'a>> {
        let code = u16_at(self.rest, 0)?;
        let len = usize::from(u16_at(self.rest, 2)?);
        let data = self.rest.get(4..4 + len)?;
        self.rest = self.rest.get(4 + len..)?;
        Some(EdnsOption { code, data })
    }
}
