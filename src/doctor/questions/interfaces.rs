//! Are the interfaces what the site file calls them, and do they have the node's addresses?

use std::net::IpAddr;

use weir_config::nearest;

use crate::doctor::finding::{Finding, Level};
use crate::doctor::surroundings::{Network, Surroundings};

/// An address that the site file gives this node.
#[derive(Clone, Debug)]
struct Wanted {
    address: IpAddr,
    prefix: u8,
    network: String,
    /// The interface that it should be on, where the file says so.
    interface: Option<String>,
}

/// Compares the site file with the kernel; on nodes only.
pub(super) fn ask(surroundings: &Surroundings) -> Vec<Finding> {
    let Some(node) = &surroundings.node else {
        return Vec::new();
    };
    let wanted = node.addresses.iter().map(|own| Wanted {
        address: own.address,
        prefix: own.prefix,
        network: own.network.name.clone(),
        interface: own.interface.clone(),
    });
    wanted
        .map(|wanted| judge(&wanted, &surroundings.network))
        .collect()
}

fn judge(wanted: &Wanted, network: &Network) -> Finding {
    let Wanted { address, prefix, .. } = wanted;
    let fail = |what, next: &str| Finding::new(Level::Fail, what, next);
    let holder = network.holder(*address);
    let named = wanted.interface.as_deref();
    let missing = named.filter(|name| network.link(name).is_none());
    match (missing, holder) {
        (Some(name), Some(holder)) => fail(
            format!(
                "the site file calls the interface {name}, which is not there: {address} is on {}",
                holder.name
            ),
            "ip -brief address",
        ),
        (Some(name), None) => {
            let names = network.links.iter().map(|link| link.name.as_str());
            let help = match nearest(name, names.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
            };
            let what = format!("there is no interface {name}, and nobody has {address}; {help}");
            fail(what, "ip -brief address")
        }
        (None, None) => {
            let device = named.map_or_else(String::new, |name| format!(" dev {name}"));
            fail(
                format!(
                    "no interface has {address}, this node's address in {}",
                    wanted.network
                ),
                &format!("ip address add {address}/{prefix}{device}"),
            )
        }
        (None, Some(holder)) if named.is_some_and(|name| name != holder.name) => fail(
            format!(
                "{address} is on {}, by the site file it should be on {}",
                holder.name,
                named.unwrap_or_default()
            ),
            "ip -brief address",
        ),
        (None, Some(holder)) if !holder.up => fail(
            format!("{} has {address}, and is down or without a carrier", holder.name),
            &format!("ip link show {}", holder.name),
        ),
        (None, Some(holder)) => Finding::ok(format!("{} has {address}", holder.name)),
    }
}

#[cfg(test)]
mod tests {
    use weir_linux::netlink::{Assigned, FOREVER};
    use weir_linux::{Link, LinkIndex};

    use super::*;

    fn network() -> Network {
        let link = |index, name: &str, up| Link {
            index: LinkIndex(index),
            name: name.to_owned(),
            mac: None,
            up,
            mtu: 1500,
        };
        let assigned = |index, address: &str| Assigned {
            index: LinkIndex(index),
            address: address.parse().unwrap(),
            prefix: 24,
            label: None,
            valid_s: FOREVER,
            ours: false,
            usable: true,
        };
        Network {
            links: vec![
                link(1, "lo", true),
                link(2, "ens160", true),
                link(3, "ens192", false),
            ],
            addresses: vec![assigned(2, "10.10.2.161"), assigned(3, "10.10.3.161")],
        }
    }

    #[test]
    fn names_and_addresses_are_compared_with_the_kernel() {
        for (address, interface, level, what) in [
            ("10.10.2.161", Some("ens160"), Level::Ok, "ens160 has 10.10.2.161"),
            ("10.10.2.161", None, Level::Ok, "ens160 has 10.10.2.161"),
            (
                "10.10.2.161",
                Some("eth0"),
                Level::Fail,
                "the site file calls the interface eth0, which is not there: 10.10.2.161 is on ens160",
            ),
            (
                "10.10.2.161",
                Some("ens192"),
                Level::Fail,
                "10.10.2.161 is on ens160, by the site file it should be on ens192",
            ),
            (
                "10.10.2.169",
                Some("ens161"),
                Level::Fail,
                "there is no interface ens161, and nobody has 10.10.2.169; did you mean ens160?",
            ),
            (
                "10.10.2.169",
                Some("wan"),
                Level::Fail,
                "there is no interface wan, and nobody has 10.10.2.169; there are lo, ens160, ens192",
            ),
            (
                "10.10.2.169",
                Some("ens160"),
                Level::Fail,
                "no interface has 10.10.2.169, this node's address in lan",
            ),
            (
                "10.10.3.161",
                Some("ens192"),
                Level::Fail,
                "ens192 has 10.10.3.161, and is down or without a carrier",
            ),
        ] {
            let wanted = Wanted {
                address: address.parse().unwrap(),
                prefix: 24,
                network: "lan".to_owned(),
                interface: interface.map(str::to_owned),
            };
            let finding = judge(&wanted, &network());
            assert_eq!((finding.level, finding.what.as_str()), (level, what));
            assert_eq!(finding.next.is_none(), level == Level::Ok);
        }
    }
}
