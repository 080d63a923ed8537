//! Descriptors that outlive the program in its process: kept over an exec, and taken up by the program that comes.

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_setfd};

/// Lets a descriptor stay open when this process becomes another program. Whoever becomes it has to be told its number.
///
/// # Errors
/// None on a sound kernel.
pub fn keep(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fcntl_setfd(fd, FdFlags::empty())?)
}

/// Takes that back, when the process has stayed what it was.
///
/// # Errors
/// None on a sound kernel.
pub fn keep_no_more(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fcntl_setfd(fd, FdFlags::CLOEXEC)?)
}

/// Takes over a descriptor that this process has inherited under a number that it was told, once, at its start. The
/// children of this process do not inherit it.
///
/// # Errors
/// `InvalidInput` for a standard stream; `EBADF` when it is not open.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    if number <= libc::STDERR_FILENO {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: takes a number; fails when it is not that of an open descriptor.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just seen to be open; that nothing else in this process owns it is what the caller was told.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
    use std::process::Command;

    use super::*;

    /// What a shell that this process becomes, in a child, reads from `number`.
    fn read_after_exec(number: RawFd) -> String {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("cat <&{number} 2>/dev/null")]);
        String::from_utf8(shell.output().unwrap().stdout).unwrap()
    }

    #[test]
    fn what_is_kept_is_there_for_the_next_program() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"kept").unwrap();
        drop(writer);
        assert_eq!(read_after_exec(reader.as_raw_fd()), "");
        keep(reader.as_fd()).unwrap();
        keep_no_more(reader.as_fd()).unwrap();
        assert_eq!(read_after_exec(reader.as_raw_fd()), "");
        keep(reader.as_fd()).unwrap();
        assert_eq!(read_after_exec(reader.as_raw_fd()), "kept");
    }

    #[test]
    fn a_taken_descriptor_is_ours_alone_and_only_an_open_one_is_taken() {
        let (reader, mut writer) = io::pipe().unwrap();
        keep(reader.as_fd()).unwrap();
        let mut taken = io::PipeReader::from(take(reader.into_raw_fd()).unwrap());
        writer.write_all(b"x").unwrap();
        drop(writer);
        assert_eq!(read_after_exec(taken.as_raw_fd()), "");
        let mut text = String::new();
        taken.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
        assert_eq!(take(2).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(take(1_000_000).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
