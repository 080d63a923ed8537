//! A zone that is larger than every buffer on the way, for a client that takes its time.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use weir_lab::hickory_proto::op::{Message, MessageType, OpCode, Query};
use weir_lab::hickory_proto::rr::rdata::{SOA, TXT};
use weir_lab::hickory_proto::rr::{Name, RData, Record, RecordType};
use weir_lab::{Ask, wait_for};

use crate::stage::Stage;

/// Messages of a transfer, and about how long each is in bytes.
const MESSAGES: usize = 1000;
const MESSAGE_LEN: usize = 32_000;
/// Looks in a row at which nothing has moved: then the backend is held up.
const STILL: usize = 100;

/// Answers a transfer over the next connection as fast as it is taken, counting messages.
fn send_zone(listener: &TcpListener, sent: &AtomicUsize) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut query).unwrap();
    let query = Message::from_vec(&query).unwrap();
    for number in 0..MESSAGES {
        let message = part(query.metadata.id, &query.queries[0], number)
            .to_vec()
            .unwrap();
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &message].concat()).unwrap();
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// One message: its number as text, and the zone's SOA record at both ends.
fn part(id: u16, question: &Query, number: usize) -> Message {
    let mut message = Message::new(id, MessageType::Response, OpCode::Query);
    message.add_query(question.clone());
    let name = question.name().clone();
    let record = |data| Record::from_rdata(name.clone(), 300, data);
    let soa = || RData::SOA(SOA::new(Name::root(), Name::root(), 1, 3600, 600, 86400, 300));
    if number == 0 {
        message.add_answer(record(soa()));
    }
    let text = vec![number.to_string(); MESSAGE_LEN / 4];
    message.add_answer(record(RData::TXT(TXT::new(text))));
    if number == MESSAGES - 1 {
        message.add_answer(record(soa()));
    }
    message
}

#[test]
fn beyond_a_zone_goes_no_faster_than_its_client_takes_it_and_arrives_whole() {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = backend.local_addr().unwrap();
    let front = Stage::listen(&format!(
        "setTCPSendTimeout(20)\nnewServer({{address=\"{address}\", healthCheckMode=\"up\"}})\n"
    ));
    let sent = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| send_zone(&backend, &sent));
        let mut session = front.client().connect().unwrap();
        session.send(&Ask::new("zone.example", "AXFR").unwrap()).unwrap();
        let (mut last, mut still) = (0, 0);
        wait_for("the backend is held up", Duration::from_secs(10), || {
            let now = sent.load(Ordering::Relaxed);
            still = if now == last && now > 0 { still + 1 } else { 0 };
            last = now;
            still == STILL
        })
        .unwrap();
        assert!(last < MESSAGES, "the whole zone lies in the front end");
        for number in 0..MESSAGES {
            let message = session.receive().unwrap().message;
            let is_soa = |record: &&Record| record.record_type() == RecordType::SOA;
            let ends = usize::from(number == 0 || number == MESSAGES - 1);
            assert_eq!(message.answers.iter().filter(is_soa).count(), ends, "{number}");
        }
    });
}
