//! `QTypeRule`: the type asked for.

use std::fmt;

use weir_wire as wire;

use crate::{Moment, Notes, Selector, Subject};

/// Matches queries for one type.
#[derive(Debug)]
pub struct QType {
    qtype: wire::QType,
}

impl QType {
    /// Matches `qtype`.
    pub fn new(qtype: wire::QType) -> Self {
        Self { qtype }
    }
}

impl Selector for QType {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.qtype == self.qtype
    }
}

impl fmt::Display for QType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "qtype=={}", self.qtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};

    #[test]
    fn only_its_type_matches() {
        let selector = QType::new(wire::QType::ANY);
        assert!(matches(&selector, &packet("example.com", wire::QType::ANY)));
        assert!(!matches(&selector, &packet("example.com", wire::QType::A)));
        assert_eq!(selector.to_string(), "qtype==ANY");
        assert_eq!(QType::new(wire::QType(65280)).to_string(), "qtype==TYPE65280");
    }
}
