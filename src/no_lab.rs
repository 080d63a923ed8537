//! `weir lab` in a build without the laboratory.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use crate::site_file::fail;

/// `weir lab`: not in this build.
#[derive(Args, Debug)]
pub struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    order: Vec<OsString>,
}

/// Says where to get it.
pub fn main(Arguments { order: _ }: Arguments) -> ExitCode {
    fail(
        "weir lab: this build has no laboratory; one built with the feature `lab` has it: cargo build --features lab",
    );
    ExitCode::from(2)
}
