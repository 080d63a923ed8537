//! `QNameSetRule`: any name of a set.

use std::fmt;
use std::sync::Arc;

use crate::{Moment, NameSet, Notes, Selector, Subject};

/// Matches the names of a set, not what is below them.
#[derive(Debug)]
pub struct QNameSet {
    names: Arc<NameSet>,
}

impl QNameSet {
    /// Matches the members of `names`.
    pub fn new(names: Arc<NameSet>) -> Self {
        Self { names }
    }
}

impl Selector for QNameSet {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        self.names.contains(subject.qname)
    }
}

impl fmt::Display for QNameSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "qname in DNSNameSet({} FQDNs)", self.names.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use weir_wire::{NameBuf, QType, hash::Seed};

    #[test]
    fn only_members_match() {
        let mut names = NameSet::new(Seed::new([1, 2]));
        let name: NameBuf = "a.example".parse().expect("a name");
        names.insert(name.as_name()).expect("there is room");
        let selector = QNameSet::new(Arc::new(names));
        assert!(matches(&selector, &packet("A.example", QType::A)));
        assert!(!matches(&selector, &packet("b.a.example", QType::A)));
        assert_eq!(selector.to_string(), "qname in DNSNameSet(1 FQDNs)");
    }
}
