//! Which processes are running, and as what: `/proc` (proc(5)).

use std::fs;
use std::io;
use std::path::Path;

use crate::usage::read_bytes;

/// A running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its number, to be watched by a [`Pidfd`](crate::pidfd::Pidfd).
    pub pid: u32,
    /// The name of its program, cut off after 15 bytes.
    pub name: String,
    /// The words of its command line; none for a thread of the kernel.
    pub words: Vec<String>,
}

/// Every process that we may see, but those that have ended and wait for their parent to notice: a zombie answers
/// no query.
///
/// It costs two small files per process, so it is for starting to watch and for looking again after a while.
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is free to read it with.
pub fn list() -> io::Result<Vec<Running>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        // A process that ends between two lines of ours is not running.
        found.extend(pid.and_then(|pid| read(pid, &entry.path())));
    }
    Ok(found)
}

fn read(pid: u32, directory: &Path) -> Option<Running> {
    let name = name_if_running(&read_bytes(directory.join("stat")).ok()?)?;
    let words = split_words(&read_bytes(directory.join("cmdline")).ok()?);
    Some(Running { pid, name, words })
}

/// The name in a `stat` file, unless its state is `Z` (zombie) or `X` (dead). The name stands in parentheses and may
/// contain some itself.
fn name_if_running(stat: &[u8]) -> Option<String> {
    let start = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let state = stat.get(end + 2)?;
    let name = stat.get(start..end)?;
    (!matches!(state, b'Z' | b'X')).then(|| String::from_utf8_lossy(name).into_owned())
}

/// The words of a `cmdline` file, each of which ends with a zero byte.
fn split_words(cmdline: &[u8]) -> Vec<String> {
    let text = cmdline.strip_suffix(&[0]).unwrap_or(cmdline);
    if text.is_empty() {
        return Vec::new();
    }
    let words = text.split(|byte| *byte == 0);
    words
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::process::{Command, Stdio};

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;
    use crate::pidfd::Pidfd;

    #[test]
    fn names_are_read_whatever_they_contain() {
        let name = |stat: &str| name_if_running(stat.as_bytes());
        assert_eq!(name("1 (init) S 0 1"), Some("init".into()));
        assert_eq!(name("1 (a) Z (b) R 0 1"), Some("a) Z (b".into()));
        assert_eq!(name("1 (x) Z 0 1"), None);
        assert_eq!(name("1 (x) X 0 1"), None);
        for cut in ["", "1", "1 (", "1 (x", "1 (x)", "1 (x) ", ")(", ") R("] {
            assert_eq!(name(cut), None, "{cut}");
        }
    }

    #[test]
    fn words_are_split_at_zeros_and_empty_ones_stay() {
        assert_eq!(split_words(b"a\0--b=c d\0\0e\0"), ["a", "--b=c d", "", "e"]);
        assert_eq!(split_words(b"title without end"), ["title without end"]);
        assert!(split_words(b"").is_empty() && split_words(b"\0").is_empty());
    }

    #[test]
    fn a_child_is_listed_until_it_ends_even_unreaped() {
        let mut child = Command::new("cat")
            .args(["--", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let watched = Pidfd::open(child.id()).unwrap();
        let find = || {
            list()
                .unwrap()
                .into_iter()
                .find(|running| running.pid == child.id())
        };
        let found = find().unwrap();
        assert_eq!(
            (found.name.as_str(), found.words),
            ("cat", vec!["cat".into(), "--".into(), "-".into()])
        );
        drop(child.stdin.take());
        poll(&mut [PollFd::new(&watched.as_fd(), PollFlags::IN)], None).unwrap();
        assert_eq!(
            list().unwrap().iter().find(|running| running.pid == child.id()),
            None
        );
        child.wait().unwrap();
    }
}
