//! Files that nobody wrote on purpose never bring the program down, nor keep it busy.

use super::*;
use crate::diagnostics::Severity;

const SEEDS: [&str; 5] = [
    fixtures::LAB_DD1,
    fixtures::LAB_DD2,
    fixtures::PIHOLE,
    fixtures::UNICAST,
    fixtures::GROUP,
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

/// Reads whatever it is. What is accepted fits together, and every finding is one line.
fn survive(bytes: &[u8]) {
    let files = Memory([(PathBuf::from(FILE), bytes.to_vec())].into());
    let findings = match read(Path::new(FILE), "fe1", &files) {
        Ok((settings, warnings)) => {
            assert_eq!(settings.node.routers.len(), settings.routers.len());
            assert_eq!(settings.node.groups.len(), settings.groups.len());
            assert_eq!(settings.node.trackers.len(), settings.trackers.len());
            warnings
        }
        Err(findings) => {
            assert!(findings.iter().any(|found| found.severity == Severity::Error));
            findings
        }
    };
    assert!(
        findings
            .iter()
            .all(|found| !found.message.contains(char::is_control))
    );
}

#[test]
fn mutated_files_do_not_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..3000 {
        let mut bytes = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        for _ in 0..=random.below(8) {
            let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
            match random.below(4) {
                0 => bytes[from] = b"{}~@$!#\"'\\,()=.-/09azAZ\n "[random.below(25)],
                1 => drop(bytes.drain(from.min(to)..from.max(to).min(from.min(to) + 20))),
                2 => bytes.insert(from, random.below(256) as u8),
                _ => bytes.swap(from, to),
            }
        }
        survive(&bytes);
    }
}

#[test]
fn random_words_do_not_panic() {
    let words: Vec<&str> = SEEDS.iter().flat_map(|seed| seed.split([' ', '\n'])).collect();
    let mut random = Random(7);
    for _ in 0..2000 {
        let text: Vec<&str> = (0..random.below(60))
            .map(|_| words[random.below(words.len())])
            .collect();
        survive(text.join([" ", "\n"][random.below(2)]).as_bytes());
    }
}

#[test]
fn files_of_one_thing_end_soon() {
    for part in [
        "{",
        "}",
        "x\n",
        "x ",
        "vrrp_instance A {\n",
        "track_script { a { ",
        "$A=$B\n",
        "~SEQ(A,1,99) ",
        "@x ",
        "include *\n",
        "\"",
        "\\\n",
        "$A= \\\n",
        "virtual_ipaddress { 10.0.0.1 ",
        "authentication ",
    ] {
        survive(part.repeat((1 << 18) / part.len()).as_bytes());
    }
}
