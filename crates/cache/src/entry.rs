//! One cached reply: fixed fields, and one allocation with the reply and the places of its TTLs.

use weir_wire::{Flags, HEADER_LEN, Header, Name, Query, Rcode, patch};

use crate::key::Key;

/// What an entry costs besides its body: the record itself, an allocation's header and rounding, its cells in
/// the index (two thirds full) and in the list of recently evicted hashes.
pub(crate) const OVERHEAD_BYTES: usize = size_of::<Entry>() + 16 + 6 + 4;

/// "No entry" in links between entries.
pub(crate) const NIL: u32 = u32::MAX;

/// One cached reply, or a vacant place of the slab.
///
/// The body is `[options: u64, if any][TTL offsets: u16 each][reply]`, in the machine's byte order but for the
/// reply. 48 bytes, four in three cache lines: no field is wider than it must be.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) hash: u64,
    /// Empty when the place is vacant.
    pub(crate) body: Box<[u8]>,
    /// When it was stored, in seconds.
    pub(crate) inserted: u32,
    /// The first second in which it is no longer valid.
    pub(crate) expires: u32,
    /// Expired, and its refresh failed: no other attempt before this second.
    pub(crate) recheck: u32,
    /// The neighbour towards the head (newer) and the tail (older) of its queue; `older` links vacant places.
    pub(crate) newer: u32,
    pub(crate) older: u32,
    reply_len: u16,
    pub(crate) bits: u8,
    /// `FREQUENCY`, `IN_MAIN`, `REFRESHING` and the hits since it was stored.
    state: u8,
}

impl Entry {
    const FREQUENCY: u8 = 0b11;
    const IN_MAIN: u8 = 1 << 2;
    const REFRESHING: u8 = 1 << 3;
    const HIT: u8 = 1 << 4;
    const HITS: u8 = 0xf0;

    /// Hits since it was stored that make an entry worth refreshing before it expires.
    const POPULAR_HITS: u8 = 3;

    /// A vacant place that links to the next one.
    pub(crate) fn vacant(next: u32) -> Self {
        Self {
            hash: 0,
            body: Box::default(),
            inserted: 0,
            expires: 0,
            recheck: 0,
            newer: NIL,
            older: next,
            reply_len: 0,
            bits: 0,
            state: 0,
        }
    }

    /// An entry for the reply in `body`, not yet in any queue.
    pub(crate) fn new(key: &Key, body: Body, now: u32, ttl: u32) -> Self {
        Self {
            hash: key.hash,
            body: body.bytes,
            inserted: now,
            expires: now.saturating_add(ttl),
            recheck: 0,
            newer: NIL,
            older: NIL,
            reply_len: body.reply_len,
            bits: key.bits,
            state: 0,
        }
    }

    /// Takes over the reply of `newer` and keeps its place in the queue and its frequency. Returns the old body.
    pub(crate) fn renew(&mut self, newer: Self) -> Box<[u8]> {
        self.inserted = newer.inserted;
        self.expires = newer.expires;
        self.recheck = 0;
        self.reply_len = newer.reply_len;
        self.state &= Self::FREQUENCY | Self::IN_MAIN;
        std::mem::replace(&mut self.body, newer.body)
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.body.is_empty()
    }

    /// Bytes that count against the limit.
    pub(crate) fn bytes(&self) -> usize {
        OVERHEAD_BYTES + self.body.len()
    }

    /// The reply as stored.
    pub(crate) fn reply(&self) -> &[u8] {
        let at = self.body.len().saturating_sub(usize::from(self.reply_len));
        self.body.get(at..).unwrap_or(&[])
    }

    /// The name in the question.
    pub(crate) fn name(&self) -> Name<'_> {
        Name::parse(self.reply(), HEADER_LEN).unwrap_or(Name::ROOT)
    }

    /// Whether this entry answers what `key` and `question` (name, type, class) ask. The hash is not trusted.
    pub(crate) fn is_for(&self, key: &Key, question: &[u8]) -> bool {
        if self.hash != key.hash || self.bits != key.bits {
            return false;
        }
        let stored = self.reply().get(HEADER_LEN..HEADER_LEN + question.len());
        let (Some((name, kind)), Some((stored_name, stored_kind))) = (
            question.split_last_chunk::<4>(),
            stored.and_then(|stored| stored.split_last_chunk::<4>()),
        ) else {
            return false;
        };
        // Type and class are numbers: ignoring case would take TYPE97 for HTTPS.
        kind == stored_kind && name.eq_ignore_ascii_case(stored_name) && self.options() == key.options
    }

    /// The hash of the query's options; 0 without any, as in a key.
    fn options(&self) -> u64 {
        if self.bits & Key::OPTIONS == 0 {
            return 0;
        }
        self.body
            .first_chunk()
            .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    fn flags(&self) -> Flags {
        Header::parse(self.reply()).map_or(Flags(0), |header| header.flags)
    }

    /// The response code; extended ones are not cached.
    pub(crate) fn rcode(&self) -> Rcode {
        Rcode(self.flags().rcode_bits())
    }

    /// Whether TC is set.
    pub(crate) fn is_truncated(&self) -> bool {
        self.flags().has(Flags::TC)
    }

    /// Whether this is an answer: complete, and no failure. Only answers are served stale or defended against
    /// failures (RFC 8767 §4: NOERROR and NXDOMAIN refresh data, other codes do not).
    pub(crate) fn is_answer(&self) -> bool {
        !self.is_truncated() && matches!(self.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN)
    }

    pub(crate) fn is_fresh(&self, now: u32) -> bool {
        now < self.expires
    }

    /// Whether it has expired and may still be served, `window` seconds after its end at most.
    pub(crate) fn is_stale(&self, now: u32, window: u32) -> bool {
        !self.is_fresh(now) && now < self.expires.saturating_add(window) && self.is_answer()
    }

    /// Whether no one will ever be given it again.
    pub(crate) fn is_dead(&self, now: u32, window: u32) -> bool {
        !self.is_fresh(now) && !self.is_stale(now, window)
    }

    /// Counts a use.
    pub(crate) fn touch(&mut self) {
        if self.state & Self::FREQUENCY != Self::FREQUENCY {
            self.state += 1;
        }
        if self.state & Self::HITS != Self::HITS {
            self.state += Self::HIT;
        }
    }

    /// Uses since it was stored or last passed over, 3 at most.
    pub(crate) fn frequency(&self) -> u8 {
        self.state & Self::FREQUENCY
    }

    /// Forgets one use.
    pub(crate) fn lower_frequency(&mut self) {
        if self.frequency() > 0 {
            self.state -= 1;
        }
    }

    pub(crate) fn is_in_main(&self) -> bool {
        self.state & Self::IN_MAIN != 0
    }

    /// Notes that it now is in the main queue, where its frequency starts anew.
    pub(crate) fn enter_main(&mut self) {
        self.state = self.state & !Self::FREQUENCY | Self::IN_MAIN;
    }

    /// Whether the asker of now should refresh it: popular, in the last tenth of its TTL, and nobody was told
    /// so before.
    pub(crate) fn claim_refresh(&mut self, now: u32) -> bool {
        let ttl = u64::from(self.expires.saturating_sub(self.inserted));
        let left = u64::from(self.expires.saturating_sub(now));
        let due =
            left * 10 <= ttl && self.state & Self::REFRESHING == 0 && self.state >> 4 >= Self::POPULAR_HITS;
        if due {
            self.state |= Self::REFRESHING;
        }
        due
    }

    /// Copies the reply to the start of `out`, makes it one to `query` and changes its TTLs. Returns its length;
    /// `None` when `out` is too short.
    pub(crate) fn copy_to(&self, out: &mut [u8], query: &Query<'_>, ttl: Ttl) -> Option<usize> {
        let reply = self.reply();
        let out = out.get_mut(..reply.len())?;
        out.copy_from_slice(reply);
        patch::readdress(out, query);
        match ttl {
            Ttl::Kept => {}
            Ttl::Aged(age) => patch::age_ttls(out, self.ttl_offsets(), age),
            Ttl::Set(ttl) => patch::map_ttls(out, self.ttl_offsets(), |_| ttl),
        }
        Some(reply.len())
    }

    fn ttl_offsets(&self) -> impl Iterator<Item = usize> {
        let start = if self.bits & Key::OPTIONS == 0 {
            0
        } else {
            size_of::<u64>()
        };
        let end = self.body.len().saturating_sub(usize::from(self.reply_len));
        let (offsets, _) = self.body.get(start..end).unwrap_or(&[]).as_chunks::<2>();
        offsets
            .iter()
            .map(|bytes| usize::from(u16::from_ne_bytes(*bytes)))
    }
}

/// What happens to the TTLs of a reply on its way out, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ttl {
    Kept,
    Aged(u32),
    Set(u32),
}

/// What an entry owns, allocated before any lock is taken.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Box<[u8]>,
    reply_len: u16,
}

impl Body {
    /// A body for `reply`, which is no longer than a DNS message.
    pub(crate) fn new(key: &Key, ttl_offsets: &[u16], reply: &[u8]) -> Self {
        let has_options = key.bits & Key::OPTIONS != 0;
        let options = key.options.to_ne_bytes();
        let options = if has_options { &options[..] } else { &[] };
        // The exact size at once: an allocation that is shrunk later keeps what is too small to be of use.
        let mut bytes = Vec::with_capacity(options.len() + ttl_offsets.len() * 2 + reply.len());
        bytes.extend_from_slice(options);
        bytes.extend(ttl_offsets.iter().flat_map(|at| at.to_ne_bytes()));
        bytes.extend_from_slice(reply);
        Self {
            bytes: bytes.into_boxed_slice(),
            reply_len: reply.len() as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_48_bytes() {
        assert_eq!(size_of::<Entry>(), 48);
    }
}
