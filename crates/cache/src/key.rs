//! What makes two queries the same to the cache.

use weir_wire::hash::{self, Seed};
use weir_wire::{Flags, Opcode, Query};

use crate::settings::Settings;

/// What a query is looked up by: a keyed hash of everything that changes the answer, and the parts of it that
/// are compared besides the question on a hit.
///
/// In it: name (in any case), type, class, RD, AD, CD, whether there is EDNS and its flags, and the EDNS options
/// that are not skipped. Not in it: identifier, transport, EDNS payload size. Keys of different caches differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(crate) hash: u64,
    /// A second hash of the options that count; 0 without any.
    pub(crate) options: u64,
    pub(crate) bits: u8,
}

impl Key {
    const RD: u8 = 1;
    const AD: u8 = 1 << 1;
    const CD: u8 = 1 << 2;
    const EDNS: u8 = 1 << 3;
    const DO: u8 = 1 << 4;
    pub(crate) const OPTIONS: u8 = 1 << 5;

    /// The bits with their names, for people.
    pub(crate) const BIT_NAMES: [(&'static str, u8); 6] = [
        ("rd", Self::RD),
        ("ad", Self::AD),
        ("cd", Self::CD),
        ("edns", Self::EDNS),
        ("do", Self::DO),
        ("options", Self::OPTIONS),
    ];

    /// The key of `query`; `None` for one whose reply must not be cached: not a QUERY, a transfer, of an
    /// unknown EDNS version, or with records of its own such as TSIG.
    pub(crate) fn of(query: &Query<'_>, seed: Seed, settings: &Settings) -> Option<Self> {
        let usual = query.header.counts == [1, 0, 0, u16::from(query.edns.is_some())]
            && query.opcode() == Opcode::QUERY
            && !query.is_transfer()
            && query.edns.is_none_or(|edns| edns.version == 0);
        if !usual {
            return None;
        }
        let (options, has_options) = hash_options(query, seed, settings);
        let flags = query.header.flags;
        let bits = [
            (Self::RD, flags.has(Flags::RD)),
            (Self::AD, flags.has(Flags::AD)),
            (Self::CD, flags.has(Flags::CD)),
            (Self::EDNS, query.edns.is_some()),
            (Self::DO, query.dnssec_ok()),
            (Self::OPTIONS, has_options),
        ]
        .iter()
        .fold(0, |bits, (bit, set)| if *set { bits | bit } else { bits });
        let rest = u64::from(query.qtype.0) | u64::from(query.class.0) << 16 | u64::from(bits) << 32;
        let mut hash = hash::combine(seed, hash::of_name(seed, query.qname), rest);
        if has_options {
            hash = hash::combine(seed, hash, options);
        }
        Some(Self { hash, options, bits })
    }

    /// The 64-bit hash: equal for equal queries, and all but certainly different for others.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// The hash of the EDNS flags besides DO and of the options that count, and whether there are any.
///
/// Flags that are not assigned yet count: the next one may change answers as DO did (RFC 9824 §5.1 took one).
fn hash_options(query: &Query<'_>, seed: Seed, settings: &Settings) -> (u64, bool) {
    let Some(edns) = query.edns else {
        return (0, false);
    };
    let flags = query.packet().get(edns.at + 7..edns.at + 9);
    let flags = flags.map_or(0, |bytes| u64::from(bytes[0] & 0x7f) << 8 | u64::from(bytes[1]));
    let mut counts = flags != 0;
    let mut options = flags;
    for option in query.options() {
        if !settings.skip_options.contains(&option.code) {
            counts = true;
            options = hash::combine(seed, options, u64::from(option.code));
            options = hash::combine(seed, options, hash::of_bytes(seed, option.data));
        }
    }
    (options, counts)
}
