//! Control messages: what travels beside a packet between us and the kernel (RFC 3542 section 6).
//!
//! They are read and written as bytes, so that nothing here needs `unsafe`: a control message is a
//! `cmsghdr { len: usize, level: c_int, type: c_int }` followed by data and padded to a word.

use std::mem::size_of;

const HEADER_BYTES: usize = size_of::<libc::cmsghdr>();
const WORD: usize = size_of::<usize>();

/// Writes a message at the beginning of `room` and returns the bytes it takes, padding included; zero when there
/// is not enough room. Buffers for the kernel are aligned to a word, so the messages that follow are as well.
pub(crate) fn write(room: &mut [u8], level: libc::c_int, kind: libc::c_int, data: &[u8]) -> usize {
    let length = HEADER_BYTES + data.len();
    let padded = length.next_multiple_of(WORD);
    let Some(room) = room.get_mut(..padded) else {
        return 0;
    };
    room[..WORD].copy_from_slice(&length.to_ne_bytes());
    room[WORD..WORD + 4].copy_from_slice(&level.to_ne_bytes());
    room[WORD + 4..HEADER_BYTES].copy_from_slice(&kind.to_ne_bytes());
    room[HEADER_BYTES..length].copy_from_slice(data);
    room[length..].fill(0);
    padded
}

/// The messages in `bytes`, as (level, type, data), up to the first that is cut off.
pub(crate) fn messages(bytes: &[u8]) -> impl Iterator<Item = (libc::c_int, libc::c_int, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (header, _) = rest.split_at_checked(HEADER_BYTES)?;
        let length = usize::from_ne_bytes(*header.first_chunk()?);
        let level = i32::from_ne_bytes(*header[WORD..].first_chunk()?);
        let kind = i32::from_ne_bytes(*header[WORD + 4..].first_chunk()?);
        let data = rest.get(HEADER_BYTES..length)?;
        // The padding of the last one may be missing.
        rest = rest
            .get(length.checked_next_multiple_of(WORD)?..)
            .unwrap_or_default();
        Some((level, kind, data))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_every_cut_ends_it() {
        let mut room = [0xff; 64];
        let first = write(&mut room, 1, 2, b"12345");
        let second = write(&mut room[first..], 3, 4, b"12345678");
        assert_eq!((first, second), (24, 24));
        let whole = &room[..first + second];
        let read: Vec<_> = messages(whole).collect();
        assert_eq!(read, [(1, 2, &b"12345"[..]), (3, 4, &b"12345678"[..])]);
        for end in 0..whole.len() {
            let count = messages(&whole[..end]).count();
            assert_eq!(count, usize::from(end >= HEADER_BYTES + 5), "{end}");
        }
    }

    #[test]
    fn lengths_that_lie_end_the_list() {
        for length in [0, 1, HEADER_BYTES - 1, 1000, usize::MAX - 7, usize::MAX] {
            let mut bytes = [0; 32];
            bytes[..WORD].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&bytes).count(), 0, "{length}");
        }
        assert_eq!(write(&mut [0; 23], 1, 2, b"12345"), 0);
    }
}
