//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::sync::Arc;

/// A line of a file, or a part of one. Lines count from 1; line 0 is the file as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file's name as the operator gave it, or what stands for one (`console`).
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The part of the file that is meant, where the reader knows it.
    pub span: Option<Span>,
}

/// Bytes of a file, from the first to before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The one behind the last.
    pub end: u32,
}

impl Place {
    /// Line `line` of `file`.
    pub fn new(file: impl Into<Arc<str>>, line: u32) -> Self {
        Self {
            file: file.into(),
            line,
            span: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// What was written, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub place: Place,
}

/// Whether a configuration can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It can; somebody should look.
    Warning,
    /// It cannot.
    Error,
}

/// One finding, for people: `file:line: what, why, what to write instead`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the configuration can be used all the same.
    pub severity: Severity,
    /// Where it was found.
    pub place: Place,
    /// One sentence without a full stop.
    pub message: String,
    /// What stands beside the mark when the file is shown; may be empty.
    pub label: String,
    /// Another place that the finding is about, and what is there.
    pub related: Option<Box<(Place, String)>>,
    /// What to write instead, where the message does not say it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A reason not to use the configuration.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, place, message.into())
    }

    /// Something that works, but hardly as intended.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, place, message.into())
    }

    fn new(severity: Severity, place: Place, message: String) -> Self {
        Self {
            severity,
            place,
            message,
            label: String::new(),
            related: None,
            help: None,
        }
    }

    /// The finding with a word at its place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The finding with another place that it is about.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related = Some(Box::new((place, label.into())));
        self
    }

    /// The finding with what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning: ",
            Severity::Error => "",
        };
        write!(f, "{}: {severity}{}", self.place, self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
