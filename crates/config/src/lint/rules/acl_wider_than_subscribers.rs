//! An access list with more than the subscribers.

use super::{Found, Rule};
use crate::diagnostics::Placed;
use crate::lint::facts::{AclOrigin, Facts, Front, commas, covers, default_masks, is_local};
use crate::lint::finding::Level;
use weir_policy::Netmask;

pub(super) static RULE: Rule = Rule {
    id: "acl-wider-than-subscribers",
    level: Level::Warning,
    about: "an access list that lets in more than the subscribers' networks",
    bad_day: "queries from networks that are not yours (another customer's LAN, a leaked route, a forged \
              private source) are resolved as a subscriber's",
    check,
};

fn check(facts: &Facts, found: &mut Found) {
    for front in &facts.fronts {
        let Some((wide, why)) = wider(front, facts) else {
            continue;
        };
        let what = format!("{}: {why}: {}", front.node, commas(&wide));
        let known = if facts.subscribers.networks.is_empty() {
            front.written_masks().collect()
        } else {
            facts
                .subscribers
                .networks
                .iter()
                .chain(&facts.subscribers.cgnat)
                .copied()
                .collect::<Vec<_>>()
        };
        let fix = match known.len() {
            1..=12 => {
                let masks = known.iter().map(|mask| format!("\"{mask}\""));
                format!("write setACL({{{}}}), which replaces them", commas(masks))
            }
            _ => "write setACL with your subscribers' networks, which replaces them".to_owned(),
        };
        found.add(&front.acl.place, what, fix);
    }
}

/// What is too much, and why it is there.
fn wider(front: &Front, facts: &Facts) -> Option<(Vec<Netmask>, &'static str)> {
    let Placed { value: masks, .. } = &front.acl;
    let mut known = facts
        .subscribers
        .networks
        .iter()
        .chain(&facts.subscribers.cgnat)
        .peekable();
    // A list of everybody has a rule of its own.
    let is_too_much = |mask: &&Netmask| !is_local(**mask) && mask.prefix_len() > 0;
    if known.peek().is_some() {
        let known: Vec<_> = known.collect();
        let wide = masks.iter().filter(is_too_much);
        let wide: Vec<_> = wide
            .filter(|mask| !known.iter().any(|network| covers(**network, **mask)))
            .copied()
            .collect();
        let why = match front.acl_origin {
            AclOrigin::Extended => {
                "addACL keeps dnsdist's own ranges, and not all of the list are subscribers"
            }
            AclOrigin::Default => {
                "there is no setACL, so dnsdist's own ranges may ask, and not all are subscribers"
            }
            AclOrigin::Written => "the access list has more than the subscribers",
        };
        return (!wide.is_empty()).then_some((wide, why));
    }
    // Without word from the operator, dnsdist's own ranges are what nobody chose.
    let why = match front.acl_origin {
        AclOrigin::Extended => "addACL adds to dnsdist's own ranges, so these may ask as well",
        AclOrigin::Default => "there is no setACL, so dnsdist's own ranges may ask",
        AclOrigin::Written => return None,
    };
    Some((
        default_masks()
            .into_iter()
            .filter(|mask| !is_local(*mask))
            .collect(),
        why,
    ))
}

#[cfg(test)]
mod tests {
    use crate::lint::tests::{FRONT, SITE, found, found_by, given};

    const ID: &str = "acl-wider-than-subscribers";

    #[test]
    fn what_is_added_leaves_the_default_ranges_open() {
        let front = FRONT.replace("setACL({\"10.10.2.0/24\"})", "addACL(\"10.10.2.0/24\")");
        assert_eq!(
            found(ID, &[("dd1/dnsdist.conf", &front)]),
            [
                "dd1/dnsdist.conf:2: warning: dd1: addACL adds to dnsdist's own ranges, so these may ask as well: \
              10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"
            ]
        );
        assert!(found(ID, &[("dd1/dnsdist.conf", FRONT)]).is_empty());
    }

    #[test]
    fn nothing_said_leaves_them_open_too() {
        let front = FRONT.replace("setACL({\"10.10.2.0/24\"})", "");
        assert!(found(ID, &[("dd1/dnsdist.conf", &front)])[0].contains("there is no setACL"));
    }

    #[test]
    fn the_operators_word_counts() {
        let wide = FRONT.replace(
            "setACL({\"10.10.2.0/24\"})",
            "setACL({\"10.10.0.0/16\", \"127.0.0.0/8\"})",
        );
        let by = given(&["10.10.2.0/24"], &["203.0.113.0/24"], None);
        assert_eq!(
            found_by(ID, &[("dnsdist.conf", &wide)], &by),
            [
                "dnsdist.conf:2: warning: dnsdist.conf: the access list has more than the subscribers: \
                 10.10.0.0/16"
            ]
        );
        assert!(found_by(ID, &[("dnsdist.conf", FRONT)], &by).is_empty());
    }

    #[test]
    fn a_site_lets_in_its_subscribers_only() {
        assert!(found(ID, &[("weir.toml", SITE)]).is_empty());
    }
}
