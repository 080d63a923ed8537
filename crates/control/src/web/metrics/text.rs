//! Prometheus's text format, one family of samples after the other.

use std::fmt::{self, Display, Write};

use crate::counters::Kind;

/// The page as it grows.
pub(super) struct Text {
    out: String,
    family: String,
    /// The value of the label `instance` on every sample, where there is to be one.
    instance: Option<String>,
}

impl Text {
    pub(super) fn new(instance: Option<String>) -> Self {
        Self {
            out: String::new(),
            family: String::new(),
            instance,
        }
    }

    /// Begins a family of samples.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        self.header(name, &kind, help);
        name.clone_into(&mut self.family);
    }

    pub(super) fn header(&mut self, name: &str, kind: &dyn Display, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A sample of the family that was begun last.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let name = std::mem::take(&mut self.family);
        self.line(&name, labels, value);
        self.family = name;
    }

    pub(super) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(name);
        let instance = self.instance.take();
        let common = instance.as_deref().map(|instance| ("instance", instance));
        for (at, (label, value)) in labels.iter().copied().chain(common).enumerate() {
            let opening = if at == 0 { '{' } else { ',' };
            self.write(format_args!("{opening}{label}=\"{}\"", Escaped(value)));
        }
        if !labels.is_empty() || instance.is_some() {
            self.out.push('}');
        }
        self.instance = instance;
        self.write(format_args!(" {value}\n"));
    }

    pub(super) fn into_string(self) -> String {
        self.out
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        let written = self.out.write_fmt(text);
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
}

/// A label's value, escaped as the format asks for.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}
