//! Rehearsed failures: something happens to a site, a prober asks meanwhile, and what subscribers noticed is held
//! against what the site promises.
//!
//! ```text
//!   scenarios  the drills            stage     where they happen: a laboratory, asked and watched
//!   scenario   what a drill is       load      floods           watch   whom queries go to
//!   measured   what was seen         verdict   what was expected, and whether it was kept
//!   round      all of them, in turn  report    text, JSON, a page
//!   by_hand    the blueprint's tests asking    subscribers      node    drills on a real node
//! ```

pub mod asking;
pub mod load;
pub mod measured;
pub mod node;
pub mod report;
pub mod round;
pub mod scenario;
pub mod stage;
pub mod verdict;

mod by_hand;
mod scenarios;
mod watch;

pub use scenarios::scenarios;
