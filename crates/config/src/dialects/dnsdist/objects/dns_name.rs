//! `DNSName`: a domain name.

use weir_wire::NameBuf;

use super::Object;
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::Method;

/// A domain name.
#[derive(Clone, Debug)]
pub(crate) struct DnsName(pub(crate) NameBuf);

impl Object for DnsName {
    const KIND: &'static str = "DNSName";
    const EXPECTED: &'static str = "a name from newDNSName()";
    const METHODS: &'static [Method<Self>] = &[
        Method::new(
            "chopOff",
            "()",
            "removes the first label; says whether there was one",
            |this, call| {
                let parent = this.0.as_name().parent().map(|parent| parent.to_buf());
                let had_one = parent.is_some();
                if let Some(parent) = parent {
                    this.0 = parent;
                }
                call.give(had_one)
            },
        ),
        Method::new(
            "countLabels",
            "()",
            "the number of labels, without the root's",
            |this, call| call.give(this.0.as_name().label_count()),
        ),
        Method::new(
            "isPartOf",
            "(name)",
            "whether it is name or below it",
            |this, call| {
                let other: NameBuf = call.required("name")?;
                call.give(this.0.as_name().is_at_or_below(other.as_name()))
            },
        ),
        Method::new("toDNSString", "()", "the name as on the wire", |this, call| {
            let text = call.lua.create_string(this.0.as_name().wire())?;
            call.give(text)
        }),
        Method::new(
            "toStringNoDot",
            "()",
            "the name without the dot at its end",
            |this, call| {
                let text = this.0.to_string();
                call.give(text.strip_suffix('.').unwrap_or(&text))
            },
        ),
        Method::new(
            "wirelength",
            "()",
            "the length on the wire, in bytes",
            |this, call| call.give(this.0.as_name().wire().len()),
        ),
    ];

    fn describe(&self, _: &State) -> String {
        self.0.to_string()
    }
}
