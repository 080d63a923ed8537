//! Listing interfaces and addresses, and changing addresses.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol, AddressScope,
    CacheInfo,
};
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::exchange::Exchange;
use super::message::{Assigned, Neighbour, PROTOCOL};
use crate::link::{Family, Link, LinkIndex};

/// A longer label is an error to the kernel (`IFNAMSIZ`, less the zero byte).
const LABEL_BYTES: usize = 15;

/// The kernel's interfaces and their addresses, to be listed and changed.
pub struct Links {
    exchange: Exchange,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").finish_non_exhaustive()
    }
}

/// An address as it is to be on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The address.
    pub address: IpAddr,
    /// Its prefix length, 32 or 128 at most.
    pub prefix: u8,
    /// `label`: IPv4 only, at most 15 bytes, by convention the interface's name, a colon and a word.
    pub label: Option<String>,
    /// `scope`, as rtnetlink(7) numbers them: 0 global, 200 site, 253 link, 254 host. IPv6 works it out by itself.
    pub scope: u8,
    /// `brd`.
    pub broadcast: Option<Ipv4Addr>,
    /// Seconds until it goes by itself, at least 1, or [`FOREVER`](super::FOREVER).
    pub valid_s: u32,
    /// Seconds until it is no longer chosen as a source by default, at most `valid_s`; zero for never being chosen.
    pub preferred_s: u32,
}

impl Links {
    /// Opens a socket for requests. It belongs to the network namespace that the calling thread is in.
    ///
    /// # Errors
    /// Out of descriptors or memory.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            exchange: Exchange::open()?,
        })
    }

    /// Every interface.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub fn list(&mut self) -> io::Result<Vec<Link>> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        self.exchange.list(&request, |message| message.link())
    }

    /// Every address of every interface; those of one interface and family in the kernel's order.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub fn addresses(&mut self) -> io::Result<Vec<Assigned>> {
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        self.exchange.list(&request, |message| message.address())
    }

    /// Every neighbour whose hardware address the kernel knows.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub fn neighbours(&mut self) -> io::Result<Vec<Neighbour>> {
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        self.exchange.list(&request, |message| message.neighbour())
    }

    /// Puts an address on an interface, or renews the lifetimes of the one that is there. IPv6 is not asked whether
    /// somebody else has it (`IFA_F_NODAD`): the answer would take a second, and during a handover be yes.
    ///
    /// An address that somebody else has configured becomes ours by this, and then goes with its lifetime: the one
    /// that an address owner (priority 255) has as its own, for example. So look before placing one the first time.
    ///
    /// # Errors
    /// `InvalidInput` for values that the kernel has no room for, `ENODEV` when the interface is gone,
    /// `PermissionDenied` without `CAP_NET_ADMIN`.
    pub fn place(&mut self, index: LinkIndex, placement: &Placement) -> io::Result<()> {
        let message = RouteNetlinkMessage::NewAddress(place_message(index, placement)?);
        self.exchange.change(message, NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Removes an address. That it is not there, or its interface not, is no error.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_NET_ADMIN`.
    pub fn remove(&mut self, index: LinkIndex, address: IpAddr, prefix: u8) -> io::Result<()> {
        let message = RouteNetlinkMessage::DelAddress(address_message(index, address, prefix));
        match self.exchange.change(message, 0) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV)) => Ok(()),
            result => result,
        }
    }
}

/// The address that an interface sends adverts from: its first IPv4 address, or its first link-local IPv6 address
/// (RFC 9568 section 5.1). Floating addresses are none: those that the kernel knows as ours, and those in
/// `floating`, which an older kernel does not tell apart.
pub fn own_address(
    addresses: &[Assigned],
    index: LinkIndex,
    family: Family,
    floating: &[IpAddr],
) -> Option<IpAddr> {
    let own = addresses
        .iter()
        .filter(|assigned| assigned.index == index && assigned.usable && !assigned.ours)
        .map(|assigned| assigned.address)
        .filter(|address| !floating.contains(address));
    let mut fitting = own.filter(|address| match (family, address) {
        (Family::V4, IpAddr::V4(_)) => true,
        (Family::V6, IpAddr::V6(address)) => address.is_unicast_link_local(),
        (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => false,
    });
    fitting.next()
}

/// The request of [`Links::place`].
pub(super) fn place_message(index: LinkIndex, placement: &Placement) -> io::Result<AddressMessage> {
    let label_fits = placement
        .label
        .as_ref()
        .is_none_or(|label| label.len() <= LABEL_BYTES);
    if !label_fits || placement.valid_s == 0 || placement.preferred_s > placement.valid_s {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut message = address_message(index, placement.address, placement.prefix);
    message.header.scope = AddressScope::from(placement.scope);
    if placement.address.is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
        let mut flags = AddressFlags::Nodad;
        if placement.prefix == 128 {
            flags |= AddressFlags::Noprefixroute;
        }
        message.attributes.push(AddressAttribute::Flags(flags));
    } else {
        message
            .attributes
            .extend(placement.label.clone().map(AddressAttribute::Label));
        message
            .attributes
            .extend(placement.broadcast.map(AddressAttribute::Broadcast));
    }
    let mut lifetimes = CacheInfo::default();
    (lifetimes.ifa_valid, lifetimes.ifa_preferred) = (placement.valid_s, placement.preferred_s);
    message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
    message
        .attributes
        .push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)));
    Ok(message)
}

fn address_message(index: LinkIndex, address: IpAddr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.index = index.0;
    message.header.prefix_len = prefix;
    message.attributes = vec![
        AddressAttribute::Local(address),
        AddressAttribute::Address(address),
    ];
    message
}
