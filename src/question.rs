//! What a server is asked, to see that it answers: bytes only.
//!
//! Two questions show that its sockets are read, in turn. One has no name at all: every server answers it itself
//! (NOTIMP or FORMERR), whatever has become of its backends. The other is an ordinary one, for front ends that are
//! told to be silent about the first kind. A third has a name that nobody has asked for before, so that no cache can
//! answer in a backend's place. A fourth is about the server itself: named and unbound answer it without asking anybody.
//! `weir doctor` asks for names of its own.

use weir_wire::{HEADER_LEN, Header, Name, NameBuf, NameError, QType, Rcode};

/// The label under which the ordinary question asks, so that logs show whose it is.
const ORDINARY_LABEL: &str = "weir-vip";
const RECURSION_DESIRED: [u8; 2] = [1, 0];
const ONE_QUESTION: [u8; 8] = [0, 1, 0, 0, 0, 0, 0, 0];
const TYPE_TXT_CLASS_CHAOS: [u8; 4] = [0, 16, 0, 3];

/// A query without a question.
pub(crate) fn empty(id: u16) -> Vec<u8> {
    let mut packet = header(id);
    packet.resize(HEADER_LEN, 0);
    packet
}

/// A query for an address of the label that every `weir vip` asks for.
///
/// # Errors
/// When the zone's name leaves no room for a label.
pub(crate) fn ordinary(id: u16, zone: &str) -> Result<Vec<u8>, NameError> {
    address_of(id, ORDINARY_LABEL, zone)
}

/// A query for a name that nobody asks for twice.
///
/// # Errors
/// When the zone's name leaves no room for a label.
pub(crate) fn unique(id: u16, random: u64, zone: &str) -> Result<Vec<u8>, NameError> {
    address_of(id, &format!("{random:016x}"), zone)
}

/// A query for the server's own name (RFC 4892). Those that do not tell it say so.
pub(crate) fn about_itself(id: u16) -> Vec<u8> {
    [
        &header(id),
        ONE_QUESTION.as_slice(),
        b"\x02id\x06server\x00",
        &TYPE_TXT_CLASS_CHAOS,
    ]
    .concat()
}

/// A query for the records of a type that a name has.
pub(crate) fn about(id: u16, name: Name<'_>, kind: QType) -> Vec<u8> {
    let [high, low] = kind.0.to_be_bytes();
    let mut packet = header(id);
    packet.extend(ONE_QUESTION);
    packet.extend(name.wire());
    packet.extend([high, low, 0, 1]);
    packet
}

/// The same, from who takes signatures with it and answers as large as go through everywhere unfragmented.
pub(crate) fn signed(id: u16, name: Name<'_>, kind: QType) -> Vec<u8> {
    let mut packet = about(id, name, kind);
    // One additional record (RFC 6891 §6.1.2): root, OPT, 1232 bytes, no extended code, version 0, DO, no options.
    if let Some(count) = packet.get_mut(HEADER_LEN - 1) {
        *count = 1;
    }
    packet.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]);
    packet
}

/// The response code of `packet`, if it is a reply to the query with this identifier.
pub(crate) fn answer(packet: &[u8], id: u16) -> Option<Rcode> {
    let header = Header::parse(packet)?;
    let is_reply = header.id == id && header.flags.has(weir_wire::Flags::QR);
    is_reply.then(|| Rcode(header.flags.rcode_bits()))
}

fn address_of(id: u16, label: &str, zone: &str) -> Result<Vec<u8>, NameError> {
    let name: NameBuf = format!("{label}.{}", zone.trim_start_matches('.')).parse()?;
    Ok(about(id, name.as_name(), QType::A))
}

fn header(id: u16) -> Vec<u8> {
    [id.to_be_bytes(), RECURSION_DESIRED].concat()
}

#[cfg(test)]
mod tests {
    use weir_wire::Query;

    use super::*;

    #[test]
    fn questions_are_what_a_server_can_parse() {
        for zone in ["invalid.", "lab.example", "."] {
            for packet in [ordinary(7, zone).unwrap(), unique(7, 42, zone).unwrap()] {
                assert_eq!(Query::parse(&packet).unwrap().header.id, 7);
            }
        }
        assert_eq!(Query::parse(&about_itself(7)).unwrap().header.id, 7);
        let name: NameBuf = "lab.example".parse().unwrap();
        let packet = signed(7, name.as_name(), QType::SOA);
        let query = Query::parse(&packet).unwrap();
        let edns = query.edns.unwrap();
        assert_eq!(
            (query.qtype, edns.udp_size, edns.dnssec_ok),
            (QType::SOA, 1232, true)
        );
        assert_ne!(unique(7, 1, ".").unwrap(), unique(7, 2, ".").unwrap());
        assert_eq!(empty(0x0102), [1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_zone_that_leaves_no_room_is_an_error() {
        assert!(ordinary(7, &"a.".repeat(125)).is_err());
        assert!(ordinary(7, "a..b").is_err());
    }

    #[test]
    fn only_a_reply_to_the_question_is_an_answer() {
        let mut reply = empty(7);
        assert_eq!(answer(&reply, 7), None, "a query");
        reply[2] |= 0x80;
        reply[3] = 4;
        assert_eq!(answer(&reply, 7), Some(Rcode(4)));
        assert_eq!(answer(&reply, 8), None, "another identifier");
        assert_eq!(answer(&reply[..11], 7), None, "cut");
    }
}
