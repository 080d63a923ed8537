//! Messages in, views and patches out: one table per kind of malformation, mutations for the rest.

use crate::*;

/// `www.example.com. A IN`, RD set, with an OPT record: 1232 bytes, DO, one cookie option.
fn query_with_edns() -> Vec<u8> {
    let mut packet = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01".to_vec();
    packet.extend(b"\x03www\x07Example\x03com\x00\x00\x01\x00\x01");
    packet.extend(b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x0c\x00\x0a\x00\x08ABCDEFGH");
    packet
}

/// The reply to it: one A record (TTL 300), one NS (TTL 60) and an OPT record.
fn reply_with_edns() -> Vec<u8> {
    let mut packet = b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x01\x00\x01".to_vec();
    packet.extend(b"\x03www\x07example\x03com\x00\x00\x01\x00\x01");
    packet.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x01");
    packet.extend(b"\xc0\x10\x00\x02\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x0c");
    packet.extend(b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00");
    packet
}

#[test]
fn a_query_is_read_in_full() {
    let packet = query_with_edns();
    let query = Query::parse(&packet).unwrap();
    assert_eq!(query.qname.to_string(), "www.Example.com.");
    assert_eq!(
        (query.qtype, query.class, query.header.id),
        (QType::A, Class::IN, 0x1234)
    );
    assert!(query.dnssec_ok());
    assert_eq!(query.payload_limit(), 1232);
    let options: Vec<_> = query.options().collect();
    assert_eq!(
        options,
        [EdnsOption {
            code: EdnsOption::COOKIE,
            data: b"ABCDEFGH"
        }]
    );
}

#[test]
fn each_malformation_has_its_reason() {
    let change = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = query_with_edns();
        edit(&mut packet);
        Query::parse(&packet).map(|_| ()).unwrap_err()
    };
    assert_eq!(change(&|p| p.truncate(11)), QueryError::ShortHeader);
    assert_eq!(change(&|p| p[2] |= 0x80), QueryError::IsReply);
    assert_eq!(change(&|p| p[5] = 0), QueryError::NoQuestion);
    assert_eq!(change(&|p| p[5] = 2), QueryError::SeveralQuestions);
    assert_eq!(
        change(&|p| p[12] = 0xc0),
        QueryError::BadName(NameError::BadPointer)
    );
    assert_eq!(
        change(&|p| p[12] = 0x7f),
        QueryError::BadName(NameError::BadLabel)
    );
    assert_eq!(change(&|p| p.truncate(20)), QueryError::BadName(NameError::Short));
    assert_eq!(change(&|p| p.truncate(31)), QueryError::ShortQuestion);
    assert_eq!(
        change(&|p| p.truncate(40)),
        QueryError::BadRecord(NameError::Short)
    );
    assert_eq!(change(&|p| p.push(0)), QueryError::TrailingData);
    assert_eq!(change(&|p| p[47] = 9), QueryError::BadOpt);
    assert_eq!(change(&|p| (p[9], p[11]) = (1, 0)), QueryError::BadOpt);
    let twice = |p: &mut Vec<u8>| {
        p[11] = 2;
        p.extend_from_within(33..);
    };
    assert_eq!(change(&twice), QueryError::SeveralOpt);
}

#[test]
fn pointer_loops_in_records_end() {
    let mut packet = b"\0\0\x28\0\0\x01\0\0\0\x01\0\0\x01a\0\0\x06\0\x01".to_vec();
    let at = packet.len() as u8;
    packet.extend([0xc0, at, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        Query::parse(&packet).unwrap_err(),
        QueryError::BadRecord(NameError::BadPointer)
    );
}

#[test]
fn a_reply_is_matched_by_its_question_in_any_case() {
    let (query, reply) = (query_with_edns(), reply_with_edns());
    let query = Query::parse(&query).unwrap();
    let parsed = Reply::parse(&reply).unwrap();
    assert!(parsed.answers(query.question()));
    let mut other_type = query.question().to_vec();
    let len = other_type.len();
    other_type[len - 3] = 28;
    assert!(!parsed.answers(&other_type));
    assert!(!parsed.answers(b"\x03com\x00\x00\x01\x00\x01"));
}

#[test]
fn a_summary_knows_ttls_and_leaves_opt_out() {
    let mut reply = reply_with_edns();
    let mut offsets = Vec::new();
    let summary = Reply::parse(&reply)
        .unwrap()
        .summarize(|at| offsets.push(at))
        .unwrap();
    assert_eq!(
        (summary.min_ttl, summary.answers, summary.negative_ttl),
        (Some(60), 1, None)
    );
    assert_eq!(summary.end, reply.len());
    patch::age_ttls(&mut reply, offsets.iter().copied(), 100);
    let mut aged = Vec::new();
    for record in Reply::parse(&reply).unwrap().records() {
        aged.push(record.unwrap().ttl);
    }
    assert_eq!(aged, [200, 0, 0]);
}

#[test]
fn a_negative_answer_lives_for_the_lower_of_soa_ttl_and_minimum() {
    let query = query_with_edns();
    let query = Query::parse(&query).unwrap();
    let mut buffer = [0; 512];
    let mut builder = Builder::new(&mut buffer, &query, Flags(3)).unwrap();
    let soa = [&[0, 0][..], &[0; 16], &900u32.to_be_bytes()].concat();
    builder
        .record(
            Section::Authority,
            Name::ROOT,
            (QType::SOA, Class::IN),
            3600,
            &soa,
        )
        .unwrap();
    let len = builder.finish();
    let reply = Reply::parse(&buffer[..len]).unwrap();
    assert_eq!(reply.summarize(|_| ()).unwrap().negative_ttl, Some(900));
}

#[test]
fn truncation_keeps_question_and_opt() {
    let mut reply = reply_with_edns();
    let (end, edns) = {
        let parsed = Reply::parse(&reply).unwrap();
        (parsed.question_end(), parsed.summarize(|_| ()).unwrap().edns)
    };
    let len = patch::truncate(&mut reply, end, edns);
    let cut = Reply::parse(&reply[..len]).unwrap();
    assert!(cut.header.flags.has(Flags::TC));
    assert_eq!(cut.header.counts, [1, 0, 0, 1]);
    let summary = cut.summarize(|_| ()).unwrap();
    assert_eq!((summary.end, summary.edns.map(|e| e.udp_size)), (len, Some(1232)));
}

#[test]
fn a_reply_takes_on_the_clients_id_case_and_flags() {
    let mut reply = reply_with_edns();
    let mut query = query_with_edns();
    query[..2].copy_from_slice(b"\xab\xcd");
    query[2] = 0; // RD clear
    query[3] = 0x10; // CD set
    let query = Query::parse(&query).unwrap();
    patch::readdress(&mut reply, &query);
    let parsed = Reply::parse(&reply).unwrap();
    assert_eq!(parsed.header.id, 0xabcd);
    assert_eq!(parsed.question(), query.question());
    assert_eq!(
        parsed.header.flags.0 & (Flags::RD | Flags::CD | Flags::RA),
        Flags::CD | Flags::RA
    );
}

#[test]
fn a_builder_refuses_what_does_not_fit_and_stays_whole() {
    let query = query_with_edns();
    let query = Query::parse(&query).unwrap();
    let mut buffer = [0; 60];
    let mut builder = Builder::new(&mut buffer, &query, Flags(Flags::RA)).unwrap();
    let a = (QType::A, Class::IN);
    builder
        .record(Section::Answer, query.qname, a, 60, &[192, 0, 2, 1])
        .unwrap();
    assert_eq!(
        builder.record(Section::Answer, query.qname, a, 60, &[192, 0, 2, 2]),
        Err(Full)
    );
    builder.opt(1232, Rcode::BADVERS, true).unwrap();
    let len = builder.finish();
    let reply = Reply::parse(&buffer[..len]).unwrap();
    assert_eq!(
        (reply.header.counts, reply.rcode()),
        ([1, 1, 0, 1], Rcode::BADVERS)
    );
    assert!(reply.answers(query.question()));
}

/// Seeded mutations of a query and a reply: no view panics, and every offset that one gives is inside.
#[test]
fn mutated_messages_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..200_000 {
        let mut packet = if round % 2 == 0 {
            query_with_edns()
        } else {
            reply_with_edns()
        };
        for _ in 0..random() % 5 {
            let at = random() as usize % packet.len();
            packet[at] = random() as u8;
        }
        packet.truncate(random() as usize % (packet.len() * 3));
        if let Ok(query) = Query::parse(&packet) {
            assert!(query.question_end() <= packet.len());
            assert!(query.qname.to_string().ends_with('.'));
            query.options().for_each(drop);
        }
        let parsed = Reply::parse(&packet).map(|reply| (reply.question_end(), reply.summarize(|_| ())));
        if let Ok((question_end, summary)) = parsed {
            let edns = summary.ok().and_then(|summary| summary.edns);
            let len = patch::truncate(&mut packet, question_end, edns);
            assert!(len <= packet.len());
        }
    }
}
