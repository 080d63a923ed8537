//! The files that a configuration names, as an argument.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Most bytes that are read of one file; one more tells that it was longer.
pub(super) const MAX_FILE: usize = 1 << 20;

/// Where programs without a path are looked for when the environment does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What reading a configuration needs to know about the machine.
pub trait Files {
    /// The content of a file; of a file of more than a mebibyte, at least one byte more than that.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The names in a directory, in any order.
    ///
    /// # Errors
    /// When it cannot be listed.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Whether there is a program of this name, which is a path or something to be found in `PATH`. What must not
    /// be looked at is taken to be one.
    fn is_program(&self, name: &str) -> bool;
}

/// This machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(MAX_FILE as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    fn is_program(&self, name: &str) -> bool {
        if name.contains('/') {
            return is_executable(Path::new(name));
        }
        let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        std::env::split_paths(&path).any(|directory| is_executable(&directory.join(name)))
    }
}

fn is_executable(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(found) => found.is_file() && found.permissions().mode() & 0o111 != 0,
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_path_and_by_name() {
        for (name, expected) in [
            ("sh", true),
            ("/bin/sh", true),
            ("/bin", false),
            ("/etc/passwd", false),
            ("/bin/no-such-program", false),
            ("no-such-program", false),
        ] {
            assert_eq!(Disk.is_program(name), expected, "{name}");
        }
    }

    #[test]
    fn a_file_is_read_and_a_directory_listed() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(
            Disk.read(&here.join("Cargo.toml"))
                .is_ok_and(|bytes| bytes.starts_with(b"[package]"))
        );
        assert!(
            Disk.names(here)
                .is_ok_and(|names| names.iter().any(|name| name == "src"))
        );
        assert!(Disk.read(&here.join("none")).is_err());
    }
}
