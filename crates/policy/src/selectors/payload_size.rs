//! `PayloadSizeRule`: the size of the message.

use std::cmp::Ordering;
use std::fmt;

use crate::{Invalid, Moment, Notes, Selector, Subject};

/// How the size is compared, by dnsdist's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `equal`
    Equal,
    /// `greater`
    Greater,
    /// `greaterOrEqual`
    GreaterOrEqual,
    /// `smaller`
    Smaller,
    /// `smallerOrEqual`
    SmallerOrEqual,
}

impl Comparison {
    /// Every comparison with its name in a configuration and its words in `showRules()`.
    const TABLE: [(&'static str, Self, &'static str); 5] = [
        ("equal", Self::Equal, "equal to"),
        ("greater", Self::Greater, "greater than"),
        ("greaterOrEqual", Self::GreaterOrEqual, "equal to or greater than"),
        ("smaller", Self::Smaller, "smaller than"),
        ("smallerOrEqual", Self::SmallerOrEqual, "equal to or smaller than"),
    ];

    /// The comparison called `name`.
    ///
    /// # Errors
    /// When there is none; the error lists those that there are.
    pub fn from_name(name: &str) -> Result<Self, Invalid> {
        let known = Self::TABLE.iter().find(|(known, ..)| *known == name);
        known.map(|(_, comparison, _)| *comparison).ok_or_else(|| {
            let names = Self::TABLE.map(|(name, ..)| name).join(", ");
            Invalid::new(format!("unknown comparison '{name}'; there are {names}"))
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Smaller => ordering.is_lt(),
            Self::SmallerOrEqual => ordering.is_le(),
        }
    }
}

/// Matches by the size of the DNS message in bytes, without UDP or TCP framing.
#[derive(Debug)]
pub struct PayloadSize {
    comparison: Comparison,
    bytes: u16,
}

impl PayloadSize {
    /// Matches when the size compares so to `bytes`.
    pub fn new(comparison: Comparison, bytes: u16) -> Self {
        Self { comparison, bytes }
    }
}

impl Selector for PayloadSize {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        self.comparison
            .holds(subject.packet().len().cmp(&usize::from(self.bytes)))
    }
}

impl fmt::Display for PayloadSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Comparison::TABLE
            .iter()
            .find(|(_, known, _)| *known == self.comparison);
        write!(
            f,
            "payload size is {} {}",
            words.map_or("", |(_, _, words)| words),
            self.bytes
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use weir_wire::QType;

    #[test]
    fn sizes_are_compared_as_named() {
        let packet = packet("example.com", QType::A);
        assert_eq!(packet.len(), 29);
        for (name, [below, same, above]) in [
            ("equal", [false, true, false]),
            ("greater", [true, false, false]),
            ("greaterOrEqual", [true, true, false]),
            ("smaller", [false, false, true]),
            ("smallerOrEqual", [false, true, true]),
        ] {
            let comparison = Comparison::from_name(name).expect(name);
            for (bytes, expected) in [(28, below), (29, same), (30, above)] {
                assert_eq!(
                    matches(&PayloadSize::new(comparison, bytes), &packet),
                    expected,
                    "{name} {bytes}"
                );
            }
        }
        assert!(Comparison::from_name("larger").is_err());
        let selector = PayloadSize::new(Comparison::GreaterOrEqual, 400);
        assert_eq!(
            selector.to_string(),
            "payload size is equal to or greater than 400"
        );
    }
}
