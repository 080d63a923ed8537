//! Changes to a message in place. Every function leaves bytes alone that are not there.

use crate::header::{Flags, HEADER_LEN};
use crate::query::Query;

/// Overwrites `message` at `at` with `bytes`, if all of it is inside.
fn put(message: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = at
        .checked_add(bytes.len())
        .and_then(|end| message.get_mut(at..end))
    {
        target.copy_from_slice(bytes);
    }
}

/// Sets the identifier.
pub fn set_id(message: &mut [u8], id: u16) {
    put(message, 0, &id.to_be_bytes());
}

/// Sets the flags, the operation code and the header's part of the response code.
pub fn set_flags(message: &mut [u8], flags: Flags) {
    put(message, 2, &flags.0.to_be_bytes());
}

/// Sets one of the four record counts: question, answer, authority, additional.
pub fn set_count(message: &mut [u8], section: usize, count: u16) {
    put(message, 4 + section * 2, &count.to_be_bytes());
}

/// Overwrites the question with the client's, which differs at most in the case of its letters.
pub fn set_question(message: &mut [u8], question: &[u8]) {
    put(message, HEADER_LEN, question);
}

/// Lowers each TTL by `age` seconds, to no less than 0. `offsets` are those that `Reply::summarize` gave.
pub fn age_ttls(message: &mut [u8], offsets: impl Iterator<Item = usize>, age: u32) {
    map_ttls(message, offsets, |ttl| ttl.saturating_sub(age));
}

/// Replaces each TTL, in seconds, by what `change` makes of it.
pub fn map_ttls(message: &mut [u8], offsets: impl Iterator<Item = usize>, change: impl Fn(u32) -> u32) {
    for at in offsets {
        if let Some(field) = message.get_mut(at..).and_then(|tail| tail.first_chunk_mut::<4>()) {
            *field = change(u32::from_be_bytes(*field)).to_be_bytes();
        }
    }
}

/// Cuts a reply down to its header and question and sets TC, keeping the OPT record that stands at
/// `opt` (RFC 6891 §7). Returns the new length.
pub fn truncate(message: &mut [u8], question_end: usize, opt: Option<crate::Edns>) -> usize {
    let Some(header) = crate::Header::parse(message) else {
        return message.len();
    };
    let mut end = question_end.min(message.len());
    let kept = opt.filter(|opt| opt.at >= end && opt.end <= message.len());
    if let Some(opt) = kept {
        message.copy_within(opt.at..opt.end, end);
        end += opt.end - opt.at;
    }
    set_flags(message, header.flags.with(Flags::TC));
    for (section, count) in [(1, 0), (2, 0), (3, u16::from(kept.is_some()))] {
        set_count(message, section, count);
    }
    end
}

/// Turns the reply in `message` into the one for `query`: its identifier, its letters' case, and its RD and CD
/// bits, which the copy that went to the backend or into the cache may not have had.
pub fn readdress(message: &mut [u8], query: &Query<'_>) {
    set_id(message, query.header.id);
    if let Some(header) = crate::Header::parse(message) {
        let own = Flags::RD | Flags::CD;
        set_flags(message, Flags(header.flags.0 & !own | query.header.flags.0 & own));
        if header.counts[0] == 1 {
            set_question(message, query.question());
        }
    }
}
