//! Do the interfaces carry packets of the usual size? What is too long for one is lost without a word where a firewall
//! drops fragments.

use std::collections::BTreeSet;

use weir_linux::Link;

use crate::doctor::finding::{Finding, Level};
use crate::doctor::surroundings::Surroundings;

/// Ethernet's.
const USUAL: u32 = 1500;
/// What IPv6 needs (RFC 8200 §5), and an answer of 1232 bytes as well.
const LEAST: u32 = 1280;

/// Looks at the interfaces with this node's addresses.
pub(super) fn ask(surroundings: &Surroundings) -> Vec<Finding> {
    let Some(node) = &surroundings.node else {
        return Vec::new();
    };
    let holders = node.addresses.iter();
    let holders = holders.filter_map(|own| surroundings.network.holder(own.address));
    let mut seen = BTreeSet::new();
    let links: Vec<&Link> = holders.filter(|link| seen.insert(link.index)).collect();
    judge(&links)
}

fn judge(links: &[&Link]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in links {
        let next = format!("ip link set {} mtu {USUAL}", link.name);
        if link.mtu < LEAST {
            let what = format!(
                "{} carries {} bytes: too few for IPv6 and for answers of 1232 bytes",
                link.name, link.mtu
            );
            findings.push(Finding::new(Level::Fail, what, next));
        } else if link.mtu < USUAL {
            let what = format!(
                "{} carries {} bytes, less than the usual {USUAL}: a peer that sends more is not heard",
                link.name, link.mtu
            );
            findings.push(Finding::new(Level::Warn, what, next));
        } else if link.mtu > USUAL {
            let what = format!(
                "{} carries {} bytes: every node, switch and router in its network has to as well",
                link.name, link.mtu
            );
            findings.push(Finding::new(Level::Note, what, next));
        }
    }
    if findings.is_empty() && !links.is_empty() {
        let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
        findings.push(Finding::ok(format!("{} bytes on {}", USUAL, names.join(", "))));
    }
    findings
}

#[cfg(test)]
mod tests {
    use weir_linux::LinkIndex;

    use super::*;

    #[test]
    fn unusual_sizes_are_told() {
        let link = |mtu| Link {
            index: LinkIndex(2),
            name: "eth0".to_owned(),
            mac: None,
            up: true,
            mtu,
        };
        for (mtu, level) in [
            (1500, Level::Ok),
            (1400, Level::Warn),
            (1279, Level::Fail),
            (9000, Level::Note),
        ] {
            let found = judge(&[&link(mtu)]);
            assert_eq!(
                found.iter().map(|finding| finding.level).collect::<Vec<_>>(),
                [level]
            );
        }
        assert!(judge(&[]).is_empty());
        assert_eq!(judge(&[&link(1500), &link(1400)]).len(), 1);
    }
}
