//! Pools by number: the packet path compares no strings.
//!
//! While a configuration is read, each pool name gets a small number, [`PoolId`]; rules, backends and the
//! journey use the number. Numbers belong to the snapshot whose [`PoolNames`] gave them and mean nothing in
//! another one.

use std::fmt;
use std::sync::Arc;

use crate::Invalid;

/// Most pools that one snapshot holds, so that a configuration that makes them in a loop fails with a reason.
pub const MAX_POOLS: usize = 10_000;

/// A pool of this snapshot: an index into the list that [`PoolNames`] describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(u16);

impl PoolId {
    /// The pool with the empty name, where queries go that no rule sent elsewhere.
    pub const DEFAULT: Self = Self(0);

    /// Position in the snapshot's list of pools; the default pool is the first.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A pool's number with its name: what a rule keeps to act and to describe itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolName {
    id: PoolId,
    text: Arc<str>,
}

impl PoolName {
    /// The pool's number.
    pub fn id(&self) -> PoolId {
        self.id
    }

    /// The pool's name, empty for the default pool.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The pools that one configuration names, in the order of their first mention; the default pool comes first.
#[derive(Clone, Debug)]
pub struct PoolNames {
    names: Vec<PoolName>,
}

impl Default for PoolNames {
    fn default() -> Self {
        let default = PoolName {
            id: PoolId::DEFAULT,
            text: Arc::from(""),
        };
        Self { names: vec![default] }
    }
}

impl PoolNames {
    /// The pool called `name`, numbered now when it was not mentioned before (dnsdist makes pools so, too).
    ///
    /// # Errors
    /// When there are [`MAX_POOLS`] already.
    pub fn intern(&mut self, name: &str) -> Result<PoolName, Invalid> {
        if let Some(known) = self.find(name) {
            return Ok(known.clone());
        }
        let id = u16::try_from(self.names.len())
            .ok()
            .filter(|_| self.names.len() < MAX_POOLS);
        let Some(id) = id else {
            return Err(Invalid::new(format!(
                "pool '{name}' would be one more than {MAX_POOLS}, the most there may be"
            )));
        };
        let pool = PoolName {
            id: PoolId(id),
            text: Arc::from(name),
        };
        self.names.push(pool.clone());
        Ok(pool)
    }

    /// The pool called `name`, if it was mentioned.
    pub fn find(&self, name: &str) -> Option<&PoolName> {
        self.names.iter().find(|pool| pool.as_str() == name)
    }

    /// All pools; the position of each is its `PoolId::index`.
    pub fn as_slice(&self) -> &[PoolName] {
        &self.names
    }
}

/// What rules may ask about pools while a query is decided.
pub trait PoolStatus {
    /// Whether at least one server of `pool` can take a query now.
    fn is_available(&self, pool: PoolId) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number_and_the_default_pool_is_the_first() {
        let mut names = PoolNames::default();
        assert_eq!(names.intern("").map(|pool| pool.id()), Ok(PoolId::DEFAULT));
        let rec = names.intern("rec").expect("there is room");
        assert_eq!(rec.id().index(), 1);
        assert_eq!(names.intern("rec"), Ok(rec.clone()));
        assert_eq!(names.find("auth"), None);
        assert_eq!(names.as_slice().get(1), Some(&rec));
    }

    #[test]
    fn the_number_of_pools_is_bounded() {
        let mut names = PoolNames::default();
        for number in 1..MAX_POOLS {
            names.intern(&number.to_string()).expect("there is room");
        }
        assert!(names.intern("one more").is_err());
        assert!(names.intern("1").is_ok());
    }
}
