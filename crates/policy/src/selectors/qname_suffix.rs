//! `SuffixMatchNodeRule`, `QNameSuffixRule` and names given where a rule is expected: subtrees of names.

use std::fmt;
use std::sync::Arc;

use crate::{Moment, Notes, Selector, Subject, SuffixSet};

/// Matches the names of a set and everything below them.
#[derive(Debug)]
pub struct QNameSuffix {
    suffixes: Arc<SuffixSet>,
    quiet: bool,
}

impl QNameSuffix {
    /// Matches what is at or below a member of `suffixes`.
    pub fn new(suffixes: Arc<SuffixSet>) -> Self {
        Self {
            suffixes,
            quiet: false,
        }
    }

    /// The names.
    pub fn suffixes(&self) -> &SuffixSet {
        &self.suffixes
    }

    /// The same without listing the names in `showRules()`.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }
}

impl Selector for QNameSuffix {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        self.suffixes.contains(subject.qname)
    }
}

impl fmt::Display for QNameSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quiet {
            return f.write_str("qname==in-set");
        }
        write!(f, "qname in {}", self.suffixes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use weir_wire::{NameBuf, QType, hash::Seed};

    #[test]
    fn members_and_names_below_match() {
        let mut suffixes = SuffixSet::new(Seed::new([1, 2]));
        let name: NameBuf = "zaibdns.lab".parse().expect("a name");
        suffixes.insert(name.as_name()).expect("there is room");
        let selector = QNameSuffix::new(Arc::new(suffixes));
        assert!(matches(&selector, &packet("www.zaibdns.LAB", QType::A)));
        assert!(matches(&selector, &packet("zaibdns.lab", QType::A)));
        assert!(!matches(&selector, &packet("xzaibdns.lab", QType::A)));
        assert_eq!(selector.to_string(), "qname in zaibdns.lab.");
        assert_eq!(selector.quiet().to_string(), "qname==in-set");
    }
}
