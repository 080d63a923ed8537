//! Who is at the other end of a Unix socket, as the kernel saw it connect or listen (`SO_PEERCRED`, unix(7)).

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use crate::privileges::Uid;

/// The other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its process, as this one's PID namespace counts; none where it does not see it.
    pub pid: Option<u32>,
    /// Its user.
    pub user: Uid,
}

/// Asks the kernel.
///
/// # Errors
/// None on a connected socket.
pub fn of(stream: &UnixStream) -> io::Result<Peer> {
    let mut seen = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: both pointers are to locals that outlive the call, and `length` says how much of `seen` may be written; every
    // bit pattern is a `ucred`.
    let code = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut seen).cast(),
            &raw mut length,
        )
    };
    if code < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Peer {
        pid: u32::try_from(seen.pid).ok().filter(|pid| *pid != 0),
        user: Uid(seen.uid),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn this_process_is_at_both_ends_of_its_pair() {
        let (near, _far) = UnixStream::pair().unwrap();
        let own = std::fs::metadata("/proc/self").unwrap().uid();
        let peer = of(&near).unwrap();
        assert_eq!((peer.pid, peer.user), (Some(std::process::id()), Uid(own)));
    }
}
