//! Words to values.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use super::rows::{Item, ItemOption, Statement};
use super::tokens::{Word, command_words, unescape};
use crate::vip::{FloatingAddress, Program};

/// The longest name of an interface, and of a label (`IFNAMSIZ` with its zero).
const MAX_INTERFACE: usize = 15;

/// A whole number from `least` to `most`.
pub(super) fn number<N: FromStr + PartialOrd + std::fmt::Display>(
    word: &Word,
    least: N,
    most: N,
) -> Result<N, String> {
    word.text
        .parse()
        .ok()
        .filter(|number| *number >= least && *number <= most)
        .ok_or_else(|| format!("'{}' is not a whole number from {least} to {most}", word.text))
}

/// Seconds, with a fraction or without, from `least` to `most`; what is below a microsecond is rounded.
pub(super) fn seconds(word: &Word, least: f64, most: f64) -> Result<Duration, String> {
    let number = word.text.parse::<f64>().ok();
    let number = number.filter(|number| *number >= least && *number <= most);
    let micros = number.map(|number| Duration::from_micros((number * 1e6).round() as u64));
    micros.ok_or_else(|| {
        format!(
            "'{}' is not a number of seconds from {least} to {most}",
            word.text
        )
    })
}

/// What stands behind a keyword that is true without it.
pub(super) fn boolean(statement: &Statement<'_>) -> Result<bool, String> {
    match statement.words.first().map(|word| word.text.as_str()) {
        None | Some("true" | "on" | "yes") => Ok(true),
        Some("false" | "off" | "no") => Ok(false),
        Some(other) => Err(format!("'{other}' is neither true nor false")),
    }
}

pub(super) fn address(word: &Word) -> Result<IpAddr, String> {
    word.text
        .parse()
        .map_err(|_| format!("'{}' is not an address", word.text))
}

pub(super) fn interface(word: &Word) -> Result<String, String> {
    let is_name = !word.text.is_empty()
        && word.text.len() <= MAX_INTERFACE
        && !word
            .text
            .contains(|c: char| c == '/' || c.is_whitespace() || c.is_control());
    is_name
        .then(|| word.text.clone())
        .ok_or_else(|| format!("'{}' is not the name of an interface", word.text))
}

/// User and, if it was said, group.
pub(super) fn user(words: &[Word]) -> Option<(String, Option<String>)> {
    let (user, rest) = words.split_first()?;
    Some((user.text.clone(), rest.first().map(|group| group.text.clone())))
}

/// A command line as one word, with user and group behind it: `notify "/path with arguments" user group`.
pub(super) fn program(statement: &Statement<'_>) -> Result<Program, String> {
    let word = statement.first()?;
    Ok(Program {
        words: command(word)?,
        user: user(statement.words.get(1..).unwrap_or_default()),
    })
}

/// The words of a command line that was written as one word.
pub(super) fn command(word: &Word) -> Result<Vec<String>, String> {
    let words = match word.quote {
        Some(_) => command_words(&unescape(&word.text))?,
        None => vec![word.text.clone()],
    };
    let Some(program) = words.first().filter(|program| !program.is_empty()) else {
        return Err("the command is empty".to_owned());
    };
    if program.contains(|c: char| "\"'".contains(c) || ('\u{2018}'..='\u{201f}').contains(&c)) {
        return Err(format!(
            "the path of the program contains quotation marks: {program}; put the whole command in one pair of \
             double quotes"
        ));
    }
    Ok(words)
}

/// The options of an address.
pub(super) const ADDRESS_OPTIONS: &[ItemOption] = &[
    option("dev", true),
    option("brd", true),
    option("broadcast", true),
    option("scope", true),
    option("label", true),
    option("peer", true),
    option("preferred_lft", true),
    option("track_group", true),
    option("home", false),
    option("-nodad", false),
    option("mngtmpaddr", false),
    option("noprefixroute", false),
    option("autojoin", false),
    option("no_track", false),
    option("use_vmac", false),
];

pub(super) const fn option(name: &'static str, has_value: bool) -> ItemOption {
    ItemOption { name, has_value }
}

/// An address with its options, and what is ignored of them.
pub(super) fn floating_address(item: &Item) -> Result<(FloatingAddress, Vec<String>), String> {
    let text = item.head.text.as_str();
    let (host, mask) = text
        .split_once('/')
        .map_or((text, None), |(host, mask)| (host, Some(mask)));
    let address: IpAddr = host
        .parse()
        .map_err(|_| format!("'{text}' is not an address, nor an option of one"))?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match mask {
        None => longest,
        Some(mask) => { mask.parse().ok() }
            .filter(|prefix| *prefix <= longest)
            .ok_or_else(|| format!("'{text}': the prefix length is not from 0 to {longest}"))?,
    };
    let mut floating = FloatingAddress {
        address,
        prefix,
        interface: None,
        label: None,
        scope: None,
        broadcast: None,
        no_track: false,
    };
    let mut ignored = Vec::new();
    for (name, value) in &item.options {
        if let Some(why) = set_option(&mut floating, name, value.as_ref())? {
            ignored.push(format!("{text}: '{name}' is ignored: {why}"));
        }
    }
    Ok((floating, ignored))
}

/// Sets one option; `Some` says why it was not set, which does no harm.
fn set_option(
    floating: &mut FloatingAddress,
    name: &str,
    value: Option<&Word>,
) -> Result<Option<&'static str>, String> {
    let IpAddr::V4(v4) = floating.address else {
        return set_common_option(floating, name, value, Some("there is none in IPv6"));
    };
    let Some(word) = value.filter(|_| matches!(name, "brd" | "broadcast" | "label")) else {
        return set_common_option(floating, name, value, None);
    };
    if name == "label" {
        if word.text.len() > MAX_INTERFACE {
            return Err(format!(
                "the label '{}' is longer than {MAX_INTERFACE} bytes",
                word.text
            ));
        }
        floating.label = Some(word.text.clone());
        return Ok(None);
    }
    let host_bits = u32::MAX.checked_shr(u32::from(floating.prefix)).unwrap_or(0);
    let broadcast = match word.text.as_str() {
        "+" | "-" if floating.prefix > 30 => {
            return Ok(Some("the prefix leaves no room for a broadcast address"));
        }
        "+" => Some(Ipv4Addr::from(u32::from(v4) | host_bits)),
        "-" => Some(Ipv4Addr::from(u32::from(v4) & !host_bits)),
        text => text.parse().ok(),
    };
    floating.broadcast = broadcast.map(IpAddr::V4);
    Ok(broadcast.is_none().then_some("it is not an IPv4 address"))
}

/// An option of either family; `v6` is why the options of IPv4 are ignored.
fn set_common_option(
    floating: &mut FloatingAddress,
    name: &str,
    value: Option<&Word>,
    v6: Option<&'static str>,
) -> Result<Option<&'static str>, String> {
    match (name, value) {
        ("dev", Some(word)) => floating.interface = Some(interface(word)?),
        ("scope", Some(word)) => match scope(&word.text) {
            Some(scope) => floating.scope = Some(scope),
            None => {
                return Ok(Some(
                    "it is not global, site, link, host, nowhere or a number up to 255",
                ));
            }
        },
        ("no_track", _) => floating.no_track = true,
        ("brd" | "broadcast" | "label", _) => return Ok(v6),
        ("peer", _) => {
            return Err(
                "'peer' is not supported: it makes the address another one's end of a link".to_owned(),
            );
        }
        ("use_vmac", _) => {
            return Err("'use_vmac' is not supported: the address keeps the interface's own MAC".to_owned());
        }
        ("preferred_lft", _) => return Ok(Some("lifetimes are set by the program that holds the address")),
        ("-nodad", _) => {
            return Ok(Some(
                "floating addresses never wait for duplicate address detection",
            ));
        }
        _ => return Ok(Some("it makes no difference to who holds the address")),
    }
    Ok(None)
}

/// A scope of rtnetlink(7).
fn scope(text: &str) -> Option<u8> {
    match text {
        "global" => Some(0),
        "site" => Some(200),
        "link" => Some(253),
        "host" => Some(254),
        "nowhere" => Some(255),
        _ => text.parse().ok(),
    }
}
