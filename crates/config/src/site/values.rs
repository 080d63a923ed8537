//! How values are written in the site file: what each kind looks like, what it is read into, and its JSON Schema.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;
use weir_policy::Netmask;
use weir_wire::NameBuf;

use super::model::TrustAnchor;
use super::text::Text;
use crate::diagnostics::{Place, Placed};
use crate::nearest::nearest;

/// A value of the file, before it is known what it ought to be.
#[derive(Clone, Copy)]
pub(crate) struct Item<'f> {
    pub(crate) value: &'f Spanned<DeValue<'f>>,
    pub(crate) text: &'f Text<'f>,
}

impl<'f> Item<'f> {
    pub(crate) fn place(self) -> Place {
        self.text.place(self.value.span())
    }

    fn str(self) -> Result<&'f str, Wrong> {
        self.value.get_ref().as_str().ok_or(Wrong::Kind)
    }

    /// The integer, if it fits.
    fn integer(self) -> Result<i64, Wrong> {
        let integer = self.value.get_ref().as_integer().ok_or(Wrong::Kind)?;
        i64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| Wrong::Kind)
    }
}

/// Why a value was not taken.
#[derive(Debug, PartialEq)]
pub(crate) enum Wrong {
    /// It is not written as its key wants it.
    Kind,
    /// It is, but says something impossible; with what to write instead.
    Because(String, Option<String>),
    /// These elements of a list, or values of a table.
    Within(Vec<(Place, Self)>),
}

impl Wrong {
    fn because(why: impl Into<String>) -> Self {
        Self::Because(why.into(), None)
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Free text.
    Text,
    /// A file's name.
    Path,
    /// The name of something else in the file: what it is.
    Name(&'static str),
    /// A domain name.
    Domain,
    /// An IP address.
    Address,
    /// An IP address, perhaps with a prefix length.
    Interface,
    /// A network.
    Prefix,
    /// An interface's name, or a table from networks to names.
    InterfaceNames,
    /// A time, between so many milliseconds.
    Time(u64, u64),
    /// A whole number, from and to.
    Integer(u64, u64),
    /// A number of bytes.
    Size,
    /// A DS record of the root zone.
    TrustAnchor,
    /// true or false.
    Switch,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// One of these, or a list of them.
    OneOrMore(&'static Self),
}

impl Form {
    /// What is expected, as a phrase: `a time with its unit, such as "3s"`.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Path => "the name of a file, such as \"/etc/weir/db.example.net\"".to_owned(),
            Self::Name(of) => format!("the name of a {of}"),
            Self::Domain => "a domain name, such as \"example.net\"".to_owned(),
            Self::Address => "an IP address, such as \"192.0.2.1\"".to_owned(),
            Self::Interface => {
                "an IP address with or without a prefix length, such as \"192.0.2.1/24\"".to_owned()
            }
            Self::Prefix => "a network, such as \"192.0.2.0/24\"".to_owned(),
            Self::InterfaceNames => {
                "the name of a network interface, or one per network, such as { backend = \"eth1\" }"
                    .to_owned()
            }
            Self::Time(from, to) => {
                let [from, to] = [from, to].map(|limit| show_time(Duration::from_millis(limit)));
                format!("a time from {from} to {to}, such as \"500ms\", \"3s\", \"5m\", \"1h\" or \"1d\"")
            }
            Self::Integer(0, u64::MAX) => "a whole number".to_owned(),
            Self::Integer(from, to) => format!("a whole number from {from} to {to}"),
            Self::Size => "a number of bytes with its unit, such as \"512MiB\" or \"8GiB\"".to_owned(),
            Self::TrustAnchor => "a DS record: \"KEYTAG ALGORITHM DIGESTTYPE DIGEST\"".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Word(words) => {
                let words: Vec<_> = words().iter().map(|word| format!("\"{word}\"")).collect();
                match words.split_last() {
                    Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                    _ => words.concat(),
                }
            }
            Self::OneOrMore(one) => format!("{}, or a list of such", one.expected()),
        }
    }

    /// Its JSON Schema.
    pub fn schema(self) -> String {
        match self {
            Self::Text | Self::Path | Self::Name(_) | Self::Domain | Self::TrustAnchor => {
                r#"{"type":"string"}"#.to_owned()
            }
            Self::Address => r#"{"type":"string","anyOf":[{"format":"ipv4"},{"format":"ipv6"}]}"#.to_owned(),
            Self::Interface => r#"{"type":"string","pattern":"^[0-9A-Fa-f.:]+(/[0-9]+)?$"}"#.to_owned(),
            Self::Prefix => r#"{"type":"string","pattern":"^[0-9A-Fa-f.:]+/[0-9]+$"}"#.to_owned(),
            Self::InterfaceNames => {
                r#"{"anyOf":[{"type":"string"},{"type":"object","additionalProperties":{"type":"string"}}]}"#
                    .to_owned()
            }
            Self::Time(..) => r#"{"type":"string","pattern":"^[0-9]+(ms|s|m|h|d)$"}"#.to_owned(),
            Self::Integer(from, u64::MAX) => format!(r#"{{"type":"integer","minimum":{from}}}"#),
            Self::Integer(from, to) => format!(r#"{{"type":"integer","minimum":{from},"maximum":{to}}}"#),
            Self::Size => r#"{"type":"string","pattern":"^[0-9]+(KiB|MiB|GiB)$"}"#.to_owned(),
            Self::Switch => r#"{"type":"boolean"}"#.to_owned(),
            Self::Word(words) => {
                let words: Vec<_> = words().iter().map(|word| format!("\"{word}\"")).collect();
                format!(r#"{{"enum":[{}]}}"#, words.join(","))
            }
            Self::OneOrMore(one) => {
                let one = one.schema();
                format!(r#"{{"anyOf":[{one},{{"type":"array","items":{one}}}]}}"#)
            }
        }
    }
}

/// A type that values of the file are read into.
pub(crate) trait Value: Sized {
    /// How it is written.
    const FORM: Form;

    /// Reads it.
    fn read(item: Item<'_>) -> Result<Self, Wrong>;

    /// Writes it as the file would have it.
    fn show(&self) -> String;
}

impl Value for String {
    const FORM: Form = Form::Text;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        match item.str()? {
            "" => Err(Wrong::because("an empty text")),
            text if text.chars().any(char::is_control) => {
                Err(Wrong::because("a text with characters that cannot be printed"))
            }
            text => Ok(text.to_owned()),
        }
    }

    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl Value for PathBuf {
    const FORM: Form = Form::Path;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let text = String::read(item)?;
        if !text.starts_with('/') {
            return Err(Wrong::because(format!(
                "'{text}' does not begin with '/', and nodes work in different folders"
            )));
        }
        // These would end a quoted string in the configurations that are rendered from the file.
        if text.contains(['"', '\\', '\'']) {
            return Err(Wrong::because("a file name with a quote or a backslash in it"));
        }
        Ok(text.into())
    }

    fn show(&self) -> String {
        format!("{:?}", self.display().to_string())
    }
}

/// The name of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeName(pub(crate) String);

/// The name of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolName(pub(crate) String);

/// The name of a systemd credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CredentialName(pub(crate) String);

/// What names are made of that become parts of other files, and of file names.
pub(crate) fn check_name(text: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > 63 || !text.chars().all(is_plain) || text.starts_with(['-', '.']) {
        return Err(format!(
            "'{text}' is not a name: up to 63 letters, digits, '-', '_' and '.', and no '-' or '.' in front"
        ));
    }
    Ok(())
}

macro_rules! name_value {
    ($($type:ident $of:literal),*) => { $(
        impl Value for $type {
            const FORM: Form = Form::Name($of);

            fn read(item: Item<'_>) -> Result<Self, Wrong> {
                let text = item.str()?;
                check_name(text).map_err(Wrong::because)?;
                Ok(Self(text.to_owned()))
            }

            fn show(&self) -> String {
                format!("{:?}", self.0)
            }
        }
    )* };
}
name_value!(NodeName "node", PoolName "pool", CredentialName "systemd credential");

impl Value for NameBuf {
    const FORM: Form = Form::Domain;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let text = item.str()?;
        domain(text).map_err(Wrong::because)
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

/// A domain name of letters, digits, `-`, `_` and `/`: the others would need escapes in the configurations that
/// are rendered, each its own.
pub(crate) fn domain(text: &str) -> Result<NameBuf, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.is_empty() || !text.chars().all(is_plain) {
        return Err(format!("'{text}' is not a domain name such as example.net"));
    }
    let name: NameBuf = text
        .parse()
        .map_err(|_| format!("'{text}' is not a domain name: an empty or too long label"))?;
    Ok(name.to_lowercase())
}

impl Value for IpAddr {
    const FORM: Form = Form::Address;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        item.str()?.parse().map_err(|_| Wrong::Kind)
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

/// An address, and the length of its prefix if it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) address: IpAddr,
    pub(crate) prefix: Option<u8>,
}

impl Value for Interface {
    const FORM: Form = Form::Interface;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let text = item.str()?;
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| Wrong::Kind)?;
        let prefix = length.map(str::parse).transpose().map_err(|_| Wrong::Kind)?;
        if let Some(prefix) = prefix {
            Netmask::new(address, prefix).map_err(|invalid| Wrong::because(invalid.to_string()))?;
        }
        Ok(Self { address, prefix })
    }

    fn show(&self) -> String {
        match self.prefix {
            Some(prefix) => format!("\"{}/{prefix}\"", self.address),
            None => format!("\"{}\"", self.address),
        }
    }
}

impl Value for Netmask {
    const FORM: Form = Form::Prefix;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let text = item.str()?;
        let mask: Self = text.parse().map_err(|_| Wrong::Kind)?;
        let written = text.split('/').next().and_then(|address| address.parse().ok());
        if !text.contains('/') {
            let help = format!("write \"{mask}\" if this one address is meant");
            return Err(Wrong::Because(
                "an address without a prefix length".to_owned(),
                Some(help),
            ));
        }
        if written != Some(mask.network()) {
            let help = format!("write \"{mask}\"");
            return Err(Wrong::Because(
                format!("{text} is an address in a network, not a network"),
                Some(help),
            ));
        }
        Ok(mask)
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

/// Names of network interfaces: the same in every network, or one per network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InterfaceNames {
    Everywhere(String),
    PerNetwork(Vec<(Placed<String>, String)>),
}

impl Value for InterfaceNames {
    const FORM: Form = Form::InterfaceNames;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let Some(table) = item.value.get_ref().as_table() else {
            return interface(item).map(Self::Everywhere);
        };
        let named = |(network, value): (&Spanned<Cow<'_, str>>, _)| {
            let item = Item {
                value,
                text: item.text,
            };
            let network = Placed {
                value: network.get_ref().to_string(),
                place: item.text.place(network.span()),
            };
            Ok((network, interface(item).map_err(|wrong| (item.place(), wrong))?))
        };
        all(table.iter().map(named)).map(Self::PerNetwork)
    }

    fn show(&self) -> String {
        match self {
            Self::Everywhere(name) => format!("{name:?}"),
            Self::PerNetwork(names) => {
                let names = names
                    .iter()
                    .map(|(network, name)| format!("{} = {name:?}", network.value));
                format!("{{ {} }}", names.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// An interface's name as the kernel allows it (at most 15 bytes), without what other files would trip over.
fn interface(item: Item<'_>) -> Result<String, Wrong> {
    let text = item.str()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:".contains(c);
    if text.is_empty() || text.len() > 15 || !text.chars().all(is_plain) {
        return Err(Wrong::because(format!(
            "'{text}' is not the name of an interface: 1 to 15 letters, digits, '-', '_', '.', '@' and ':'"
        )));
    }
    Ok(text.to_owned())
}

/// An interface's name that stands for itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InterfaceName(pub(crate) String);

impl Value for InterfaceName {
    const FORM: Form = Form::Text;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        interface(item).map(Self)
    }

    fn show(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// A time between `FROM` and `TO` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Time<const FROM: u64, const TO: u64>(pub(crate) Duration);

/// Units of time in milliseconds, the longest first.
const TIME_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl<const FROM: u64, const TO: u64> Value for Time<FROM, TO> {
    const FORM: Form = Form::Time(FROM, TO);

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        if let Ok(number) = item.integer() {
            let help = format!("write \"{number}s\" for seconds or \"{number}ms\" for milliseconds");
            return Err(Wrong::Because("a time without a unit".to_owned(), Some(help)));
        }
        let milliseconds = quantity(item.str()?, &TIME_UNITS).ok_or(Wrong::Kind)?;
        if !(FROM..=TO).contains(&milliseconds) {
            let [from, to] = [FROM, TO].map(|limit| show_time(Duration::from_millis(limit)));
            return Err(Wrong::because(format!("not between {from} and {to}")));
        }
        Ok(Self(Duration::from_millis(milliseconds)))
    }

    fn show(&self) -> String {
        format!("\"{}\"", show_time(self.0))
    }
}

/// A time of whole seconds, between `FROM` and `TO` seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seconds<const FROM: u64, const TO: u64>(pub(crate) Duration);

impl<const FROM: u64, const TO: u64> Value for Seconds<FROM, TO> {
    const FORM: Form = Form::Time(1000 * FROM, 1000 * TO);

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let Time::<0, { u64::MAX }>(time) = Time::read(item)?;
        if time.subsec_nanos() != 0 || !(FROM..=TO).contains(&time.as_secs()) {
            let [from, to] = [FROM, TO].map(|limit| show_time(Duration::from_secs(limit)));
            return Err(Wrong::because(format!(
                "not whole seconds between {from} and {to}"
            )));
        }
        Ok(Self(time))
    }

    fn show(&self) -> String {
        format!("\"{}\"", show_time(self.0))
    }
}

/// `text` as a number with one of `units` behind it.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A time in the longest unit that has no fraction: `500ms`, `3s`, `5m`.
pub fn show_time(time: Duration) -> String {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let unit = { TIME_UNITS.iter() }
        .find(|(_, factor)| milliseconds >= *factor && milliseconds.is_multiple_of(*factor));
    match unit {
        Some((name, factor)) => format!("{}{name}", milliseconds / factor),
        None => "0s".to_owned(),
    }
}

/// A whole number between `FROM` and `TO`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count<const FROM: u64, const TO: u64>(pub(crate) u64);

impl<const FROM: u64, const TO: u64> Value for Count<FROM, TO> {
    const FORM: Form = Form::Integer(FROM, TO);

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let number = u64::try_from(item.integer()?).map_err(|_| Wrong::Kind)?;
        if (FROM..=TO).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Wrong::Kind)
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

const SIZE_UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Value for Size {
    const FORM: Form = Form::Size;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        quantity(item.str()?, &SIZE_UNITS).map(Self).ok_or(Wrong::Kind)
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit =
            { SIZE_UNITS.iter() }.find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match unit {
            Some((name, factor)) => write!(f, "{}{name}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Value for bool {
    const FORM: Form = Form::Switch;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        item.value.get_ref().as_bool().ok_or(Wrong::Kind)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for TrustAnchor {
    const FORM: Form = Form::TrustAnchor;

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let words: Vec<_> = item.str()?.split_ascii_whitespace().collect();
        let [key_tag, algorithm, digest_type, digest] = words.as_slice() else {
            return Err(Wrong::Kind);
        };
        let is_digest = digest.len() >= 40 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            return Err(Wrong::because("the last word is no digest in hexadecimal"));
        }
        let read = || {
            Some(Self {
                key_tag: key_tag.parse().ok()?,
                algorithm: algorithm.parse().ok()?,
                digest_type: digest_type.parse().ok()?,
                digest: (*digest).to_owned(),
            })
        };
        read().ok_or(Wrong::Kind)
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

/// A type whose values are words.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Every word and what it says.
    const WORDS: &'static [(&'static str, Self)];

    /// The word.
    fn word(self) -> &'static str {
        let mut rows = Self::WORDS.iter();
        rows.find(|(_, value)| *value == self)
            .map_or("", |(word, _)| word)
    }
}

impl<W: Word> Value for W {
    const FORM: Form = Form::Word(|| W::WORDS.iter().map(|(word, _)| *word).collect());

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let text = item.str()?;
        if let Some((_, value)) = W::WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let near = nearest(text, W::WORDS.iter().map(|(word, _)| *word));
        let help = match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("write {}", Self::FORM.expected()),
        };
        Err(Wrong::Because(
            format!("'{text}' is none of its words"),
            Some(help),
        ))
    }

    fn show(&self) -> String {
        format!("\"{}\"", self.word())
    }
}

impl<T: Value + 'static> Value for Vec<Placed<T>> {
    const FORM: Form = Form::OneOrMore(&T::FORM);

    fn read(item: Item<'_>) -> Result<Self, Wrong> {
        let Some(array) = item.value.get_ref().as_array() else {
            return Ok(vec![Placed {
                value: T::read(item)?,
                place: item.place(),
            }]);
        };
        all(array.iter().map(|value| {
            let item = Item {
                value,
                text: item.text,
            };
            let value = T::read(item).map_err(|wrong| (item.place(), wrong))?;
            Ok(Placed {
                value,
                place: item.place(),
            })
        }))
    }

    fn show(&self) -> String {
        match self.as_slice() {
            [one] => one.value.show(),
            many => format!(
                "[{}]",
                many.iter()
                    .map(|one| one.value.show())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }
    }
}

/// Every element, or everything that is wrong with any.
fn all<T>(elements: impl Iterator<Item = Result<T, (Place, Wrong)>>) -> Result<Vec<T>, Wrong> {
    let mut wrong = Vec::new();
    let good = elements
        .filter_map(|element| element.map_err(|found| wrong.push(found)).ok())
        .collect();
    if wrong.is_empty() {
        Ok(good)
    } else {
        Err(Wrong::Within(wrong))
    }
}
