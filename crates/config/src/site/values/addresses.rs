//! Addresses and networks.

use std::net::IpAddr;

use weir_policy::Netmask;

use super::{Form, Item, Value, Wrong};

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
