//! `SpoofAction` with addresses.

use std::fmt;
use std::net::IpAddr;

use crate::answer::Addresses;
use crate::{Action, Answer, AnswerOptions, Decision, Invalid, Moment, Notes, Step, Subject};

/// Answers A, AAAA and ANY with given addresses, beginning with another one each time. Queries that none of them
/// answers, such as MX or the other family, pass on to the next rule.
#[derive(Debug)]
pub struct Spoof {
    addresses: Addresses,
    options: AnswerOptions,
    text: String,
}

impl Spoof {
    /// Answers with `addresses`.
    ///
    /// # Errors
    /// When there are none, or more than fit into a message.
    pub fn new(addresses: &[IpAddr], options: AnswerOptions) -> Result<Self, Invalid> {
        super::spoof_raw::check_data(addresses.iter().map(|address| match address {
            IpAddr::V4(_) => 4,
            IpAddr::V6(_) => 16,
        }))?;
        Ok(Self {
            addresses: Addresses::new(addresses),
            options,
            // With a space behind each address, as dnsdist has it.
            text: addresses.iter().map(|address| format!("{address} ")).collect(),
        })
    }
}

impl Action for Spoof {
    fn apply<'p>(
        &'p self,
        subject: &Subject<'_>,
        moment: &Moment<'_>,
        _notes: &mut Notes,
    ) -> Step<Decision<'p>> {
        if !self.addresses.answer(subject.qtype) {
            return Step::Continue;
        }
        Step::Done(Decision::Answer(Answer::Addresses {
            addresses: &self.addresses,
            turn: moment.random,
            options: self.options,
        }))
    }
}

impl fmt::Display for Spoof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spoof in {}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, packet, records};
    use weir_wire::QType;

    fn spoof(addresses: &[&str], options: AnswerOptions) -> Spoof {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect(text)).collect();
        Spoof::new(&addresses, options).expect("addresses")
    }

    #[test]
    fn the_family_asked_for_is_answered() {
        let action = spoof(&["192.0.2.1"], AnswerOptions::default());
        // As from dnsdist 1.7.3: the name compressed, class IN, a TTL of 60.
        let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";
        for qtype in [QType::A, QType::ANY] {
            assert_eq!(records(&action, &packet("sp4.t", qtype)), record);
        }
        for qtype in [QType::AAAA, QType::MX, QType::HTTPS] {
            assert_eq!(
                apply(&action, &packet("sp4.t", qtype)).0,
                Step::Continue,
                "{qtype}"
            );
        }
        assert_eq!(action.to_string(), "spoof in 192.0.2.1 ");
    }

    #[test]
    fn any_gets_all_addresses_and_the_ttl_is_the_rules() {
        let options = AnswerOptions {
            ttl: 3600,
            ..AnswerOptions::default()
        };
        let action = spoof(&["192.0.2.1", "2001:db8::1", "192.0.2.2"], options);
        assert_eq!(records(&action, &packet("sp.t", QType::A)).len(), 2 * 16);
        assert_eq!(records(&action, &packet("sp.t", QType::AAAA)).len(), 28);
        let all = records(&action, &packet("sp.t", QType::ANY));
        assert_eq!(all.len(), 2 * 16 + 28);
        assert_eq!(all[6..10], 3600u32.to_be_bytes());
    }

    #[test]
    fn lists_that_answer_nothing_or_too_much_are_refused() {
        assert!(Spoof::new(&[], AnswerOptions::default()).is_err());
        let many = vec![IpAddr::from([192, 0, 2, 1]); 5_000];
        assert!(Spoof::new(&many, AnswerOptions::default()).is_err());
    }
}
