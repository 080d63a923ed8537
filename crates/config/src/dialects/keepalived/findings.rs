//! Everything that is wrong with one configuration, collected while it is read.

use crate::diagnostics::{Diagnostic, Place};

/// Most errors, and most warnings, that are kept: more of them tell nobody more.
const MAX_FINDINGS: usize = 1000;

/// See the module. Errors and warnings apart, so that many of the one cannot hide the other.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn error(&mut self, place: &Place, message: impl Into<String>) {
        if self.errors.len() < MAX_FINDINGS {
            self.errors
                .push(Diagnostic::error(place.clone(), one_line(message.into())));
        }
    }

    pub(super) fn warn(&mut self, place: &Place, message: impl Into<String>) {
        if self.warnings.len() < MAX_FINDINGS {
            self.warnings
                .push(Diagnostic::warning(place.clone(), one_line(message.into())));
        }
    }

    /// `value` with the warnings, or everything by line when there is an error.
    pub(super) fn finish<T>(self, value: T) -> Result<(T, Vec<Diagnostic>), Vec<Diagnostic>> {
        let has_errors = !self.errors.is_empty();
        let mut found = self.errors;
        found.extend(self.warnings);
        found.sort_by(|one, other| one.place.cmp(&other.place));
        if has_errors {
            Err(found)
        } else {
            Ok((value, found))
        }
    }
}

/// A message quotes what was written, which may mean something to a terminal.
fn one_line(message: String) -> String {
    if message.contains(char::is_control) {
        message.replace(char::is_control, "\u{fffd}")
    } else {
        message
    }
}
