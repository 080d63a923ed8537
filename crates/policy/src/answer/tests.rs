use super::*;
use crate::testing::{packet, packet_with, with_opt};

/// Flags of the reply to a query with `flags`.
fn flags(answer: Answer<'_>, flags: u16) -> u16 {
    let packet = packet_with(flags, "rc.t", QType::A, 1);
    let query = Query::parse(&packet).expect("a query");
    let mut buffer = [0; 512];
    answer.write(&query, Some(1232), &mut buffer).expect("it fits");
    assert_eq!(buffer[..2], packet[..2], "the identifier is the query's");
    u16::from_be_bytes([buffer[2], buffer[3]])
}

fn rcode(rcode: Rcode, options: AnswerOptions) -> Answer<'static> {
    Answer::Rcode { rcode, options }
}

fn options(bit: bool) -> AnswerOptions {
    AnswerOptions {
        aa: Some(bit),
        ad: Some(bit),
        ra: Some(bit),
        ttl: 0,
    }
}

#[test]
fn header_bits_are_those_of_dnsdist() {
    const QR: u16 = Flags::QR;
    let default = AnswerOptions::default();
    for (query, given, expected) in [
        (Flags::RD, default, QR | Flags::RD | Flags::RA),
        (0, default, QR),
        (
            Flags::RD | Flags::CD | Flags::AD,
            default,
            QR | Flags::RD | Flags::RA | Flags::CD,
        ),
        (Flags::AA | Flags::TC | Flags::RA, default, QR),
        (0, options(true), QR | Flags::AA | Flags::AD | Flags::RA),
        (Flags::RD | Flags::CD, options(false), QR | Flags::RD | Flags::CD),
        (0x2000 | Flags::RD, default, QR | 0x2000 | Flags::RD | Flags::RA),
    ] {
        assert_eq!(
            flags(rcode(Rcode::REFUSED, given), query),
            expected | 5,
            "query {query:#06x} {given:?}"
        );
    }
    assert_eq!(
        flags(Answer::Truncated, Flags::RD),
        QR | Flags::TC | Flags::RD | Flags::RA
    );
}

#[test]
fn high_codes_need_an_opt_record() {
    let plain = packet("rc.t", QType::A);
    let with_edns = with_opt(plain.clone(), 4096, 0, &[]);
    let answer = rcode(Rcode::BADVERS, AnswerOptions::default());
    let mut buffer = [0; 512];
    for (packet, opt_size, expected) in [
        (&plain, Some(1232), &[][..]),
        (&with_edns, None, &[]),
        (&with_edns, Some(1400), &[0, 0, 41, 0x05, 0x78, 1, 0, 0, 0, 0, 0]),
    ] {
        let query = Query::parse(packet).expect("a query");
        let len = answer.write(&query, opt_size, &mut buffer).expect("it fits");
        assert_eq!(buffer[3] & 15, 0);
        assert_eq!(buffer[query.question_end()..len], *expected);
        assert_eq!(buffer[11], u8::from(!expected.is_empty()));
    }
}

#[test]
fn each_address_comes_first_equally_often() {
    let addresses = Addresses::new(&[1, 2, 3].map(|last| IpAddr::from([192, 0, 2, last])));
    let packet = packet("sp.t", QType::A);
    let query = Query::parse(&packet).expect("a query");
    let mut first = [0; 4];
    for turn in 0..300 {
        let answer = Answer::Addresses {
            addresses: &addresses,
            turn,
            options: AnswerOptions::default(),
        };
        let mut buffer = [0; 512];
        let len = answer.write(&query, None, &mut buffer).expect("it fits");
        let lasts: Vec<u8> = buffer[query.question_end()..len]
            .chunks(16)
            .map(|record| record[15])
            .collect();
        let mut sorted = lasts.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 3]);
        first[usize::from(lasts[0])] += 1;
    }
    assert_eq!(first, [0, 100, 100, 100]);
}

#[test]
fn a_buffer_that_is_too_small_is_an_error() {
    let packet = packet("sp.t", QType::A);
    let query = Query::parse(&packet).expect("a query");
    let target: NameBuf = "target.example".parse().expect("a name");
    let answer = Answer::Cname {
        target: &target,
        options: AnswerOptions::default(),
    };
    for len in 0..50 {
        assert_eq!(
            answer.write(&query, Some(1232), &mut vec![0; len]),
            Err(Full),
            "{len}"
        );
    }
    assert_eq!(answer.write(&query, Some(1232), &mut [0; 50]), Ok(50));
}
