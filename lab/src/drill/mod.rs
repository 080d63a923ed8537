//! Rehearsed failures: something happens to a site, a prober asks meanwhile, and what subscribers noticed is held
//! against what the site promises.
//!
//! ```text
//!   measured   what was seen, as values     verdict   what was expected, and whether it was kept
//!   report     text, JSON, a page
//! ```

pub mod measured;
pub mod report;
pub mod verdict;
