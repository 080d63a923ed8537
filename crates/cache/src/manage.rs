//! What people and timers do to a cache: count, list, expunge, purge.
//!
//! All of it walks the shards in slices of [`SLICE`] entries per lock, so workers wait for no more than that.
//! What is stored while a walk is under way may be missed by it.

use std::fmt;
use std::sync::{MutexGuard, PoisonError};

use weir_wire::{Class, HEADER_LEN, Name, NameBuf, QType, Rcode, Timestamp};

use crate::cache::{Cache, Slot};
use crate::counters::Counters;
use crate::entry::Entry;
use crate::key::Key;
use crate::shard::{Freed, Shard};

/// Entries looked at, or removed, while a lock is held once.
const SLICE: usize = 256;

/// Which names an expunge means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The name alone.
    Name,
    /// The name and all below it.
    Suffix,
}

/// Whether the pools that use a cache can renew what expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Each has a usable server.
    Usable,
    /// At least one has none.
    Down,
}

/// One entry, for people to read.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The name asked for.
    pub name: NameBuf,
    /// The type asked for.
    pub qtype: QType,
    /// The class asked in.
    pub class: Class,
    /// The reply's response code.
    pub rcode: Rcode,
    /// Seconds until it expires; negative when it has.
    pub ttl: i64,
    /// Seconds since it was stored.
    pub age: u32,
    /// The reply's length in bytes.
    pub len: usize,
    /// The key's flags, EDNS and DO among them.
    pub flags: KeyFlags,
}

/// The bits of a query that make an entry of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFlags(u8);

impl fmt::Display for KeyFlags {
    /// The names of the set ones, separated by a blank.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, bit) in Key::BIT_NAMES {
            if self.0 & bit != 0 {
                write!(f, "{separator}{name}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl fmt::Display for Listed {
    /// One line of a dump: `name ttl class type ; rcode, length, age, key flags`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            qtype,
            class,
            rcode,
            ttl,
            age,
            len,
            flags,
        } = self;
        write!(
            f,
            "{name} {ttl} {class} {qtype} ; {rcode}, {len} bytes, stored {age} s ago, key: {flags}"
        )
    }
}

impl Cache {
    /// What the cache holds and has counted, added up over its shards.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for slot in &self.shards {
            let shard = lock(slot);
            sum += shard.counters;
            sum += Counters {
                entries: shard.len() as u64,
                bytes: shard.bytes() as u64,
                ..Counters::default()
            };
        }
        sum
    }

    /// Entries now, expired ones included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|slot| lock(slot).len()).sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there are as many entries as there may be.
    pub fn is_full(&self) -> bool {
        self.len() >= self.checked().max_entries()
    }

    /// Removes entries of `name`, of type `qtype` if one is given. Returns how many.
    pub fn expunge_by_name(&self, name: Name<'_>, qtype: Option<QType>, scope: Scope) -> usize {
        self.remove_where(0, |entry| {
            let in_scope = match scope {
                Scope::Name => entry.name() == name,
                Scope::Suffix => entry.name().is_at_or_below(name),
            };
            in_scope && qtype.is_none_or(|qtype| kind(entry).0 == qtype)
        })
    }

    /// Removes entries, the least useful first, until at most `keep` are left. Returns how many.
    pub fn expunge(&self, keep: usize, now: Timestamp) -> usize {
        let keep = keep / self.shards.len();
        let mut removed = 0;
        for slot in &self.shards {
            loop {
                let mut freed = Freed::with_capacity(SLICE);
                let mut shard = lock(slot);
                while shard.len() > keep && freed.len() < SLICE {
                    let Some(body) = shard.evict(now.as_secs()) else {
                        break;
                    };
                    freed.push(body);
                }
                drop(shard);
                removed += freed.len();
                if freed.is_empty() {
                    break;
                }
            }
        }
        removed
    }

    /// Removes expired entries until at most `keep` entries are left. Returns how many.
    ///
    /// Answers that may still be served stale stay. With [`Settings::keep_stale_data`] and a pool that is
    /// [`Backing::Down`], all stay.
    ///
    /// [`Settings::keep_stale_data`]: crate::Settings::keep_stale_data
    pub fn purge_expired(&self, now: Timestamp, keep: usize, backing: Backing) -> usize {
        if self.settings().keep_stale_data && backing == Backing::Down {
            return 0;
        }
        let window = self.settings().stale_window;
        let removed = self.remove_where(keep, |entry| entry.is_dead(now.as_secs(), window));
        if let Some(slot) = self.shards.first() {
            lock(slot).counters.cleanups += 1;
        }
        removed
    }

    /// Shows every entry to `show`, in no order. No lock is held meanwhile.
    pub fn for_each(&self, now: Timestamp, mut show: impl FnMut(&Listed)) {
        let now = now.as_secs();
        for slot in &self.shards {
            let mut start = 0;
            loop {
                let mut listed = Vec::with_capacity(SLICE);
                {
                    let shard = lock(slot);
                    let Some(slice) = slice_from(&shard, start) else {
                        break;
                    };
                    listed.extend(
                        slice
                            .iter()
                            .filter(|entry| !entry.is_vacant())
                            .map(|entry| list(entry, now)),
                    );
                }
                listed.iter().for_each(&mut show);
                start += SLICE;
            }
        }
    }

    /// Removes entries that are `unwanted` until at most `keep` are left. Returns how many.
    fn remove_where(&self, keep: usize, unwanted: impl Fn(&Entry) -> bool) -> usize {
        let keep = keep / self.shards.len();
        let mut removed = 0;
        for slot in &self.shards {
            let mut start = 0;
            loop {
                let mut freed = Freed::with_capacity(SLICE);
                let mut places = Vec::with_capacity(SLICE);
                let mut shard = lock(slot);
                let Some(slice) = slice_from(&shard, start) else {
                    break;
                };
                let spare = shard.len().saturating_sub(keep);
                let unwanted = slice
                    .iter()
                    .enumerate()
                    .filter(|(_, entry)| !entry.is_vacant() && unwanted(entry));
                places.extend(unwanted.map(|(at, _)| (start + at) as u32).take(spare));
                freed.extend(places.iter().map(|&place| shard.remove(place)));
                drop(shard);
                removed += freed.len();
                start += SLICE;
            }
        }
        removed
    }
}

fn lock(slot: &Slot) -> MutexGuard<'_, Shard> {
    slot.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next places to look at; `None` behind the last.
fn slice_from(shard: &Shard, start: usize) -> Option<&[Entry]> {
    let rest = shard.entries().get(start..).filter(|rest| !rest.is_empty())?;
    Some(rest.get(..SLICE).unwrap_or(rest))
}

/// The type and the class in the question of the entry's reply.
fn kind(entry: &Entry) -> (QType, Class) {
    let at = HEADER_LEN + entry.name().wire().len();
    let field = |at: usize| {
        let bytes = entry.reply().get(at..).and_then(|rest| rest.first_chunk::<2>());
        bytes.map_or(0, |bytes| u16::from_be_bytes(*bytes))
    };
    (QType(field(at)), Class(field(at + 2)))
}

fn list(entry: &Entry, now: u32) -> Listed {
    let (qtype, class) = kind(entry);
    Listed {
        name: entry.name().to_buf(),
        qtype,
        class,
        rcode: entry.rcode(),
        ttl: i64::from(entry.expires) - i64::from(now),
        age: now.saturating_sub(entry.inserted),
        len: entry.reply().len(),
        flags: KeyFlags(entry.bits),
    }
}
