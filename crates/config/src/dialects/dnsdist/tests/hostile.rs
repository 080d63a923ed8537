//! Files that nobody wrote on purpose never bring the program down.

use super::*;
use crate::diagnostics::Place;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::vm;

const SEEDS: [&str; 4] = [
    include_str!("../../../../fixtures/dnsdist/lab-dd1.conf"),
    include_str!("../../../../fixtures/dnsdist/lab-dd2.conf"),
    include_str!("../../../../fixtures/dnsdist/clean-production-block.conf"),
    include_str!("../../../../fixtures/dnsdist/tuning.conf"),
];

/// A small generator, so that a failure can be repeated (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Loads and builds whatever it is; only the absence of a panic counts.
fn survive(source: &str) {
    if let Ok(loaded) = load(source) {
        let _ = build(&loaded.session.spec(), None);
    }
}

#[test]
fn mutated_files_do_not_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..300 {
        let mut bytes = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        for _ in 0..=random.below(8) {
            let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
            match random.below(4) {
                0 => bytes[from] = b"(){}[]\"',:=.#-09azAZ\n "[random.below(22)],
                1 => drop(bytes.drain(from.min(to)..from.max(to).min(from.min(to) + 20))),
                2 => bytes.insert(from, random.below(256) as u8),
                _ => bytes.swap(from, to),
            }
        }
        survive(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn random_bytes_do_not_panic() {
    let mut random = Random(7);
    for _ in 0..200 {
        let bytes: Vec<u8> = (0..random.below(300)).map(|_| random.below(256) as u8).collect();
        survive(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn every_function_takes_odd_arguments() {
    let arguments = [
        "",
        ", nil",
        ", -1",
        ", 0/0",
        ", 1e300",
        ", ''",
        ", '\\255'",
        ", {}",
        ", {{}}",
        ", print",
        ", AllRule()",
        ", true, {}, {}, {}",
        ", {1, 2}, 'x', 5",
        ", '192.0.2.1', 'x', true",
    ];
    for function in crate::dialects::dnsdist::reference() {
        let lines = arguments.map(|argument| format!("pcall({}{argument})", function.name));
        let lines = lines.join("\n");
        if !["includeDirectory", "error"].contains(&function.name) {
            assert_eq!(load(&lines).map(drop), Ok(()), "{}", function.name);
        }
    }
}

#[test]
fn a_loop_that_never_ends_is_stopped() {
    let state = State::new(&Place::new(FILE, 0), carry());
    let lua = vm::new(state).expect("a machine");
    for source in [
        "while true do end",
        "x = function() return x() end x()",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
    ] {
        vm::limit(&lua, 200_000).expect("a hook");
        let (chunk, _) = vm::compile(&lua, &format!("\n{source}"), Path::new(FILE)).expect("a chunk");
        let error = chunk.call::<()>(()).expect_err("stopped");
        let found = crate::dialects::dnsdist::failure::diagnose(&error, &Place::new(FILE, 0)).to_string();
        assert!(found.starts_with("dnsdist.conf:2: stopped: "), "{found}");
    }
}

#[test]
fn printing_without_end_is_cut_off() {
    let loaded = loaded("local line = string.rep('x', 1000000)\nfor i = 1, 20 do print(line) end");
    assert!(loaded.output.len() <= 8 << 20);
}
