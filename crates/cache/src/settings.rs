//! What an operator can set, and the check that turns it into numbers the cache can rely on.
//!
//! The options of dnsdist's `newPacketCache` with its defaults, and Weir's own. Three of dnsdist's have no
//! counterpart because there is nothing left to choose: `payloadRanks` (every EDNS size shares one entry),
//! `parseECS` (all options of a query that count are compared on every hit) and `deferrableInsertLock` (no lock
//! is held for longer than a copy, so an insert waits).

use std::fmt;

use weir_wire::{EdnsOption, MAX_MESSAGE_LEN};

use crate::entry::OVERHEAD_BYTES;

/// Bytes allowed per entry when [`Settings::max_bytes`] is not set.
const DEFAULT_BYTES_PER_ENTRY: usize = 512;

/// The lowest default of [`Settings::max_bytes`]: a cache of a few entries must still take large replies.
const MIN_DEFAULT_BYTES: usize = 1 << 20;

/// More entries per shard than this do not fit the index's 32-bit cells with room for a tag.
const MAX_ENTRIES_PER_SHARD: usize = 1 << 26;

/// More shards only cost memory: workers are at most as many as CPUs.
const MAX_SHARDS: usize = 1024;

/// Below this many entries per shard their queues are too short to tell popular names from others.
const MIN_ENTRIES_PER_SHARD: usize = 256;

/// A shard has room for at least this many of the largest replies, unless there is only one shard.
const MIN_LARGEST_PER_SHARD: usize = 16;

/// The longest list of options to skip; it is searched for every option of every query.
const MAX_SKIP_OPTIONS: usize = 32;

/// Everything that can be set about one packet cache. TTLs and times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most entries (`size` in dnsdist).
    pub max_entries: usize,
    /// The most bytes, bookkeeping included; `None` means 512 per entry and no less than a mebibyte.
    pub max_bytes: Option<usize>,
    /// Independently locked parts (`numberOfShards`): rounded up to a power of two, lowered for small caches.
    pub shards: usize,
    /// The longest that a reply is kept (`maxTTL`).
    pub max_ttl: u32,
    /// Replies with a lower TTL are not cached (`minTTL`); no TTL is ever raised.
    pub min_ttl: u32,
    /// The longest that NXDOMAIN and "no data" are kept (`maxNegativeTTL`).
    pub max_negative_ttl: u32,
    /// How long SERVFAIL and REFUSED are kept (`temporaryFailureTTL`); 0: not at all.
    pub temporary_failure_ttl: u32,
    /// How long replies with TC set are kept (`truncatedTTL`); 0: not at all.
    pub truncated_ttl: u32,
    /// The TTL written into stale replies (`staleTTL`; RFC 8767 §4 recommends 30).
    pub stale_ttl: u32,
    /// Send TTLs as they were stored (`dontAge`): for a front end of authoritative servers.
    pub dont_age: bool,
    /// Whether expired entries outlive a purge while a pool has no usable server (`keepStaleData`).
    pub keep_stale_data: bool,
    /// A cookie makes its own entry (`cookieHashing`): for backends that answer with cookies.
    pub cookie_hashing: bool,
    /// EDNS options that make no difference (`skipOptions`); they are also taken out of what is cached.
    pub skip_options: Vec<u16>,
    /// Longer replies are not cached (`maximumEntrySize`), in bytes.
    pub max_reply_len: usize,
    /// How long after its end a reply may be served stale (RFC 8767 §5, "maximum stale timer"); 0: never.
    pub stale_window: u32,
    /// How long a failed refresh is not tried again (RFC 8767 §5, "failure recheck timer").
    pub failure_recheck: u32,
    /// Whether one hit in the last tenth of a popular reply's TTL is told to fetch it anew.
    pub prefetch: bool,
}

impl Settings {
    /// dnsdist's defaults for a cache of `max_entries`; stale replies and prefetch are off.
    pub fn new(max_entries: usize) -> Self {
        Self {
            max_entries,
            max_bytes: None,
            shards: 64,
            max_ttl: 86_400,
            min_ttl: 0,
            max_negative_ttl: 3_600,
            temporary_failure_ttl: 60,
            truncated_ttl: 0,
            stale_ttl: 60,
            dont_age: false,
            keep_stale_data: false,
            cookie_hashing: false,
            skip_options: vec![EdnsOption::COOKIE, EdnsOption::PADDING],
            max_reply_len: 4_096,
            stale_window: 0,
            failure_recheck: 30,
            prefetch: false,
        }
    }

    /// Checks the settings and works out the shape of the cache.
    ///
    /// # Errors
    /// The first setting that cannot be honoured, with what would work instead.
    pub fn check(mut self) -> Result<CheckedSettings, SettingsError> {
        if self.max_entries == 0 {
            return Err(SettingsError::NoEntries);
        }
        if !(1..=MAX_SHARDS).contains(&self.shards) {
            return Err(SettingsError::Shards(self.shards));
        }
        if self.min_ttl > self.max_ttl {
            return Err(SettingsError::TtlRange {
                min: self.min_ttl,
                max: self.max_ttl,
            });
        }
        if self.skip_options.len() > MAX_SKIP_OPTIONS {
            return Err(SettingsError::SkipOptions(self.skip_options.len()));
        }
        if self.max_reply_len > MAX_MESSAGE_LEN {
            return Err(SettingsError::ReplyLen(self.max_reply_len));
        }
        let bytes = self.max_bytes.unwrap_or_else(|| {
            let bytes = self.max_entries.saturating_mul(DEFAULT_BYTES_PER_ENTRY);
            bytes.max(MIN_DEFAULT_BYTES)
        });
        // A reply has at most one record per eleven bytes, each with an offset of two bytes.
        let largest = OVERHEAD_BYTES + self.max_reply_len + self.max_reply_len / 11 * 2;
        if bytes < largest {
            return Err(SettingsError::Bytes {
                set: bytes,
                needed: largest,
            });
        }
        let too_small = |shards: usize| {
            self.max_entries / shards < MIN_ENTRIES_PER_SHARD
                || bytes / shards < largest * MIN_LARGEST_PER_SHARD
        };
        let mut shards = self.shards.next_power_of_two();
        while shards > 1 && too_small(shards) {
            shards /= 2;
        }
        let entries_per_shard = self.max_entries / shards;
        if entries_per_shard > MAX_ENTRIES_PER_SHARD {
            return Err(SettingsError::Entries {
                set: self.max_entries,
                shards,
            });
        }
        if self.cookie_hashing {
            self.skip_options.retain(|&code| code != EdnsOption::COOKIE);
        }
        Ok(CheckedSettings {
            shards,
            entries_per_shard,
            bytes_per_shard: bytes / shards,
            settings: self,
        })
    }
}

/// Settings that have passed [`Settings::check`], with the shape of the cache that they give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedSettings {
    pub(crate) settings: Settings,
    /// A power of two.
    pub(crate) shards: usize,
    pub(crate) entries_per_shard: usize,
    pub(crate) bytes_per_shard: usize,
}

impl CheckedSettings {
    /// The settings, as checked: two caches with equal settings behave alike, so a reload may keep the old one.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The most entries there can be: [`Settings::max_entries`] rounded down to the same number per shard.
    pub fn max_entries(&self) -> usize {
        self.shards * self.entries_per_shard
    }

    /// The most bytes there can be, bookkeeping included.
    pub fn max_bytes(&self) -> usize {
        self.shards * self.bytes_per_shard
    }
}

/// Why settings cannot be honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// A cache without entries.
    NoEntries,
    /// More entries than the shards can index.
    Entries {
        /// What was set.
        set: usize,
        /// The shards there would be.
        shards: usize,
    },
    /// Not a usable number of shards.
    Shards(usize),
    /// The lowest TTL is above the highest.
    TtlRange {
        /// `min_ttl` as set.
        min: u32,
        /// `max_ttl` as set.
        max: u32,
    },
    /// Too many options to skip.
    SkipOptions(usize),
    /// Replies longer than a DNS message can be.
    ReplyLen(usize),
    /// Not even one of the longest replies would fit.
    Bytes {
        /// What was set.
        set: usize,
        /// What one of the longest replies takes.
        needed: usize,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEntries => f.write_str(
                "a packet cache of size 0 holds nothing: give it a size of at least 1, or give the pool no cache",
            ),
            Self::Entries { set, shards } => write!(
                f,
                "a packet cache of {set} entries is too large for {shards} shards: a shard indexes up to \
                 {MAX_ENTRIES_PER_SHARD}"
            ),
            Self::Shards(set) => write!(f, "{set} shards: the number of shards must be 1 to {MAX_SHARDS}"),
            Self::TtlRange { min, max } => write!(
                f,
                "nothing would be cached: the lowest TTL of {min} s is above the highest of {max} s"
            ),
            Self::SkipOptions(set) => {
                write!(f, "{set} EDNS options to skip: the list may have {MAX_SKIP_OPTIONS}")
            }
            Self::ReplyLen(set) => write!(
                f,
                "a maximum entry size of {set} bytes: a DNS message has at most {MAX_MESSAGE_LEN}"
            ),
            Self::Bytes { set, needed } => write!(
                f,
                "{set} bytes are not enough for one reply of the maximum entry size: it takes {needed}; raise \
                 the byte limit or lower the maximum entry size"
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(settings: Settings) -> (usize, usize, usize) {
        let checked = settings.check().expect("good settings");
        (checked.shards, checked.max_entries(), checked.max_bytes())
    }

    #[test]
    fn limits_are_split_evenly_and_small_caches_get_fewer_shards() {
        assert_eq!(shape(Settings::new(640_000)), (64, 640_000, 327_680_000));
        assert_eq!(shape(Settings::new(1)), (1, 1, MIN_DEFAULT_BYTES));
        let odd = Settings {
            shards: 20,
            ..Settings::new(100_000)
        };
        assert_eq!(shape(odd), (32, 100_000, 51_200_000));
        let long = Settings {
            max_reply_len: 65_535,
            ..Settings::new(100_000)
        };
        assert_eq!(shape(long).0, 32);
    }

    #[test]
    fn hashed_cookies_are_not_skipped() {
        let cookies = Settings {
            cookie_hashing: true,
            ..Settings::new(1)
        };
        assert_eq!(
            cookies.check().expect("good settings").settings().skip_options,
            [EdnsOption::PADDING]
        );
    }

    #[test]
    fn settings_that_cannot_be_honoured_are_refused_with_advice() {
        let base = || Settings::new(1000);
        let cases = [
            (Settings::new(0), "size of at least 1"),
            (Settings::new(usize::MAX), "too large for"),
            (Settings { shards: 0, ..base() }, "must be 1 to 1024"),
            (
                Settings {
                    shards: usize::MAX,
                    ..base()
                },
                "must be 1 to 1024",
            ),
            (
                Settings {
                    min_ttl: 10,
                    max_ttl: 9,
                    ..base()
                },
                "nothing would be cached",
            ),
            (
                Settings {
                    skip_options: vec![7; 33],
                    ..base()
                },
                "may have 32",
            ),
            (
                Settings {
                    max_reply_len: 65_536,
                    ..base()
                },
                "at most 65535",
            ),
            (
                Settings {
                    max_bytes: Some(4096),
                    ..base()
                },
                "raise the byte limit",
            ),
        ];
        for (settings, advice) in cases {
            let error = settings.check().expect_err(advice).to_string();
            assert!(error.contains(advice), "{error}");
        }
    }
}
