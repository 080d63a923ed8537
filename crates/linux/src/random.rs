//! Randomness from the kernel.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Fills `buffer` with bytes fit for keys and seeds. Soon after boot it may wait until the kernel has any.
///
/// It is a system call: a packet path draws a seed here and its numbers from a generator.
///
/// # Errors
/// None on Linux 3.17 or later.
pub fn fill(buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            result => filled += result?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_long_buffer_is_filled_and_differently_each_time() {
        let (mut first, mut second) = (vec![0; 100_000], vec![0; 100_000]);
        fill(&mut first).unwrap();
        fill(&mut second).unwrap();
        assert_ne!(first, second);
        assert!(first.chunks(32).all(|chunk| chunk.iter().any(|&byte| byte != 0)));
    }

    #[test]
    fn nothing_is_filled_with_nothing() {
        fill(&mut []).unwrap();
    }
}
