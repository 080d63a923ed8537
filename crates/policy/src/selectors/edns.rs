//! `EDNSVersionRule` and `EDNSOptionRule`: what an OPT record says.

use std::fmt;

use crate::{Moment, Notes, Selector, Subject};

/// Matches messages whose EDNS version is **above** a number, as in dnsdist.
#[derive(Debug)]
pub struct EdnsVersion {
    highest: u8,
}

impl EdnsVersion {
    /// Matches versions above `highest`.
    pub fn new(highest: u8) -> Self {
        Self { highest }
    }
}

impl Selector for EdnsVersion {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.edns().is_some_and(|edns| edns.version > self.highest)
    }
}

impl fmt::Display for EdnsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ednsversion>{}", self.highest)
    }
}

/// Matches messages with an EDNS option.
#[derive(Debug)]
pub struct EdnsOption {
    code: u16,
}

impl EdnsOption {
    /// Matches options with `code`.
    pub fn new(code: u16) -> Self {
        Self { code }
    }
}

impl Selector for EdnsOption {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        let edns = subject.edns();
        edns.is_some_and(|edns| {
            edns.options(subject.packet())
                .any(|option| option.code == self.code)
        })
    }
}

impl fmt::Display for EdnsOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ednsoptcode=={}", self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet, with_opt};
    use weir_wire::QType;

    #[test]
    fn versions_above_the_number_match() {
        let plain = packet("example.com", QType::A);
        let selector = EdnsVersion::new(0);
        assert!(!matches(&selector, &plain));
        assert!(!matches(&selector, &with_opt(plain.clone(), 1232, 0, &[])));
        assert!(matches(&selector, &with_opt(plain, 1232, 0x0001_0000, &[])));
        assert_eq!(selector.to_string(), "ednsversion>0");
    }

    #[test]
    fn the_option_has_to_be_there() {
        let plain = packet("example.com", QType::A);
        let selector = EdnsOption::new(10);
        assert!(!matches(&selector, &plain));
        assert!(!matches(
            &selector,
            &with_opt(plain.clone(), 1232, 0, &[0, 12, 0, 1, 0])
        ));
        assert!(matches(
            &selector,
            &with_opt(plain, 1232, 0, &[0, 12, 0, 1, 0, 0, 10, 0, 0])
        ));
        assert_eq!(selector.to_string(), "ednsoptcode==10");
    }
}
