//! `TCPRule`: what carried the query.

use std::fmt;

use crate::{Moment, Notes, Selector, Subject, Transport};

/// Matches one transport.
#[derive(Debug)]
pub struct Tcp {
    transport: Transport,
}

impl Tcp {
    /// Matches `transport`: `TCPRule(true)` is TCP, `TCPRule(false)` is UDP.
    pub fn new(transport: Transport) -> Self {
        Self { transport }
    }
}

impl Selector for Tcp {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        subject.ends.transport == self.transport
    }
}

impl fmt::Display for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.transport {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ends;
    use crate::testing::{ends, matches_from, packet};
    use weir_wire::QType;

    #[test]
    fn only_its_transport_matches() {
        let packet = packet("example.com", QType::A);
        let over = |transport| Ends { transport, ..ends() };
        assert!(matches_from(
            &Tcp::new(Transport::Tcp),
            &packet,
            over(Transport::Tcp)
        ));
        assert!(!matches_from(
            &Tcp::new(Transport::Tcp),
            &packet,
            over(Transport::Udp)
        ));
        assert!(matches_from(
            &Tcp::new(Transport::Udp),
            &packet,
            over(Transport::Udp)
        ));
        assert_eq!(Tcp::new(Transport::Udp).to_string(), "UDP");
    }
}
