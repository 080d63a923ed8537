//! `PoolAvailableRule`: whether a pool can take queries.

use std::fmt;

use crate::{Moment, Notes, PoolName, Selector, Subject};

/// Matches while a pool has a server that is up.
#[derive(Debug)]
pub struct PoolAvailable {
    pool: PoolName,
}

impl PoolAvailable {
    /// Matches while `pool` is available.
    pub fn new(pool: PoolName) -> Self {
        Self { pool }
    }
}

impl Selector for PoolAvailable {
    fn matches(&self, _subject: &Subject<'_>, moment: &Moment<'_>, _notes: &Notes) -> bool {
        moment.pools.is_available(self.pool.id())
    }
}

impl fmt::Display for PoolAvailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool '{}' is available", self.pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PoolNames;
    use crate::testing::{matches, packet};
    use weir_wire::QType;

    #[test]
    fn the_pool_is_asked() {
        // In tests only the default pool has a server.
        let mut names = PoolNames::default();
        let [default, rec] = ["", "rec"].map(|name| names.intern(name).expect("there is room"));
        let packet = packet("example.com", QType::A);
        assert!(matches(&PoolAvailable::new(default), &packet));
        assert!(!matches(&PoolAvailable::new(rec.clone()), &packet));
        assert_eq!(PoolAvailable::new(rec).to_string(), "pool 'rec' is available");
    }
}
