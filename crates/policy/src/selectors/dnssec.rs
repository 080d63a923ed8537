//! `DNSSECRule`: queries of validators.

use std::fmt;

use weir_wire::Flags;

use crate::{Moment, Notes, Selector, Subject};

/// Matches messages with the DO bit or the CD bit, as dnsdist does (its documentation names only DO).
#[derive(Debug)]
pub struct Dnssec;

impl Selector for Dnssec {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.flags().has(Flags::CD) || subject.edns().is_some_and(|edns| edns.dnssec_ok)
    }
}

impl fmt::Display for Dnssec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DNSSEC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet, packet_with, with_opt};
    use weir_wire::QType;

    #[test]
    fn the_do_bit_and_the_cd_bit_match() {
        let plain = packet("example.com", QType::A);
        assert!(!matches(&Dnssec, &plain));
        assert!(!matches(&Dnssec, &with_opt(plain.clone(), 1232, 0, &[])));
        assert!(matches(&Dnssec, &with_opt(plain, 1232, 0x8000, &[])));
        assert!(matches(&Dnssec, &packet_with(0x0110, "example.com", QType::A, 1)));
    }
}
