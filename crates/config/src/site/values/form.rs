//! What a kind of value looks like: for people, and as JSON Schema.

use std::time::Duration;

use super::show_time;

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Free text.
    Text,
    /// A file's name.
    Path,
    /// The name of something else in the file: what it is.
    Name(&'static str),
    /// A domain name.
    Domain,
    /// An IP address.
    Address,
    /// An IP address, perhaps with a prefix length.
    Interface,
    /// A network.
    Prefix,
    /// An interface's name, or a table from networks to names.
    InterfaceNames,
    /// A time, between so many milliseconds.
    Time(u64, u64),
    /// A whole number, from and to.
    Integer(u64, u64),
    /// A number of bytes.
    Size,
    /// A DS record of the root zone.
    TrustAnchor,
    /// true or false.
    Switch,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// One of these, or a list of them.
    OneOrMore(&'static Self),
}

impl Form {
    /// What is expected, as a phrase: `a time with its unit, such as "3s"`.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Path => "the name of a file, such as \"/etc/weir/db.example.net\"".to_owned(),
            Self::Name(of) => format!("the name of a {of}"),
            Self::Domain => "a domain name, such as \"example.net\"".to_owned(),
            Self::Address => "an IP address, such as \"192.0.2.1\"".to_owned(),
            Self::Interface => {
                "an IP address with or without a prefix length, such as \"192.0.2.1/24\"".to_owned()
            }
            Self::Prefix => "a network, such as \"192.0.2.0/24\"".to_owned(),
            Self::InterfaceNames => {
                "the name of a network interface, or one per network, such as { backend = \"eth1\" }"
                    .to_owned()
            }
            Self::Time(from, to) => {
                let [from, to] = [from, to].map(|limit| show_time(Duration::from_millis(limit)));
                format!("a time from {from} to {to}, such as \"500ms\", \"3s\", \"5m\", \"1h\" or \"1d\"")
            }
            Self::Integer(0, u64::MAX) => "a whole number".to_owned(),
            Self::Integer(from, to) => format!("a whole number from {from} to {to}"),
            Self::Size => "a number of bytes with its unit, such as \"512MiB\" or \"8GiB\"".to_owned(),
            Self::TrustAnchor => "a DS record: \"KEYTAG ALGORITHM DIGESTTYPE DIGEST\"".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Word(words) => {
                let words: Vec<_> = words().iter().map(|word| format!("\"{word}\"")).collect();
                match words.split_last() {
                    Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                    _ => words.concat(),
                }
            }
            Self::OneOrMore(one) => format!("{}, or a list of such", one.expected()),
        }
    }

    /// Its JSON Schema.
    pub fn schema(self) -> String {
        match self {
            Self::Text | Self::Path | Self::Name(_) | Self::Domain | Self::TrustAnchor => {
                r#"{"type":"string"}"#.to_owned()
            }
            Self::Address => r#"{"type":"string","anyOf":[{"format":"ipv4"},{"format":"ipv6"}]}"#.to_owned(),
            Self::Interface => r#"{"type":"string","pattern":"^[0-9A-Fa-f.:]+(/[0-9]+)?$"}"#.to_owned(),
            Self::Prefix => r#"{"type":"string","pattern":"^[0-9A-Fa-f.:]+/[0-9]+$"}"#.to_owned(),
            Self::InterfaceNames => {
                r#"{"anyOf":[{"type":"string"},{"type":"object","additionalProperties":{"type":"string"}}]}"#
                    .to_owned()
            }
            Self::Time(..) => r#"{"type":"string","pattern":"^[0-9]+(ms|s|m|h|d)$"}"#.to_owned(),
            Self::Integer(from, u64::MAX) => format!(r#"{{"type":"integer","minimum":{from}}}"#),
            Self::Integer(from, to) => format!(r#"{{"type":"integer","minimum":{from},"maximum":{to}}}"#),
            Self::Size => r#"{"type":"string","pattern":"^[0-9]+(KiB|MiB|GiB)$"}"#.to_owned(),
            Self::Switch => r#"{"type":"boolean"}"#.to_owned(),
            Self::Word(words) => {
                let words: Vec<_> = words().iter().map(|word| format!("\"{word}\"")).collect();
                format!(r#"{{"enum":[{}]}}"#, words.join(","))
            }
            Self::OneOrMore(one) => {
                let one = one.schema();
                format!(r#"{{"anyOf":[{one},{{"type":"array","items":{one}}}]}}"#)
            }
        }
    }
}
