//! The twelve bytes in front of every message (RFC 1035 §4.1.1).

use crate::u16_at;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 12;

/// An operation code, four bits (IANA "DNS OpCodes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A standard query.
    pub const QUERY: Self = Self(0);
    /// An inverse query, obsolete (RFC 3425).
    pub const IQUERY: Self = Self(1);
    /// Server status.
    pub const STATUS: Self = Self(2);
    /// A zone has changed (RFC 1996).
    pub const NOTIFY: Self = Self(4);
    /// Dynamic update (RFC 2136).
    pub const UPDATE: Self = Self(5);
    /// Every code with the name that dnsdist's `DNSOpcode` gives it.
    pub const REGISTRY: &'static [(&'static str, Self)] = &[
        ("Query", Self::QUERY),
        ("IQuery", Self::IQUERY),
        ("Status", Self::STATUS),
        ("Notify", Self::NOTIFY),
        ("Update", Self::UPDATE),
    ];
}

/// The second 16 bits of the header: QR, OPCODE, AA, TC, RD, RA, AD, CD and the low four bits of the RCODE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// This is a reply.
    pub const QR: u16 = 0x8000;
    /// Authoritative answer.
    pub const AA: u16 = 0x0400;
    /// Truncated.
    pub const TC: u16 = 0x0200;
    /// Recursion desired.
    pub const RD: u16 = 0x0100;
    /// Recursion available.
    pub const RA: u16 = 0x0080;
    /// Authentic data (RFC 4035 §3.2.3).
    pub const AD: u16 = 0x0020;
    /// Checking disabled (RFC 4035 §3.2.2).
    pub const CD: u16 = 0x0010;

    /// Whether every bit of `mask` is set.
    pub const fn has(self, mask: u16) -> bool {
        self.0 & mask == mask
    }

    /// These flags with the bits of `mask` set.
    #[must_use]
    pub const fn with(self, mask: u16) -> Self {
        Self(self.0 | mask)
    }

    /// These flags with the bits of `mask` cleared.
    #[must_use]
    pub const fn without(self, mask: u16) -> Self {
        Self(self.0 & !mask)
    }

    /// The operation code.
    pub const fn opcode(self) -> Opcode {
        Opcode((self.0 >> 11) as u8 & 0x0f)
    }

    /// The header's four bits of the response code; EDNS may extend them.
    pub const fn rcode_bits(self) -> u16 {
        self.0 & 0x000f
    }

    /// These flags with the low four bits of `rcode`.
    #[must_use]
    pub const fn with_rcode_bits(self, rcode: u16) -> Self {
        Self(self.0 & !0x000f | rcode & 0x000f)
    }
}

/// The header of a message, copied out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The identifier that ties a reply to its query.
    pub id: u16,
    /// Flags, operation code and response code.
    pub flags: Flags,
    /// Records announced per section: question, answer, authority, additional.
    pub counts: [u16; 4],
}

impl Header {
    /// Reads the header; `None` when the message is shorter than one.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let field = |index: usize| u16_at(message, index * 2);
        Some(Self {
            id: field(0)?,
            flags: Flags(field(1)?),
            counts: [field(2)?, field(3)?, field(4)?, field(5)?],
        })
    }
}
