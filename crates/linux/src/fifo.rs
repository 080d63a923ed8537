//! Named pipes that are written to whether somebody reads them or not.

use std::fs::{File, OpenOptions, metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{CWD, Mode, mkfifoat};

/// Opens the named pipe at `path` for writing, and makes it, for its owner alone, where there is nothing. Writing does
/// not wait: it fails when the pipe is full.
///
/// # Errors
/// Something else is there, or it may not be made or opened.
pub fn open(path: &Path) -> io::Result<File> {
    match metadata(path) {
        Ok(found) if !found.file_type().is_fifo() => return Err(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
        Err(_) => mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?,
    }
    // For reading too: opening would fail without a reader, and writing would after the last reader has gone.
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn lines_wait_for_a_reader_and_a_full_pipe_is_an_error() {
        let path = std::env::temp_dir().join(format!("weir-fifo-test-{}", std::process::id()));
        let mut pipe = open(&path).unwrap();
        writeln!(pipe, "first").unwrap();
        let mut again = open(&path).unwrap();
        let mut line = [0; 6];
        again.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"first\n");
        let full = std::iter::repeat_with(|| pipe.write(&[0; 4096]))
            .take(1000)
            .find_map(Result::err);
        assert_eq!(full.unwrap().kind(), io::ErrorKind::WouldBlock);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn another_kind_of_file_is_left_alone() {
        let path = std::env::temp_dir().join(format!("weir-fifo-test-file-{}", std::process::id()));
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(open(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        std::fs::remove_file(&path).unwrap();
    }
}
