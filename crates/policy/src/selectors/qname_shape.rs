//! `QNameLabelsCountRule` and `QNameWireLengthRule`: names of an odd shape.

use std::fmt;
use std::ops::RangeInclusive;

use crate::{Moment, Notes, Selector, Subject};

/// Matches names whose number of labels, the root not counted, is **outside** a range, as in dnsdist.
#[derive(Debug)]
pub struct QNameLabelsCount {
    usual: RangeInclusive<usize>,
}

impl QNameLabelsCount {
    /// Matches what is not in `usual`.
    pub fn new(usual: RangeInclusive<usize>) -> Self {
        Self { usual }
    }
}

impl Selector for QNameLabelsCount {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        !self.usual.contains(&subject.qname.label_count())
    }
}

impl fmt::Display for QNameLabelsCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = (self.usual.start(), self.usual.end());
        write!(f, "labels count < {min} || labels count > {max}")
    }
}

/// Matches names whose length on the wire, the root label included, is **outside** a range, as in dnsdist.
#[derive(Debug)]
pub struct QNameWireLength {
    usual: RangeInclusive<usize>,
}

impl QNameWireLength {
    /// Matches what is not in `usual`, in bytes.
    pub fn new(usual: RangeInclusive<usize>) -> Self {
        Self { usual }
    }
}

impl Selector for QNameWireLength {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        !self.usual.contains(&subject.qname.wire().len())
    }
}

impl fmt::Display for QNameWireLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = (self.usual.start(), self.usual.end());
        write!(f, "wire length < {min} || wire length > {max}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use weir_wire::QType;

    fn matching(selector: &dyn Selector, qname: &str) -> bool {
        matches(selector, &packet(qname, QType::A))
    }

    #[test]
    fn label_counts_outside_the_range_match() {
        let selector = QNameLabelsCount::new(1..=2);
        for (qname, expected) in [(".", true), ("a", false), ("a.b", false), ("a.b.c", true)] {
            assert_eq!(matching(&selector, qname), expected, "{qname}");
        }
        assert_eq!(selector.to_string(), "labels count < 1 || labels count > 2");
    }

    #[test]
    fn wire_lengths_outside_the_range_match() {
        let selector = QNameWireLength::new(1..=20);
        // What dnsdist 1.7.3 did: 13 letters before `.wl.t` are 20 bytes with the root label.
        assert!(!matching(&selector, &format!("{}.wl.t", "a".repeat(13))));
        assert!(matching(&selector, &format!("{}.wl.t", "a".repeat(14))));
        assert!(!matching(&selector, "."));
        assert_eq!(selector.to_string(), "wire length < 1 || wire length > 20");
    }
}
