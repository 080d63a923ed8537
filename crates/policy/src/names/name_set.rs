//! A set of exact names: dnsdist's `DNSNameSet`.

use weir_wire::Name;
use weir_wire::hash::Seed;

use super::table::Table;
use crate::Invalid;

/// A set of names, compared without case.
#[derive(Clone, Debug)]
pub struct NameSet {
    table: Table,
    len: usize,
}

impl NameSet {
    /// An empty set. `seed` is secret, so that nobody can choose names that make lookups slow.
    pub fn new(seed: Seed) -> Self {
        Self {
            table: Table::new(seed),
            len: 0,
        }
    }

    /// Adds `name`; says whether it is new.
    ///
    /// # Errors
    /// When the set is full, at 4 GiB of names.
    pub fn insert(&mut self, name: Name<'_>) -> Result<bool, Invalid> {
        let slot = match self.table.find(name) {
            Some(slot) => slot,
            None => {
                let start = self.table.append(name)?;
                self.table.insert(name, start)?
            }
        };
        let added = self.table.set_listed(slot, true);
        self.len += usize::from(added);
        Ok(added)
    }

    /// Removes `name`; says whether it was there. Its memory stays for when it comes back.
    pub fn remove(&mut self, name: Name<'_>) -> bool {
        let found = self.table.find(name);
        let removed = found.is_some_and(|slot| self.table.set_listed(slot, false));
        self.len -= usize::from(removed);
        removed
    }

    /// Whether `name` is in the set.
    #[inline]
    pub fn contains(&self, name: Name<'_>) -> bool {
        self.table
            .find(name)
            .is_some_and(|slot| self.table.is_listed(slot))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use std::collections::BTreeSet;
    use weir_wire::NameBuf;

    #[test]
    fn a_set_agrees_with_a_tree_of_strings() {
        let mut random = Random::new(3);
        let mut set = NameSet::new(Seed::new([random.next(), random.next()]));
        let mut model = BTreeSet::new();
        for _ in 0..20_000 {
            let text = format!("{}.{}.", random.below(40), random.below(40));
            let name: NameBuf = text.parse().expect("a name");
            match random.below(3) {
                0 => assert_eq!(set.remove(name.as_name()), model.remove(&text)),
                1 => assert_eq!(set.insert(name.as_name()), Ok(model.insert(text))),
                _ => assert_eq!(set.contains(name.as_name()), model.contains(&text)),
            }
            assert_eq!(set.len(), model.len());
        }
        let listed: BTreeSet<String> = set.names().map(|name| name.to_string()).collect();
        assert_eq!(listed, model);
    }

    #[test]
    fn names_with_equal_hashes_are_told_apart() {
        let name = |number: u32| -> NameBuf { format!("n{number}").parse().expect("a name") };
        let mut set = NameSet::new(Seed::new([5, 6]));
        // A slot keeps 31 bits of hash: some 40 of these pairs agree in them.
        for number in 0..300_000 {
            set.insert(name(number).as_name()).expect("there is room");
        }
        assert_eq!(set.len(), 300_000);
        assert!((300_000..600_000).all(|number| !set.contains(name(number).as_name())));
    }

    #[test]
    fn case_does_not_matter_and_borders_of_labels_do() {
        let mut set = NameSet::new(Seed::new([5, 6]));
        let [name, upper, below, joined]: [NameBuf; 4] = [
            "www.Example.com",
            "WWW.EXAMPLE.COM",
            "a.www.example.com",
            "wwwexample.com",
        ]
        .map(|text| text.parse().expect("a name"));
        assert_eq!(set.insert(name.as_name()), Ok(true));
        assert_eq!(set.insert(upper.as_name()), Ok(false));
        assert!(set.contains(upper.as_name()));
        assert!(
            !set.contains(below.as_name()) && !set.contains(joined.as_name()) && !set.contains(Name::ROOT)
        );
        assert_eq!(set.insert(Name::ROOT), Ok(true));
        assert!(set.contains(Name::ROOT));
    }
}
