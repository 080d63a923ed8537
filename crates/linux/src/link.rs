//! Network interfaces: what they are called, and the settings of theirs that a floating address depends on.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// An interface's number. It lives as long as the interface: one that is made again under its old name has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkIndex(pub u32);

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: LinkIndex,
    /// Its name, of 15 bytes at most.
    pub name: String,
    /// Its address; an interface that is not Ethernet has none here.
    pub mac: Option<MacAddress>,
    /// Whether packets can be expected to pass: switched on (`IFF_UP`), with a carrier (`IFF_LOWER_UP`), and not
    /// waiting for a protocol such as 802.1X (`IFF_RUNNING`).
    pub up: bool,
    /// Bytes in the largest packet.
    pub mtu: u32,
}

/// Makes the removal of an address leave the others of its subnet alone (`promote_secondaries`).
///
/// An IPv4 address is secondary to one of the same subnet that was there first, and the kernel's default is to
/// remove the secondaries with it. A floating address that came before the node's own (it was renewed by DHCP,
/// say) would take the node off the network when it leaves. systemd switches this on for every interface; where it
/// has not, `weir vip` does for the interfaces it puts addresses on.
///
/// # Errors
/// There is no such interface, or `/proc/sys` may not be written.
pub fn keep_secondaries(interface: &str) -> io::Result<()> {
    let name = "promote_secondaries";
    // Written only where it changes something: in a container `/proc/sys` may be readable only, and rightly set.
    for interface in [interface, "all"] {
        if fs::read_to_string(setting(Family::V4, interface, name)?)?.trim() == "1" {
            return Ok(());
        }
    }
    fs::write(setting(Family::V4, interface, name)?, "1")
}

/// Whether the node forwards IPv6 packets that arrive on the interface, in which case it is a router to its
/// neighbours (RFC 4861 section 4.4, the R bit).
///
/// # Errors
/// There is no such interface, or it has no IPv6.
pub fn forwards_ipv6(interface: &str) -> io::Result<bool> {
    let value = fs::read_to_string(setting(Family::V6, interface, "forwarding")?)?;
    Ok(value.trim() != "0")
}

fn setting(family: Family, interface: &str, name: &str) -> io::Result<PathBuf> {
    // No interface has such a name; one from a configuration file might.
    if interface.is_empty() || interface.contains('/') || interface.starts_with("..") || interface == "." {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    Ok(["/proc/sys/net", family, "conf", interface, name]
        .iter()
        .collect())
}

#[cfg(test)]
mod tests {
    use weir_lab::Network;

    use super::*;

    #[test]
    fn a_mac_address_reads_as_everywhere() {
        let mac = MacAddress([0, 0x1b, 0xfe, 1, 2, 0xff]);
        assert_eq!(
            (mac.to_string(), format!("{mac:?}")),
            ("00:1b:fe:01:02:ff".into(), mac.to_string())
        );
    }

    #[test]
    fn no_name_leads_out_of_the_settings() {
        for name in ["", ".", "..", "../all", "eth0/../all", "/"] {
            assert_eq!(
                keep_secondaries(name).unwrap_err().kind(),
                io::ErrorKind::InvalidInput,
                "{name}"
            );
        }
        assert!(setting(Family::V4, "eth0.100", "x").is_ok());
    }

    #[test]
    #[ignore = "needs root: network namespaces"]
    fn lab_settings_are_those_of_the_interface() {
        let network = Network::create().unwrap();
        let host = network.attach("a", &["10.9.0.1/24", "10.9.0.2/24"]).unwrap();
        host.enter(|| {
            assert!(!forwards_ipv6("eth0").unwrap());
            fs::write("/proc/sys/net/ipv6/conf/eth0/forwarding", "1").unwrap();
            assert!(forwards_ipv6("eth0").unwrap());
            fs::write("/proc/sys/net/ipv4/conf/eth0/promote_secondaries", "0").unwrap();
            keep_secondaries("eth0").unwrap();
            keep_secondaries("eth0").unwrap();
            assert!(keep_secondaries("eth1").is_err());
        })
        .unwrap();
        host.ip(&["address", "delete", "10.9.0.1/24", "dev", "eth0"])
            .unwrap();
        host.ip(&["address", "delete", "10.9.0.2/24", "dev", "eth0"])
            .unwrap();
    }
}
