//! Bytes from a backend that is broken, or not ours.

use weir_wire::{QType, Query, Reply};

use super::packets::{Bench, Opt, Question, Random, ReplyTo};
use crate::Settings;

const ROUNDS: usize = 200_000;

/// Replies that are almost right: flipped bits, cuts, repeated and overwritten bytes.
fn mutate(reply: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        if reply.is_empty() {
            return;
        }
        let at = random.below(reply.len());
        match random.below(6) {
            0 => reply[at] ^= 1 << random.below(8),
            1 => reply[at] = random.next() as u8,
            2 => reply.truncate(at),
            3 => reply.insert(at, random.next() as u8),
            4 => reply[at] = [0, 0x3f, 0x40, 0xc0, 0xff][random.below(5)],
            _ => reply.extend_from_within(at..),
        }
    }
}

#[test]
fn no_bytes_panic_or_come_back_for_another_question() {
    let opt = Opt {
        size: 1232,
        options: vec![(10, vec![1; 16]), (15, vec![0, 3])],
        ..Opt::default()
    };
    let question = |name: &str| Question {
        edns: Some(opt.clone()),
        ..Question::new(name)
    };
    let mut bench = Bench::new(Settings {
        truncated_ttl: 10,
        stale_window: 100,
        prefetch: true,
        ..Settings::new(500)
    });
    let queries = ["www.example.com", "xww.example.com", "example.com"].map(|name| question(name).packet(7));
    let mut random = Random(42);
    let (mut hits, mut stored) = (0, 0);
    for round in 0..ROUNDS {
        bench.at(round as u32 / 8);
        let query = &queries[random.below(queries.len())];
        let mut reply = ReplyTo::new(query)
            .address(20)
            .record(0, QType::TXT, 9, &[3; 30])
            .soa(60, 60);
        if random.below(2) == 0 {
            reply = reply.opt(&opt);
        }
        let mut reply = reply.build();
        mutate(&mut reply, &mut random);
        stored += usize::from(bench.insert(query, &reply) == crate::Inserted::Stored);
        for query in &queries {
            let Some(hit) = bench.hit(query) else { continue };
            hits += 1;
            let asked = Query::parse(query).expect("a query");
            let given = Reply::parse(&hit).expect("a reply");
            assert_eq!(given.question(), asked.question());
            assert_eq!(given.header.id, 7);
            let summary = given.summarize(|_| ()).expect("well-formed records");
            assert_eq!(summary.end, hit.len());
            assert!(
                !summary
                    .edns
                    .is_some_and(|edns| edns.options(&hit).any(|option| option.code == 10))
            );
        }
    }
    assert!(
        hits > ROUNDS / 10 && stored > ROUNDS / 100,
        "{hits} hits of {stored} stored test nothing"
    );
}

#[test]
fn random_bytes_are_refused() {
    let bench = Bench::new(Settings::new(500));
    let query = Question::new("example.com").packet(1);
    let mut random = Random(1);
    for len in 0..2_000 {
        let bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        bench.insert(&query, &bytes);
    }
    assert!(bench.cache.is_empty());
}
