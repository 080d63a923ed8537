//! How values are written in the site file: what each kind looks like, and what it is read into.

mod addresses;
mod form;
mod names;
mod quantities;

use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::model::TrustAnchor;
use super::text::Text;
use crate::diagnostics::{Place, Placed};
use crate::nearest::nearest;

pub use form::Form;
pub use quantities::{Size, show_time};

pub(crate) use addresses::Interface;
pub(crate) use names::{
    CredentialName, InterfaceName, InterfaceNames, NodeName, PoolName, check_name, domain,
};
pub(crate) use quantities::{Count, Seconds, Time};

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
