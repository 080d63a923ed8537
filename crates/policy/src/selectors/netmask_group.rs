//! `NetmaskGroupRule` and prefixes given where a rule is expected: the address of one end.

use std::fmt;

use crate::{AddressRanges, Moment, Notes, Selector, Subject};

/// Which address is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client's.
    Source,
    /// The one that was asked.
    Destination,
}

/// Matches when an address is in a group.
#[derive(Debug)]
pub struct NetmaskGroup {
    end: End,
    ranges: AddressRanges,
    /// The group's masks for `showRules()`, made once: only the ranges stay.
    text: String,
}

impl NetmaskGroup {
    /// Matches when the address of `end` is in `masks`.
    pub fn new(masks: &crate::NetmaskGroup, end: End) -> Self {
        Self {
            end,
            ranges: AddressRanges::new(masks),
            text: masks.to_string(),
        }
    }

    /// The same without listing the masks in `showRules()`.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        "in-group".clone_into(&mut self.text);
        self
    }
}

impl Selector for NetmaskGroup {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        let end = match self.end {
            End::Source => subject.ends.client,
            End::Destination => subject.ends.local,
        };
        self.ranges.contains(end.ip())
    }
}

impl fmt::Display for NetmaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.end {
            End::Source => "Src",
            End::Destination => "Dst",
        };
        write!(f, "{end}: {}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use weir_wire::QType;

    #[test]
    fn the_chosen_address_decides() {
        // The test's client is 192.0.2.1 and asks 192.0.2.53.
        let client = crate::NetmaskGroup::from_masks(["192.0.2.0/24", "!192.0.2.53"]).expect("masks");
        let packet = packet("example.com", QType::A);
        let source = NetmaskGroup::new(&client, End::Source);
        let destination = NetmaskGroup::new(&client, End::Destination);
        assert!(matches(&source, &packet));
        assert!(!matches(&destination, &packet));
        assert_eq!(source.to_string(), "Src: !192.0.2.53/32, 192.0.2.0/24");
        assert_eq!(destination.to_string(), "Dst: !192.0.2.53/32, 192.0.2.0/24");
        assert_eq!(source.quiet().to_string(), "Src: in-group");
    }
}
