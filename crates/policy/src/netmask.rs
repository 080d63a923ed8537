//! Address prefixes and the editable groups that operators make of them.
//!
//! Editing happens while a configuration is read or at the console; the packet path uses the compiled form,
//! [`AddressRanges`](crate::AddressRanges).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::Invalid;

/// An address prefix; the bits behind the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Netmask {
    network: IpAddr,
    len: u8,
}

impl Netmask {
    /// The first `len` bits of `address`.
    ///
    /// # Errors
    /// When `len` is more than the address has bits.
    pub fn new(address: IpAddr, len: u8) -> Result<Self, Invalid> {
        let bits = address_bits(address);
        if len > bits {
            return Err(Invalid::new(format!(
                "prefix length /{len} of {address} is more than /{bits}"
            )));
        }
        Ok(Self {
            network: masked(address, len),
            len,
        })
    }

    /// The first address.
    pub fn network(self) -> IpAddr {
        self.network
    }

    /// Length of the prefix in bits.
    pub fn prefix_len(self) -> u8 {
        self.len
    }

    /// Whether `address` begins with this prefix.
    pub fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.len) == self.network
    }

    /// The first and the last address as numbers.
    pub(crate) fn bounds(self) -> (u128, u128) {
        let host_bits = address_bits(self.network) - self.len;
        let hosts = u128::MAX.checked_shr(128 - u32::from(host_bits)).unwrap_or(0);
        let first = match self.network {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        (first, first | hosts)
    }
}

impl fmt::Display for Netmask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.len)
    }
}

impl FromStr for Netmask {
    type Err = Invalid;

    /// Reads `address/length`; without a length the prefix is that one address.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (address, len) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().map_err(|_| {
            Invalid::new(format!(
                "'{text}' is not an address or a prefix such as 192.0.2.0/24"
            ))
        })?;
        if len.is_empty() && !text.contains('/') {
            return Self::new(address, address_bits(address));
        }
        let len = len
            .parse()
            .map_err(|_| Invalid::new(format!("'{len}' in '{text}' is not a prefix length")))?;
        Self::new(address, len)
    }
}

/// The first `len` bits of `address`, the others zero.
pub(crate) fn masked(address: IpAddr, len: u8) -> IpAddr {
    let kept = u32::from(len);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(kept)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(kept)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

/// Bits of an address of this family.
pub(crate) fn address_bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Prefixes that include or exclude addresses; the longest one that contains an address decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetmaskGroup {
    masks: BTreeMap<Position, (Netmask, Verdict)>,
}

/// Where a prefix stands in dnsdist's listings: IPv4 first, by last address, inner prefixes before outer ones.
type Position = (bool, u128, Reverse<u8>);

/// Whether a prefix takes its addresses into the group or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Included,
    Excluded,
}

impl NetmaskGroup {
    /// A group of the given masks; see [`Self::add`].
    ///
    /// # Errors
    /// At the first mask that is not one.
    pub fn from_masks<'t>(masks: impl IntoIterator<Item = &'t str>) -> Result<Self, Invalid> {
        let mut group = Self::default();
        for mask in masks {
            group.add(mask)?;
        }
        Ok(group)
    }

    /// Adds a prefix; `!` before it takes its addresses out of the group. A prefix that is there already is
    /// included or excluded anew.
    ///
    /// # Errors
    /// When `text` is not a prefix.
    pub fn add(&mut self, text: &str) -> Result<(), Invalid> {
        let (mask, verdict) = match text.strip_prefix('!') {
            Some(excluded) => (excluded.parse()?, Verdict::Excluded),
            None => (text.parse()?, Verdict::Included),
        };
        self.masks.insert(position(mask), (mask, verdict));
        Ok(())
    }

    /// Removes a prefix, whether it includes or excludes. Says whether it was there.
    ///
    /// # Errors
    /// When `text` is not a prefix.
    pub fn remove(&mut self, text: &str) -> Result<bool, Invalid> {
        let mask: Netmask = text.strip_prefix('!').unwrap_or(text).parse()?;
        Ok(self.masks.remove(&position(mask)).is_some())
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.masks.clear();
    }

    /// Whether the group has no prefix.
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// Number of prefixes.
    pub fn len(&self) -> usize {
        self.masks.len()
    }

    /// Whether `address` is in the group: for tests of a configuration. The packet path asks `AddressRanges`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let longest = (0..=address_bits(address)).rev().find_map(|len| {
            let mask = Netmask {
                network: masked(address, len),
                len,
            };
            self.masks.get(&position(mask))
        });
        longest.is_some_and(|(_, verdict)| *verdict == Verdict::Included)
    }

    /// Each prefix as it was added, in dnsdist's order.
    pub fn to_masks(&self) -> impl Iterator<Item = String> {
        self.entries().map(|(mask, verdict)| match verdict {
            Verdict::Included => mask.to_string(),
            Verdict::Excluded => format!("!{mask}"),
        })
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (Netmask, Verdict)> {
        self.masks.values().copied()
    }
}

impl fmt::Display for NetmaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mask) in self.to_masks().enumerate() {
            let separator = if number > 0 { ", " } else { "" };
            write!(f, "{separator}{mask}")?;
        }
        Ok(())
    }
}

fn position(mask: Netmask) -> Position {
    (mask.network.is_ipv6(), mask.bounds().1, Reverse(mask.len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn prefixes_print_and_parse() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1/32"),
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("255.255.255.255/0", "0.0.0.0/0"),
            ("ffff::/0", "::/0"),
        ] {
            assert_eq!(
                text.parse::<Netmask>().map(|mask| mask.to_string()),
                Ok(expected.to_owned())
            );
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "::/129",
            "10.0.0",
            "10.0.0.0/-1",
            "example",
            "10.0.0.0/8/8",
        ] {
            assert!(bad.parse::<Netmask>().is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_list_their_masks_as_dnsdist_does() {
        let group = NetmaskGroup::from_masks([
            "192.168.0.0/16",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "127.0.0.0/8",
            "10.0.0.1/32",
            "!10.2.0.0/16",
            "::1/128",
            "fe80::/10",
            "fc00::/7",
            "192.168.7.0/24",
            "10.1.0.0/16",
            "192.0.2.1",
        ])
        .expect("masks");
        // What `showRules()` of dnsdist 1.7.3 printed for the same group.
        assert_eq!(
            group.to_string(),
            "10.0.0.1/32, 10.1.0.0/16, !10.2.0.0/16, 10.0.0.0/8, 127.0.0.0/8, 172.16.0.0/12, 192.0.2.1/32, \
             192.168.7.0/24, 192.168.0.0/16, ::1/128, fc00::/7, fe80::/10"
        );
    }

    #[test]
    fn the_longest_prefix_decides() {
        let mut group =
            NetmaskGroup::from_masks(["10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24"]).expect("masks");
        assert!(group.contains(ip("10.2.0.1")));
        assert!(!group.contains(ip("10.1.0.1")));
        assert!(group.contains(ip("10.1.2.1")));
        assert!(!group.contains(ip("::a02:1")), "families are apart");
        assert_eq!(group.remove("10.1.0.0/16"), Ok(true));
        assert_eq!(group.remove("10.1.0.0/16"), Ok(false));
        assert!(group.contains(ip("10.1.0.1")));
        assert_eq!(group.len(), 2);
    }
}
