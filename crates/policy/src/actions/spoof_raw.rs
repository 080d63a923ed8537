//! `SpoofRawAction`: records with given data.

use std::fmt;

use weir_wire::{MAX_MESSAGE_LEN, QType};

use crate::answer::RawData;
use crate::{Action, Answer, AnswerOptions, Decision, Invalid, Moment, Notes, Step, Subject};

/// Answers with records of the type asked for, whatever it is, that hold given data.
#[derive(Debug)]
pub struct SpoofRaw {
    data: RawData,
    options: AnswerOptions,
}

impl SpoofRaw {
    /// Answers with one record per element of `data`, which is record data as on the wire. Queries for ANY get
    /// records of `type_for_any`, or of type ANY without one.
    ///
    /// # Errors
    /// When there is no data, or more than fits into a message.
    pub fn new(
        data: Vec<Box<[u8]>>,
        type_for_any: Option<QType>,
        options: AnswerOptions,
    ) -> Result<Self, Invalid> {
        check_data(data.iter().map(|data| data.len()))?;
        let data = RawData {
            records: data,
            type_for_any,
        };
        Ok(Self { data, options })
    }
}

/// Bytes of a message that spoofed records may take: all but header, question and OPT record.
const MAX_RECORD_BYTES: usize = MAX_MESSAGE_LEN - 12 - 259 - 11;
/// Bytes of a record before its data, with a compressed owner.
const RECORD_OVERHEAD: usize = 12;

/// Checks that there is data, by the lengths of its parts, and that a message holds all of it.
pub(super) fn check_data(lengths: impl ExactSizeIterator<Item = usize>) -> Result<(), Invalid> {
    if lengths.len() == 0 {
        return Err(Invalid::new("there is nothing to answer with"));
    }
    let bytes: usize = lengths.map(|len| len.saturating_add(RECORD_OVERHEAD)).sum();
    if bytes > MAX_RECORD_BYTES {
        return Err(Invalid::new(format!(
            "records of {bytes} bytes are more than the {MAX_RECORD_BYTES} that fit into a message"
        )));
    }
    Ok(())
}

impl Action for SpoofRaw {
    fn apply<'p>(
        &'p self,
        _subject: &Subject<'_>,
        moment: &Moment<'_>,
        _notes: &mut Notes,
    ) -> Step<Decision<'p>> {
        Step::Done(Decision::Answer(Answer::Raw {
            data: &self.data,
            turn: moment.random,
            options: self.options,
        }))
    }
}

impl fmt::Display for SpoofRaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("spoof in raw bytes ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{packet, records};

    fn spoof(type_for_any: Option<QType>) -> SpoofRaw {
        let data = vec![Box::from(*b"\x03abc"), Box::from(*b"\x04abcd")];
        SpoofRaw::new(data, type_for_any, AnswerOptions::default()).expect("data")
    }

    #[test]
    fn each_datum_is_a_record_of_the_type_asked_for() {
        // As from dnsdist 1.7.3.
        assert_eq!(
            records(&spoof(None), &packet("spr.t", QType::TXT)),
            b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x04\x03abc\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x05\x04abcd"
        );
        assert_eq!(spoof(None).to_string(), "spoof in raw bytes ");
    }

    #[test]
    fn any_is_answered_with_the_type_of_the_rule() {
        let qtype = |action: &SpoofRaw| records(action, &packet("spr.t", QType::ANY))[2..4].to_vec();
        assert_eq!(qtype(&spoof(None)), QType::ANY.0.to_be_bytes());
        assert_eq!(qtype(&spoof(Some(QType::TXT))), QType::TXT.0.to_be_bytes());
    }

    #[test]
    fn data_must_be_there_and_fit() {
        assert!(SpoofRaw::new(vec![], None, AnswerOptions::default()).is_err());
        assert!(SpoofRaw::new(vec![vec![0; 65_300].into()], None, AnswerOptions::default()).is_err());
    }
}
