//! What no honest client sends: dropped or refused, never forwarded, and the next honest query is answered.

use std::net::UdpSocket;

use weir_lab::{Responder, Transport};

use crate::stage::{SILENCE, Stage, a};

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped,
    /// This response code.
    Refused(u8),
}

use Fate::{Dropped, Refused};

const FORMERR: u8 = 1;
const NOTIMP: u8 = 4;

/// A message: id 0x1234, flags, the four counts, the rest.
fn message(flags: u16, counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(rest.concat());
    bytes
}

/// `bad.example. A IN`
const QUESTION: &[u8] = b"\x03bad\x07example\x00\x00\x01\x00\x01";
/// An empty OPT record announcing 1232 bytes.
const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
const RD: u16 = 0x0100;

type Row = (&'static str, Vec<u8>, Fate);

/// What is wrong with the header, or disagrees with it.
fn headers() -> Vec<Row> {
    let asks = |flags, questions, rest: &[&[u8]]| message(flags, [questions, 0, 0, 0], rest);
    vec![
        ("nothing", vec![], Dropped),
        ("one byte", vec![0x12], Dropped),
        ("eleven bytes", asks(RD, 1, &[])[..11].to_vec(), Dropped),
        (
            "a header alone that announces a question",
            asks(RD, 1, &[]),
            Dropped,
        ),
        ("a reply", asks(RD | 0x8000, 1, &[QUESTION]), Dropped),
        ("no question", asks(RD, 0, &[]), Refused(NOTIMP)),
        (
            "two questions",
            asks(RD, 2, &[QUESTION, QUESTION]),
            Refused(FORMERR),
        ),
    ]
}

/// What is wrong with the question.
fn questions() -> Vec<Row> {
    let asks = |rest: &[u8]| message(RD, [1, 0, 0, 0], &[rest]);
    let longest_label = [&[63][..], &[b'x'; 63]].concat();
    let too_long = [longest_label.repeat(4), b"\x00\x00\x01\x00\x01".to_vec()].concat();
    vec![
        ("a name without end", asks(b"\x03bad\x07exam"), Dropped),
        (
            "a question without class",
            asks(&QUESTION[..QUESTION.len() - 2]),
            Dropped,
        ),
        (
            "a name that points to itself",
            asks(b"\xc0\x0c\x00\x01\x00\x01"),
            Dropped,
        ),
        (
            "a name that points behind itself",
            asks(b"\xc0\xff\x00\x01\x00\x01"),
            Dropped,
        ),
        (
            "a label of the reserved kind",
            asks(b"\x41x\x00\x00\x01\x00\x01"),
            Dropped,
        ),
        ("a name of 257 bytes", asks(&too_long), Dropped),
    ]
}

/// What is wrong behind the question.
fn records() -> Vec<Row> {
    let asks = |additional, rest: &[&[u8]]| message(RD, [1, 0, 0, additional], &[QUESTION, &rest.concat()]);
    let cut_option = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x40\x01\x02\x03\x04";
    vec![
        ("two OPT records", asks(2, &[OPT, OPT]), Refused(FORMERR)),
        ("an OPT record that is not there", asks(1, &[]), Refused(FORMERR)),
        (
            "an OPT record cut in its option",
            asks(1, &[cut_option]),
            Refused(FORMERR),
        ),
        ("bytes behind the end", asks(0, &[b"more"]), Refused(FORMERR)),
    ]
}

fn table() -> impl Iterator<Item = Row> {
    headers().into_iter().chain(questions()).chain(records())
}

fn fate(reply: Option<&[u8]>) -> Fate {
    match reply {
        Some([0x12, 0x34, flags, rcode, ..]) if flags & 0x80 != 0 => Refused(rcode & 0x0f),
        Some(reply) => panic!("an odd reply: {reply:x?}"),
        None => Dropped,
    }
}

fn ask(socket: &UdpSocket, bytes: &[u8], front: &Stage) -> Fate {
    let mut buffer = [0; 512];
    socket.send_to(bytes, front.address).unwrap();
    fate(socket.recv(&mut buffer).ok().map(|length| &buffer[..length]))
}

#[test]
fn beyond_malformed_queries_are_dropped_or_refused_and_never_forwarded() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&format!("newServer({{address=\"{}\"}})\n", backend.address()));
    let socket = front.client().patience(SILENCE).udp_socket().unwrap();
    let mut wrong = Vec::new();
    for (what, bytes, wanted) in table() {
        let seen = ask(&socket, &bytes, &front);
        if seen != wanted {
            wrong.push(format!("{what}: {seen:?} instead of {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(backend.count("bad.example"), 0, "forwarded");
    front.resolve("fine.example").unwrap();
}

#[test]
fn beyond_malformed_queries_over_tcp_are_not_forwarded_and_harm_no_other_client() {
    let backend = Responder::start().unwrap();
    let front = Stage::start(&format!("newServer({{address=\"{}\"}})\n", backend.address()));
    for (what, bytes, _) in table() {
        let mut session = front.client().patience(SILENCE).connect().unwrap();
        session.send_bytes(&bytes).unwrap();
        let _ = session.receive();
        assert_eq!(backend.count("bad.example"), 0, "{what}: forwarded");
    }
    front.client().ask(Transport::Tcp, &a("fine.example")).unwrap();
}
