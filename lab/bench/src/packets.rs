//! The queries that are sent and the answers that the backend gives, as bytes: templates in which a few are replaced.
//!
//! Nothing here is as thorough as `wire`: both ends are ours. A longer message than expected is cut short, no more.

/// Bytes in a header (RFC 1035 section 4.1.1).
const HEADER: usize = 12;
/// Digits in the name that is asked for.
const DIGITS: usize = 7;
/// Where they stand: after the header, the label's length and the letter `n`.
const DIGITS_AT: usize = HEADER + 2;
/// QR and RA, in the second and the first half of the flags.
const RESPONSE: u8 = 0x80;
/// A pointer to the question's name, A, IN, a day, 192.0.2.1.
const RECORD: [u8; 16] = [
    0xc0,
    HEADER as u8,
    0,
    1,
    0,
    1,
    0,
    1,
    0x51,
    0x80,
    0,
    4,
    192,
    0,
    2,
    1,
];

/// Which of the two pools of the configuration a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// `rec.bench.`: the pool with the packet cache.
    Cached,
    /// `auth.bench.`: the pool without one, by suffix.
    Forwarded,
}

impl Zone {
    /// The name below which all queries are.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cached => "rec.bench.",
            Self::Forwarded => "auth.bench.",
        }
    }
}

/// A query for an address, whose id and name are set before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    bytes: Vec<u8>,
}

impl Query {
    /// For `n0000000` in the zone, RD set, no EDNS, as a stub resolver asks.
    pub(crate) fn new(zone: Zone) -> Self {
        let mut bytes = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1 + DIGITS as u8, b'n'];
        bytes.extend([b'0'; DIGITS]);
        for label in zone.name().split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 1, 0, 1]);
        Self { bytes }
    }

    /// The message with this id and this number in its name, whose last seven digits count.
    pub(crate) fn numbered(&mut self, id: u16, number: u32) -> &[u8] {
        self.bytes[..2].copy_from_slice(&id.to_be_bytes());
        let mut rest = number;
        for digit in self.bytes[DIGITS_AT..DIGITS_AT + DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.bytes
    }
}

/// What the load generator wants to know of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The id.
    pub(crate) id: u16,
    /// Whether it is NOERROR with at least one record.
    pub(crate) is_answer: bool,
}

impl Reply {
    /// `None` when it is no response at all.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        (header[2] & RESPONSE != 0).then(|| Self {
            id: u16::from_be_bytes([header[0], header[1]]),
            is_answer: header[3] & 0x0f == 0 && (header[6], header[7]) != (0, 0),
        })
    }
}

/// Writes the backend's answer to `query` and returns its length: the question and one address. `None` when it is no
/// query with a question, or does not fit.
pub(crate) fn answer(query: &[u8], out: &mut [u8]) -> Option<usize> {
    let header: &[u8; HEADER] = query.first_chunk()?;
    if header[2] & RESPONSE != 0 || (header[4], header[5]) != (0, 1) {
        return None;
    }
    let end = question_end(query)?;
    out.get_mut(..end)?.copy_from_slice(query.get(..end)?);
    out.get_mut(end..end + RECORD.len())?.copy_from_slice(&RECORD);
    out[2] |= RESPONSE;
    out[3] = RESPONSE;
    out[6..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    Some(end + RECORD.len())
}

/// Behind the name, type and class of the first question.
fn question_end(query: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    loop {
        match *query.get(at)? {
            0 => return Some(at + 5),
            length @ 1..=63 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_lab::hickory_proto::op::Message;

    use super::*;

    #[test]
    fn a_query_is_one_that_others_can_read() {
        for (zone, name) in [
            (Zone::Cached, "n0001234.rec.bench."),
            (Zone::Forwarded, "n0001234.auth.bench."),
        ] {
            let mut query = Query::new(zone);
            query.numbered(9, 7_654_321);
            let message = Message::from_vec(query.numbered(0xabcd, 1_234)).unwrap();
            assert_eq!(
                (message.metadata.id, message.metadata.recursion_desired),
                (0xabcd, true)
            );
            assert_eq!(message.queries[0].to_string(), format!("{name} IN A"));
        }
    }

    #[test]
    fn the_answer_has_the_question_and_one_address() {
        let mut query = Query::new(Zone::Forwarded);
        let mut bytes = [0xff; 128];
        let length = answer(query.numbered(7, 42), &mut bytes).unwrap();
        let message = Message::from_vec(&bytes[..length]).unwrap();
        assert_eq!(message.queries[0].to_string(), "n0000042.auth.bench. IN A");
        assert_eq!(
            message.answers[0].data.ip_addr().unwrap().to_string(),
            "192.0.2.1"
        );
        assert_eq!(
            Reply::parse(&bytes[..length]),
            Some(Reply {
                id: 7,
                is_answer: true
            })
        );
    }

    #[test]
    fn what_is_no_query_gets_no_answer() {
        let mut bytes = [0; 128];
        let mut query = Query::new(Zone::Cached);
        let message = query.numbered(1, 1).to_vec();
        for length in 0..message.len() {
            assert_eq!(answer(&message[..length], &mut bytes), None, "{length}");
        }
        let mut reply = message.clone();
        reply[2] |= RESPONSE;
        assert_eq!(answer(&reply, &mut bytes), None);
        assert_eq!(answer(&message, &mut [0; 40]), None);
    }

    #[test]
    fn a_servfail_and_an_echo_are_replies_but_no_answers() {
        let mut query = Query::new(Zone::Cached);
        let mut bytes = query.numbered(5, 1).to_vec();
        assert_eq!(Reply::parse(&bytes), None);
        bytes[2] |= RESPONSE;
        assert_eq!(
            Reply::parse(&bytes),
            Some(Reply {
                id: 5,
                is_answer: false
            })
        );
        (bytes[3], bytes[7]) = (2, 1);
        assert_eq!(
            Reply::parse(&bytes),
            Some(Reply {
                id: 5,
                is_answer: false
            })
        );
    }
}
