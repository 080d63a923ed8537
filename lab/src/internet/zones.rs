//! What the zones of the laboratory's Internet say.

use std::fmt::Write as _;

/// A delegation: the zone, its name server, and the DS records of one that is signed.
pub(super) struct Delegation {
    pub(super) zone: String,
    pub(super) server: &'static str,
    pub(super) ds: Vec<String>,
}

/// A zone that stands for the rest of the world: it has a wildcard, so that every name in it has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name, without the final dot.
    pub name: String,
    /// Whether it is signed, and its parent says so.
    pub is_signed: bool,
}

/// The zones that are there to be many: the same ones every time, one in eight of them signed.
pub fn domains() -> Vec<Domain> {
    const FIRST: [&str; 20] = [
        "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper", "kite",
        "lagoon", "maple", "north", "opal", "prairie", "quartz", "river", "summit", "tundra",
    ];
    const SECOND: [&str; 16] = [
        "books", "bridge", "cloud", "dairy", "films", "games", "garden", "labs", "maps", "market", "media",
        "music", "news", "radio", "school", "travel",
    ];
    const UNDER: [&str; 4] = ["com", "net", "org", "pk"];
    let pairs = FIRST
        .iter()
        .flat_map(|first| SECOND.iter().map(move |second| (first, second)));
    let domain = |(number, (first, second)): (usize, (&&str, &&str))| Domain {
        name: format!("{first}-{second}.{}", UNDER[number % UNDER.len()]),
        // Not a multiple of the number of domains above them: each has signed ones.
        is_signed: number % 8 == number / 8 % 8,
    };
    pairs.enumerate().map(domain).collect()
}

/// The domains directly below the root.
pub(super) const TOP: [&str; 5] = ["com", "net", "org", "pk", "arpa"];

/// `google.com`, with a large answer.
pub(super) fn google() -> String {
    let large = super::LARGE_NAME;
    let large = (0..super::LARGE_RECORDS).map(|number| format!("{large}. 300 TXT \"{number:0200}\"\n"));
    large.fold(GOOGLE.to_owned(), |zone, record| zone + &record)
}

const GOOGLE: &str = "\
@ 300 SOA ns1.google.com. dns-admin.google.com. 1 900 900 1800 60
@ 300 NS ns1.google.com.
@ 300 A 192.0.2.80
* 300 A 192.0.2.80
ns1 300 A 192.0.2.3
";
/// `example.com`.
pub(super) const EXAMPLE: &str = "\
@ 300 SOA ns1.google.com. dns-admin.google.com. 1 900 900 1800 60
@ 300 NS ns1.google.com.
@ 300 A 192.0.2.81
* 300 A 192.0.2.81
";
/// Each of the [`domains`].
pub(super) const DOMAIN: &str = "\
@ 300 SOA ns1.hosting.net. hostmaster.hosting.net. 1 900 900 1800 60
@ 300 NS ns1.hosting.net.
@ 300 A 192.0.2.82
* 300 A 192.0.2.82
";

/// The root, with the domains below it.
pub(super) fn root(delegations: &[Delegation]) -> String {
    let zone = "\
. 86400 SOA a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400
. 86400 NS a.root-servers.net.
a.root-servers.net. 86400 A 192.0.2.1
a.gtld-servers.net. 86400 A 192.0.2.2
";
    zone.to_owned() + &delegated(delegations)
}

/// A domain below the root, with those of the delegations that are in it.
pub(super) fn top(name: &str, delegations: &[Delegation]) -> String {
    let mut zone = format!(
        "{name}. 86400 SOA a.gtld-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 900\n\
         {name}. 86400 NS a.gtld-servers.net.\n"
    );
    // Name servers' own addresses.
    zone += match name {
        "com" => {
            "wayward.com. 86400 NS wayward.com.\nwayward.com. 86400 A 192.0.2.4\nns1.google.com. 86400 A 192.0.2.3\n"
        }
        "net" => {
            "a.root-servers.net. 86400 A 192.0.2.1\na.gtld-servers.net. 86400 A 192.0.2.2\n\
             ns1.hosting.net. 86400 A 192.0.2.5\n"
        }
        _ => "",
    };
    let ending = format!(".{name}");
    let own = delegations.iter().filter(|one| one.zone.ends_with(&ending));
    zone + &delegated(own)
}

fn delegated<'d>(delegations: impl IntoIterator<Item = &'d Delegation>) -> String {
    let mut text = String::new();
    for Delegation { zone, server, ds } in delegations {
        let _ = writeln!(text, "{zone}. 86400 NS {server}");
        for ds in ds {
            let _ = writeln!(text, "{zone}. 86400 DS {ds}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn hundreds_of_domains_differ_and_some_below_each_are_signed() {
        let domains = domains();
        let names: BTreeSet<&str> = domains.iter().map(|domain| domain.name.as_str()).collect();
        assert_eq!(names.len(), 320);
        for top in [".com", ".net", ".org", ".pk"] {
            let below: Vec<_> = domains
                .iter()
                .filter(|domain| domain.name.ends_with(top))
                .collect();
            let signed = below.iter().filter(|domain| domain.is_signed).count();
            assert_eq!((below.len(), signed), (80, 10), "{top}");
        }
    }
}
