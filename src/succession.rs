//! A program leaves something to the one that its process becomes: in a file for its user alone, taken once.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use weir_linux::inherit;

/// The word on the command line of a program that takes over from another.
pub(crate) const FLAG: &str = "--successor";

/// What is left, and by which process: it stays the same.
#[derive(Deserialize, Serialize)]
struct Sealed<T> {
    process: u32,
    left: T,
}

/// Leaves something at `path` for the program in `binary`, and becomes that; why not. Nothing is left there then.
pub(crate) fn become_program(binary: &Path, path: &Path, left: &impl Serialize) -> io::Error {
    if let Err(error) = leave(path, left) {
        return error;
    }
    let error = inherit::become_program(binary, words());
    let _ = fs::remove_file(path);
    error
}

/// The words for the program that this process is to become: those that it was started with, and the one that says that
/// something is left.
fn words() -> impl Iterator<Item = OsString> {
    let own = std::env::args_os().skip(1).filter(|word| word != FLAG);
    own.chain([FLAG.into()])
}

/// Leaves something at `path`, in the place of whatever is there.
///
/// # Errors
/// When it cannot be written.
fn leave(path: &Path, left: &impl Serialize) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let sealed = Sealed {
        process: process::id(),
        left,
    };
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&serde_json::to_vec(&sealed)?)
}

/// Takes what the program that this process was until now has left at `path`.
///
/// # Errors
/// There is nothing, it cannot be read, or another process has left it.
pub(crate) fn take<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let text = fs::read(path)?;
    fs::remove_file(path)?;
    let sealed: Sealed<T> = serde_json::from_slice(&text)?;
    if sealed.process != process::id() {
        return Err(io::Error::other("another process has left it"));
    }
    Ok(sealed.left)
}

#[cfg(test)]
mod tests {
    use weir_lab::Scratch;

    use super::*;

    #[test]
    fn what_is_left_is_taken_once_and_by_the_same_process() {
        let scratch = Scratch::create().unwrap();
        let path = scratch.write("bequest", "an older one").unwrap();
        leave(&path, &vec![3, 4]).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(take::<Vec<u32>>(&path).unwrap(), [3, 4]);
        assert_eq!(take::<Vec<u32>>(&path).unwrap_err().kind(), ErrorKind::NotFound);
        leave(&path, &"other").unwrap();
        assert!(take::<Vec<u32>>(&path).is_err());
        scratch.write("bequest", "{\"process\":1,\"left\":[]}").unwrap();
        assert_eq!(
            take::<Vec<u32>>(&path).unwrap_err().to_string(),
            "another process has left it"
        );
    }

    #[test]
    fn who_does_not_become_another_leaves_nothing() {
        let scratch = Scratch::create().unwrap();
        let path = scratch.path().join("bequest");
        let error = become_program(Path::new("/no/such/program"), &path, &"left");
        assert_eq!((error.kind(), path.exists()), (ErrorKind::NotFound, false));
    }

    #[test]
    fn the_words_say_once_that_something_is_left() {
        assert_eq!(words().filter(|word| word == FLAG).count(), 1);
        assert_eq!(words().last(), Some(FLAG.into()));
    }
}
