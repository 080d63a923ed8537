//! `RCodeRule`: the response code in the header.

use std::fmt;

use weir_wire::Rcode;

use crate::{Moment, Notes, Selector, Subject};

/// Matches one response code, without the bits that EDNS adds. On a query it looks at the same four bits, which
/// are 0 in all but odd ones.
#[derive(Debug)]
pub struct RCode {
    rcode: Rcode,
}

impl RCode {
    /// Matches `rcode`.
    pub fn new(rcode: Rcode) -> Self {
        Self { rcode }
    }
}

impl Selector for RCode {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.flags().rcode_bits() == self.rcode.0
    }
}

impl fmt::Display for RCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rcode=={}", text(self.rcode))
    }
}

/// dnsdist's words for the codes.
fn text(rcode: Rcode) -> String {
    let known = match rcode {
        Rcode::NOERROR => "No Error",
        Rcode::FORMERR => "Form Error",
        Rcode::SERVFAIL => "Server Failure",
        Rcode::NXDOMAIN => "Non-Existent domain",
        Rcode::NOTIMP => "Not Implemented",
        Rcode::REFUSED => "Query Refused",
        Rcode::YXDOMAIN => "Name Exists when it should not",
        Rcode::YXRRSET => "RR Set Exists when it should not",
        Rcode::NXRRSET => "RR Set that should exist does not",
        Rcode::NOTAUTH => "Server Not Authoritative for zone / Not Authorized",
        Rcode::NOTZONE => "Name not contained in zone",
        Rcode(number) if number < 16 => return format!("Err#{number}"),
        Rcode(_) => "ErrOutOfRange",
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ends, matches, moment, packet};
    use weir_wire::{QType, Reply};

    #[test]
    fn a_reply_matches_by_its_code() {
        let selector = RCode::new(Rcode::NXDOMAIN);
        let query = packet("example.com", QType::A);
        assert!(!matches(&selector, &query));
        for (flags, expected) in [(0x8183u16, true), (0x8180, false)] {
            let mut packet = query.clone();
            packet[2..4].copy_from_slice(&flags.to_be_bytes());
            let reply = Reply::parse(&packet).expect("a reply");
            let subject = Subject::of_reply(&reply, reply.question(), ends()).expect("a question");
            assert_eq!(
                selector.matches(&subject, &moment(0), &Notes::default()),
                expected
            );
        }
    }

    #[test]
    fn codes_are_spelled_as_dnsdist_spells_them() {
        assert_eq!(
            RCode::new(Rcode::NXDOMAIN).to_string(),
            "rcode==Non-Existent domain"
        );
        assert_eq!(RCode::new(Rcode(11)).to_string(), "rcode==Err#11");
        assert_eq!(RCode::new(Rcode(16)).to_string(), "rcode==ErrOutOfRange");
    }
}
