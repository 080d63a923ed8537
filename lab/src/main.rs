//! `weir-lab`: the laboratory by hand. What it builds and checks is in the library, which the tests use as well.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command line program talks on stdout")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, io};

use clap::{Parser, Subcommand};
use weir_lab::{Front, checks, interrupt, remove_leftovers};

/// Real servers in network namespaces on this machine; needs root, leaves nothing behind.
#[derive(Parser)]
#[command(name = "weir-lab")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the blueprint's site, check what its author checks, print the checks and remove the site.
    UpAndCheck {
        /// The front end: `dnsdist`, or the path of a weir executable (default: the one beside this program).
        #[arg(long)]
        front: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Command::UpAndCheck { front } = Arguments::parse().command;
    match run(front) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("weir-lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(front: Option<PathBuf>) -> io::Result<bool> {
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::other("network namespaces need root: run this as root"));
    }
    interrupt::watch()?;
    remove_leftovers()?;
    let front = match front {
        Some(name) if name.as_os_str() == "dnsdist" => Front::Dnsdist,
        Some(path) => Front::Weir(path.canonicalize()?),
        None => Front::Weir(env::current_exe()?.with_file_name("weir")),
    };
    match &front {
        Front::Weir(path) => println!(
            "front end: {}, the blueprint's LAB-DD1 file unchanged",
            path.display()
        ),
        Front::Dnsdist => {
            println!("front end: dnsdist, the blueprint's LAB-DD1 file without its last line, `#Save`")
        }
    }
    println!(
        "behind it: named (zaibdns.lab), named and unbound (recursive), three knotd (root, com., google.com.)"
    );
    let (report, ready) = checks::up_and_check(&front)?;
    println!("ready after {:.0} ms\n\n{report}", ready.as_secs_f64() * 1000.0);
    Ok(report.passed())
}
