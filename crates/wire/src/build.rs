//! Building a reply to a query in the caller's buffer.

use crate::header::{Flags, HEADER_LEN};
use crate::query::Query;
use crate::record::Section;
use crate::types::{Class, QType, Rcode};
use crate::{Name, patch};

/// The buffer, or a 16-bit length or count, is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reply does not fit into the buffer")
    }
}

impl std::error::Error for Full {}

/// Compression pointer to the question's name, the only name that a built reply shares.
const QNAME_POINTER: [u8; 2] = [0xc0, HEADER_LEN as u8];

/// A reply under construction: header and question first, then records in section order, OPT last.
///
/// A record that does not fit leaves the reply as it was.
#[derive(Debug)]
pub struct Builder<'b> {
    buffer: &'b mut [u8],
    len: usize,
    counts: [u16; 4],
}

impl<'b> Builder<'b> {
    /// Starts the reply to `query` with its identifier and question, and with QR added to `flags`.
    ///
    /// # Errors
    /// [`Full`] when not even that fits.
    pub fn new(buffer: &'b mut [u8], query: &Query<'_>, flags: Flags) -> Result<Self, Full> {
        let mut builder = Self {
            buffer,
            len: 0,
            counts: [1, 0, 0, 0],
        };
        let opcode = Flags(query.header.flags.0 & 0x7800);
        builder.push(&query.header.id.to_be_bytes())?;
        builder.push(&flags.with(Flags::QR | opcode.0).0.to_be_bytes())?;
        builder.push(&[0, 1, 0, 0, 0, 0, 0, 0])?;
        builder.push(query.question())?;
        Ok(builder)
    }

    /// A bare header that answers `packet`, whose question could not be read: its identifier, QR and `rcode`.
    /// `None` when `packet` has no header or `buffer` no room for one.
    pub fn bare(buffer: &mut [u8], packet: &[u8], rcode: Rcode) -> Option<usize> {
        let header = crate::Header::parse(packet)?;
        let kept = Flags(header.flags.0 & (0x7800 | Flags::RD));
        let target = buffer.get_mut(..HEADER_LEN)?;
        target.fill(0);
        patch::set_id(target, header.id);
        patch::set_flags(target, kept.with(Flags::QR).with_rcode_bits(rcode.0));
        Some(HEADER_LEN)
    }

    /// Adds a record. An owner equal to the question's name is compressed.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; the reply is unchanged.
    pub fn record(
        &mut self,
        section: Section,
        owner: Name<'_>,
        (qtype, class): (QType, Class),
        ttl: u32,
        rdata: &[u8],
    ) -> Result<(), Full> {
        let before = self.len;
        let written = self.push_record(owner, (qtype, class), ttl, rdata);
        let index = match section {
            Section::Answer => 1,
            Section::Authority => 2,
            Section::Additional => 3,
        };
        match self.counts.get_mut(index) {
            Some(count) if written.is_ok() && *count < u16::MAX => *count += 1,
            _ => self.len = before,
        }
        written
    }

    /// Adds an OPT record that announces `udp_size`, with the upper bits of `rcode` and the DO bit as given.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; the reply is unchanged.
    pub fn opt(&mut self, udp_size: u16, rcode: Rcode, dnssec_ok: bool) -> Result<(), Full> {
        let flags = u32::from(rcode.0 >> 4) << 24 | u32::from(dnssec_ok) << 15;
        self.record(
            Section::Additional,
            Name::ROOT,
            (QType::OPT, Class(udp_size)),
            flags,
            &[],
        )
    }

    /// Writes the counts and returns the reply's length.
    pub fn finish(self) -> usize {
        for (section, count) in self.counts.into_iter().enumerate() {
            patch::set_count(self.buffer, section, count);
        }
        self.len
    }

    fn push_record(
        &mut self,
        owner: Name<'_>,
        (qtype, class): (QType, Class),
        ttl: u32,
        rdata: &[u8],
    ) -> Result<(), Full> {
        let is_qname = owner.wire().len() > 1 && Name::parse(self.buffer, HEADER_LEN) == Ok(owner);
        self.push(if is_qname { &QNAME_POINTER } else { owner.wire() })?;
        self.push(&qtype.0.to_be_bytes())?;
        self.push(&class.0.to_be_bytes())?;
        self.push(&ttl.to_be_bytes())?;
        self.push(&u16::try_from(rdata.len()).map_err(|_| Full)?.to_be_bytes())?;
        self.push(rdata)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.len + bytes.len();
        self.buffer
            .get_mut(self.len..end)
            .ok_or(Full)?
            .copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}
