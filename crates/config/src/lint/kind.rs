//! What a file is, and whose.

use std::path::Path;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Our own `weir.toml`.
    Site,
    /// dnsdist's configuration.
    Dnsdist,
    /// keepalived's configuration.
    Keepalived,
    /// named's configuration, or a file that it includes.
    Named,
    /// A zone file.
    Zone,
}

/// What is in a file of a kind and in no other, and what its name is likely to have.
struct Signs {
    kind: Kind,
    name: &'static str,
    content: &'static [&'static str],
    in_name: &'static [&'static str],
}

/// In the order in which they are looked for.
const SIGNS: [Signs; 5] = [
    Signs {
        kind: Kind::Site,
        name: "site",
        content: &["[site]", "[nodes]", "[subscribers]"],
        in_name: &[".toml"],
    },
    Signs {
        kind: Kind::Keepalived,
        name: "keepalived",
        content: &["vrrp_instance", "vrrp_script", "global_defs"],
        in_name: &["keepalived"],
    },
    Signs {
        kind: Kind::Dnsdist,
        name: "dnsdist",
        content: &[
            "newServer(",
            "newServer{",
            "addAction(",
            "setLocal(",
            "addLocal(",
            "addACL(",
            "setACL(",
        ],
        in_name: &["dnsdist"],
    },
    Signs {
        kind: Kind::Named,
        name: "named",
        content: &["options {", "options{", "zone \""],
        in_name: &["named"],
    },
    Signs {
        kind: Kind::Zone,
        name: "zone",
        content: &["$TTL", "$ORIGIN", " SOA ", "\tSOA\t"],
        in_name: &["db.", ".zone"],
    },
];

/// Words of file names and folders that say what a file is, not whose.
const NOBODYS: [&str; 17] = [
    "bind",
    "bind9",
    "conf",
    "config",
    "db",
    "dnsdist",
    "etc",
    "keepalived",
    "local",
    "named",
    "options",
    "toml",
    "unbound",
    "weir",
    "zone",
    "zones",
    "d",
];

impl Kind {
    /// The names of all kinds.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SIGNS.iter().map(|signs| signs.name)
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        SIGNS
            .iter()
            .find(|signs| signs.name == name)
            .map(|signs| signs.kind)
    }

    /// What `text` is, by what is in it and then by the name of its file.
    pub(super) fn of(name: &str, text: &str) -> Option<Self> {
        let file = Path::new(name)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let holds = |text: &str, signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
        let by_content = SIGNS.iter().find(|signs| holds(text, signs.content));
        let by_name = || SIGNS.iter().find(|signs| holds(&file, signs.in_name));
        by_content.or_else(by_name).map(|signs| signs.kind)
    }
}

/// The node whose file this is, by the names of the file and of its folders: `dd1` for `dd1/dnsdist.conf`,
/// `dnsdist-dd1.conf` and `dd1/etc/dnsdist/dnsdist.conf`. A zone file's own name is the zone's.
pub(super) fn node(name: &str, kind: Kind) -> Option<String> {
    let path = Path::new(name);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    // What stands behind `named.conf.` is a part of the configuration.
    let is_nobodys = kind == Kind::Zone || file.starts_with("named.conf");
    let parts = path.iter().rev().skip(usize::from(is_nobodys));
    let names = parts.map(|part| {
        let part = part.to_string_lossy().to_lowercase();
        let words = part.split(|c: char| !c.is_alphanumeric());
        let words: Vec<_> = words
            .filter(|word| !word.is_empty() && !NOBODYS.contains(word))
            .collect();
        words.join("-")
    });
    names.into_iter().find(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_content_and_then_by_its_name() {
        for (name, text, kind) in [
            ("a.conf", "setLocal(\"0.0.0.0:53\")", Some(Kind::Dnsdist)),
            ("dnsdist.conf", "vrrp_instance A {\n", Some(Kind::Keepalived)),
            ("weir.toml", "", Some(Kind::Site)),
            ("x", "options {\n", Some(Kind::Named)),
            ("named.conf.local", "", Some(Kind::Named)),
            ("x", "$TTL 1\n", Some(Kind::Zone)),
            ("db.zaibdns.lab", "", Some(Kind::Zone)),
            ("readme", "hello", None),
        ] {
            assert_eq!(Kind::of(name, text), kind, "{name}");
        }
    }

    #[test]
    fn a_node_is_known_by_the_names_of_file_and_folders() {
        for (name, kind, expected) in [
            ("dd1/dnsdist.conf", Kind::Dnsdist, Some("dd1")),
            ("lab/dnsdist-dd1.conf", Kind::Dnsdist, Some("dd1")),
            ("named-auth1.conf.options", Kind::Named, Some("auth1")),
            ("auth1/named.conf.logging", Kind::Named, Some("auth1")),
            (
                "dd1/etc/keepalived/keepalived.conf",
                Kind::Keepalived,
                Some("dd1"),
            ),
            ("/etc/dnsdist/dnsdist.conf", Kind::Dnsdist, None),
            ("auth1/db.zaibdns.lab", Kind::Zone, Some("auth1")),
            ("db.zaibdns.lab", Kind::Zone, None),
        ] {
            assert_eq!(node(name, kind).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn every_kind_has_a_name() {
        assert_eq!(Kind::names().filter_map(Kind::from_name).count(), SIGNS.len());
    }
}
