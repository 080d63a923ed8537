//! A set of subtrees of the name space: dnsdist's `SuffixMatchNode`.

use std::{fmt, iter};

use weir_wire::hash::Seed;
use weir_wire::{MAX_NAME_LEN, Name, NameBuf};

use super::table::{Slot, Table};
use crate::Invalid;

/// Most labels of a name, the root not counted.
const MAX_LABELS: usize = MAX_NAME_LEN / 2;

/// Most names that `Display` writes; a rule of a million names is not a line of text.
const MAX_SHOWN: usize = 100;

/// Names that stand for themselves and everything below them; the root stands for every name.
///
/// Each ancestor of a name in the set has a slot of its own in the table, so a lookup goes from the root down and
/// ends at the first ancestor that leads nowhere: for most names, and for all random ones, after two or three
/// steps, however many labels they have.
#[derive(Clone, Debug)]
pub struct SuffixSet {
    table: Table,
    len: usize,
    /// Whether the root is in the set, known without a lookup: every path begins there.
    lists_root: bool,
}

impl SuffixSet {
    /// An empty set. `seed` is secret, so that nobody can choose names that make lookups slow.
    pub fn new(seed: Seed) -> Self {
        Self {
            table: Table::new(seed),
            len: 0,
            lists_root: false,
        }
    }

    /// Adds `name` and what is below it; says whether the name is new.
    ///
    /// # Errors
    /// When the set is full, at 4 GiB of names.
    pub fn insert(&mut self, name: Name<'_>) -> Result<bool, Invalid> {
        let slot = match self.table.find(name) {
            Some(slot) => slot,
            None => self.insert_path(name)?,
        };
        let added = self.table.set_listed(slot, true);
        self.len += usize::from(added);
        self.lists_root |= name == Name::ROOT;
        Ok(added)
    }

    /// Removes `name` itself; names of the set above and below it stay. Says whether it was there.
    pub fn remove(&mut self, name: Name<'_>) -> bool {
        let found = self.table.find(name);
        let removed = found.is_some_and(|slot| self.table.set_listed(slot, false));
        self.len -= usize::from(removed);
        self.lists_root &= name != Name::ROOT;
        removed
    }

    /// Whether `name` or a name above it is in the set.
    #[inline]
    pub fn contains(&self, name: Name<'_>) -> bool {
        self.listed_on(&Path::of(name)).next().is_some()
    }

    /// The longest name of the set that is `name` or above it.
    pub fn best_match<'n>(&self, name: Name<'n>) -> Option<Name<'n>> {
        self.listed_on(&Path::of(name)).last()
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names in lower case, in no useful order.
    pub fn names(&self) -> impl Iterator<Item = Name<'_>> {
        self.table.listed()
    }

    /// Bytes of memory that the set takes.
    pub fn memory(&self) -> usize {
        self.table.memory()
    }

    /// The names of the set on the way from the root down a path.
    #[inline]
    fn listed_on<'n>(&self, path: &Path<'n>) -> impl Iterator<Item = Name<'n>> {
        let found = path
            .descend()
            .map_while(|name| Some((name, self.table.find(name)?)));
        let listed = found
            .filter(|(_, slot)| self.table.is_listed(*slot))
            .map(|(name, _)| name);
        self.lists_root.then_some(Name::ROOT).into_iter().chain(listed)
    }

    /// Adds slots for `name` and for those of its ancestors that have none; returns the one of `name`.
    fn insert_path(&mut self, name: Name<'_>) -> Result<Slot, Invalid> {
        let start = self.table.append(name)?;
        for ancestor in iter::once(Name::ROOT).chain(Path::of(name).descend()) {
            if self.table.find(ancestor).is_none() {
                let skipped = name.wire().len() - ancestor.wire().len();
                self.table.insert(ancestor, start + skipped)?;
            }
        }
        self.table
            .find(name)
            .ok_or_else(|| Invalid::new(format!("'{name}' does not fit")))
    }
}

impl fmt::Display for SuffixSet {
    /// The names in dnsdist's order, that of their text read backwards.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<NameBuf> = self.names().map(Name::to_buf).collect();
        let backwards = |name: &NameBuf| name.to_string().bytes().rev().collect::<Vec<u8>>();
        if names.len() <= MAX_SHOWN {
            names.sort_by_cached_key(backwards);
        }
        for (number, name) in names.iter().take(MAX_SHOWN).enumerate() {
            let separator = if number > 0 { ", " } else { "" };
            write!(f, "{separator}{name}")?;
        }
        match names.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A name and where its labels begin; the root is not one.
struct Path<'n> {
    name: Name<'n>,
    starts: [u8; MAX_LABELS],
    labels: usize,
}

impl<'n> Path<'n> {
    #[inline]
    fn of(name: Name<'n>) -> Self {
        let mut path = Self {
            name,
            starts: [0; MAX_LABELS],
            labels: 0,
        };
        let mut start = 0;
        for label in name.labels() {
            path.push(start);
            start += label.len() + 1;
        }
        path
    }

    fn push(&mut self, start: usize) {
        // A name has at most 255 bytes, so no label begins behind the 255th.
        if let Some(slot) = self.starts.get_mut(self.labels) {
            *slot = start as u8;
            self.labels += 1;
        }
    }

    /// The top-level domain, then one label more each time, up to the whole name.
    #[inline]
    fn descend(&self) -> impl Iterator<Item = Name<'n>> {
        let starts = self.starts.get(..self.labels).unwrap_or(&[]);
        let names = starts
            .iter()
            .rev()
            .map(|&start| Name::parse(self.name.wire(), usize::from(start)));
        names.map_while(Result::ok)
    }
}

#[cfg(test)]
mod tests;
