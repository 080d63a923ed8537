//! `NegativeAndSOAAction`: no such name, or no such data, with the SOA record that lets it be cached.

use std::fmt;

use weir_wire::{NameBuf, Rcode, Section};

use crate::answer::NegativeAnswer;
use crate::{Action, Answer, AnswerOptions, Decision, Moment, Notes, Step, Subject};

/// What does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negative {
    /// The name: NXDOMAIN.
    Name,
    /// Data of the type asked for: NOERROR without answers.
    Data,
}

/// The section that the SOA record goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SoaSection {
    /// dnsdist's default, which response policy zones use; caches do not look there.
    #[default]
    Additional,
    /// Where RFC 2308 §3 wants it (`soaInAuthoritySection`).
    Authority,
}

/// The fields of an SOA record (RFC 1035 §3.3.13); times in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// The primary server.
    pub mname: NameBuf,
    /// The mailbox of who is responsible.
    pub rname: NameBuf,
    /// The zone's version.
    pub serial: u32,
    /// How often secondaries look for a new version.
    pub refresh: u32,
    /// How soon they try again.
    pub retry: u32,
    /// When they give the zone up.
    pub expire: u32,
    /// How long negative answers may be cached (RFC 2308 §4).
    pub minimum: u32,
}

impl Soa {
    fn rdata(&self) -> Box<[u8]> {
        let numbers = [self.serial, self.refresh, self.retry, self.expire, self.minimum];
        let mut rdata = self.mname.as_name().wire().to_vec();
        rdata.extend_from_slice(self.rname.as_name().wire());
        numbers
            .iter()
            .for_each(|number| rdata.extend(number.to_be_bytes()));
        rdata.into_boxed_slice()
    }
}

/// Answers that something does not exist.
#[derive(Debug)]
pub struct NegativeAndSoa {
    negative: Negative,
    answer: NegativeAnswer,
    options: AnswerOptions,
}

impl NegativeAndSoa {
    /// Answers that `negative` does not exist, with an SOA record of `zone` that has a TTL of `ttl` seconds.
    pub fn new(
        negative: Negative,
        (zone, ttl): (NameBuf, u32),
        soa: &Soa,
        section: SoaSection,
        options: AnswerOptions,
    ) -> Self {
        let answer = NegativeAnswer {
            rcode: match negative {
                Negative::Name => Rcode::NXDOMAIN,
                Negative::Data => Rcode::NOERROR,
            },
            zone,
            ttl,
            rdata: soa.rdata(),
            section: match section {
                SoaSection::Additional => Section::Additional,
                SoaSection::Authority => Section::Authority,
            },
        };
        Self {
            negative,
            answer,
            options,
        }
    }
}

impl Action for NegativeAndSoa {
    fn apply<'p>(
        &'p self,
        _subject: &Subject<'_>,
        _moment: &Moment<'_>,
        _notes: &mut Notes,
    ) -> Step<Decision<'p>> {
        Step::Done(Decision::Answer(Answer::Negative {
            soa: &self.answer,
            options: self.options,
        }))
    }
}

impl fmt::Display for NegativeAndSoa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.negative {
            // Two spaces, as dnsdist has it.
            Negative::Name => "NXD  with SOA",
            Negative::Data => "NODATA with SOA",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{packet, records, with_opt};
    use weir_wire::{QType, Query};

    fn action(negative: Negative, section: SoaSection) -> NegativeAndSoa {
        let name = |text: &str| text.parse().expect("a name");
        let soa = Soa {
            mname: name("m.example"),
            rname: name("r.example"),
            serial: 1,
            refresh: 2,
            retry: 3,
            expire: 4,
            minimum: 5,
        };
        NegativeAndSoa::new(
            negative,
            (name("zone.example"), 60),
            &soa,
            section,
            AnswerOptions::default(),
        )
    }

    #[test]
    fn the_soa_record_is_dnsdists_byte_for_byte() {
        let action = action(Negative::Name, SoaSection::Additional);
        let mut expected =
            b"\x04zone\x07example\0\0\x06\0\x01\0\0\0\x3c\0\x2a\x01m\x07example\0\x01r\x07example\0".to_vec();
        (1u32..=5).for_each(|number| expected.extend(number.to_be_bytes()));
        assert_eq!(records(&action, &packet("nx.t", QType::A)), expected);
        expected.extend(b"\0\0\x29\x04\xd0\0\0\x80\0\0\0");
        assert_eq!(
            records(&action, &with_opt(packet("nx.t", QType::A), 4096, 0x8000, &[])),
            expected
        );
    }

    #[test]
    fn code_and_section_are_those_of_the_rule() {
        for (negative, section, rcode, counts) in [
            (Negative::Name, SoaSection::Additional, 3, [0, 1]),
            (Negative::Data, SoaSection::Authority, 0, [1, 0]),
        ] {
            let action = action(negative, section);
            let packet = packet("nx.t", QType::A);
            let query = Query::parse(&packet).expect("a query");
            let mut buffer = [0; 512];
            let (step, _) = crate::testing::apply(&action, &packet);
            let Step::Done(Decision::Answer(answer)) = step else {
                panic!("{step:?}")
            };
            answer.write(&query, Some(1232), &mut buffer).expect("it fits");
            assert_eq!((buffer[3] & 15, [buffer[9], buffer[11]]), (rcode, counts));
        }
        assert_eq!(
            action(Negative::Name, SoaSection::Authority).to_string(),
            "NXD  with SOA"
        );
    }
}
