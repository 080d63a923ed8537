//! The memory that the kernel reads packets from and writes them to.
//!
//! All pointers that system calls see are made here, once, at construction. Each slot is one record:
//!
//! ```text
//! ┌ Meta: control messages, iovec, address ┬ payload ─────────────┬ pad ┐   × count
//! └ two cache lines ───────────────────────┴ size bytes ──────────┴─────┘
//! ```
//!
//! The pad makes a record an odd number of cache lines. With payloads at multiples of 4096 bytes, the first
//! lines of all packets of a batch would compete for the same few places in the first-level cache.

use std::alloc::{self, Layout};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};

use super::control::{CONTROL_BYTES, Control};
use super::{Failure, Sent};
use crate::address::Address;

/// Most slots in a batch: what `recvmmsg` and `sendmmsg` take in one call (`UIO_MAXIOV`).
pub const MAX_BATCH: usize = 1024;

/// Most bytes in a slot: the largest DNS message (RFC 1035 section 4.2.2), which no datagram exceeds.
pub const MAX_PAYLOAD: usize = 65_535;

const CACHE_LINE: usize = 64;

/// What goes with a packet. The order keeps what a wildcard listener needs in the first line.
#[repr(C, align(64))]
pub(super) struct Meta {
    pub(super) control: Control,
    pub(super) iovec: libc::iovec,
    pub(super) address: Address,
}

/// Which parts of [`Meta`] the kernel shall fill in with each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Payload,
    Address,
    AddressAndControl,
}

pub(super) struct Slots {
    /// First record. All records lie in one zeroed allocation of this layout, owned by this value alone.
    start: NonNull<u8>,
    layout: Layout,
    stride: usize,
    count: usize,
    payload_bytes: usize,
    /// One per record. The pointers in it lead into that record and nowhere else.
    headers: Vec<libc::mmsghdr>,
    armed_for: Wanted,
    /// Headers that the kernel has written to since they were armed.
    used: usize,
}

// SAFETY: the raw pointers lead into an allocation that belongs to this value alone and moves with it.
unsafe impl Send for Slots {}

impl Slots {
    /// `count` slots of `payload_bytes` each; both are brought into `1..=`[`MAX_BATCH`] and [`MAX_PAYLOAD`].
    pub(super) fn new(count: usize, payload_bytes: usize) -> Self {
        let count = count.clamp(1, MAX_BATCH);
        let payload_bytes = payload_bytes.clamp(1, MAX_PAYLOAD);
        let lines = (size_of::<Meta>() + payload_bytes).div_ceil(CACHE_LINE) | 1;
        let stride = lines * CACHE_LINE;
        let Ok(layout) = Layout::from_size_align(stride * count, CACHE_LINE) else {
            unreachable!("{MAX_BATCH} slots of {MAX_PAYLOAD} bytes are far from the end of the address space")
        };
        // SAFETY: the size is not zero, as both factors are at least one.
        let Some(start) = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }) else {
            alloc::handle_alloc_error(layout)
        };
        let mut slots = Self {
            start,
            layout,
            stride,
            count,
            payload_bytes,
            headers: Vec::with_capacity(count),
            armed_for: Wanted::Payload,
            used: 0,
        };
        for index in 0..count {
            let header = slots.wire_up(index);
            slots.headers.push(header);
        }
        slots
    }

    /// Initialises record `index` and returns the header that leads to it.
    fn wire_up(&mut self, index: usize) -> libc::mmsghdr {
        let meta = self.record(index).cast::<Meta>();
        let payload = self.payload_start(index);
        // SAFETY: the record is ours, large enough and aligned to a cache line; `Meta` has no drop glue. The
        // header is plain C data for which all zeros is a valid value.
        unsafe {
            meta.write(Meta {
                control: Control::EMPTY,
                iovec: libc::iovec {
                    iov_base: payload.cast(),
                    iov_len: self.payload_bytes,
                },
                address: Address::UNSPECIFIED,
            });
            let mut header: libc::mmsghdr = std::mem::zeroed();
            header.msg_hdr.msg_name = (&raw mut (*meta).address).cast();
            header.msg_hdr.msg_iov = &raw mut (*meta).iovec;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw mut (*meta).control).cast();
            header
        }
    }

    /// Receives up to a batch. `flags` says whether to wait.
    pub(super) fn receive(
        &mut self,
        fd: BorrowedFd<'_>,
        wanted: Wanted,
        flags: libc::c_int,
    ) -> io::Result<usize> {
        self.arm(wanted);
        // SAFETY: every header leads to a record that lives as long as `self`, with the lengths of its parts,
        // and `&mut self` keeps everyone else away while the kernel writes.
        let received = unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                flags as _,
                ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        self.used = received;
        Ok(received)
    }

    /// Restores the lengths that the kernel replaced by what it wrote.
    fn arm(&mut self, wanted: Wanted) {
        let stale = if wanted == self.armed_for {
            self.used
        } else {
            self.headers.len()
        };
        let (address_bytes, control_bytes) = match wanted {
            Wanted::Payload => (0, 0),
            Wanted::Address => (size_of::<Address>(), 0),
            Wanted::AddressAndControl => (size_of::<Address>(), CONTROL_BYTES),
        };
        for header in &mut self.headers[..stale] {
            header.msg_hdr.msg_namelen = address_bytes as libc::socklen_t;
            header.msg_hdr.msg_controllen = control_bytes as _;
        }
        self.armed_for = wanted;
        self.used = 0;
    }

    /// Sends the first `count` slots.
    pub(super) fn transmit(&mut self, fd: BorrowedFd<'_>, count: usize) -> Sent {
        let mut result = Sent::default();
        // SAFETY: every header leads to a record that lives as long as `self`, and `Entry::set_lengths` bounds
        // the lengths by its parts.
        unsafe { transmit(fd, &mut self.headers[..count], &mut result) };
        result
    }

    /// Slot `index`, to be filled and sent.
    pub(super) fn entry(&mut self, index: usize) -> Entry<'_> {
        let meta = self.record(index).cast::<Meta>();
        let payload = self.payload_start(index);
        // SAFETY: `wire_up` has initialised `Meta`, and the allocation came zeroed with this many bytes after
        // it. The two do not overlap, and the borrow of `self` makes these the only references.
        let (meta, payload) = unsafe {
            (
                &mut *meta,
                std::slice::from_raw_parts_mut(payload, self.payload_bytes),
            )
        };
        Entry {
            header: &mut self.headers[index].msg_hdr,
            meta,
            payload,
        }
    }

    /// What the kernel has written to slot `index`.
    pub(super) fn received(&self, index: usize) -> Received<'_> {
        let header = &self.headers[index];
        let meta = self.record(index).cast::<Meta>();
        let length = (header.msg_len as usize).min(self.payload_bytes);
        Received {
            flags: header.msg_hdr.msg_flags,
            control_bytes: header.msg_hdr.msg_controllen as _,
            // SAFETY: `wire_up` has initialised it, and mutable references to it come from `entry` alone, which
            // needs `&mut self`.
            meta: unsafe { &*meta },
            payload: ptr::slice_from_raw_parts_mut(self.payload_start(index), length),
        }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    fn record(&self, index: usize) -> *mut u8 {
        assert!(index < self.count, "slot {index} is beyond the batch");
        // SAFETY: just checked to be inside the allocation.
        unsafe { self.start.as_ptr().add(index * self.stride) }
    }

    fn payload_start(&self, index: usize) -> *mut u8 {
        // SAFETY: a record is larger than its `Meta`.
        unsafe { self.record(index).add(size_of::<Meta>()) }
    }
}

/// The parts of a slot that the kernel has filled.
pub(super) struct Received<'a> {
    pub(super) flags: libc::c_int,
    pub(super) control_bytes: usize,
    pub(super) meta: &'a Meta,
    /// Initialised bytes inside the record, for as long as the slots are borrowed. Who makes a reference of it
    /// answers for there being no other.
    pub(super) payload: *mut [u8],
}

/// The parts of a slot that is to be sent.
pub(super) struct Entry<'a> {
    header: &'a mut libc::msghdr,
    pub(super) meta: &'a mut Meta,
    pub(super) payload: &'a mut [u8],
}

impl Entry<'_> {
    /// Says how many bytes of payload, address and control messages are to be sent.
    pub(super) fn set_lengths(&mut self, payload: usize, address: libc::socklen_t, control: usize) {
        self.meta.iovec.iov_len = payload.min(self.payload.len());
        self.header.msg_namelen = address.min(size_of::<Address>() as libc::socklen_t);
        self.header.msg_controllen = control.min(CONTROL_BYTES) as _;
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and no pointer to it outlives `self`.
        unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// Sends `messages` without waiting, each at most once, stepping over those the kernel refuses. Adds what
/// became of them to `result`.
///
/// # Safety
/// Every pointer in `messages` leads to memory that lives across the call and is as long as the header says.
pub(super) unsafe fn transmit(fd: BorrowedFd<'_>, messages: &mut [libc::mmsghdr], result: &mut Sent) {
    let mut rest = messages;
    while !rest.is_empty() {
        // SAFETY: the caller's promise.
        let sent = unsafe {
            libc::sendmmsg(
                fd.as_raw_fd(),
                rest.as_mut_ptr(),
                rest.len() as libc::c_uint,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        // An error always concerns the first message of the call: the kernel reports those before it as sent.
        let done = match usize::try_from(sent) {
            Ok(sent) if sent > 0 => {
                result.sent += sent;
                sent
            }
            _ => {
                let error = io::Error::last_os_error();
                if Failure::from(&error) == Failure::Full {
                    result.dropped += rest.len();
                    break;
                }
                result.failed += 1;
                result.last_error = Some(error);
                1
            }
        };
        rest = rest.get_mut(done..).unwrap_or_default();
    }
}
