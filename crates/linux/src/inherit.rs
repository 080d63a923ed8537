//! A process becomes another program, and descriptors outlive the program that opened them: kept over the exec, and taken
//! up by the program that comes.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::ptr;

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

/// Becomes the program at `path`, started with these words behind its name; why it does not. Signals that are blocked
/// stay so, unlike with the standard library's `exec`: one that comes meanwhile waits for the new program.
pub fn become_program(path: &Path, words: impl IntoIterator<Item = OsString>) -> io::Error {
    let words = words.into_iter().map(OsString::into_vec);
    let all = std::iter::once(path.as_os_str().as_bytes().to_vec()).chain(words);
    let all: Vec<CString> = match all.map(CString::new).collect() {
        Ok(all) => all,
        Err(error) => return error.into(),
    };
    let Some(program) = all.first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    let pointers: Vec<_> = all
        .iter()
        .map(|word| word.as_ptr())
        .chain([ptr::null()])
        .collect();
    // SAFETY: strings that end in a zero byte, and an array of them that ends in a null pointer; all of them live until
    // the call returns, if it does.
    unsafe { libc::execv(program.as_ptr(), pointers.as_ptr()) };
    io::Error::last_os_error()
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
    use crate::apart::assert_passes_apart;
    use crate::signals::{Signal, Signals};

    #[test]
    fn a_process_becomes_another_program_with_its_mask_and_stays_when_there_is_none() {
        assert_passes_apart("inherit::tests::apart_become_a_shell");
    }

    #[test]
    #[ignore = "run by a_process_becomes_another_program_with_its_mask_and_stays_when_there_is_none"]
    fn apart_become_a_shell() {
        let signals = Signals::block().unwrap();
        // SAFETY: sends a signal to this thread, which has just blocked it.
        assert_eq!(unsafe { libc::raise(libc::SIGTERM) }, 0);
        let error = become_program(Path::new("/no/such/program"), []);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let zero = become_program(Path::new("/bin/sh"), ["a\0b".into()]);
        assert_eq!(zero.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(signals.next().unwrap(), Some(Signal::Terminate));
        // SAFETY: as above; the shell would die of it if the mask did not stay.
        assert_eq!(unsafe { libc::raise(libc::SIGTERM) }, 0);
        // What its parent waits for, said by the shell instead of the test.
        let script = "test \"$0 $*\" = \"weir one two words\" && echo 1 passed";
        let words = ["-c", script, "weir", "one", "two words"];
        let error = become_program(Path::new("/bin/sh"), words.map(OsString::from));
        panic!("{error}");
    }

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
