//! Walking the resource records of a message without decompressing it (RFC 1035 §4.1.3).

use std::ops::Range;

use crate::edns::Edns;
use crate::name::{MAX_NAME_LEN, NameError};
use crate::types::{Class, QType};
use crate::{u16_at, u32_at};

/// The part of a message that a record stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The records that answer the question; prerequisites in an UPDATE.
    Answer,
    /// Name servers or the SOA of a negative answer; the changes in an UPDATE.
    Authority,
    /// Everything else, OPT and TSIG among it.
    Additional,
}

/// One resource record: where it stands and its fixed fields. Owner and data stay in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The section.
    pub section: Section,
    /// Offset of the owner name.
    pub at: usize,
    /// The record type.
    pub qtype: QType,
    /// The class; the UDP size in an OPT record.
    pub class: Class,
    /// The time to live in seconds; flags in an OPT record.
    pub ttl: u32,
    /// Offset of the TTL field.
    pub ttl_at: usize,
    /// The data.
    pub rdata: Range<usize>,
}

impl Record {
    /// This record as OPT: `None` for other types, and for one whose owner is not the root.
    pub fn as_edns(&self, message: &[u8]) -> Option<Edns> {
        let is_opt = self.qtype == QType::OPT && message.get(self.at) == Some(&0);
        is_opt.then(|| Edns::at(self.at, self.rdata.end, self.class.0, self.ttl))
    }
}

/// The records of a message from some offset on; ends for good after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    message: &'a [u8],
    at: usize,
    /// Records still announced: answer, authority, additional.
    left: [u16; 3],
}

impl<'a> Records<'a> {
    /// The records behind the question, which ends at `at`, as the header announces them.
    pub(crate) fn new(message: &'a [u8], at: usize, counts: [u16; 4]) -> Self {
        let [_, answer, authority, additional] = counts;
        Self {
            message,
            at,
            left: [answer, authority, additional],
        }
    }

    /// Offset of the next record, or the end of the last one.
    pub fn offset(&self) -> usize {
        self.at
    }

    fn parse(&mut self, section: Section) -> Result<Record, NameError> {
        let at = self.at;
        let fixed = skip_name(self.message, at)?;
        let record = (|| {
            let rdata_at = fixed + 10;
            let rdata_len = usize::from(u16_at(self.message, fixed + 8)?);
            Some(Record {
                section,
                at,
                qtype: QType(u16_at(self.message, fixed)?),
                class: Class(u16_at(self.message, fixed + 2)?),
                ttl: u32_at(self.message, fixed + 4)?,
                ttl_at: fixed + 4,
                rdata: rdata_at..rdata_at + rdata_len,
            })
        })();
        let record = record
            .filter(|r| r.rdata.end <= self.message.len())
            .ok_or(NameError::Short)?;
        self.at = record.rdata.end;
        Ok(record)
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, NameError>;

    fn next(&mut self) -> Option<Self::Item> {
        let sections = [Section::Answer, Section::Authority, Section::Additional];
        let (left, section) = self.left.iter_mut().zip(sections).find(|(left, _)| **left > 0)?;
        *left -= 1;
        let record = self.parse(section);
        if record.is_err() {
            self.left = [0; 3];
        }
        Some(record)
    }
}

/// The offset behind the name at `at`, which may end in a compression pointer.
///
/// A pointer must point in front of the name it ends (RFC 1035 §4.1.4: "a prior occurrence"), which is what
/// makes loops impossible for whoever follows it; this function does not.
pub(crate) fn skip_name(message: &[u8], at: usize) -> Result<usize, NameError> {
    let mut end = at;
    loop {
        let len = usize::from(*message.get(end).ok_or(NameError::Short)?);
        match len {
            0 => return Ok(end + 1),
            1..=63 => end += len + 1,
            0xc0.. => {
                let target = usize::from(u16_at(message, end).ok_or(NameError::Short)? & 0x3fff);
                return if target < at {
                    Ok(end + 2)
                } else {
                    Err(NameError::BadPointer)
                };
            }
            _ => return Err(NameError::BadLabel),
        }
        if end - at > MAX_NAME_LEN {
            return Err(NameError::TooLong);
        }
    }
}

/// Checks the name at `at` with every pointer followed: the whole name is at most 255 bytes.
pub(crate) fn check_name(message: &[u8], at: usize) -> Result<(), NameError> {
    let (mut start, mut cursor, mut total) = (at, at, 0);
    loop {
        let len = usize::from(*message.get(cursor).ok_or(NameError::Short)?);
        match len {
            0 => return Ok(()),
            1..=63 => {
                total += len + 1;
                cursor += len + 1;
            }
            0xc0.. => {
                let target = usize::from(u16_at(message, cursor).ok_or(NameError::Short)? & 0x3fff);
                // Each jump lands in front of where the last one landed, so there are fewer jumps than bytes;
                // the length limit below does not bound pointers that point at pointers.
                if target >= start {
                    return Err(NameError::BadPointer);
                }
                (start, cursor) = (target, target);
            }
            _ => return Err(NameError::BadLabel),
        }
        if total >= MAX_NAME_LEN {
            return Err(NameError::TooLong);
        }
    }
}
