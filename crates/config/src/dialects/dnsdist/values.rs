//! From Lua's values to ours, with words for what was expected instead.
//!
//! Numbers may be written as strings and strings as numbers, as dnsdist allows.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::time::Duration;

use mlua::{Table, Value};
use weir_wire::{Class, NameBuf, Opcode, QType, Rcode};

use super::failure::Failure;
use super::objects::{Object, Wrapped, dns_name::DnsName};

/// Most elements that a list in a configuration may have.
const MAX_LIST: usize = 10_000_000;

/// A type that a Lua value can be read as.
pub(crate) trait Read: Sized {
    /// What is expected, to follow "must be".
    const EXPECTED: &'static str;

    /// Reads `value`, which is not nil.
    fn read(value: &Value) -> Result<Self, Wrong>;
}

/// Why a value cannot be read.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It is of another kind; [`Read::EXPECTED`] says it all.
    Kind,
    /// Something particular.
    Because(String),
}

/// Reads `value`; `what` names it in the error.
pub(crate) fn read<T: Read>(what: &str, value: &Value) -> Result<T, Failure> {
    if value.is_nil() {
        return Err(Failure::new(format!(
            "{what} is missing; it must be {}",
            T::EXPECTED
        )));
    }
    T::read(value).map_err(|wrong| match wrong {
        Wrong::Kind => Failure::new(format!("{what} must be {}, not {}", T::EXPECTED, show(value))),
        Wrong::Because(why) => Failure::new(format!("{what}: {why}")),
    })
}

/// A value as a message quotes it.
pub(crate) fn show(value: &Value) -> String {
    const LONGEST: usize = 60;
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let text = text.to_string_lossy();
            let short: String = text.chars().take(LONGEST).collect();
            if short.len() < text.len() {
                format!("'{short}...'")
            } else {
                format!("'{short}'")
            }
        }
        Value::Table(_) => "a table".to_owned(),
        Value::Function(_) => "a function".to_owned(),
        Value::UserData(_) => "an object of another kind".to_owned(),
        other => format!("a {}", other.type_name()),
    }
}

/// A whole number, perhaps written as a string.
fn whole(value: &Value) -> Option<i128> {
    let of_float = |number: f64| (number.fract() == 0.0 && number.abs() < 1e18).then_some(number as i128);
    match value {
        Value::Integer(number) => Some(i128::from(*number)),
        Value::Number(number) => of_float(*number),
        Value::String(text) => text.to_str().ok()?.trim().parse().ok(),
        _ => None,
    }
}

/// Implements [`Read`] for whole numbers.
macro_rules! read_whole {
    ($($type:ty: $expected:literal;)*) => {
        $(impl Read for $type {
            const EXPECTED: &'static str = $expected;

            fn read(value: &Value) -> Result<Self, Wrong> {
                whole(value).and_then(|number| Self::try_from(number).ok()).ok_or(Wrong::Kind)
            }
        })*
    };
}

read_whole! {
    u8: "a whole number from 0 to 255";
    u16: "a whole number from 0 to 65535";
    u32: "a whole number from 0 to 4294967295";
    u64: "a whole number that is not negative";
    usize: "a whole number that is not negative";
    i32: "a whole number from -2147483648 to 2147483647";
}

/// Implements [`Read`] for whole numbers that are not zero.
macro_rules! read_non_zero {
    ($($type:ty, $inner:ty: $expected:literal;)*) => {
        $(impl Read for $type {
            const EXPECTED: &'static str = $expected;

            fn read(value: &Value) -> Result<Self, Wrong> {
                <$inner>::read(value).ok().and_then(Self::new).ok_or(Wrong::Kind)
            }
        })*
    };
}

read_non_zero! {
    NonZeroU8, u8: "a whole number from 1 to 255";
    NonZeroU16, u16: "a whole number from 1 to 65535";
    NonZeroU32, u32: "a whole number from 1 to 4294967295";
}

/// A number of which 0 means that there is no limit.
pub(crate) struct Unlimited(pub(crate) Option<NonZeroU32>);

impl Read for Unlimited {
    const EXPECTED: &'static str = "a whole number from 0 to 4294967295; 0 is no limit";

    fn read(value: &Value) -> Result<Self, Wrong> {
        u32::read(value).map(|number| Self(NonZeroU32::new(number)))
    }
}

impl Read for f64 {
    const EXPECTED: &'static str = "a number";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let number = match value {
            Value::Integer(number) => Some(*number as Self),
            Value::Number(number) => Some(*number),
            Value::String(text) => text.to_str().ok().and_then(|text| text.trim().parse().ok()),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or(Wrong::Kind)
    }
}

impl Read for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &Value) -> Result<Self, Wrong> {
        value.as_boolean().ok_or(Wrong::Kind)
    }
}

impl Read for String {
    const EXPECTED: &'static str = "a string";

    fn read(value: &Value) -> Result<Self, Wrong> {
        match value {
            Value::String(text) => {
                let text = text
                    .to_str()
                    .map_err(|_| Wrong::Because("the string is not UTF-8".to_owned()))?;
                Ok(text.to_owned())
            }
            Value::Integer(number) => Ok(number.to_string()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(Wrong::Kind),
        }
    }
}

/// A string of any bytes.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Read for Bytes {
    const EXPECTED: &'static str = "a string";

    fn read(value: &Value) -> Result<Self, Wrong> {
        value
            .as_string()
            .map(|text| Self(text.as_bytes().to_vec()))
            .ok_or(Wrong::Kind)
    }
}

impl Read for Table {
    const EXPECTED: &'static str = "a table, such as {name=\"value\"}";

    fn read(value: &Value) -> Result<Self, Wrong> {
        value.as_table().cloned().ok_or(Wrong::Kind)
    }
}

/// One value, or a table with any number of them.
pub(crate) struct OneOrMore<T>(pub(crate) Vec<T>);

impl<T: Read> Read for OneOrMore<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(value: &Value) -> Result<Self, Wrong> {
        match value {
            Value::Table(_) => List::read(value).map(|List(elements)| Self(elements)),
            _ => T::read(value).map(|one| Self(vec![one])),
        }
    }
}

/// A table with any number of values; its keys are not looked at.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T: Read> Read for List<T> {
    const EXPECTED: &'static str = "a list, such as {1, 2}";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let table = value.as_table().ok_or(Wrong::Kind)?;
        let mut elements = Vec::new();
        for pair in table.pairs::<Value, Value>() {
            let Ok((key, element)) = pair else { break };
            if elements.len() >= MAX_LIST {
                return Err(Wrong::Because(format!(
                    "the list has more than {MAX_LIST} elements"
                )));
            }
            let what = format!("element {}", show(&key));
            elements.push(read(&what, &element).map_err(|Failure(why)| Wrong::Because(why))?);
        }
        Ok(Self(elements))
    }
}

/// A number of seconds.
pub(crate) struct Seconds(pub(crate) Duration);

impl Read for Seconds {
    const EXPECTED: &'static str = "a whole number of seconds";

    fn read(value: &Value) -> Result<Self, Wrong> {
        u32::read(value).map(|seconds| Self(Duration::from_secs(u64::from(seconds))))
    }
}

/// An IP address with a port that has a default.
#[derive(Clone, Copy)]
pub(crate) struct Address<const PORT: u16>(pub(crate) SocketAddr);

impl<const PORT: u16> Address<PORT> {
    /// Reads `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1` or `[2001:db8::1]:53`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        let with_default = || bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, PORT));
        text.parse().ok().or_else(with_default).map(Self)
    }
}

impl<const PORT: u16> Read for Address<PORT> {
    const EXPECTED: &'static str =
        "an IP address with or without a port, such as 192.0.2.1:53 or [2001:db8::1]:53";

    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = String::read(value)?;
        Self::parse(&text).ok_or(Wrong::Kind)
    }
}

impl Read for IpAddr {
    const EXPECTED: &'static str = "an IP address";

    fn read(value: &Value) -> Result<Self, Wrong> {
        String::read(value)?.parse().map_err(|_| Wrong::Kind)
    }
}

impl Read for NameBuf {
    const EXPECTED: &'static str = "a domain name, as a string or from newDNSName()";

    fn read(value: &Value) -> Result<Self, Wrong> {
        if let Some(DnsName(name)) = object(value) {
            return Ok(name);
        }
        let text = String::read(value)?;
        text.parse()
            .map_err(|error| Wrong::Because(format!("'{text}' is not a domain name: {error}")))
    }
}

/// Implements [`Read`] for numbers of a registry, which may be given by name too.
macro_rules! read_registry {
    ($($type:ty: $expected:literal;)*) => {
        $(impl Read for $type {
            const EXPECTED: &'static str = $expected;

            fn read(value: &Value) -> Result<Self, Wrong> {
                if let Ok(number) = u16::read(value) {
                    return Ok(Self(number));
                }
                String::read(value).ok().and_then(|name| Self::from_name(&name)).ok_or(Wrong::Kind)
            }
        })*
    };
}

read_registry! {
    QType: "a query type, such as DNSQType.A or \"A\"";
    Class: "a class, such as DNSClass.IN";
    Rcode: "a response code, such as DNSRCode.REFUSED";
}

impl Read for Opcode {
    const EXPECTED: &'static str = "an operation code, such as DNSOpcode.Notify";

    fn read(value: &Value) -> Result<Self, Wrong> {
        u8::read(value)
            .ok()
            .filter(|code| *code < 16)
            .map(Self)
            .ok_or(Wrong::Kind)
    }
}

/// Objects are read by copying them out; most are a pointer or a number.
impl<T: Object + Clone> Read for Wrapped<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(value: &Value) -> Result<Self, Wrong> {
        object(value).map(Self).ok_or(Wrong::Kind)
    }
}

/// A copy of the object that `value` is, if it is one of this kind.
pub(crate) fn object<T: Object + Clone>(value: &Value) -> Option<T> {
    let Wrapped(object) = &*value.as_userdata()?.borrow::<Wrapped<T>>().ok()?;
    Some(object.clone())
}
