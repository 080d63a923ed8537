//! An advert as bytes: what is accepted, in which order it is checked, and the same thing written.
//!
//! ```text
//!           0               1          2          3        4            5          6          8
//!   v2:  2<<4 | type 1 │ VRID │ priority │ count │ auth type │ interval s │ checksum │ addresses │ 8 bytes of password
//!   v3:  3<<4 | type 1 │ VRID │ priority │ count │ 4 bits, 12 of interval cs │ checksum │ addresses
//! ```
//!
//! RFC 9568 §5.2, RFC 3768 §5.3, RFC 2338 §5.3.6. Version 2 sums the message with its password. What version 3 sums
//! over IPv4 is disputed: keepalived, FRR and tcpdump put a pseudo-header before the message, RFC 9568 §5.2.8 and
//! some routers do not, so both are accepted. Over IPv6 the kernel sums on sending and checks on receipt.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use subtle::ConstantTimeEq;

use crate::node::Received;
use crate::reject::Reject;
use crate::settings::{
    Authentication, ChecksumForm, Destination, Family, Interval, RouterSettings, Version, Vrid,
};

/// The only type of message there is (RFC 9568 §5.2.2).
const ADVERTISEMENT: u8 = 1;
/// `auth_type PASS` (RFC 2338 §5.3.6).
const PASS: u8 = 1;
/// The length of what stands before the addresses.
const HEADER: usize = 8;
/// The length of version 2's authentication data, which is there even when there is no authentication.
const PASSWORD: usize = 8;
/// VRRP's protocol number, for the pseudo-header.
const PROTOCOL: u8 = 112;
/// What an Ethernet frame of the least length has behind an IPv4 header: so much can be padding.
const PADDED: usize = 46 - 20;
/// Where keepalived before 1.3.7 thought that unicast adverts went, when it summed them.
const OLD_UNICAST_SUM: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// An advert that a router may believe.
#[derive(Clone, Copy, Debug)]
pub struct Advert<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// The sender's priority; zero says that it stops being master.
    pub priority: u8,
    /// The sender's interval.
    pub interval: Interval,
    family: Family,
    addresses: &'a [u8],
}

impl<'a> Advert<'a> {
    /// Checks what has come in for a router with these settings, in keepalived's order. A list of addresses that
    /// differs from the router's is no reason to reject: see [`Self::lists`].
    pub fn parse(received: &Received<'a>, settings: &RouterSettings) -> Result<Self, Reject> {
        let message = received.message;
        let length = |needs| Reject::Length {
            has: message.len(),
            needs,
        };
        let Some((header, rest)) = message.split_first_chunk::<HEADER>() else {
            return Err(length(HEADER));
        };
        let [first, vrid, priority, count, high, low, ..] = *header;
        // Every router of an interface sees the adverts of all: this one comes first, and is nobody's fault.
        if vrid != settings.vrid.0.get() {
            return Err(Reject::OtherRouter(vrid));
        }
        if first >> 4 != version_number(settings.version) {
            return Err(Reject::Version(first >> 4));
        }
        let trailer = match settings.version {
            Version::V2 => PASSWORD,
            Version::V3 => 0,
        };
        let listed = usize::from(count) * address_length(settings.family);
        let needs = HEADER + listed + trailer;
        let padded = settings.family == Family::V4 && message.len() <= PADDED;
        if message.len() < needs || (message.len() > needs && !padded) {
            return Err(length(needs));
        }
        let (Some(whole), Some((addresses, rest))) = (message.get(..needs), rest.split_at_checked(listed))
        else {
            return Err(length(needs));
        };
        check_hops(received, &settings.destination)?;
        let interval = match settings.version {
            Version::V2 => {
                check_password(&settings.authentication, high, rest)?;
                Duration::from_secs(u64::from(low))
            }
            Version::V3 => Duration::from_millis(u64::from(u16::from_be_bytes([high & 0x0f, low])) * 10),
        };
        let interval = accept_interval(interval, settings)?;
        if first & 0x0f != ADVERTISEMENT {
            return Err(Reject::Type(first & 0x0f));
        }
        check_sum(received, settings, whole)?;
        check_destination(received, &settings.destination)?;
        Ok(Self {
            source: received.source,
            priority,
            interval,
            family: settings.family,
            addresses,
        })
    }

    /// The message that a router with these settings sends from `source` to `destination`. The checksum over IPv6
    /// is left to the kernel.
    pub fn emit(settings: &RouterSettings, priority: u8, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let addresses = settings.addresses.iter().take(usize::from(u8::MAX));
        let count = addresses.len() as u8;
        let [high, low] = match settings.version {
            Version::V2 => [auth_type(&settings.authentication), settings.interval.seconds()],
            Version::V3 => settings.interval.centiseconds().to_be_bytes(),
        };
        let first = version_number(settings.version) << 4 | ADVERTISEMENT;
        let mut message = vec![first, settings.vrid.0.get(), priority, count, high, low, 0, 0];
        for address in addresses {
            match address {
                IpAddr::V4(address) => message.extend(address.octets()),
                IpAddr::V6(address) => message.extend(address.octets()),
            }
        }
        if settings.version == Version::V2 {
            message.extend(match settings.authentication {
                Authentication::None => [0; PASSWORD],
                Authentication::Password(password) => password,
            });
        }
        let covered = match (settings.version, settings.checksum, source, destination) {
            (Version::V3, ChecksumForm::PseudoHeader, IpAddr::V4(source), IpAddr::V4(destination)) => {
                pseudo_header(source, destination, message.len())
            }
            (Version::V2, _, _, _) | (Version::V3, ChecksumForm::MessageOnly, _, _) => 0,
            (Version::V3, ChecksumForm::PseudoHeader, _, _) => 0,
        };
        if settings.family == Family::V4
            && let sum = !fold(covered + add(&message))
            && let Some(field) = message.get_mut(6..HEADER)
        {
            field.copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    /// The addresses that it lists.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + 'a {
        let family = self.family;
        let parts = self.addresses.chunks_exact(address_length(family));
        parts.filter_map(move |part| match family {
            Family::V4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(part).ok()?).into()),
            Family::V6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(part).ok()?).into()),
        })
    }

    /// Whether it lists exactly these addresses, in this order.
    pub fn lists(&self, addresses: &[IpAddr]) -> bool {
        self.addresses().eq(addresses.iter().copied())
    }
}

/// The number of the router that a message is for, before anything about it is checked.
pub fn vrid_of(message: &[u8]) -> Option<Vrid> {
    message
        .get(1)
        .and_then(|number| Some(Vrid((*number).try_into().ok()?)))
}

const fn version_number(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

const fn address_length(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

const fn auth_type(authentication: &Authentication) -> u8 {
    match authentication {
        Authentication::None => 0,
        Authentication::Password(_) => PASS,
    }
}

/// Hop limit 255 shows that a multicast advert was not routed (RFC 9568 §7.1); unicast may be, if the peer says so.
fn check_hops(received: &Received<'_>, destination: &Destination) -> Result<(), Reject> {
    let (least, most) = match destination {
        Destination::Multicast(_) => (u8::MAX, u8::MAX),
        Destination::Unicast { peers, .. } => peers
            .iter()
            .find(|peer| peer.address == received.source)
            .map_or((0, u8::MAX), |peer| peer.hops),
    };
    if (least..=most).contains(&received.hops) {
        return Ok(());
    }
    Err(Reject::Hops(received.hops))
}

/// `rest` is what stands behind the addresses.
fn check_password(authentication: &Authentication, theirs: u8, rest: &[u8]) -> Result<(), Reject> {
    if theirs != auth_type(authentication) {
        return Err(Reject::AuthenticationType(theirs));
    }
    match authentication {
        Authentication::None => Ok(()),
        // In constant time: a router that answers is no oracle for the password's letters.
        Authentication::Password(password) => rest
            .get(..PASSWORD)
            .filter(|given| bool::from(given.ct_eq(password)))
            .map(|_| ())
            .ok_or(Reject::Password),
    }
}

/// Version 2 wants the same interval on both sides (RFC 3768 §7.1); version 3 learns it from the master, and one
/// of zero would have a backup take over at once, again and again.
fn accept_interval(theirs: Duration, settings: &RouterSettings) -> Result<Interval, Reject> {
    let reject = Reject::Interval {
        ours: settings.interval.duration(),
        theirs,
    };
    let interval = Interval::new(settings.version, theirs).ok_or(reject)?;
    match settings.version {
        Version::V2 if interval != settings.interval => Err(reject),
        Version::V2 | Version::V3 => Ok(interval),
    }
}

fn check_sum(received: &Received<'_>, settings: &RouterSettings, whole: &[u8]) -> Result<(), Reject> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (received.source, received.destination) else {
        // The kernel has dropped what does not sum up (IPV6_CHECKSUM).
        return match settings.family {
            Family::V6 => Ok(()),
            Family::V4 => Err(Reject::Destination(received.destination)),
        };
    };
    let message = add(whole);
    let old_unicast = matches!(settings.destination, Destination::Unicast { .. });
    let sound = fold(message) == u16::MAX
        || settings.version == Version::V3
            && (fold(message + pseudo_header(source, destination, whole.len())) == u16::MAX
                || old_unicast
                    && fold(message + pseudo_header(source, OLD_UNICAST_SUM, whole.len())) == u16::MAX);
    if sound { Ok(()) } else { Err(Reject::Checksum) }
}

fn check_destination(received: &Received<'_>, ours: &Destination) -> Result<(), Reject> {
    match ours {
        Destination::Multicast(group) if received.destination == *group => Ok(()),
        Destination::Unicast {
            peers, known_only, ..
        } if !received.destination.is_multicast() => {
            let known = peers.iter().any(|peer| peer.address == received.source);
            if known || !known_only {
                return Ok(());
            }
            Err(Reject::Source(received.source))
        }
        Destination::Multicast(_) | Destination::Unicast { .. } => {
            Err(Reject::Destination(received.destination))
        }
    }
}

/// The pseudo-header's part of a sum (RFC 5798 §5.2.8, as keepalived reads it).
fn pseudo_header(source: Ipv4Addr, destination: Ipv4Addr, length: usize) -> u32 {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    add(&source.octets()) + add(&destination.octets()) + u32::from(PROTOCOL) + length
}

/// Adds up 16-bit words. A message has 8 + 255 × 16 bytes at most, which thirty-two bits hold.
fn add(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|word| match *word {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    words.sum()
}

/// The one's complement sum (RFC 1071).
fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests;
