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

impl status_socket::Request for Request {
    const ALL: &'static [Self] = &[Self::Status, Self::Metrics, Self::Handover, Self::Resume];

    fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Metrics => "metrics",
            Self::Handover => "handover",
            Self::Resume => "resume",
        }
    }
}
