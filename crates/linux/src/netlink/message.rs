//! What rtnetlink's messages say, as far as we ask: total functions over bytes.
//!
//! Attributes of links are picked one by one instead of parsing the message as a whole: kernels to come add to
//! them, and one attribute that a parser does not like must not hide an interface.

use std::net::IpAddr;

use netlink_packet_core::{NetlinkBuffer, NlasIterator, Parseable};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol};
use netlink_packet_route::link::{LinkFlags, LinkHeader, LinkLayerType};

use crate::link::{Link, LinkIndex, MacAddress};

/// The origin (`IFA_PROTO`, Linux 5.18) that our addresses carry: VRRP's protocol number. It tells what a program
/// that died left behind from what somebody else configured; an older kernel ignores it, and lists no origin.
pub const PROTOCOL: u8 = 112;

/// A lifetime without an end.
pub const FOREVER: u32 = u32::MAX;

/// Lengths of the fixed headers of messages about links and about neighbours.
const LINK_HEADER_BYTES: usize = 16;
const NEIGHBOUR_HEADER_BYTES: usize = 12;

/// An address that an interface has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The interface.
    pub index: LinkIndex,
    /// The address.
    pub address: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// `label`, IPv4 only; without one of its own, the interface's name.
    pub label: Option<String>,
    /// Seconds that it is still valid ([`FOREVER`]), as of the listing.
    pub valid_s: u32,
    /// Whether a process of ours has added it, as far as the kernel knows ([`PROTOCOL`]).
    pub ours: bool,
    /// Whether it may be used: not waiting for, or failed by, duplicate address detection.
    pub usable: bool,
}

/// What the kernel has learnt about a neighbour: the hardware address that packets to it are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface.
    pub index: LinkIndex,
    /// The neighbour's address.
    pub address: IpAddr,
    /// Where packets to it go.
    pub mac: MacAddress,
}

/// One message of a datagram from the kernel.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// `RTM_…` or `NLMSG_…`.
    pub(super) kind: u16,
    /// `NLM_F_…`.
    pub(super) flags: u16,
    /// The number of the request that it answers.
    pub(super) sequence: u32,
    /// What follows the header.
    pub(super) payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes the first message off `datagram`; `None` at its end, or where it is not a message.
    pub(super) fn next(datagram: &mut &'a [u8]) -> Option<Self> {
        let bytes = *datagram;
        let buffer = NetlinkBuffer::new_checked(bytes).ok()?;
        let length = usize::try_from(buffer.length()).ok()?;
        *datagram = bytes
            .get(length.checked_next_multiple_of(4)?..)
            .unwrap_or_default();
        Some(Self {
            kind: buffer.message_type(),
            flags: buffer.flags(),
            sequence: buffer.sequence_number(),
            payload: buffer.payload(),
        })
    }

    /// The error number that an `NLMSG_ERROR` or `NLMSG_DONE` begins with, if it is there; zero is success.
    pub(super) fn error(&self) -> i32 {
        let code = self
            .payload
            .first_chunk()
            .map_or(0, |bytes| i32::from_ne_bytes(*bytes));
        code.saturating_neg()
    }

    /// The interface of an `RTM_NEWLINK` or `RTM_DELLINK`. A bridge speaks of its ports in the same words, which
    /// are not about the interface.
    pub(super) fn link(&self) -> Option<Link> {
        let header = LinkHeader::parse(self.payload).ok()?;
        if header.interface_family != AddressFamily::Unspec {
            return None;
        }
        let passes = LinkFlags::Up | LinkFlags::Running | LinkFlags::LowerUp;
        let mut link = Link {
            index: LinkIndex(header.index),
            name: String::new(),
            mac: None,
            up: header.flags.contains(passes),
            mtu: 0,
        };
        for attribute in NlasIterator::new(self.payload.get(LINK_HEADER_BYTES..)?) {
            let attribute = attribute.ok()?;
            let value = attribute.value();
            match attribute.kind() {
                libc::IFLA_IFNAME => link.name = text(value),
                libc::IFLA_MTU => link.mtu = u32::from_ne_bytes(*value.first_chunk()?),
                libc::IFLA_ADDRESS if header.link_layer_type == LinkLayerType::Ether => {
                    link.mac = value.try_into().ok().map(MacAddress);
                }
                _ => {}
            }
        }
        Some(link)
    }

    /// The neighbour of an `RTM_NEWNEIGH`, unless the kernel still asks, or got no answer.
    pub(super) fn neighbour(&self) -> Option<Neighbour> {
        // struct ndmsg: family, padding, interface, state, flags, type.
        let (header, attributes) = self.payload.split_first_chunk::<NEIGHBOUR_HEADER_BYTES>()?;
        let index = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]);
        let state = u16::from_ne_bytes([header[8], header[9]]);
        if state & (libc::NUD_INCOMPLETE | libc::NUD_FAILED) != 0 {
            return None;
        }
        let (mut address, mut mac) = (None, None);
        for attribute in NlasIterator::new(attributes) {
            let attribute = attribute.ok()?;
            let value = attribute.value();
            match (attribute.kind(), value.len()) {
                (libc::NDA_DST, 4) => address = value.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes)),
                (libc::NDA_DST, 16) => address = value.first_chunk::<16>().map(|bytes| IpAddr::from(*bytes)),
                (libc::NDA_LLADDR, 6) => mac = value.first_chunk().map(|bytes| MacAddress(*bytes)),
                _ => {}
            }
        }
        Some(Neighbour {
            index: LinkIndex(index),
            address: address?,
            mac: mac?,
        })
    }

    /// The address of an `RTM_NEWADDR` or `RTM_DELADDR`.
    pub(super) fn address(&self) -> Option<Assigned> {
        let message = AddressMessage::parse(self.payload).ok()?;
        let (mut address, mut local) = (None, None);
        let mut flags = AddressFlags::from_bits_retain(message.header.flags.bits().into());
        let mut assigned = Assigned {
            index: LinkIndex(message.header.index),
            address: IpAddr::from([0; 4]),
            prefix: message.header.prefix_len,
            label: None,
            valid_s: FOREVER,
            ours: false,
            usable: false,
        };
        for attribute in message.attributes {
            match attribute {
                AddressAttribute::Address(value) => address = Some(value),
                AddressAttribute::Local(value) => local = Some(value),
                AddressAttribute::Label(value) => assigned.label = Some(value),
                AddressAttribute::CacheInfo(value) => assigned.valid_s = value.ifa_valid,
                AddressAttribute::Flags(value) => flags = value,
                AddressAttribute::Protocol(value) => {
                    assigned.ours = value == AddressProtocol::Other(PROTOCOL);
                }
                _ => {}
            }
        }
        // On a point-to-point link `Address` is the other end.
        assigned.address = local.or(address)?;
        assigned.usable = !flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed);
        Some(assigned)
    }
}

/// A string that ends with a zero byte.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}
