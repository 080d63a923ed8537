//! A compiled set of addresses: where it begins and ends, nothing else.
//!
//! However prefixes nest, what they include is a list of disjoint ranges. Only the borders are kept, sorted: an
//! address is inside when an odd number of borders is at or below it. One binary search over a flat array, four
//! bytes per IPv4 border and sixteen per IPv6 border, the same for three prefixes and for a million.

use std::net::IpAddr;

use crate::netmask::{Netmask, NetmaskGroup, Verdict};

/// A set of addresses, compiled from a [`NetmaskGroup`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRanges {
    v4: Box<[u32]>,
    v6: Box<[u128]>,
}

impl AddressRanges {
    /// Compiles `group`.
    pub fn new(group: &NetmaskGroup) -> Self {
        let (v4, v6): (Vec<_>, Vec<_>) = group.entries().partition(|(mask, _)| mask.network().is_ipv4());
        // A border behind the last IPv4 address has no 32-bit number and is not needed: nothing lies behind it.
        let v4 = borders(v4)
            .into_iter()
            .filter_map(|border| u32::try_from(border).ok());
        Self {
            v4: v4.collect(),
            v6: borders(v6).into_boxed_slice(),
        }
    }

    /// Whether `address` is in the set.
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => is_inside(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => is_inside(&self.v6, v6.to_bits()),
        }
    }
}

#[inline]
fn is_inside<T: Ord + Copy>(borders: &[T], address: T) -> bool {
    borders.partition_point(|&border| border <= address) % 2 == 1
}

/// The borders of what the prefixes of one family include: first address inside, first address outside, and so
/// on. A border behind the last 128-bit address is left out.
fn borders(mut masks: Vec<(Netmask, Verdict)>) -> Vec<u128> {
    // Outer prefixes first: the innermost that is still open decides at each address.
    masks.sort_by_key(|(mask, _)| (mask.bounds().0, mask.prefix_len()));
    let mut borders = Vec::new();
    let mut open: Vec<(u128, Verdict)> = Vec::new();
    for (mask, verdict) in masks {
        let (first, last) = mask.bounds();
        close_before(Some(first), &mut open, &mut borders);
        open.push((last, verdict));
        set_verdict(&mut borders, first, verdict);
    }
    close_before(None, &mut open, &mut borders);
    borders
}

/// Closes the open prefixes that end before `address`, or all of them.
fn close_before(address: Option<u128>, open: &mut Vec<(u128, Verdict)>, borders: &mut Vec<u128>) {
    while let Some((last, _)) = open.pop_if(|(last, _)| address.is_none_or(|address| *last < address)) {
        let outer = open.last().map_or(Verdict::Excluded, |(_, verdict)| *verdict);
        if let Some(next) = last.checked_add(1) {
            set_verdict(borders, next, outer);
        }
    }
}

/// From `address` on, `verdict` holds.
fn set_verdict(borders: &mut Vec<u128>, address: u128, verdict: Verdict) {
    // What was said for the same address before does not hold anywhere.
    borders.pop_if(|border| *border == address);
    let holds = if borders.len() % 2 == 1 {
        Verdict::Included
    } else {
        Verdict::Excluded
    };
    if holds != verdict {
        borders.push(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn group(masks: &[&str]) -> NetmaskGroup {
        NetmaskGroup::from_masks(masks.iter().copied()).expect("masks")
    }

    #[test]
    fn neighbours_become_one_range() {
        let ranges = AddressRanges::new(&group(&["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"]));
        assert_eq!(*ranges.v4, [0x0a00_0000, 0x0b00_0000]);
    }

    #[test]
    fn the_ends_of_the_address_space_belong_to_it() {
        let everything = AddressRanges::new(&group(&["0.0.0.0/0", "::/0"]));
        let nothing = AddressRanges::new(&group(&["!0.0.0.0/0", "!::/0"]));
        let last = AddressRanges::new(&group(&[
            "255.255.255.255",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ]));
        for address in [
            IpAddr::from(Ipv4Addr::BROADCAST),
            Ipv6Addr::from_bits(u128::MAX).into(),
        ] {
            assert!(everything.contains(address) && last.contains(address) && !nothing.contains(address));
        }
        for address in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
            assert!(everything.contains(address) && !last.contains(address) && !nothing.contains(address));
        }
        assert!(!AddressRanges::default().contains(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn ranges_agree_with_the_longest_prefix() {
        let mut random = Random::new(7);
        for round in 0..300 {
            let mut masks = NetmaskGroup::default();
            // Few distinct addresses, so that prefixes nest and touch.
            let draw = |random: &mut Random| {
                (random.below(8) << 29 | random.below(4) << 14 | random.below(4)) as u32
            };
            for _ in 0..random.below(24) {
                let not = if random.below(3) == 0 { "!" } else { "" };
                let (bits, family) = (draw(&mut random), random.below(2));
                let full = if family == 0 { 32 } else { 128 };
                // Half of them as long as can be, so that prefixes end together.
                let len = if random.below(2) == 0 {
                    full - random.below(4)
                } else {
                    random.below(full + 1)
                };
                let mask = match family {
                    0 => format!("{not}{}/{len}", Ipv4Addr::from_bits(bits)),
                    _ => format!("{not}{}/{len}", v6(bits)),
                };
                masks.add(&mask).expect("a mask");
            }
            let ranges = AddressRanges::new(&masks);
            for _ in 0..200 {
                let bits = draw(&mut random);
                for address in [IpAddr::from(Ipv4Addr::from_bits(bits)), v6(bits).into()] {
                    assert_eq!(
                        ranges.contains(address),
                        masks.contains(address),
                        "round {round}: {address} in {masks}"
                    );
                }
            }
        }
    }

    fn v6(bits: u32) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from(bits) << 96 | u128::from(bits))
    }
}
