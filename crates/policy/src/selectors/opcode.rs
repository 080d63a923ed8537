//! `OpcodeRule`: the operation code.

use std::fmt;

use weir_wire as wire;

use crate::{Moment, Notes, Selector, Subject};

/// Matches one operation code.
#[derive(Debug)]
pub struct Opcode {
    opcode: wire::Opcode,
}

impl Opcode {
    /// Matches `opcode`.
    pub fn new(opcode: wire::Opcode) -> Self {
        Self { opcode }
    }
}

impl Selector for Opcode {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.flags().opcode() == self.opcode
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "opcode=={}", self.opcode.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet_with};
    use weir_wire::QType;

    #[test]
    fn only_its_code_matches() {
        let selector = Opcode::new(wire::Opcode::NOTIFY);
        assert!(matches(
            &selector,
            &packet_with(0x2000, "example.com", QType::SOA, 1)
        ));
        assert!(!matches(
            &selector,
            &packet_with(0x2800, "example.com", QType::SOA, 1)
        ));
        assert_eq!(selector.to_string(), "opcode==4");
    }
}
