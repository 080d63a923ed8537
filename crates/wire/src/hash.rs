//! Keyed 64-bit hashes of bytes and of names, for tables whose keys strangers choose.
//!
//! Multiply-and-fold over eight bytes at a time: some three nanoseconds for a usual name. Whoever does not know
//! the [`Seed`] cannot aim many keys at one place of a table. It is not a cryptographic hash: a table that must
//! never confuse two keys compares the keys.

use crate::name::Name;

/// The secret of one table or process: random bits that are never shown.
#[derive(Clone, Copy)]
pub struct Seed {
    start: u64,
    multiplier: u64,
}

impl Seed {
    /// A seed from 128 random bits, which the caller draws once. Small numbers, as in tests, hash as evenly;
    /// they are only no secret.
    pub const fn new(random: [u64; 2]) -> Self {
        // Multiplying by a number of few bits would leave most of the product alone; an even one loses bits.
        Self {
            start: spread(random[0]),
            multiplier: spread(random[1] ^ random[0].rotate_left(32)) | 1,
        }
    }
}

impl std::fmt::Debug for Seed {
    /// Shows nothing: a seed in a log is no secret any more.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The hash of `bytes`.
pub fn of_bytes(seed: Seed, bytes: &[u8]) -> u64 {
    fold_words(seed, bytes, |word| word)
}

/// The hash of `name`, the same for every case of its letters (RFC 4343).
pub fn of_name(seed: Seed, name: Name<'_>) -> u64 {
    // Length bytes are at most 63 and never look like letters, so the name is folded as plain bytes.
    fold_words(seed, name.wire(), to_lowercase)
}

/// Adds `word` to `hash`: the hash of a sequence, one word at a time.
pub const fn combine(seed: Seed, hash: u64, word: u64) -> u64 {
    fold(hash ^ word, seed.multiplier)
}

fn fold_words(seed: Seed, bytes: &[u8], change: impl Fn(u64) -> u64) -> u64 {
    let mut hash = seed.start;
    // All words but the last, which overlaps the one before it unless the length is a multiple of eight.
    let (words, _) = bytes.as_chunks::<8>();
    for word in words.iter().take(bytes.len().saturating_sub(1) / 8) {
        hash = combine(seed, hash, change(u64::from_le_bytes(*word)));
    }
    hash = combine(seed, hash, change(last_word(bytes)));
    // Once more with the other half of the secret: the last word reaches every bit, and the length tells
    // trailing zeros from none. It must not meet the first word, which a stranger could choose to undo it.
    fold(hash ^ seed.multiplier ^ bytes.len() as u64, seed.start | 1)
}

/// The last eight bytes, or all of fewer, so that no two inputs of one length agree. Never a loop over single
/// bytes: reading back what was just written byte by byte costs more than the rest of a short hash.
fn last_word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.last_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    let at = |index: usize| bytes.get(index).map_or(0, |byte| u64::from(*byte));
    at(0) | at(1) << 8 | at(2) << 16
}

/// A number with about as many ones as zeros, a different one for each `number` (the end of splitmix64).
const fn spread(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The two halves of the 128-bit product, xored.
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

/// Eight bytes with their ASCII capitals in lower case.
const fn to_lowercase(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x80 * ONES;
    // Each sum carries into its byte's high bit when the low seven bits reach the bound; never further.
    let low = word & !HIGH_BITS;
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let above_z = low + (0x7f - b'Z' as u64) * ONES;
    let capitals = (from_a & !above_z) & !word & HIGH_BITS;
    word | capitals >> 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NameBuf;
    use std::collections::HashSet;

    const SEED: Seed = Seed::new([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);

    #[test]
    fn lower_case_is_that_of_ascii_for_every_byte() {
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([byte, b'[', byte, b'@', 0xff, byte, 0, byte]);
            let mut expected = word.to_le_bytes();
            expected.make_ascii_lowercase();
            assert_eq!(to_lowercase(word).to_le_bytes(), expected, "byte {byte:#04x}");
        }
    }

    #[test]
    fn names_hash_alike_in_every_case_and_bytes_do_not() {
        let [lower, upper] = ["www.a-long-name.example.com", "WWW.A-Long-Name.EXAMPLE.com"]
            .map(|text| text.parse::<NameBuf>().expect("a name"));
        assert_eq!(of_name(SEED, lower.as_name()), of_name(SEED, upper.as_name()));
        assert_ne!(
            of_bytes(SEED, lower.as_name().wire()),
            of_bytes(SEED, upper.as_name().wire())
        );
    }

    #[test]
    fn every_byte_the_length_and_the_seed_count() {
        let mut seen = HashSet::new();
        for len in 0..40 {
            let bytes = vec![0u8; len];
            assert!(seen.insert(of_bytes(SEED, &bytes)), "length {len}");
            for at in 0..len {
                for bit in 0..8 {
                    let mut changed = bytes.clone();
                    changed[at] = 1 << bit;
                    assert!(
                        seen.insert(of_bytes(SEED, &changed)),
                        "bit {bit} of byte {at} of {len}"
                    );
                }
            }
        }
        let other = Seed::new([0x0123_4567_89ab_cdee, 0xfedc_ba98_7654_3210]);
        assert_ne!(of_bytes(SEED, b"example"), of_bytes(other, b"example"));
    }

    #[test]
    fn numbered_names_fill_a_table_evenly_whatever_the_seed() {
        const SLOTS: usize = 1024;
        const PER_SLOT: usize = 64;
        for (random, shift) in [0, 1, 11, u64::MAX].into_iter().zip([0, 16, 32, 54]) {
            let seed = Seed::new([random, random]);
            let mut slots = [0usize; SLOTS];
            for number in 0..SLOTS * PER_SLOT {
                let name: NameBuf = format!("host{number}.example.com").parse().expect("a name");
                slots[(of_name(seed, name.as_name()) >> shift) as usize % SLOTS] += 1;
            }
            // Six standard deviations of a fair throw: 64 ± 48.
            assert!(
                slots.iter().all(|&filled| (16..=112).contains(&filled)),
                "seed {random}, bits from {shift}"
            );
        }
    }
}
