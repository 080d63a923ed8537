//! Replays the fuzzers' corpus with the very functions that they call: what was found once is never lost.
//!
//! Each input is also cut at every length and has every bit turned once, which is a small fuzzer that is always the
//! same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "the fuzzers call it from another crate")]
mod targets;

use std::fs;
use std::path::Path;

/// Runs the target over its corpus, whole and damaged; an input that panics is named.
fn replay(name: &str, target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut inputs = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let run = |what: &str, bytes: &[u8]| {
            let passed = std::panic::catch_unwind(|| target(bytes)).is_ok();
            assert!(passed, "{}, {what}: {bytes:02x?}", path.display());
        };
        run("as it is", &bytes);
        for at in 0..bytes.len() {
            run("cut", &bytes[..at]);
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                run("with a bit turned", &damaged);
            }
        }
        inputs += 1;
    }
    assert!(inputs >= 10, "only {inputs} inputs in {}", directory.display());
}

#[test]
fn wire_parse_corpus_holds() {
    replay("wire_parse", targets::wire_parse);
}

#[test]
fn cache_insert_corpus_holds() {
    replay("cache_insert", targets::cache_insert);
}

#[test]
fn keepalived_read_corpus_holds() {
    replay("keepalived_read", targets::keepalived_read);
}

#[test]
fn vrrp_packet_corpus_holds() {
    replay("vrrp_packet", targets::vrrp_packet);
}

#[test]
fn neighbour_claim_corpus_holds() {
    replay("neighbour_claim", targets::neighbour_claim);
}
