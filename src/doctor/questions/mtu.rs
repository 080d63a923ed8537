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
    let mut findings: Vec<_> = links.iter().filter_map(|link| judge(link)).collect();
    if findings.is_empty() && !links.is_empty() {
        let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
        findings.push(Finding::ok(format!("{USUAL} bytes on {}", names.join(", "))));
    }
    findings
}

/// Nothing for an interface as usual.
fn judge(link: &Link) -> Option<Finding> {
    let Link { name, mtu, .. } = link;
    let back = format!("ip link set {name} mtu {USUAL}");
    match *mtu {
        USUAL => None,
        0..LEAST => Some(Finding::new(
            Level::Fail,
            format!("{name} carries {mtu} bytes, which is too few for IPv6 and for many answers"),
            back,
        )),
        LEAST..USUAL => Some(Finding::new(
            Level::Warn,
            format!("{name} carries {mtu} bytes, not {USUAL}: what a peer with more sends may be lost"),
            back,
        )),
        _ => Some(Finding::new(
            Level::Note,
            format!("{name} carries {mtu} bytes: whatever is in its network has to as well"),
            "ip -brief link",
        )),
    }
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
            (1500, None),
            (1400, Some(Level::Warn)),
            (1280, Some(Level::Warn)),
            (1279, Some(Level::Fail)),
            (9000, Some(Level::Note)),
        ] {
            assert_eq!(judge(&link(mtu)).map(|finding| finding.level), level);
        }
    }
}
