//! `QClassRule`: the class asked for.

use std::fmt;

use weir_wire::Class;

use crate::{Moment, Notes, Selector, Subject};

/// Matches queries of one class.
#[derive(Debug)]
pub struct QClass {
    class: Class,
}

impl QClass {
    /// Matches `class`.
    pub fn new(class: Class) -> Self {
        Self { class }
    }
}

impl Selector for QClass {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.class == self.class
    }
}

impl fmt::Display for QClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // dnsdist prints the number.
        write!(f, "qclass=={}", self.class.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet_with};
    use weir_wire::QType;

    #[test]
    fn only_its_class_matches() {
        let selector = QClass::new(Class::CHAOS);
        assert!(matches(
            &selector,
            &packet_with(0x0100, "version.bind", QType::TXT, 3)
        ));
        assert!(!matches(
            &selector,
            &packet_with(0x0100, "version.bind", QType::TXT, 1)
        ));
        assert_eq!(selector.to_string(), "qclass==3");
    }
}
