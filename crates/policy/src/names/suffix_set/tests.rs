use super::*;
use crate::testing::Random;
use std::collections::BTreeSet;

fn name(text: &str) -> NameBuf {
    text.parse().expect(text)
}

fn set(names: &[&str]) -> SuffixSet {
    let mut set = SuffixSet::new(Seed::new([11, 12]));
    for text in names {
        set.insert(name(text).as_name()).expect("there is room");
    }
    set
}

#[test]
fn a_name_stands_for_itself_and_what_is_below() {
    let set = set(&["example.com", "b.c.example.net"]);
    for (text, inside) in [
        ("example.com", true),
        ("EXAMPLE.Com", true),
        ("a.b.c.example.COM", true),
        ("xexample.com", false),
        ("com", false),
        (".", false),
        ("c.example.net", false),
        ("a.b.c.example.net", true),
        ("x.c.example.net", false),
    ] {
        assert_eq!(set.contains(name(text).as_name()), inside, "{text}");
    }
}

#[test]
fn the_root_stands_for_everything_and_an_empty_set_for_nothing() {
    let all = set(&["."]);
    assert!(all.contains(Name::ROOT) && all.contains(name("a.b").as_name()));
    let none = set(&[]);
    assert!(!none.contains(Name::ROOT) && !none.contains(name("a.b").as_name()));
    assert_eq!((all.len(), none.len(), none.is_empty()), (1, 0, true));
}

#[test]
fn the_best_match_is_the_longest() {
    let set = set(&["com", "b.example.com"]);
    let best = |text: &str| set.best_match(name(text).as_name()).map(|best| best.to_string());
    assert_eq!(best("a.b.example.com").as_deref(), Some("b.example.com."));
    assert_eq!(best("example.com").as_deref(), Some("com."));
    assert_eq!(best("example.net"), None);
}

#[test]
fn removing_a_name_leaves_those_above_and_below() {
    let mut set = set(&["com", "example.com", "www.example.com"]);
    assert!(set.remove(name("Example.com").as_name()));
    assert!(!set.remove(name("example.com").as_name()));
    assert!(!set.remove(name("net").as_name()));
    assert_eq!(
        set.best_match(name("a.example.com").as_name())
            .map(|best| best.to_string())
            .as_deref(),
        Some("com.")
    );
    assert!(set.remove(name("com").as_name()));
    assert!(!set.contains(name("a.example.com").as_name()));
    assert!(set.contains(name("a.www.example.com").as_name()));
    assert_eq!(set.len(), 1);
}

#[test]
fn the_longest_name_has_room_for_all_its_labels() {
    let longest = "a.".repeat(127);
    assert!(set(&["a"]).contains(name(&longest).as_name()));
    let set = set(&[&longest]);
    assert!(set.contains(name(&longest).as_name()));
    assert!(!set.contains(name(&"a.".repeat(126)).as_name()));
}

#[test]
fn names_are_shown_as_dnsdist_shows_them() {
    let shown = set(&[
        "zz.lab",
        "example",
        "b.b.example",
        "b.example.",
        "a.b.c",
        "lab2",
        "ab",
        "x.lab",
    ]);
    // What `showRules()` of dnsdist 1.7.3 printed for the same list.
    assert_eq!(
        shown.to_string(),
        "lab2., ab., x.lab., zz.lab., a.b.c., example., b.example., b.b.example."
    );
    let texts: Vec<String> = (0..MAX_SHOWN + 7).map(|number| format!("n{number}")).collect();
    let many = set(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(many.to_string().ends_with(" and 7 more"));
}

#[test]
fn a_set_agrees_with_comparing_every_name() {
    let mut random = Random::new(9);
    let mut set = SuffixSet::new(Seed::new([random.next(), random.next()]));
    let mut model = BTreeSet::new();
    let labels = ["a", "b", "cc", "d-d"];
    for _ in 0..30_000 {
        let depth = random.below(5);
        let text: String = (0..depth)
            .map(|_| format!("{}.", labels[random.below(4) as usize]))
            .collect();
        let drawn = name(&text);
        match random.below(4) {
            0 => assert_eq!(set.remove(drawn.as_name()), model.remove(&text)),
            1 if random.below(8) == 0 => assert_eq!(set.insert(drawn.as_name()), Ok(model.insert(text))),
            _ => {
                let above = model
                    .iter()
                    .filter(|known| drawn.as_name().is_at_or_below(name(known).as_name()));
                let longest = above.max_by_key(|known| known.len()).map(|known| name(known));
                let best = set.best_match(drawn.as_name()).map(Name::to_buf);
                assert_eq!(best, longest, "{drawn}");
                assert_eq!(set.contains(drawn.as_name()), longest.is_some(), "{drawn}");
            }
        }
    }
}
