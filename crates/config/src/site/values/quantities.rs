//! Numbers, and numbers with a unit.

use std::fmt;
use std::time::Duration;

use super::{Form, Item, Value, Wrong};

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
