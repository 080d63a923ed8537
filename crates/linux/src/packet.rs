//! Packet sockets: what they are bound to, and the filters in front of them (classic BPF, linux/filter.h).

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use socket2::{SockAddr, SockAddrStorage, SockFilter};

use crate::link::LinkIndex;

const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
const LOAD_HALF: u16 = (libc::BPF_LD | libc::BPF_H | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Where a filter finds to whom a packet is addressed.
pub(crate) const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
/// Where it finds the protocol (`ETH_P_…`), as a half word.
pub(crate) const PROTOCOL: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PROTOCOL).cast_unsigned();
/// Where it finds whether the packet belongs to a VLAN.
pub(crate) const VLAN_TAGGED: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_VLAN_TAG_PRESENT).cast_unsigned();

/// Loads a byte of the packet, or one of the facts above.
pub(crate) const fn load_byte(at: u32) -> SockFilter {
    SockFilter::new(LOAD_BYTE, 0, 0, at)
}

/// Loads two bytes.
pub(crate) const fn load_half(at: u32) -> SockFilter {
    SockFilter::new(LOAD_HALF, 0, 0, at)
}

/// Skips so many instructions when what is loaded is `value`, and goes on otherwise.
pub(crate) const fn skip_if(value: u32, skip: u8) -> SockFilter {
    SockFilter::new(JUMP_IF_EQUAL, skip, 0, value)
}

/// Skips so many instructions unless what is loaded is `value`, and goes on otherwise.
pub(crate) const fn skip_unless(value: u32, skip: u8) -> SockFilter {
    SockFilter::new(JUMP_IF_EQUAL, 0, skip, value)
}

/// Passes so many bytes of the packet.
pub(crate) const fn accept(bytes: u32) -> SockFilter {
    SockFilter::new(RETURN, 0, 0, bytes)
}

/// Passes nothing.
pub(crate) const fn refuse() -> SockFilter {
    SockFilter::new(RETURN, 0, 0, 0)
}

/// What a packet socket is bound to: an interface and a protocol (`ETH_P_…`).
pub(crate) fn address(index: LinkIndex, protocol: libc::c_int) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a storage has room for every kind of address and is aligned for it, and any bytes are a `sockaddr_ll`.
    let link: &mut libc::sockaddr_ll = unsafe { storage.view_as() };
    link.sll_family = libc::AF_PACKET as u16;
    link.sll_protocol = (protocol as u16).to_be();
    link.sll_ifindex = index.0.cast_signed();
    // SAFETY: the storage holds an address of its family, which is as long as this.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t) }
}

/// Receives a packet without waiting: its length and its type (`PACKET_…`), or `None` when there is none.
pub(crate) fn receive(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Option<(usize, u8)>> {
    // SAFETY: the structure holds numbers only, for which zeros are values.
    let mut from: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
    let mut from_bytes = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: buffer, address and the address's length are borrowed mutably across the call, and the kernel is told how
    // long the first two are.
    let length = unsafe {
        libc::recvfrom(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
            (&raw mut from).cast(),
            &raw mut from_bytes,
        )
    };
    match usize::try_from(length) {
        Ok(length) => Ok(Some((length, from.sll_pkttype))),
        Err(_) => match io::Error::last_os_error() {
            error if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            error => Err(error),
        },
    }
}
