//! What a cache counts.

use std::ops::AddAssign;

use crate::admit::Refusal;

/// Counters since the cache was made, and what it holds now.
///
/// Each shard counts for itself under its lock, in plain integers that share the cache lines a lookup touches
/// anyway; [`Cache::counters`](crate::Cache::counters) adds them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries now, expired ones included.
    pub entries: u64,
    /// Bytes now, bookkeeping included.
    pub bytes: u64,
    /// Lookups answered from a valid entry.
    pub hits: u64,
    /// Lookups answered from an expired entry.
    pub stale_hits: u64,
    /// Lookups that found nothing to answer from.
    pub misses: u64,
    /// Replies stored.
    pub inserts: u64,
    /// Replies not stored, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::COUNT],
    /// Entries removed to make room.
    pub evictions: u64,
    /// Hits whose asker was told to refresh the entry.
    pub prefetches: u64,
    /// Lookups that found the shard locked and waited for the copy that held it.
    pub deferred_lookups: u64,
    /// Inserts that found the shard locked and waited.
    pub deferred_inserts: u64,
    /// Lookups that met an entry with the same hash and another question.
    pub lookup_collisions: u64,
    /// Inserts that met an entry with the same hash and another question.
    pub insert_collisions: u64,
    /// Purges of expired entries.
    pub cleanups: u64,
}

impl Counters {
    /// Replies refused for `reason`.
    pub fn refused_for(&self, reason: Refusal) -> u64 {
        self.refused.get(reason as usize).copied().unwrap_or(0)
    }

    /// Replies refused because of their TTL (dnsdist's `ttl_too_shorts`).
    pub fn ttl_too_shorts(&self) -> u64 {
        self.refused_for(Refusal::TtlTooShort)
    }

    pub(crate) fn refuse(&mut self, reason: Refusal) {
        if let Some(count) = self.refused.get_mut(reason as usize) {
            *count += 1;
        }
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        let Self {
            entries,
            bytes,
            hits,
            stale_hits,
            misses,
            inserts,
            refused,
            evictions,
            prefetches,
            deferred_lookups,
            deferred_inserts,
            lookup_collisions,
            insert_collisions,
            cleanups,
        } = other;
        self.entries += entries;
        self.bytes += bytes;
        self.hits += hits;
        self.stale_hits += stale_hits;
        self.misses += misses;
        self.inserts += inserts;
        for (sum, count) in self.refused.iter_mut().zip(refused) {
            *sum += count;
        }
        self.evictions += evictions;
        self.prefetches += prefetches;
        self.deferred_lookups += deferred_lookups;
        self.deferred_inserts += deferred_inserts;
        self.lookup_collisions += lookup_collisions;
        self.insert_collisions += insert_collisions;
        self.cleanups += cleanups;
    }
}
