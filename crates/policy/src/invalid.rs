//! The error of every constructor: an argument that cannot mean anything, and what would.

use std::fmt;

/// Why an argument from a configuration is refused: one sentence that names the value and what is allowed.
///
/// The configuration adds the place in the file; nothing branches on the reason, so it is a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(String);

impl Invalid {
    /// The reason as a sentence without a capital or a full stop.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}
