//! Names, which become parts of other files and of file names.

use std::borrow::Cow;

use toml::Spanned;
use weir_wire::NameBuf;

use super::{Form, Item, Value, Wrong, all};
use crate::diagnostics::Placed;

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
