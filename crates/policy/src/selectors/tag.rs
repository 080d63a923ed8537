//! `TagRule`: a tag that an earlier rule has set.

use std::fmt;

use crate::{Moment, Notes, Selector, Subject};

/// Matches when a tag is set.
#[derive(Debug)]
pub struct Tag {
    name: String,
    value: Option<String>,
}

impl Tag {
    /// Matches when the tag `name` is set, whatever its value.
    pub fn is_set(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: None,
        }
    }

    /// Matches when the tag `name` is set to `value`.
    pub fn is_set_to(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Some(value.into()),
        }
    }
}

impl Selector for Tag {
    fn matches(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &Notes) -> bool {
        match (notes.tag(&self.name), &self.value) {
            (Some(found), Some(wanted)) => found == wanted,
            (found, None) => found.is_some(),
            (None, Some(_)) => false,
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag '{}' is set", self.name)?;
        match &self.value {
            Some(value) => write!(f, " to '{value}'"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ends, moment, packet};
    use std::sync::Arc;
    use weir_wire::{QType, Query};

    #[test]
    fn name_and_value_are_compared() {
        let packet = packet("example.com", QType::A);
        let query = Query::parse(&packet).expect("a query");
        let mut notes = Notes::default();
        notes.set_tag(&Arc::from("list"), &Arc::from("black"));
        for (selector, expected, text) in [
            (Tag::is_set("list"), true, "tag 'list' is set"),
            (Tag::is_set("other"), false, "tag 'other' is set"),
            (
                Tag::is_set_to("list", "black"),
                true,
                "tag 'list' is set to 'black'",
            ),
            (Tag::is_set_to("list", ""), false, "tag 'list' is set to ''"),
            (Tag::is_set_to("other", ""), false, "tag 'other' is set to ''"),
        ] {
            let subject = Subject::of_query(&query, ends());
            assert_eq!(selector.matches(&subject, &moment(0), &notes), expected, "{text}");
            assert_eq!(selector.to_string(), text);
        }
    }
}
