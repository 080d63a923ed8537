//! Pages and consoles that let everybody in.

use super::{Found, Rule};
use crate::lint::facts::{Facts, Lock};
use crate::lint::finding::Level;

pub(super) static RULE: Rule = Rule {
    id: "weak-secret",
    level: Level::Error,
    about: "a status page or console without a secret, or with one that everybody tries first",
    bad_day: "somebody reads who asks what here or, through the console, sends all queries to servers of \
              his own",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        // Who is on the machine itself needs no door.
        for door in front
            .doors
            .iter()
            .filter(|door| !door.listen.value.ip().is_loopback())
        {
            let of = |wanted: Lock| {
                let locks = door.locks.iter().filter(|(_, lock)| *lock == wanted);
                locks.map(|(name, _)| *name).collect::<Vec<_>>().join(" and ")
            };
            let faults = [("no", of(Lock::Absent)), ("a well-known", of(Lock::WellKnown))];
            let faults = faults.into_iter().filter(|(_, locks)| !locks.is_empty());
            let faults: Vec<_> = faults.map(|(how, locks)| format!("{how} {locks}")).collect();
            if faults.is_empty() {
                continue;
            }
            let (what, listen) = (door.what, door.listen.value);
            let what = format!(
                "{}: the {what} on {listen} has {}",
                front.node,
                faults.join(" and ")
            );
            let fix =
                "choose long random secrets, and listen on 127.0.0.1 or an address of the management network";
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
            (
                format!("{page}password=\"admin123\", apiKey=\"secret\"}})"),
                "status page on 10.30.0.161:8083 has a well-known password and API key",
            ),
            (
                format!("{page}password=\"7iPhbx4ZcSxR\", apiKey=\"secret\"}})"),
                "status page on 10.30.0.161:8083 has a well-known API key",
            ),
            (
                format!("{page}apiKey=\"secret\"}})"),
                "status page on 10.30.0.161:8083 has no password and a well-known API key",
            ),
            (
                "webserver(\"10.30.0.161:8083\")".to_owned(),
                "status page on 10.30.0.161:8083 has no password",
            ),
            (
                "controlSocket(\"10.30.0.161:5199\")".to_owned(),
                "console on 10.30.0.161:5199 has no key",
            ),
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
