//! What the status socket may be asked.

use crate::status_socket;

/// A request, by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The state as JSON.
    Status,
    /// Counters in Prometheus' format.
    Metrics,
    /// Give the address away.
    Handover,
    /// Compete for it again.
    Resume,
}

const WORDS: [(&str, Request); 4] = [
    ("status", Request::Status),
    ("metrics", Request::Metrics),
    ("handover", Request::Handover),
    ("resume", Request::Resume),
];

impl status_socket::Request for Request {
    fn parse(line: &str) -> Option<Self> {
        let mut words = WORDS.iter();
        words.find(|(word, _)| *word == line).map(|(_, request)| *request)
    }

    fn line(&self) -> String {
        let mut words = WORDS.iter();
        let word = words.find(|(_, request)| request == self);
        word.map_or_else(String::new, |(word, _)| (*word).to_owned())
    }
}
