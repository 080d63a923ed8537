//! `PacketCache`: what `newPacketCache` made. Before the program runs it is empty.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use mlua::Value;
use weir_cache::{Backing, Cache, Counters, Scope};
use weir_wire::{NameBuf, QType, Timestamp};

use super::Object;
use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::Method;
use crate::spec::CacheIndex;

/// A cache by its place in the spec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketCache(pub(crate) CacheIndex);

impl Object for PacketCache {
    const KIND: &'static str = "PacketCache";
    const EXPECTED: &'static str = "a cache from newPacketCache()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new(
            "expunge",
            "([n=0])",
            "removes entries until n are left",
            |this, call| {
                let keep = call.optional("n")?.unwrap_or(0);
                this.with_live(call, |cache, now| cache.expunge(keep, now))
            },
        ),
        Method::new(
            "expungeByName",
            "(name[, qtype=DNSQType.ANY[, suffix=false]])",
            "removes the entries of a name, or of all names below it too",
            |this, call| {
                let name: NameBuf = call.required("name")?;
                let qtype = call.optional("qtype")?.filter(|qtype| *qtype != QType::ANY);
                let scope = if call.optional("suffix")?.unwrap_or(false) {
                    Scope::Suffix
                } else {
                    Scope::Name
                };
                this.with_live(call, |cache, _| {
                    cache.expunge_by_name(name.as_name(), qtype, scope)
                })
            },
        ),
        Method::new(
            "purgeExpired",
            "([n=0])",
            "removes expired entries until n are left",
            |this, call| {
                let keep = call.optional("n")?.unwrap_or(0);
                this.with_live(call, |cache, now| cache.purge_expired(now, keep, Backing::Usable))
            },
        ),
        Method::new(
            "getStats",
            "()",
            "the cache's counters, as a table",
            |this, call| {
                let counters = this.counters(call.state);
                let rows = rows(&counters).map(|(key, _, value)| (key, value));
                let table = call.lua.create_table_from(rows)?;
                table.raw_set("entries", counters.entries)?;
                table.raw_set("maxEntries", this.size(call.state))?;
                Ok(Value::Table(table))
            },
        ),
        Method::new(
            "isFull",
            "()",
            "whether there are as many entries as there may be",
            |this, call| {
                let is_full = this.live(call.state).is_some_and(|cache| cache.is_full());
                call.give(is_full)
            },
        ),
        Method::new("printStats", "()", "prints the cache's counters", |this, call| {
            let counters = this.counters(call.state);
            let summary = this.describe(call.state);
            call.state.print_line(format_args!("Entries: {summary}"));
            for (_, label, value) in rows(&counters) {
                call.state.print_line(format_args!("{label}: {value}"));
            }
            Ok(Value::Nil)
        }),
        Method::new(
            "size",
            "()",
            "the most entries that there may be",
            |this, call| {
                let size = this.size(call.state);
                call.give(size)
            },
        ),
        Method::new(
            "dump",
            "(file)",
            "writes the entries into a new file, one a line",
            |this, call| {
                let path: String = call.required("file")?;
                this.dump(call.state, &path)
                    .map_err(|error| Failure::new(format!("{path}: {error}")))?;
                Ok(Value::Nil)
            },
        ),
        Method::not_yet(
            "getAddressListByDomain",
            "the addresses that a name was answered with",
        ),
        Method::not_yet(
            "getDomainListByAddress",
            "the names that were answered with an address",
        ),
    ];

    /// Entries now and at most.
    fn describe(&self, state: &State) -> String {
        let entries = self.live(state).map_or(0, |cache| cache.len());
        format!("{entries}/{}", self.size(state))
    }
}

/// What is counted: dnsdist's key, the label that `printStats` prints, the value.
fn rows(counters: &Counters) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    [
        ("hits", "Hits", counters.hits),
        ("misses", "Misses", counters.misses),
        ("deferredInserts", "Deferred inserts", counters.deferred_inserts),
        ("deferredLookups", "Deferred lookups", counters.deferred_lookups),
        (
            "lookupCollisions",
            "Lookup Collisions",
            counters.lookup_collisions,
        ),
        (
            "insertCollisions",
            "Insert Collisions",
            counters.insert_collisions,
        ),
        ("ttlTooShorts", "TTL Too Shorts", counters.ttl_too_shorts()),
        ("cleanupCount", "Cleanup Count", counters.cleanups),
        ("bytes", "Bytes", counters.bytes),
        ("evictions", "Evictions", counters.evictions),
        ("staleHits", "Stale Hits", counters.stale_hits),
        ("prefetches", "Prefetches", counters.prefetches),
    ]
    .into_iter()
}

impl PacketCache {
    /// The cache of the running program: that of the first pool that has this one.
    pub(crate) fn live<'s>(&self, state: &'s State) -> Option<&'s Arc<Cache>> {
        let pool = state.spec.pools.iter().find(|pool| pool.cache == Some(self.0))?;
        state
            .live
            .as_ref()?
            .snapshot
            .pool(pool.name.as_str())?
            .cache
            .as_ref()
    }

    fn size(&self, state: &State) -> usize {
        state
            .spec
            .caches
            .get(self.0.0)
            .map_or(0, |cache| cache.value.max_entries)
    }

    fn counters(&self, state: &State) -> Counters {
        self.live(state).map(|cache| cache.counters()).unwrap_or_default()
    }

    /// Never into a file that is there already: the program may run as another user than whoever asks.
    fn dump(&self, state: &State, path: &str) -> io::Result<()> {
        let mut file = BufWriter::new(File::create_new(path)?);
        let mut written = Ok(());
        if let (Some(cache), Some(live)) = (self.live(state), &state.live) {
            cache.for_each(live.now, |entry| {
                if written.is_ok() {
                    written = writeln!(file, "{entry}");
                }
            });
        }
        written.and_then(|()| file.flush())
    }

    /// Does `remove` to the running cache and says how many entries went.
    fn with_live(
        &self,
        call: &mut Call<'_>,
        remove: impl FnOnce(&Cache, Timestamp) -> usize,
    ) -> Result<Value, Failure> {
        let now = call.state.live.as_ref().map_or(Timestamp::ZERO, |live| live.now);
        let removed = self.live(call.state).map_or(0, |cache| remove(cache, now));
        call.give(removed)
    }
}
