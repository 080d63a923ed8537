//! `SpoofCNAMEAction`: an alias.

use std::fmt;

use weir_wire::NameBuf;

use crate::{Action, Answer, AnswerOptions, Decision, Moment, Notes, Step, Subject};

/// Answers every type with a CNAME record; its target is not looked up.
#[derive(Debug)]
pub struct SpoofCname {
    target: NameBuf,
    options: AnswerOptions,
}

impl SpoofCname {
    /// Answers that the name is an alias of `target`.
    pub fn new(target: NameBuf, options: AnswerOptions) -> Self {
        Self { target, options }
    }
}

impl Action for SpoofCname {
    fn apply<'p>(
        &'p self,
        _subject: &Subject<'_>,
        _moment: &Moment<'_>,
        _notes: &mut Notes,
    ) -> Step<Decision<'p>> {
        Step::Done(Decision::Answer(Answer::Cname {
            target: &self.target,
            options: self.options,
        }))
    }
}

impl fmt::Display for SpoofCname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spoof in {} ", self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{packet, records};
    use weir_wire::QType;

    #[test]
    fn every_type_gets_the_alias() {
        let action = SpoofCname::new(
            "target.example".parse().expect("a name"),
            AnswerOptions::default(),
        );
        for qtype in [QType::A, QType::CNAME, QType::MX, QType::ANY] {
            assert_eq!(
                records(&action, &packet("spc.t", qtype)),
                b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x10\x06target\x07example\0"
            );
        }
        assert_eq!(action.to_string(), "spoof in target.example. ");
    }
}
