//! The program: picks the subcommand.
#![forbid(unsafe_code)]

fn main() {}
