//! `RDRule`: the RD bit.

use std::fmt;

use weir_wire::Flags;

use crate::{Moment, Notes, Selector, Subject};

/// Matches queries with RD set that no earlier rule has cleared (`SetNoRecurseAction`).
#[derive(Debug)]
pub struct Rd;

impl Selector for Rd {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, notes: &Notes) -> bool {
        subject.flags().has(Flags::RD) && !notes.no_recurse
    }
}

impl fmt::Display for Rd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rd==1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ends, matches, moment, packet_with};
    use weir_wire::{QType, Query};

    #[test]
    fn rd_is_the_querys_unless_a_rule_cleared_it() {
        let set = packet_with(0x0100, "example.com", QType::A, 1);
        assert!(matches(&Rd, &set));
        assert!(!matches(&Rd, &packet_with(0x0000, "example.com", QType::A, 1)));
        let query = Query::parse(&set).expect("a query");
        let mut cleared = Notes::default();
        cleared.no_recurse = true;
        assert!(!Rd.matches(&Subject::of_query(&query, ends()), &moment(0), &cleared));
    }
}
