//! Asks a server several questions at once, over UDP and over TCP: what came back, as values.
//!
//! Whatever comes in is hostile: what does not answer one of the questions, by identifier and by question, is passed over.
//! An answer is waited for until [`PATIENCE`] is over, and so many messages are looked at and no more.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use weir_wire::{Flags, HEADER_LEN, MAX_MESSAGE_LEN, Rcode, Reply, Section, Timestamp};

use crate::clock::now;

/// How long an answer is waited for. A resolver with an empty cache needs a while.
const PATIENCE: Duration = Duration::from_secs(3);
/// A question without an answer is sent again after so long, once; UDP loses packets.
const AGAIN: Duration = Duration::from_millis(1200);
/// Messages that are looked at: many more than there are questions.
const MAX_MESSAGES: usize = 256;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A reply.
    Reply(Answer),
    /// Nobody listens there: the port was refused.
    Closed,
    /// There is no way there.
    Unreachable(ErrorKind),
    /// No answer came.
    Silent,
}

/// What matters of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The response code.
    pub(super) rcode: Rcode,
    /// The flags.
    pub(super) flags: Flags,
    /// Records in the answer section.
    pub(super) records: usize,
}

/// The answers of a server, one per question and in the questions' order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// The address of this machine that the server has seen, if there was a way to it.
    pub(super) source: Option<IpAddr>,
    /// What became of each question.
    pub(super) outcomes: Vec<Outcome>,
}

/// Asks over UDP. `questions` are whole queries, each with another identifier.
pub(super) fn over_udp(server: SocketAddr, questions: &[Vec<u8>]) -> Heard {
    let mut heard = Heard {
        source: None,
        outcomes: vec![Outcome::Silent; questions.len()],
    };
    if let Err(error) = udp(server, questions, &mut heard) {
        heard.end(&error);
    }
    heard
}

/// Asks over one connection.
pub(super) fn over_tcp(server: SocketAddr, questions: &[Vec<u8>]) -> Heard {
    let mut heard = Heard {
        source: None,
        outcomes: vec![Outcome::Silent; questions.len()],
    };
    if let Err(error) = tcp(server, questions, &mut heard) {
        heard.end(&error);
    }
    heard
}

fn udp(server: SocketAddr, questions: &[Vec<u8>], heard: &mut Heard) -> io::Result<()> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0))?;
    // The kernel passes on what comes from the server's address, and tells of a closed port.
    socket.connect(server)?;
    heard.source = Some(socket.local_addr()?.ip());
    let start = now();
    let mut buffer = vec![0; MAX_MESSAGE_LEN];
    let mut left = MAX_MESSAGES;
    for wait in [AGAIN, PATIENCE] {
        for (question, outcome) in questions.iter().zip(&heard.outcomes) {
            if *outcome == Outcome::Silent {
                socket.send(question)?;
            }
        }
        while let Some(rest) = until(start, wait)
            && left > 0
            && heard.waits()
        {
            socket.set_read_timeout(Some(rest))?;
            match socket.recv(&mut buffer) {
                Ok(length) => heard.take(questions, buffer.get(..length).unwrap_or_default()),
                Err(error) if is_over(&error) => {}
                Err(error) => return Err(error),
            }
            left -= 1;
        }
    }
    Ok(())
}

fn tcp(server: SocketAddr, questions: &[Vec<u8>], heard: &mut Heard) -> io::Result<()> {
    let start = now();
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    heard.source = Some(stream.local_addr()?.ip());
    stream.set_write_timeout(Some(PATIENCE))?;
    let frames = questions.iter().flat_map(|question| {
        let length = u16::try_from(question.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&length, question.as_slice()].concat()
    });
    stream.write_all(&frames.collect::<Vec<u8>>())?;
    for _ in 0..MAX_MESSAGES {
        if !heard.waits() {
            break;
        }
        let mut length = [0; 2];
        fill(&mut stream, &mut length, start)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        fill(&mut stream, &mut message, start)?;
        heard.take(questions, &message);
    }
    Ok(())
}

/// Reads as many bytes, unless time is over.
fn fill(stream: &mut TcpStream, buffer: &mut [u8], start: Timestamp) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let wait = until(start, PATIENCE).ok_or(ErrorKind::TimedOut)?;
        stream.set_read_timeout(Some(wait))?;
        match stream.read(rest)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            length => filled += length,
        }
    }
    Ok(())
}

/// What is left of a time that began at `start`.
fn until(start: Timestamp, wait: Duration) -> Option<Duration> {
    wait.checked_sub(now().since(start))
        .filter(|rest| !rest.is_zero())
}

fn is_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

impl Heard {
    /// Whether a question has no answer yet.
    fn waits(&self) -> bool {
        self.outcomes.contains(&Outcome::Silent)
    }

    /// Takes note of a message that answers one of the questions.
    fn take(&mut self, questions: &[Vec<u8>], message: &[u8]) {
        let Ok(reply) = Reply::parse(message) else {
            return;
        };
        let asked = questions
            .iter()
            .zip(&mut self.outcomes)
            .find(|(question, outcome)| {
                let rest = question.get(HEADER_LEN..).unwrap_or_default();
                // What stands behind the question, an OPT record, is not in the reply's question.
                let asked = rest.get(..reply.question().len()).unwrap_or_default();
                **outcome == Outcome::Silent && question.get(..2) == message.get(..2) && reply.answers(asked)
            });
        let records = reply.records().map_while(Result::ok);
        let records = records.filter(|record| record.section == Section::Answer).count();
        if let Some((_, outcome)) = asked {
            *outcome = Outcome::Reply(Answer {
                rcode: Rcode(reply.header.flags.rcode_bits()),
                flags: reply.header.flags,
                records,
            });
        }
    }

    /// Takes note of why the rest of the questions gets no answer.
    fn end(&mut self, error: &io::Error) {
        let why = match error.kind() {
            ErrorKind::ConnectionRefused => Outcome::Closed,
            // A server may close a connection that it does not like; nobody answers all the same.
            ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock => Outcome::Silent,
            kind => Outcome::Unreachable(kind),
        };
        for outcome in &mut self.outcomes {
            if *outcome == Outcome::Silent {
                *outcome = why;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_lab::hickory_proto::op::ResponseCode;
    use weir_lab::{Behaviour, Responder};
    use weir_wire::{NameBuf, QType};

    use super::*;
    use crate::question;

    fn questions() -> [Vec<u8>; 3] {
        let name = |text: &str| text.parse::<NameBuf>().unwrap();
        [
            question::about(1, name("a.test").as_name(), QType::A),
            question::about(2, name("b.test").as_name(), QType::A),
            question::signed(3, name("c.test").as_name(), QType::A),
        ]
    }

    fn rcode(outcome: Outcome) -> Option<(Rcode, usize)> {
        match outcome {
            Outcome::Reply(answer) => Some((answer.rcode, answer.records)),
            Outcome::Closed | Outcome::Unreachable(_) | Outcome::Silent => None,
        }
    }

    #[test]
    fn each_question_gets_its_own_answer_over_both_transports() {
        let server = Responder::start().unwrap();
        server.behave_for("b.test.", Behaviour::Rcode(ResponseCode::Refused));
        for heard in [
            over_udp(server.address(), &questions()),
            over_tcp(server.address(), &questions()),
        ] {
            assert_eq!(heard.source, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
            let expected = [(Rcode::NOERROR, 1), (Rcode::REFUSED, 0), (Rcode::NOERROR, 1)];
            let found: Vec<_> = heard.outcomes.iter().filter_map(|o| rcode(*o)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn forged_answers_are_none_and_the_others_are_waited_for() {
        let server = Responder::start().unwrap();
        server.behave_for("a.test.", Behaviour::WrongId);
        server.behave_for("b.test.", Behaviour::WrongQuestion);
        let heard = over_udp(server.address(), &questions());
        let answered: Vec<_> = heard.outcomes.iter().map(|o| rcode(*o).is_some()).collect();
        assert_eq!(answered, [false, false, true]);
    }

    #[test]
    fn a_closed_port_says_so() {
        let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for heard in [over_udp(nobody, &questions()), over_tcp(nobody, &questions())] {
            assert_eq!(heard.outcomes, [Outcome::Closed; 3]);
        }
    }

    #[test]
    fn a_flood_of_messages_ends() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let flood = std::thread::spawn(move || {
            let (_, client) = server.recv_from(&mut [0; 512]).unwrap();
            for _ in 0..2 * MAX_MESSAGES {
                let _ = server.send_to(&[0xff; 40], client);
            }
        });
        let heard = over_udp(address, &questions());
        assert!(!heard.outcomes.iter().any(|o| rcode(*o).is_some()));
        flood.join().unwrap();
    }
}
