//! Random operations beside a model that knows what was stored.

use std::collections::BTreeMap;

use weir_wire::{Flags, QType};

use super::packets::{Bench, Opt, Question, Random, ReplyTo};
use crate::{Backing, Inserted, Refusal, Scope, Settings};

/// What the cache may give for a question.
struct Stored {
    reply: ReplyTo,
    ttl: u32,
    stored_at: u32,
}

/// The questions that there are: few, so that they meet.
fn question(random: &mut Random, names: usize) -> Question {
    Question {
        name: format!("host{}.example", random.below(names)),
        qtype: [QType::A, QType::AAAA][random.below(2)],
        flags: [Flags::RD, Flags::RD | Flags::CD][random.below(2)],
        edns: [
            None,
            Some(Opt {
                size: 1232,
                ..Opt::default()
            }),
        ][random.below(2)]
        .clone(),
    }
}

/// The reply that a cache should give to `query` after `age` seconds.
fn aged(stored: &Stored, query: &[u8], age: u32) -> Vec<u8> {
    let len = stored.reply.build().len();
    let mut reply = stored.reply.clone().with_ttl(stored.ttl - age).build();
    reply[..2].copy_from_slice(&query[..2]);
    // The question in the case of this client.
    let name_end = query[12..]
        .iter()
        .position(|&byte| byte == 0)
        .expect("a root label")
        + 12;
    reply[12..name_end].copy_from_slice(&query[12..name_end]);
    assert_eq!(reply.len(), len);
    reply
}

/// Runs `steps` random operations. With `roomy` nothing may be missing that the model has.
fn run(seed: u64, settings: Settings, names: usize, steps: usize, roomy: bool) {
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut bench = Bench::new(settings);
    let mut model: BTreeMap<String, Stored> = BTreeMap::new();
    let (mut second, mut hits) = (0, 0);
    for _ in 0..steps {
        bench.at(second);
        let question = question(&mut random, names);
        let slot = format!("{question:?}");
        let mut packet = question.packet(random.next() as u16);
        match random.below(100) {
            0..40 => {
                let ttl = random.below(60) as u32;
                let reply = ReplyTo::new(&packet).repeated(1 + random.below(5), ttl);
                let old = model.get(&slot).filter(|old| second < old.stored_at + old.ttl);
                match bench.insert(&packet, &reply.build()) {
                    Inserted::Stored => {
                        model.insert(
                            slot,
                            Stored {
                                reply,
                                ttl,
                                stored_at: second,
                            },
                        );
                    }
                    Inserted::Refused(Refusal::TtlTooShort) => assert_eq!(ttl, 0),
                    Inserted::Refused(refusal) => {
                        assert_eq!(refusal, Refusal::KeptFresher);
                        let old = old.expect("something fresher");
                        assert!(old.stored_at + old.ttl >= second + ttl);
                    }
                }
            }
            40..90 => {
                packet[13..17].make_ascii_uppercase();
                let valid = model.get(&slot).filter(|old| second < old.stored_at + old.ttl);
                let found = bench.hit(&packet);
                if let Some(reply) = &found {
                    let stored = valid.expect("an entry that is not older than its TTL");
                    assert_eq!(*reply, aged(stored, &packet, second - stored.stored_at));
                    hits += 1;
                }
                assert!(!roomy || found.is_some() == valid.is_some());
            }
            90..97 => second += random.below(3) as u32,
            97 => {
                let name = question.name.parse::<weir_wire::NameBuf>().expect("a name");
                bench.cache.expunge_by_name(name.as_name(), None, Scope::Name);
                let start = format!("Question {{ name: {:?}", question.name);
                model.retain(|slot, _| !slot.starts_with(&start));
            }
            98 => {
                _ = bench
                    .cache
                    .purge_expired(bench.now, random.below(50), Backing::Usable)
            }
            _ => {
                // A random share goes; which one is the cache's affair.
                if !roomy {
                    bench.cache.expunge(random.below(50), bench.now);
                }
            }
        }
        let counters = bench.cache.counters();
        assert!(counters.entries <= bench.cache.checked().max_entries() as u64);
        assert!(counters.bytes <= bench.cache.checked().max_bytes() as u64);
        assert_eq!(counters.entries == 0, counters.bytes == 0);
    }
    assert!(hits > steps / 50, "{hits} hits test nothing");
    assert_eq!(hits as u64, bench.cache.counters().hits);
}

#[test]
fn what_is_stored_is_found_until_it_expires() {
    (0..4).for_each(|seed| run(seed, Settings::new(10_000), 50, 20_000, true));
}

#[test]
fn a_cache_under_pressure_gives_only_what_was_stored() {
    (0..4).for_each(|seed| run(seed, Settings::new(64), 50, 20_000, false));
}

#[test]
fn a_cache_short_of_bytes_gives_only_what_was_stored() {
    let short = || Settings {
        max_bytes: Some(8_000),
        max_reply_len: 200,
        ..Settings::new(10_000)
    };
    (0..4).for_each(|seed| run(seed, short(), 50, 20_000, false));
}
