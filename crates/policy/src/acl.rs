//! Who may ask at all.

use std::net::IpAddr;

use crate::{AddressRanges, NetmaskGroup};

/// What dnsdist allows when nothing else is configured: loopback, private, shared (RFC 6598) and link-local
/// addresses.
const DEFAULT_MASKS: [&str; 9] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "192.168.0.0/16",
    "172.16.0.0/12",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// The clients whose queries are accepted. Without any mask nobody is.
#[derive(Clone, Debug)]
pub struct Acl {
    masks: NetmaskGroup,
    ranges: AddressRanges,
}

impl Acl {
    /// Allows the members of `masks`.
    pub fn new(masks: NetmaskGroup) -> Self {
        Self {
            ranges: AddressRanges::new(&masks),
            masks,
        }
    }

    /// The masks to start from before the configuration adds or replaces some (`addACL`, `setACL`).
    pub fn default_masks() -> NetmaskGroup {
        // Constants that a test parses; one that were wrong would be missing, never a panic.
        let mut masks = NetmaskGroup::default();
        for mask in DEFAULT_MASKS {
            let _ = masks.add(mask);
        }
        masks
    }

    /// Whether `client` may ask.
    #[inline]
    pub fn allows(&self, client: IpAddr) -> bool {
        self.ranges.contains(client)
    }

    /// The masks, as `showACL()` lists them.
    pub fn masks(&self) -> &NetmaskGroup {
        &self.masks
    }
}

impl Default for Acl {
    fn default() -> Self {
        Self::new(Self::default_masks())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_that_of_dnsdist() {
        let acl = Acl::default();
        // What dnsdist 1.7.3 prints when it starts.
        assert_eq!(
            acl.masks().to_string(),
            "10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16, ::1/128, \
             fc00::/7, fe80::/10"
        );
        for (client, allowed) in [
            ("127.0.0.1", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.0.2.1", false),
            ("::1", true),
            ("fdff::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(acl.allows(client.parse().expect(client)), allowed, "{client}");
        }
    }

    #[test]
    fn an_empty_list_allows_nobody() {
        assert!(!Acl::new(NetmaskGroup::default()).allows("127.0.0.1".parse().expect("an address")));
    }
}
