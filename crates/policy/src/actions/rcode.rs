//! `RCodeAction`: an answer without records.

use std::fmt;

use weir_wire::Rcode;

use crate::{Action, Answer, AnswerOptions, Decision, Invalid, Moment, Notes, Step, Subject};

/// Answers with a response code.
#[derive(Debug)]
pub struct RCode {
    rcode: Rcode,
    options: AnswerOptions,
}

impl RCode {
    /// Answers with `rcode`. Codes above 15 reach clients only in replies with EDNS.
    ///
    /// # Errors
    /// When `rcode` has more than twelve bits.
    pub fn new(rcode: Rcode, options: AnswerOptions) -> Result<Self, Invalid> {
        if rcode.0 > 0x0fff {
            return Err(Invalid::new(format!(
                "response code {} is above 4095, the highest that EDNS can carry",
                rcode.0
            )));
        }
        Ok(Self { rcode, options })
    }
}

impl Action for RCode {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &mut Notes) -> Step<Decision<'_>> {
        Step::Done(Decision::Answer(Answer::Rcode {
            rcode: self.rcode,
            options: self.options,
        }))
    }
}

impl fmt::Display for RCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set rcode {}", self.rcode.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{packet, records, with_opt};
    use weir_wire::QType;

    #[test]
    fn the_answer_has_no_records_but_opt() {
        let refused = RCode::new(Rcode::REFUSED, AnswerOptions::default()).expect("a code");
        let plain = packet("rc.t", QType::A);
        assert!(records(&refused, &plain).is_empty());
        // As from dnsdist 1.7.3: its own payload size, the query's DO bit.
        assert_eq!(
            records(&refused, &with_opt(plain, 512, 0x8000, &[])),
            b"\0\0\x29\x04\xd0\0\0\x80\0\0\0"
        );
        assert_eq!(refused.to_string(), "set rcode 5");
    }

    #[test]
    fn codes_that_no_reply_can_carry_are_refused() {
        assert!(RCode::new(Rcode(4095), AnswerOptions::default()).is_ok());
        assert!(RCode::new(Rcode(4096), AnswerOptions::default()).is_err());
    }
}
