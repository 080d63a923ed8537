//! What a million names cost: `cargo bench -p weir-policy`.
//!
//! For exact names and for subtrees: seconds to load, bytes per name, nanoseconds per lookup. Lookups are drawn at
//! random from all names, so that most of them find neither the slot nor the name in a processor cache: what a
//! resolver's block list sees at worst.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a program for people, not a library"
)]

use std::hint::black_box;
use std::time::Instant;

use weir_policy::{NameSet, SuffixSet};
use weir_wire::NameBuf;
use weir_wire::hash::Seed;

const NAMES: usize = 1_000_000;
const LOOKUPS: usize = 2_000_000;
const SEED: Seed = Seed::new([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);

fn main() {
    let listed: Vec<NameBuf> = (0..NAMES).map(|number| name(number, "lab")).collect();
    let missing: Vec<NameBuf> = (NAMES..2 * NAMES).map(|number| name(number, "lab")).collect();
    let below: Vec<NameBuf> = (0..NAMES)
        .map(|number| format!("www.a.{}", listed[number]).parse().unwrap())
        .collect();
    let random = "x7f3k9.".repeat(8);
    let deep: Vec<NameBuf> = (0..NAMES)
        .map(|number| format!("{random}{}", missing[number]).parse().unwrap())
        .collect();

    let mut exact = NameSet::new(SEED);
    let mut suffixes = SuffixSet::new(SEED);
    load("QNameSet", &listed, |name| exact.insert(name.as_name()).is_ok());
    memory(exact.memory());
    lookups("hit", &listed, |name| exact.contains(name.as_name()));
    lookups("miss", &missing, |name| exact.contains(name.as_name()));

    load("SuffixMatchNode", &listed, |name| {
        suffixes.insert(name.as_name()).is_ok()
    });
    memory(suffixes.memory());
    lookups("hit", &listed, |name| suffixes.contains(name.as_name()));
    lookups("hit two labels below", &below, |name| {
        suffixes.contains(name.as_name())
    });
    lookups("miss", &missing, |name| suffixes.contains(name.as_name()));
    lookups("miss eight labels below", &deep, |name| {
        suffixes.contains(name.as_name())
    });
}

/// A name as block lists have them: 20 bytes or so, two or three labels.
fn name(number: usize, suffix: &str) -> NameBuf {
    let scrambled = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let host = if number.is_multiple_of(3) { "ads." } else { "" };
    format!("{host}{scrambled:06x}-{number}.{suffix}")
        .parse()
        .unwrap()
}

fn load(what: &str, names: &[NameBuf], mut insert: impl FnMut(&NameBuf) -> bool) {
    let start = Instant::now();
    assert!(names.iter().all(&mut insert));
    println!(
        "{what} of {} names\n  load     {:>9.2} s",
        names.len(),
        start.elapsed().as_secs_f64()
    );
}

fn memory(bytes: usize) {
    println!("  memory   {:>9.1} bytes per name", bytes as f64 / NAMES as f64);
}

fn lookups(what: &str, names: &[NameBuf], contains: impl Fn(&NameBuf) -> bool) {
    // A small copy of what is drawn, so that reading the test's own names is not what is measured.
    let drawn: Vec<NameBuf> = (0..4096)
        .map(|number| names[number * 7919 % names.len()])
        .collect();
    let warm = per_lookup(&drawn, &contains);
    let cold = per_lookup(names, &contains);
    println!("  {what:<24} {warm:>6.1} ns over 4,096 names, {cold:>6.1} ns over all");
}

fn per_lookup(names: &[NameBuf], contains: &impl Fn(&NameBuf) -> bool) -> f64 {
    let start = Instant::now();
    for number in 0..LOOKUPS {
        black_box(contains(&names[number * 7919 % names.len()]));
    }
    start.elapsed().as_nanos() as f64 / LOOKUPS as f64
}
