//! dnsdist's Lua configuration, run by LuaJIT.
//!
//! | file | what |
//! |---|---|
//! | `session` | a file is read, then lines of the console; the only door |
//! | `vm`, `repair` | the machine, what it may use up; texts that do not compile |
//! | `tables` | what a row of the tables of functions, methods and keys is |
//! | `functions/` | the functions, by theme: rows with their bodies |
//! | `objects/` | what functions return: types with rows of methods |
//! | `enums` | `DNSQType` and its like |
//! | `call`, `values`, `failure` | one call, its arguments, its errors |
//! | `reference` | everything above as a list, for people |
//!
//! To add a selector or an action: its file in `weir-policy`, and one row in `functions/selectors.rs` or
//! `functions/actions.rs`. Names that dnsdist knows and Weir does not yet have rows too (`functions/unsupported.rs`):
//! they fail with one line when they are called. A name that nobody knows is compared with all rows.
//!
//! What a file may use up is limited (`vm`): instructions, and what it prints. Where dnsdist ignores what it does
//! not know, Weir warns, and refuses when the name looks like a slip of the finger.

mod call;
mod enums;
mod failure;
mod functions;
mod objects;
mod reference;
mod repair;
mod session;
mod state;
mod tables;
#[cfg(test)]
mod tests;
mod values;
mod vm;

pub use reference::{Part, keys, methods, reference, variables};
pub use session::{Evaluated, Loaded, Overrides, Session};
pub use state::{Carry, Command, FrontendNumbers, Live};
pub use tables::Function;
