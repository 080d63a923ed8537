//! A zone file, as far as its name servers go (RFC 1035 §5.1).
//!
//! Only SOA, NS and address records are looked at; what is wrong with the others is for the server that loads them.

use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::lint::facts::{Facts, Zone};

/// The words of a record or a directive, and where it begins.
struct Entry {
    words: Vec<String>,
    /// Whether it begins with white space: the owner is that of the record before.
    has_no_owner: bool,
    line: u32,
}

pub(super) fn gather(text: &str, file: &str, origin: &str, facts: &mut Facts) {
    let mut origin = origin.to_owned();
    let mut owner = origin.clone();
    let mut zone = Zone {
        apex: origin.clone(),
        place: Place::new(file, 0),
        serial: None,
        name_servers: Vec::new(),
        addressed: std::collections::BTreeSet::new(),
    };
    let mut name_servers = Vec::new();
    for entry in entries(text) {
        let place = Place::new(file, entry.line);
        let mut words = entry.words.iter().map(String::as_str);
        if !entry.has_no_owner {
            match words.next().unwrap_or_default() {
                "$ORIGIN" => {
                    origin = absolute(words.next().unwrap_or_default(), &origin);
                    continue;
                }
                "$INCLUDE" => {
                    let why = "$INCLUDE: nobody looked at that file";
                    facts
                        .remarks
                        .push(Diagnostic::warning(place, why).help("name the whole zone in one file"));
                    continue;
                }
                directive if directive.starts_with('$') => continue,
                name => owner = absolute(name, &origin),
            }
        }
        let mut words = words.skip_while(|word| is_ttl_or_class(word));
        match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "SOA" if zone.serial.is_none() => {
                zone.apex.clone_from(&owner);
                let value = words.nth(2).and_then(|serial| serial.parse().ok()).unwrap_or(0);
                zone.serial = Some(Placed { value, place });
            }
            "NS" => {
                let value = absolute(words.next().unwrap_or_default(), &origin);
                name_servers.push((owner.clone(), Placed { value, place }));
            }
            "A" | "AAAA" => {
                zone.addressed.insert(owner.clone());
            }
            _ => {}
        }
    }
    zone.name_servers = { name_servers.into_iter() }
        .filter(|(owner, _)| *owner == zone.apex)
        .map(|(_, server)| server)
        .collect();
    facts.zones.push(zone);
}

/// A name in lower case without its last dot; `@` and names without one are completed with the origin.
fn absolute(name: &str, origin: &str) -> String {
    let name = name.to_lowercase();
    match name.strip_suffix('.') {
        Some(name) => name.to_owned(),
        None if name == "@" => origin.to_owned(),
        None if origin.is_empty() => name,
        None => format!("{name}.{origin}"),
    }
}

fn is_ttl_or_class(word: &str) -> bool {
    let is_ttl = word.starts_with(|c: char| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || "smhdwSMHDW".contains(c));
    is_ttl
        || ["IN", "CH", "HS"]
            .iter()
            .any(|class| word.eq_ignore_ascii_case(class))
}

/// Records over several lines where there are parentheses.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut depth = 0_usize;
    for (number, line) in text.lines().enumerate() {
        let words = words(line);
        if depth == 0 && !words.is_empty() {
            entries.push(Entry {
                words: Vec::new(),
                has_no_owner: line.starts_with([' ', '\t']),
                line: u32::try_from(number + 1).unwrap_or(u32::MAX),
            });
        }
        for word in words {
            match (word.as_str(), entries.last_mut()) {
                ("(", _) => depth += 1,
                (")", _) => depth = depth.saturating_sub(1),
                (_, Some(entry)) => entry.words.push(word),
                (_, None) => {}
            }
        }
    }
    entries
}

/// Words and parentheses, without the comment.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    let mut is_escaped = false;
    for char in line.chars() {
        let word = words.last_mut();
        match (char, word) {
            (_, Some(word)) if is_escaped => {
                is_escaped = false;
                word.push(char);
            }
            ('\\', Some(word)) => {
                is_escaped = true;
                word.push(char);
            }
            ('"', _) => is_quoted = !is_quoted,
            (_, Some(word)) if is_quoted => word.push(char),
            (';', _) => break,
            ('(' | ')', _) => words.extend([char.to_string(), String::new()]),
            (space, _) if space.is_whitespace() => words.push(String::new()),
            (_, Some(word)) => word.push(char),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(text: &str) -> Facts {
        let mut facts = Facts::default();
        gather(text, "db.zone", "zaibdns.lab", &mut facts);
        facts
    }

    #[test]
    fn records_are_read_in_every_way_to_write_them() {
        let facts = gathered(
            "$TTL 1d\n@ 3600 IN SOA ns1 admin ( ; numbers\n 7 1h\n 30m 1w 1d )\n\tNS ns1\n IN 300 NS NS2.Zaibdns.Lab.\n\
             $ORIGIN sub.zaibdns.lab.\n@ NS ns9\n$ORIGIN zaibdns.lab.\nns1 A 192.0.2.1\nns2 IN AAAA 2001:db8::1\n\
             t TXT \"a;b (\" ; NS x\n",
        );
        let zone = &facts.zones[0];
        assert_eq!(zone.apex, "zaibdns.lab");
        assert_eq!(
            zone.serial
                .as_ref()
                .map(|serial| (serial.value, serial.place.line)),
            Some((7, 2))
        );
        let servers: Vec<_> = zone
            .name_servers
            .iter()
            .map(|ns| (ns.value.as_str(), ns.place.line))
            .collect();
        assert_eq!(servers, [("ns1.zaibdns.lab", 5), ("ns2.zaibdns.lab", 6)]);
        assert_eq!(
            zone.addressed.iter().collect::<Vec<_>>(),
            ["ns1.zaibdns.lab", "ns2.zaibdns.lab"]
        );
    }

    #[test]
    fn what_is_no_zone_is_no_panic() {
        for text in [
            "",
            "(((((",
            ")",
            "\"",
            "\\",
            "$ORIGIN",
            "@ SOA",
            "NS",
            "é IN NS ü",
        ] {
            assert_eq!(gathered(text).zones.len(), 1, "{text}");
        }
    }

    #[test]
    fn an_include_is_not_passed_over_in_silence() {
        assert_eq!(gathered("$INCLUDE db.more\n").remarks.len(), 1);
    }
}
