//! The program: picks what to do by subcommand, or by the name that it was started under.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use weir::{check, config, doctor, drill, front, lab, render, up, vip};

/// The DNS of an access ISP, in one program.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything that the site file gives this node, and restart what dies
    Up(up::Arguments),
    /// Show what runs on this node, for how long, and who holds the address
    Status(up::Status),
    /// Have `weir up` read the site file again: check everything, then change every role
    Reload(up::Reload),
    /// Have `weir up` end one role, and keep it so
    Stop(up::Order),
    /// Have `weir up` run a role again that was stopped
    Start(up::Order),
    /// Have `weir up` and its roles go on as a new program, without losing a query
    Upgrade(up::Upgrade),
    /// Serve clients' queries: policy, cache, pools (reads dnsdist's configuration)
    Front(front::Arguments),
    /// Hold the floating address: VRRP (reads keepalived's configuration)
    Vip(vip::Arguments),
    /// Find in a site's files what works until the bad day
    Check(check::Arguments),
    /// Find out why there is no answer: ask every layer, look at listeners, addresses, VRRP, interfaces, clock
    Doctor(doctor::Arguments),
    /// Explain the site file: its keys, its JSON Schema, its digest
    Config(config::Arguments),
    /// Print a node's share of the site file as another program's configuration
    Render(render::Arguments),
    /// Bring up the whole site on this machine, with an Internet behind it
    Lab(lab::Arguments),
    /// Rehearse failures in a laboratory, and measure what subscribers would notice
    Drill(drill::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse_from(with_role(std::env::args_os().collect())).command {
        Command::Up(arguments) => up::main(arguments),
        Command::Status(arguments) => up::status(arguments),
        Command::Reload(arguments) => up::reload(arguments),
        Command::Stop(arguments) => up::stop(arguments),
        Command::Start(arguments) => up::start(arguments),
        Command::Upgrade(arguments) => up::upgrade(&arguments),
        Command::Front(arguments) => front::main(arguments),
        Command::Vip(arguments) => vip::main(arguments),
        Command::Check(arguments) => check::main(arguments),
        Command::Doctor(arguments) => doctor::main(arguments),
        Command::Config(arguments) => config::main(arguments),
        Command::Render(arguments) => render::main(arguments),
        Command::Lab(arguments) => lab::main(arguments),
        Command::Drill(arguments) => drill::main(arguments),
    }
}

/// Started through a link named `dnsdist`, the program takes that program's own flags.
fn with_role(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments
        .first()
        .and_then(|path| Path::new(path).file_name()?.to_str());
    if name == Some("dnsdist") {
        arguments.insert(1, "front".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_named_dnsdist_is_the_front_end() {
        let with = |words: &[&str]| with_role(words.iter().map(OsString::from).collect());
        assert_eq!(
            with(&["/usr/bin/dnsdist", "-C", "f"]),
            ["/usr/bin/dnsdist", "front", "-C", "f"]
        );
        assert_eq!(with(&["weir", "front"]), ["weir", "front"]);
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    /// Lines of fenced blocks that begin with `weir `, without what is said about them and what the shell does with them.
    fn commands(page: &str) -> Vec<Vec<&str>> {
        let inside = page.split("```").skip(1).step_by(2);
        let lines = inside.flat_map(str::lines).flat_map(|line| line.split(" && "));
        let commands = lines.map(str::trim).filter(|line| line.starts_with("weir "));
        let bare = commands.filter_map(|line| line.split("  ").next()?.split(" > ").next());
        bare.map(|line| line.split_whitespace().collect()).collect()
    }

    #[test]
    fn every_command_of_the_documentation_is_one() {
        use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut pages = vec![folder.join("README.md")];
        for part in ["docs", "docs/runbooks"] {
            let entries = std::fs::read_dir(folder.join(part)).unwrap();
            pages.extend(entries.map(|entry| entry.unwrap().path()));
        }
        let (mut seen, mut wrong) = (0, String::new());
        for path in pages.iter().filter(|path| path.extension().is_some()) {
            let page = std::fs::read_to_string(path).unwrap();
            for words in commands(&page) {
                seen += 1;
                match Arguments::try_parse_from(&words) {
                    Ok(_) => {}
                    Err(error) if matches!(error.kind(), DisplayHelp | DisplayVersion) => {}
                    Err(error) => wrong += &format!("{}: {words:?}: {error}\n", path.display()),
                }
            }
        }
        assert!(seen > 20 && wrong.is_empty(), "{seen} commands\n{wrong}");
    }
}
