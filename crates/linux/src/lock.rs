//! A lock that its holder cannot leave behind: `flock` on a file.
//!
//! The file stays, the lock does not: it ends with the process, however that ends, or some milliseconds later when
//! that was while it started a child. The number in the file is for people; nothing is decided by it.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A held lock. It is given up when dropped.
#[derive(Debug)]
pub struct Lock(File);

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it: this one, if its number could be read.
    Held(Option<u32>),
    /// The file could not be opened or written.
    File(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(Some(pid)) => write!(f, "held by process {pid}"),
            Self::Held(None) => f.write_str("held by another process"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LockError {}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Lock {
    /// Takes the lock without waiting, making the file where there is none, and writes our number into it.
    ///
    /// # Errors
    /// See [`LockError`]. A symbolic link is not followed: who may write the directory must not choose the file.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.mode(0o644).custom_flags(libc::O_NOFOLLOW).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder(&file))),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    /// Closing the file would do, but for a child that is being started just now and still has a copy of it.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// The number that the holder has written. It may be about to write it.
fn holder(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use weir_lab::Scratch;

    use super::*;

    #[test]
    fn one_holds_it_the_next_is_told_who_and_it_ends_with_the_holder() {
        let scratch = Scratch::create().unwrap();
        let path = scratch
            .write("vip.lock", "1 and what an older program left\n")
            .unwrap();
        let held = Lock::acquire(&path).unwrap();
        let own = format!("{}\n", std::process::id());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), own);
        let refused = Lock::acquire(&path).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("held by process {}", std::process::id())
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), own);
        drop(held);
        Lock::acquire(&path).unwrap();
    }

    #[test]
    fn a_child_does_not_keep_it() {
        let scratch = Scratch::create().unwrap();
        let path = scratch.path().join("vip.lock");
        let held = Lock::acquire(&path).unwrap();
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(held);
        Lock::acquire(&path).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn what_cannot_be_opened_is_no_lock() {
        let scratch = Scratch::create().unwrap();
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(scratch.path().join("target"), &link).unwrap();
        assert!(matches!(Lock::acquire(&link), Err(LockError::File(_))));
        assert!(matches!(
            Lock::acquire(&scratch.path().join("no/file")),
            Err(LockError::File(_))
        ));
    }
}
