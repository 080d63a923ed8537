//! The file's text, and where in it something is.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostics::{Place, Span};

/// A file's text with its name.
pub(crate) struct Text<'f> {
    pub(crate) text: &'f str,
    file: Arc<str>,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'f> Text<'f> {
    pub(crate) fn new(text: &'f str, file: &str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            file: file.into(),
            lines: std::iter::once(0).chain(ends).collect(),
        }
    }

    /// These bytes.
    pub(crate) fn place(&self, range: Range<usize>) -> Place {
        let line = self.lines.partition_point(|start| *start <= range.start);
        Place {
            file: Arc::clone(&self.file),
            line: number(line),
            span: Some(Span {
                start: number(range.start),
                end: number(range.end),
            }),
        }
    }

    /// The file as a whole.
    pub(crate) fn whole(&self) -> Place {
        Place::new(Arc::clone(&self.file), 0)
    }
}

/// Of a file of more than 4 GiB, the rest has no place.
fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
