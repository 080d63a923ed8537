//! The cache as its callers see it: looking up, storing, and the rules for both.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use weir_wire::hash::Seed;
use weir_wire::{Query, Rcode, Timestamp};

use crate::admit::{Refusal, admit};
use crate::counters::Counters;
use crate::entry::{Entry, Ttl};
use crate::key::Key;
use crate::settings::{CheckedSettings, Settings};
use crate::shard::{Freed, MAX_EVICTIONS, Shard};

/// A packet cache, shared by all workers.
#[derive(Debug)]
pub struct Cache {
    checked: CheckedSettings,
    seed: Seed,
    pub(crate) shards: Box<[Slot]>,
}

/// A shard on cache lines of its own: two workers in two shards do not slow each other.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Slot(pub(crate) Mutex<Shard>);

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A valid reply, written to the caller's buffer.
    Hit(Hit),
    /// An expired reply, written to the caller's buffer, with the stale TTL.
    Stale(Hit),
    /// Nothing to answer from.
    Miss {
        /// Whether there is an expired reply that [`Cache::lookup_stale`] would give: worth a client response
        /// timer (RFC 8767 §5).
        stale: bool,
    },
}

/// A reply in the caller's buffer: identifier, question, RD and CD are those of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its length in bytes. It may be more than the client's UDP limit: the caller truncates.
    pub len: usize,
    /// Its response code.
    pub rcode: Rcode,
    /// Whether the caller should ask a backend all the same, to renew the entry before it expires. Said to one
    /// caller per stored reply.
    pub prefetch: bool,
}

/// Which replies are of use to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Any: the client came over UDP and asks again over TCP when TC is set.
    Truncated,
    /// Only complete ones: the client came over TCP.
    Complete,
}

/// What became of a reply that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the cache.
    Stored,
    /// It is not.
    Refused(Refusal),
}

impl Cache {
    /// An empty cache. Its memory is taken when it is used, not here.
    pub fn new(checked: CheckedSettings, seed: Seed) -> Self {
        let shard = || {
            Shard::new(
                checked.entries_per_shard,
                checked.bytes_per_shard,
                checked.settings.stale_window,
            )
        };
        let shards = (0..checked.shards).map(|_| Slot(Mutex::new(shard()))).collect();
        Self {
            checked,
            seed,
            shards,
        }
    }

    /// What it was made with.
    pub fn checked(&self) -> &CheckedSettings {
        &self.checked
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.checked.settings
    }

    /// What `query` is looked up by; `None` when its reply must not come from a cache.
    pub fn key(&self, query: &Query<'_>) -> Option<Key> {
        Key::of(query, self.seed, self.settings())
    }

    /// Looks for a reply to `query` and writes it to the start of `out`.
    ///
    /// An expired reply is given only while its refresh is known to fail ([`Self::refresh_failed`]). `out` holds
    /// at least [`Settings::max_reply_len`] bytes; what does not fit is a miss.
    pub fn lookup(
        &self,
        query: &Query<'_>,
        key: &Key,
        now: Timestamp,
        accept: Accept,
        out: &mut [u8],
    ) -> Lookup {
        let found = |entry: &Entry, now: u32| {
            let fresh = entry.is_fresh(now) && (accept == Accept::Truncated || !entry.is_truncated());
            let stale = entry.is_stale(now, self.settings().stale_window);
            match (fresh, stale) {
                (true, _) => Use::Fresh,
                (false, true) if now < entry.recheck => Use::Stale,
                (false, stale) => Use::None { stale },
            }
        };
        self.answer(query, key, now, out, found)
    }

    /// Looks for a reply even if it has expired: when no server of the pool is usable, or when none has answered
    /// in time. A reply that is valid by now, since another worker got it, is a hit.
    pub fn lookup_stale(&self, query: &Query<'_>, key: &Key, now: Timestamp, out: &mut [u8]) -> Lookup {
        let found = |entry: &Entry, now: u32| {
            if entry.is_stale(now, self.settings().stale_window) {
                Use::Stale
            } else if entry.is_fresh(now) && !entry.is_truncated() {
                Use::Fresh
            } else {
                Use::None { stale: false }
            }
        };
        self.answer(query, key, now, out, found)
    }

    fn answer(
        &self,
        query: &Query<'_>,
        key: &Key,
        now: Timestamp,
        out: &mut [u8],
        judge: impl Fn(&Entry, u32) -> Use,
    ) -> Lookup {
        let now = now.as_secs();
        let mut shard = self.lock(key, |counters| &mut counters.deferred_lookups);
        let (place, collisions) = shard.find(key, query.question());
        shard.counters.lookup_collisions += collisions;
        let Some(place) = place else {
            shard.counters.misses += 1;
            return Lookup::Miss { stale: false };
        };
        let entry = shard.entry_mut(place);
        let judged = judge(entry, now);
        let ttl = match judged {
            Use::None { stale } => {
                shard.counters.misses += 1;
                return Lookup::Miss { stale };
            }
            Use::Stale => Ttl::Set(self.settings().stale_ttl),
            Use::Fresh if self.settings().dont_age => Ttl::Kept,
            Use::Fresh => Ttl::Aged(now.saturating_sub(entry.inserted)),
        };
        let Some(len) = entry.copy_to(out, query, ttl) else {
            shard.counters.misses += 1;
            return Lookup::Miss { stale: false };
        };
        entry.touch();
        let fresh = matches!(judged, Use::Fresh);
        let hit = Hit {
            len,
            rcode: entry.rcode(),
            prefetch: fresh && self.settings().prefetch && entry.claim_refresh(now),
        };
        shard.counters.prefetches += u64::from(hit.prefetch);
        if fresh {
            shard.counters.hits += 1;
            Lookup::Hit(hit)
        } else {
            shard.counters.stale_hits += 1;
            Lookup::Stale(hit)
        }
    }

    /// Stores `reply`, which a backend gave to `query`, if the rules allow it.
    ///
    /// `failure_ttl` is how long a SERVFAIL or REFUSED is kept if a rule said so, in seconds; `None` means
    /// [`Settings::temporary_failure_ttl`]. `reply` may be any bytes.
    pub fn insert(
        &self,
        query: &Query<'_>,
        key: &Key,
        reply: &[u8],
        now: Timestamp,
        failure_ttl: Option<u32>,
    ) -> Inserted {
        let failure_ttl = failure_ttl.unwrap_or(self.checked.settings.temporary_failure_ttl);
        let admitted = admit(reply, query, key, self.settings(), failure_ttl);
        let now = now.as_secs();
        let entry = admitted.map(|admitted| Entry::new(key, admitted.body, now, admitted.ttl));
        // Everything that allocates or frees happens outside the lock: room for what eviction takes out is made
        // here, and it is freed when this function ends, after the guard.
        let mut freed = Freed::with_capacity(MAX_EVICTIONS + 2);
        let mut shard = self.lock(key, |counters| &mut counters.deferred_inserts);
        match entry.and_then(|entry| self.store(&mut shard, query, key, entry, now, &mut freed)) {
            Ok(()) => {
                shard.counters.inserts += 1;
                Inserted::Stored
            }
            Err(refusal) => {
                shard.counters.refuse(refusal);
                Inserted::Refused(refusal)
            }
        }
    }

    fn store(
        &self,
        shard: &mut Shard,
        query: &Query<'_>,
        key: &Key,
        entry: Entry,
        now: u32,
        freed: &mut Freed,
    ) -> Result<(), Refusal> {
        let (place, collisions) = shard.find(key, query.question());
        shard.counters.insert_collisions += collisions;
        let Some(place) = place else {
            return shard.add(entry, now, freed);
        };
        let old = shard.entry_mut(place);
        let of_use = old.is_fresh(now) || old.is_stale(now, self.settings().stale_window);
        let refusal = match (old.is_answer(), entry.is_answer()) {
            (true, false) if of_use => Some(Refusal::KeptAnswer),
            (false, true) => None,
            _ => (old.is_fresh(now) && old.expires >= entry.expires).then_some(Refusal::KeptFresher),
        };
        if refusal == Some(Refusal::KeptAnswer) {
            // The refresh has failed: the next one is due when the timer says (RFC 8767 §5).
            old.recheck = now.saturating_add(self.settings().failure_recheck);
        }
        match refusal {
            // The new body is freed by the caller, after unlocking, like the evicted ones.
            Some(refusal) => {
                freed.push(entry.body);
                Err(refusal)
            }
            None => shard.renew(place, entry, now, freed),
        }
    }

    /// Notes that no backend answered `query` in time. While the failure recheck timer runs, an expired reply is
    /// given at once instead of asking again for every client (RFC 8767 §5).
    pub fn refresh_failed(&self, query: &Query<'_>, key: &Key, now: Timestamp) {
        let now = now.as_secs();
        let mut shard = self.lock(key, |counters| &mut counters.deferred_lookups);
        if let (Some(place), _) = shard.find(key, query.question()) {
            shard.entry_mut(place).recheck = now.saturating_add(self.settings().failure_recheck);
        }
    }

    /// The key's shard, locked. `contended` is the counter of those who had to wait.
    fn lock(&self, key: &Key, contended: impl Fn(&mut Counters) -> &mut u64) -> MutexGuard<'_, Shard> {
        let at = key.hash as usize & (self.shards.len() - 1);
        let mutex = &self.shards[at].0;
        match mutex.try_lock() {
            Ok(shard) => shard,
            // A shard is consistent between any two of its operations, and a panic there would be a bug that
            // must not take the other workers down as well.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let mut shard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
                *contended(&mut shard.counters) += 1;
                shard
            }
        }
    }
}

/// What an entry is good for now.
enum Use {
    Fresh,
    Stale,
    None { stale: bool },
}
