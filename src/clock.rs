//! Where time and random bits come in: the only place of the roles that asks the kernel for either.

use std::io;

use weir_linux::{clock, random};
use weir_wire::Timestamp;
use weir_wire::hash::Seed;

/// Bytes drawn from the kernel at once: 512 numbers per system call.
const POOL_LEN: usize = 4096;

/// Now, on the monotonic clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_nanos(clock::monotonic_ns())
}

/// The time of day, in nanoseconds since 1970: for logs.
pub(crate) fn wall_nanos() -> u64 {
    clock::wall_nanos()
}

/// A secret for a hash table.
///
/// # Errors
/// None on Linux 3.17 or later.
pub(crate) fn seed() -> io::Result<Seed> {
    let mut random = Random::from_kernel()?;
    Ok(Seed::new([random.next_u64(), random.next_u64()]))
}

/// Random bits that nobody can predict: the kernel's, a page at a time. A reply is forged by guessing them, so a
/// faster generator would be saving in the wrong place.
pub(crate) struct Random {
    pool: Box<[u8; POOL_LEN]>,
    used: usize,
}

impl Random {
    /// A full pool.
    ///
    /// # Errors
    /// None on Linux 3.17 or later.
    pub(crate) fn from_kernel() -> io::Result<Self> {
        let mut pool = Box::new([0; POOL_LEN]);
        random::fill(pool.as_mut_slice())?;
        Ok(Self { pool, used: 0 })
    }

    /// The next 64 bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        if self.used + 8 > POOL_LEN {
            // It worked at the start and cannot fail since; old bits are still better than none.
            let _ = random::fill(self.pool.as_mut_slice());
            self.used = 0;
        }
        let bytes = self
            .pool
            .get(self.used..)
            .and_then(|rest| rest.first_chunk::<8>());
        self.used += 8;
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}
