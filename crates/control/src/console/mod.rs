//! The console: commands to the running program over TCP (`controlSocket`), and its client.
//!
//! What commands there are is not known here: the server hands each line to the program's [`Console`], the client
//! prints what comes back. The protocol is Weir's own, see `frames`; dnsdist's client does not speak it.

mod client;
mod frames;
mod prompt;
mod server;

pub use client::{Client, write_answer};
pub use frames::{Answer, BadKey, FrameError, Key, MAX_CONTENT};
pub use prompt::interact;
pub use server::Console;

pub(crate) use server::serve;
