//! The console's client: `weir front -c`, and `-e COMMAND` for scripts.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use weir_config::Snapshot;
use weir_config::dialects::dnsdist::reference;
use weir_control::console::{Client, Key, interact, write_answer};

use super::arguments::Arguments;
use super::configuration::Configuration;

/// The console's port when an address is given without one, as dnsdist's.
const DEFAULT_PORT: u16 = 5199;

/// Talks to the console that the command line or the configuration names.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match talk(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => super::fail(&why),
    }
}

/// Whether every command succeeded.
fn talk(arguments: &Arguments) -> Result<bool, String> {
    let (address, key) = peer(arguments)?;
    let key = key
        .map(|key| Key::from_base64(&key))
        .transpose()
        .map_err(|error| error.to_string())?;
    let unreachable = |error: io::Error| format!("Cannot use the console at {address}: {error}");
    let mut client = Client::connect(address, key.as_ref()).map_err(unreachable)?;
    if let Some(command) = &arguments.execute {
        let answer = client.ask(command).map_err(unreachable)?;
        // A command whose output nobody reads any more has still been carried out.
        let _ = match &answer {
            Ok(_) => write_answer(&answer, &mut io::stdout().lock()),
            Err(_) => write_answer(&answer, &mut io::stderr().lock()),
        };
        return Ok(answer.is_ok());
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let words = reference()
            .filter(|function| function.is_supported())
            .map(|function| function.name.to_owned());
        interact(&mut client, words.collect(), history().as_deref()).map_err(unreachable)?;
        return Ok(true);
    }
    client
        .run_lines(stdin.lock(), io::stdout().lock())
        .map_err(unreachable)
}

/// Address and key: from the command line as far as it has them, else from the configuration.
fn peer(arguments: &Arguments) -> Result<(SocketAddr, Option<String>), String> {
    let named = arguments
        .client
        .as_deref()
        .filter(|address| !address.is_empty())
        .map(parse)
        .transpose()?;
    let from_file = if named.is_some() && arguments.setkey.is_some() {
        None
    } else {
        configured(arguments).ok()
    };
    let key = arguments.setkey.clone();
    let key = key.or_else(|| {
        Some(
            from_file
                .as_ref()?
                .console
                .as_ref()?
                .key
                .as_ref()?
                .reveal()
                .to_owned(),
        )
    });
    let address = named.or_else(|| Some(from_file.as_ref()?.console.as_ref()?.address));
    match address {
        Some(address) => Ok((address, key)),
        None => Err(match configured(arguments) {
            Ok(_) => format!(
                "{} has no controlSocket(); name the console with -c IP:PORT",
                arguments.config.display()
            ),
            Err(why) => why,
        }),
    }
}

fn configured(arguments: &Arguments) -> Result<Snapshot, String> {
    let secrets = super::secrets().map_err(|error| error.to_string())?;
    let loaded = Configuration::load(super::source(arguments), secrets, 1);
    loaded
        .map(|(_, snapshot, _)| snapshot)
        .map_err(|rejected| rejected.to_string())
}

fn parse(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    let address = with_port.or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, DEFAULT_PORT)));
    address.map_err(|_| format!("-c {text}: neither an IP address nor IP:PORT"))
}

/// Where lines typed are remembered, as dnsdist's `~/.dnsdist_history`.
fn history() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("HOME")?).join(".weir_front_history"))
}
