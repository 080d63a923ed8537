//! What the status socket may be asked.

use std::path::PathBuf;

use crate::status_socket;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The state as JSON.
    Status,
    /// Counters in Prometheus' format.
    Metrics,
    /// Give the address away.
    Handover,
    /// Compete for it again.
    Resume,
    /// Become the program in this file.
    Become(PathBuf),
}

const WORDS: [(&str, Request); 4] = [
    ("status", Request::Status),
    ("metrics", Request::Metrics),
    ("handover", Request::Handover),
    ("resume", Request::Resume),
];
/// Stands before a path.
const BECOME: &str = "become ";

impl status_socket::Request for Request {
    fn parse(line: &str) -> Option<Self> {
        if let Some(path) = line.strip_prefix(BECOME) {
            return Some(Self::Become(path.into()));
        }
        let mut words = WORDS.into_iter();
        words.find(|(word, _)| *word == line).map(|(_, request)| request)
    }

    fn line(&self) -> String {
        if let Self::Become(path) = self {
            return format!("{BECOME}{}", path.display());
        }
        let mut words = WORDS.iter();
        let word = words.find(|(_, request)| request == self);
        word.map_or_else(String::new, |(word, _)| (*word).to_owned())
    }
}
