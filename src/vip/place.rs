//! Where a running `weir vip` is found: its lock and its status socket.
//!
//! One `weir vip` runs per network namespace, for two would fight over the same addresses. Namespaces share a file
//! system, so the names of all but the first carry the namespace's number; whoever runs `weir vip status` in a
//! namespace talks to the one that lives there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where locks and sockets live unless the command line says otherwise.
const RUN_DIRECTORY: &str = "/run/weir";

/// The files of one `weir vip`.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) lock: PathBuf,
    pub(super) socket: PathBuf,
    /// What one program leaves to the next in an upgrade.
    pub(super) bequest: PathBuf,
}

impl Place {
    /// The files in `directory`, which somebody chose for one `weir vip`, or in the default one.
    pub(super) fn of(directory: Option<&Path>) -> Self {
        match directory {
            Some(directory) => Self::named(directory, "vip"),
            None => Self::named(Path::new(RUN_DIRECTORY), &default_name()),
        }
    }

    fn named(directory: &Path, name: &str) -> Self {
        Self {
            lock: directory.join(format!("{name}.lock")),
            socket: directory.join(format!("{name}.sock")),
            bequest: directory.join(format!("{name}.bequest")),
        }
    }

    /// Makes the directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let Some(directory) = self.lock.parent() else {
            return Ok(());
        };
        fs::create_dir_all(directory)
    }
}

/// `vip` in the namespace of process 1, `vip-NUMBER` in any other.
fn default_name() -> String {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let own = namespace("self");
    if own == namespace("1") {
        return "vip".to_owned();
    }
    // The link reads `net:[4026531840]`.
    let number: String = own
        .iter()
        .flat_map(|link| link.to_str())
        .flat_map(|link| link.chars().filter(char::is_ascii_digit))
        .collect();
    format!("vip-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_directory_holds_one() {
        let place = Place::of(Some(Path::new("/run/dd1")));
        assert_eq!(place.lock, Path::new("/run/dd1/vip.lock"));
        assert_eq!(place.socket, Path::new("/run/dd1/vip.sock"));
    }

    #[test]
    fn the_default_directory_holds_one_per_namespace() {
        let name = default_name();
        let number = name.strip_prefix("vip-").unwrap_or("0");
        assert!(name.starts_with("vip") && number.parse::<u64>().is_ok(), "{name}");
    }
}
