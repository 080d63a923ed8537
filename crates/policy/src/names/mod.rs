//! Sets of names that scale to millions: exact names, and whole subtrees.
//!
//! Both keep each name once, in wire form and lower case, in one array of bytes, and find it through an
//! open-addressed table of eight-byte slots. Hashes are keyed and only narrow the search; the bytes decide,
//! because the names that are looked up are chosen by strangers.

mod name_set;
mod suffix_set;
mod table;

pub use name_set::NameSet;
pub use suffix_set::SuffixSet;
