//! The packet cache.

use mlua::{Table, Value};
use weir_cache::Settings;

use super::setting;
use crate::diagnostics::Placed;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::objects::cache::PacketCache;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::tables::{Function, Key, key, read_keys};
use crate::dialects::dnsdist::values::{List, Read, Seconds, Wrong};
use crate::spec::CacheIndex;

pub(super) const ROWS: &[Function] = &[
    Function::new(
        "newPacketCache",
        "(size[, options])",
        "a cache of so many entries, for Pool:setCache()",
        |call| {
            let mut value = Settings::new(call.required("size")?);
            if let Some(table) = call.optional::<Table>("options")? {
                read_keys(call, &table, &[KEYS], &mut value)?;
            }
            // Refused here, where the line is at hand; a spec is checked as a whole again.
            value
                .clone()
                .check()
                .map_err(|error| Failure::new(error.to_string()))?;
            let place = call.place.clone();
            let caches = &mut call.state.edit().caches;
            caches.push(Placed { value, place });
            let index = CacheIndex(caches.len() - 1);
            call.give_object(PacketCache(index))
        },
    ),
    setting!(
        "setStaleCacheEntriesTTL",
        "(seconds)",
        "how long expired answers may be given when no server is usable",
        u32,
        |spec, window| spec.stale.window = window
    ),
    setting!(
        "setCacheCleaningDelay",
        "(seconds)",
        "time from one sweep of expired entries to the next",
        Seconds,
        |spec, Seconds(delay)| spec.cache_cleaning.delay = delay.max(std::time::Duration::from_secs(1))
    ),
    setting!(
        "setCacheCleaningPercentage",
        "(percentage)",
        "share of the entries that a sweep removes at most",
        Percentage,
        |spec, Percentage(percentage)| spec.cache_cleaning.percentage = percentage
    ),
];

const KEYS: &[Key<Settings>] = &[
    key!(
        "cookieHashing",
        "false",
        "clients' cookies make entries of their own",
        bool,
        |cache, hash| {
            cache.cookie_hashing = hash;
        }
    ),
    key!(
        "deferrableInsertLock",
        "true",
        "give an insert up when another holds the lock; nothing is held for long",
        moot
    ),
    key!(
        "dontAge",
        "false",
        "give TTLs as they were stored",
        bool,
        |cache, dont_age| cache.dont_age = dont_age
    ),
    key!(
        "keepStaleData",
        "false",
        "keep expired entries while a pool has no usable server",
        bool,
        |cache, keep| {
            cache.keep_stale_data = keep;
        }
    ),
    key!(
        "maxNegativeTTL",
        "3600",
        "seconds that NXDOMAIN and \"no data\" are kept at most",
        u32,
        |cache, ttl| {
            cache.max_negative_ttl = ttl;
        }
    ),
    key!(
        "maxTTL",
        "86400",
        "seconds that a reply is kept at most",
        u32,
        |cache, ttl| cache.max_ttl = ttl
    ),
    key!(
        "maximumEntrySize",
        "4096",
        "bytes of the largest reply that is kept",
        usize,
        |cache, bytes| {
            cache.max_reply_len = bytes;
        }
    ),
    key!(
        "minTTL",
        "0",
        "replies with a lower TTL are not kept",
        u32,
        |cache, ttl| cache.min_ttl = ttl
    ),
    key!(
        "numberOfShards",
        "64",
        "parts with a lock of their own",
        usize,
        |cache, shards| cache.shards = shards.max(1)
    ),
    key!(
        "parseECS",
        "false",
        "compare the client's subnet; every option that counts is compared",
        moot
    ),
    key!(
        "payloadRanks",
        "{}",
        "EDNS sizes that share an entry; all do",
        moot
    ),
    key!("shuffle", "false", "turn addresses on every hit", not yet unless |value| value.as_boolean() == Some(false)),
    key!(
        "skipOptions",
        "{10, 12}",
        "EDNS options that make no difference",
        List<u16>,
        |cache, List(options)| {
            cache.skip_options = options;
        }
    ),
    key!("staleTTL", "60", "TTL of expired answers", u32, |cache, ttl| {
        cache.stale_ttl = ttl
    }),
    key!(
        "temporaryFailureTTL",
        "60",
        "seconds that SERVFAIL and REFUSED are kept; 0 is not at all",
        u32,
        |cache, ttl| {
            cache.temporary_failure_ttl = ttl;
        }
    ),
    key!(
        "truncatedTTL",
        "0",
        "seconds that truncated replies are kept; 0 is not at all",
        u32,
        |cache, ttl| {
            cache.truncated_ttl = ttl;
        }
    ),
];

pub(super) fn keys() -> Vec<Part> {
    parts_of("newPacketCache", KEYS)
}

/// 0 to 100.
struct Percentage(u8);

impl Read for Percentage {
    const EXPECTED: &'static str = "a whole number from 0 to 100";

    fn read(value: &Value) -> Result<Self, Wrong> {
        u8::read(value)
            .ok()
            .filter(|share| *share <= 100)
            .map(Self)
            .ok_or(Wrong::Kind)
    }
}
