//! What operators get wrong, and what they are told.

use super::{LAB, expect, findings, lab_with, load, shown};
use crate::diagnostics::Severity;
use crate::site::Site;

/// Mistakes that are one thing of the lab written differently.
const INSTEAD: &[(&str, &str, &str)] = &[
    ("nobody at all", "networks = \"10.10.2.0/24\"", "networks = []"),
    ("a misspelt key", "vrid = 51", "vrdi = 51"),
    ("a misspelt table", "[subscribers]", "[subscriber]"),
    ("a misspelt word", "\"front\", \"vip\"", "\"fornt\", \"vip\""),
    (
        "a node that there is not",
        "vrid = 51",
        "nodes = [\"dd1\", \"dd3\", \"rec1\"]",
    ),
    ("an address in no network", "10.10.2.165", "10.10.3.165"),
    ("an address that is there twice", "10.10.2.164", "10.10.2.160"),
    (
        "a network written as an address in it",
        "networks = \"10.10.2.0/24\"",
        "networks = \"10.10.2.1/24\"",
    ),
    ("no name for the interface", "interface = \"ens160\"\n", ""),
    (
        "a password of the wrong version",
        "vrid = 51",
        "version = 3\nadvert = \"1255ms\"",
    ),
    (
        "a password in the file",
        "password_credential = \"vrrp\"",
        "password = \"lab123\"",
    ),
    ("a quick advert for version 2", "vrid = 51", "advert = \"500ms\""),
    ("nobody for a zone", "roles = \"auth\"", "roles = \"resolve\""),
    (
        "several things at once",
        "address = \"10.10.2.161\"",
        "adress = \"10.10.2.161\", interface = { wan = \"a b\" }",
    ),
    ("no TOML", "vrid = 51", "vrid = \"51\nnodes = [\"dd1\""),
];

/// Mistakes that are added to the lab.
const ADDED: &[(&str, &str)] = &[
    ("two on one port", "[monitoring]\nport = 5199"),
    (
        "not quite seconds",
        "[health]\ninterval = \"1500ms\"\n[cache]\nmax_ttl = \"30d\"",
    ),
    ("a file that is somewhere", "[policy]\nblocked_file = \"blocked\""),
    (
        "times without a unit",
        "[health]\ninterval = 5\ntimeout = \"5\"\nfailures = 0",
    ),
    (
        "one virtual router twice",
        "[floating.second]\naddress = \"10.10.2.159\"\nvrid = 51",
    ),
    (
        "the wrong servers in a pool",
        "[pools.rec]\nnodes = [\"auth1\", \"rec1\", \"rec1\"]",
    ),
    (
        "a pool that nothing goes to",
        "[pools.recc]\nnodes = \"rec1\"\n[zones.\"x.lab\"]\npool = \"aut\"",
    ),
    (
        "networks in one another",
        "[networks.backend]\nprefix = \"10.10.0.0/16\"",
    ),
    (
        "a password twice",
        "[monitoring]\npassword_file = \"/a\"\npassword_credential = \"a\"",
    ),
];

fn mistakes() -> Vec<(&'static str, String)> {
    let instead = INSTEAD
        .iter()
        .map(|(what, written, instead)| (*what, lab_with(written, instead)));
    let added = ADDED
        .iter()
        .map(|(what, text)| (*what, format!("{LAB}\n{text}\n")));
    let little = "[site]\nname = \"\"\n[policy]\nblocked = [\"a..b\", \"ok.example\", \"ö\"]\n";
    instead
        .chain(added)
        .chain([("little of a file", little.to_owned())])
        .collect()
}

#[test]
fn every_mistake_is_shown_in_the_file() {
    let mut text = String::new();
    for (what, file) in mistakes() {
        let findings = findings(&file);
        assert!(
            findings.iter().any(|found| found.severity == Severity::Error),
            "{what} is no error"
        );
        text += &format!("==== {what}\n{}\n", shown(&findings, &file));
    }
    assert!(!text.contains("lab123"), "a password is shown");
    expect("mistakes.txt", &text);
}

#[test]
fn what_says_nothing_is_a_warning() {
    for (file, warning) in [
        (
            lab_with("roles = \"auth\"", "roles = \"auth\", vip = \"weir\""),
            "auth1 does not have the role vip",
        ),
        (
            format!("{LAB}[monitoring]\nallow = \"10.10.2.9/32\"\n"),
            "nobody is let in here without a password",
        ),
        (
            lab_with("vrid = 51", "nodes = \"dd1\""),
            "dd2 has the role vip and no floating address",
        ),
    ] {
        let (_, warnings) = Site::load(&file, "weir.toml").unwrap();
        let [one] = warnings.as_slice() else {
            panic!("{}", shown(&warnings, &file))
        };
        assert!(one.message.contains(warning), "{one}");
        assert_eq!(one.severity, Severity::Warning);
    }
}

/// Every prefix of a file, and every file without one of its bytes, is read without a panic, and a part of it that
/// is named is inside of it.
#[test]
fn no_file_is_too_broken_to_be_read() {
    let whole = include_str!("../../../fixtures/site/production.toml");
    load(whole);
    let cuts = whole.char_indices().map(|(at, _)| at);
    for at in cuts {
        let without = format!("{}{}", &whole[..at], &whole[at + 1..]);
        for file in [&whole[..at], without.as_str()] {
            for found in findings(file) {
                let end = found.place.span.map_or(0, |span| span.end as usize);
                assert!(end <= file.len(), "{found}");
                assert!(file.is_char_boundary(end), "{found}");
            }
        }
    }
}
