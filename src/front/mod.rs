//! The front end: clients' queries in, answers out.
mod arguments;
mod clock;
mod health;
mod journey;
mod query_log;
mod site;
mod slab;
mod tcp;
mod worker;

pub use arguments::Arguments;

/// Runs.
pub fn main(_: Arguments) -> std::process::ExitCode { std::process::ExitCode::SUCCESS }
