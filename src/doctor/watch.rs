//! Watches sockets for a while.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use weir_linux::poll_set::PollSet;

use crate::clock::now;

/// Calls `look` whenever one of the sockets has something, until `time` is over.
///
/// # Errors
/// The first of `look`.
pub(super) fn watch(
    sockets: &[BorrowedFd<'_>],
    time: Duration,
    mut look: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let start = now();
    let mut set = PollSet::default();
    for (number, socket) in sockets.iter().enumerate() {
        set.add(socket, number as u64);
    }
    while let Some(rest) = time
        .checked_sub(now().since(start))
        .filter(|rest| !rest.is_zero())
    {
        set.wait(Some(rest))?;
        look()?;
    }
    Ok(())
}
