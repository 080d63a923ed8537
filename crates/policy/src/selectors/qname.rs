//! `QNameRule`: exactly one name.

use std::fmt;

use weir_wire::NameBuf;

use crate::{Moment, Notes, Selector, Subject};

/// Matches one name, not what is below it.
#[derive(Debug)]
pub struct QName {
    name: NameBuf,
}

impl QName {
    /// Matches `name`.
    pub fn new(name: NameBuf) -> Self {
        Self { name }
    }
}

impl Selector for QName {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.qname == self.name.as_name()
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "qname=={}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use weir_wire::QType;

    #[test]
    fn only_its_name_matches() {
        let selector = QName::new("www.Example.com".parse().expect("a name"));
        assert!(matches(&selector, &packet("WWW.example.com", QType::A)));
        assert!(!matches(&selector, &packet("a.www.example.com", QType::A)));
        assert!(!matches(&selector, &packet("example.com", QType::A)));
        assert_eq!(selector.to_string(), "qname==www.Example.com.");
    }
}
