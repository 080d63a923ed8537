//! The numbers under which the loop's descriptors are waited for: what it is, and which of them.

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Signals to this process.
    Signals,
    /// Changes of links and addresses.
    Monitor,
    /// Adverts, of one interface and family.
    Adverts,
    /// ARP and neighbour discovery, of one interface.
    Neighbours,
    /// The guard's end of the line.
    GuardLine,
    /// A running script.
    Script,
    /// A running notify program.
    Notify,
    /// The front end's process.
    FrontProcess,
    /// A question to the front end.
    Question,
    /// A tracked process.
    TrackedProcess,
    /// The status socket.
    StatusListener,
    /// A connection to it.
    StatusConnection,
}

const KINDS: [Kind; 12] = [
    Kind::Signals,
    Kind::Monitor,
    Kind::Adverts,
    Kind::Neighbours,
    Kind::GuardLine,
    Kind::Script,
    Kind::Notify,
    Kind::FrontProcess,
    Kind::Question,
    Kind::TrackedProcess,
    Kind::StatusListener,
    Kind::StatusConnection,
];

/// The number of the `index`-th descriptor of a kind.
pub(super) const fn token(kind: Kind, index: usize) -> u64 {
    (kind as u64) << 32 | index as u64 & 0xffff_ffff
}

/// What a number stands for; `None` for one that [`token`] does not make.
pub(super) fn parse(token: u64) -> Option<(Kind, usize)> {
    let kind = KINDS.get(usize::try_from(token >> 32).ok()?)?;
    Some((*kind, usize::try_from(token & 0xffff_ffff).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_says_what_it_stands_for() {
        for kind in KINDS {
            assert_eq!(parse(token(kind, 7)), Some((kind, 7)));
        }
        assert_eq!(parse(u64::MAX), None);
    }
}
