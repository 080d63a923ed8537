//! Pages and consoles that let everybody in.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Lock};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "weak-secret",
    level: Level::Error,
    about: "a status page or console without a secret, or with one that everybody tries first",
    bad_day: "somebody reads who asks what here or, through the console, sends all queries to servers of his own",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        // Who is on the machine itself needs no door.
        for door in front.doors.iter().filter(|door| !door.listen.value.ip().is_loopback()) {
            let of = |wanted: Lock| {
                let locks = door.locks.iter().filter(|(_, lock)| *lock == wanted);
                locks.map(|(name, _)| *name).collect::<Vec<_>>()
            };
            let (absent, known) = (of(Lock::Absent), of(Lock::WellKnown));
            let mut weak = Vec::new();
            if !absent.is_empty() {
                weak.push(format!("without a {}", absent.join(" or ")));
            }
            if !known.is_empty() {
                weak.push(format!("with a {} that everybody tries first", known.join(" and an ")));
            }
            if weak.is_empty() {
                continue;
            }
            let what = format!("{}: the {} on {} is {}", front.node, door.what, door.listen.value, weak.join(" and "));
            let fix = "choose long random secrets, and listen on 127.0.0.1 or an address of the management network";
            found.add(&door.listen.place, what, fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::found;

    const ID: &str = "weak-secret";

    #[test]
    fn secrets_that_are_none() {
        let page = "webserver(\"10.30.0.161:8083\")\nsetWebserverConfig({";
        for (text, expected) in [
            (format!("{page}password=\"admin123\", apiKey=\"secret\"}})"),
             "status page on 10.30.0.161:8083 is with a password and an API key that everybody tries first"),
            (format!("{page}password=\"7iPhbx4ZcSxR\", apiKey=\"secret\"}})"),
             "status page on 10.30.0.161:8083 is with a API key that everybody tries first"),
            ("webserver(\"10.30.0.161:8083\")".to_owned(), "status page on 10.30.0.161:8083 is without a password"),
            ("controlSocket(\"10.30.0.161:5199\")".to_owned(), "console on 10.30.0.161:5199 is without a key"),
        ] {
            let what = format!("dd1/dnsdist.conf:1: error: dd1: the {expected}");
            assert_eq!(found(ID, &[("dd1/dnsdist.conf", &text)]), [what]);
        }
    }

    #[test]
    fn a_good_secret_or_this_machine_only() {
        for text in [
            "webserver(\"10.30.0.161:8083\") setWebserverConfig({password=\"7iPhbx4ZcSxR\"})",
            "webserver(\"127.0.0.1:8083\") setWebserverConfig({password=\"admin123\"})",
            "controlSocket(\"127.0.0.1:5199\")",
        ] {
            assert!(found(ID, &[("dd1/dnsdist.conf", text)]).is_empty(), "{text}");
        }
    }
}
