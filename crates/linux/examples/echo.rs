//! The floor that `make bench` measures against: the least that any UDP server can do per packet.
//!
//! ```text
//! echo ADDRESS:PORT [--pktinfo]
//! ```
//!
//! One thread, one socket, one blocking `recvmmsg` of up to 64 packets, one `sendmmsg` of the same bytes to
//! where they came from, with the QR bit set so that a DNS load generator takes them for answers. With
//! `--pktinfo` each packet also brings its packet information and takes it back, as on a wildcard address.
//!
//! It is written straight against the C library and not with `weir_linux::udp`, as it judges that.
#![allow(clippy::print_stdout, reason = "a program that says what it does")]

use std::mem::{size_of, zeroed};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::{env, io, ptr};

const BATCH: usize = 64;
const PACKET_BYTES: usize = 4096;
const CONTROL_BYTES: usize = 64;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let address = arguments.next();
    let control_bytes = match arguments.next().as_deref() {
        None => Some(0),
        Some("--pktinfo") => Some(CONTROL_BYTES),
        Some(_) => None,
    };
    let (Some(address), Some(control_bytes)) = (address, control_bytes) else {
        eprintln!("usage: echo ADDRESS:PORT [--pktinfo]");
        return ExitCode::from(2);
    };
    let outcome = UdpSocket::bind(&address).and_then(|socket| {
        prepare(&socket, control_bytes > 0)?;
        println!("echo on {}", socket.local_addr()?);
        echo(&socket, control_bytes)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn prepare(socket: &UdpSocket, packet_info: bool) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, 4 << 20)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, 4 << 20)?;
    if packet_info && socket.local_addr()?.is_ipv4() {
        set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
    } else if packet_info {
        set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
    }
    Ok(())
}

fn set_option(socket: &UdpSocket, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the kernel reads four bytes from an `i32` that lives across the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), 4) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A control buffer, aligned as the kernel's records in it are.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL_BYTES]);

fn echo(socket: &UdpSocket, control_bytes: usize) -> io::Result<()> {
    let mut packets = vec![[0u8; PACKET_BYTES]; BATCH];
    let mut controls = [Control([0; CONTROL_BYTES]); BATCH];
    // SAFETY: plain C data, for which all zeros is a valid value.
    let (mut addresses, mut vectors, mut messages): (
        [libc::sockaddr_in6; BATCH],
        [libc::iovec; BATCH],
        [libc::mmsghdr; BATCH],
    ) = unsafe { zeroed() };
    for index in 0..BATCH {
        vectors[index].iov_base = packets[index].as_mut_ptr().cast();
        let header = &mut messages[index].msg_hdr;
        header.msg_name = (&raw mut addresses[index]).cast();
        header.msg_iov = &raw mut vectors[index];
        header.msg_iovlen = 1;
        header.msg_control = controls[index].0.as_mut_ptr().cast();
    }
    let mut stale = BATCH;
    loop {
        for index in 0..stale {
            vectors[index].iov_len = PACKET_BYTES;
            messages[index].msg_hdr.msg_namelen = size_of::<libc::sockaddr_in6>() as u32;
            messages[index].msg_hdr.msg_controllen = control_bytes as _;
        }
        // SAFETY: the messages lead to arrays of this function, with their lengths.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_WAITFORONE,
                ptr::null_mut(),
            )
        };
        let Ok(received) = usize::try_from(received) else {
            return Err(io::Error::last_os_error());
        };
        for index in 0..received {
            vectors[index].iov_len = messages[index].msg_len as usize;
            packets[index][2] |= 0x80;
        }
        // SAFETY: as above; the kernel has shortened the lengths to what it wrote.
        unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), received as u32, 0) };
        stale = received;
    }
}
