//! From the file's text to a [`Spec`]: known keys, values of the right kind. Goes on after every mistake.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Keys, Otherwise, Row};
use super::places::Places;
use super::spec::{Named, SECTIONS, Spec};
use super::text::Text;
use super::values::{Form, Item, Wrong, check_name, domain};
use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::nearest::nearest;

/// Reads what can be read of `text`; the findings say what could not. `None` when it is not TOML: what follows from a
/// quote that is never closed would bury the quote.
pub(crate) fn read(text: &Text<'_>, findings: &mut Vec<Diagnostic>) -> Option<Spec> {
    let (document, errors) = DeTable::parse_recoverable(text.text);
    let first = errors
        .into_iter()
        .min_by_key(|error| error.span().map(|span| span.start));
    if let Some(error) = first {
        let place = error.span().map_or_else(|| text.whole(), |span| text.place(span));
        let why = error.message().replace('\n', ", ");
        findings.push(Diagnostic::error(place, format!("this is not TOML: {why}")));
        return None;
    }
    let mut spec = Spec::default();
    let mut reader = Reader {
        text,
        findings,
        places: Places::new(text.whole()),
        incomplete: BTreeSet::new(),
    };
    let mut has_unknown = false;
    for (name, value) in in_order(text, document.get_ref()) {
        let item = Item { value, text };
        match SECTIONS.iter().find(|section| section.name == name.value) {
            Some(section) => (section.read)(&mut reader, &mut spec, name.clone(), item),
            None => {
                has_unknown = true;
                reader.unknown("table", &name, SECTIONS.iter().map(|section| section.name));
            }
        }
    }
    let missing = SECTIONS.iter().filter(|section| {
        let is_written = document
            .get_ref()
            .keys()
            .any(|name| name.get_ref() == section.name);
        // A misspelt one was reported.
        section.named.is_none() && !is_written && !has_unknown
    });
    for section in missing {
        reader.required(section.name, &text.whole(), section.rows().into_iter(), &[]);
    }
    spec.places = reader.places;
    spec.incomplete = reader.incomplete;
    Some(spec)
}

/// Fills specs and notes findings.
pub(crate) struct Reader<'t> {
    text: &'t Text<'t>,
    findings: &'t mut Vec<Diagnostic>,
    places: Places,
    incomplete: BTreeSet<String>,
}

impl Reader<'_> {
    /// Reads `[path]`; `name` is the name in its header.
    pub(crate) fn table<S: Keys>(&mut self, path: &str, name: &Placed<String>, item: Item<'_>, spec: &mut S) {
        let Some(table) = item.value.get_ref().as_table() else {
            return self.wrong_kind(path, item, "a table of keys");
        };
        let before = self.findings.len();
        self.places.note(path.to_owned(), name.place.clone());
        let mut written = Vec::new();
        let mut has_unknown = false;
        for (key, value) in self.in_order(table) {
            let Some(row) = S::KEYS.iter().find(|row| row.row.name == key.value) else {
                self.unknown("key", &key, S::KEYS.iter().map(|row| row.row.name));
                has_unknown = true;
                continue;
            };
            written.push(row.row.name);
            let item = Item {
                value,
                text: self.text,
            };
            self.places.note(format!("{path}.{}", key.value), item.place());
            let is_empty = value.get_ref().as_array().is_some_and(|list| list.is_empty());
            let outcome = if is_empty && matches!(row.row.otherwise, Otherwise::Required) {
                Err(Wrong::Because("an empty list".to_owned(), None))
            } else {
                (row.set)(spec, item)
            };
            if let Err(wrong) = outcome {
                self.wrong(&key.value, row.row.form, item.place(), wrong);
            }
        }
        // A misspelt key was reported.
        if !has_unknown {
            self.required(path, &name.place, S::KEYS.iter().map(|row| &row.row), &written);
        }
        if self.findings.len() > before {
            self.incomplete.insert(path.to_owned());
        }
    }

    /// Notes the keys that a table must have and has not.
    fn required<'r>(
        &mut self,
        path: &str,
        place: &Place,
        rows: impl Iterator<Item = &'r Row>,
        written: &[&str],
    ) {
        let required = rows.filter(|row| matches!(row.otherwise, Otherwise::Required));
        for row in required.filter(|row| !written.contains(&row.name)) {
            let finding = Diagnostic::error(place.clone(), format!("{path} has no `{}`", row.name))
                .help(format!("`{}`: {}", row.name, row.meaning));
            self.findings.push(finding);
        }
    }

    /// Reads each `[path.NAME]`.
    pub(crate) fn tables<S: Keys>(
        &mut self,
        path: &str,
        of: &str,
        item: Item<'_>,
        specs: &mut Vec<Named<S>>,
    ) {
        let Some(table) = item.value.get_ref().as_table() else {
            return self.wrong_kind(path, item, &format!("a table per {of}"));
        };
        for (name, value) in self.in_order(table) {
            let checked = match of {
                "zone" => domain(&name.value).map(|_| ()),
                _ => check_name(&name.value),
            };
            if let Err(why) = checked {
                self.findings.push(Diagnostic::error(name.place.clone(), why));
                continue;
            }
            let mut spec = S::default();
            let item = Item {
                value,
                text: self.text,
            };
            self.table(&format!("{path}.{}", name.value), &name, item, &mut spec);
            specs.push(Named { name, spec });
        }
    }

    fn wrong_kind(&mut self, path: &str, item: Item<'_>, expected: &str) {
        let found = item.value.get_ref().type_str();
        let finding = Diagnostic::error(
            item.place(),
            format!("`{path}` must be {expected}, not one {found}"),
        );
        self.findings.push(finding);
    }

    fn wrong(&mut self, key: &str, form: Form, place: Place, wrong: Wrong) {
        let one = match form {
            Form::OneOrMore(one) => *one,
            form => form,
        };
        match wrong {
            Wrong::Kind => {
                let finding = Diagnostic::error(place, format!("`{key}` must be {}", form.expected()));
                self.findings.push(finding);
            }
            Wrong::Because(why, help) => {
                let mut finding = Diagnostic::error(place, format!("`{key}`: {why}"));
                finding.help = help;
                self.findings.push(finding);
            }
            Wrong::Within(parts) => {
                for (place, wrong) in parts {
                    self.wrong(key, one, place, wrong);
                }
            }
        }
    }

    fn unknown(
        &mut self,
        what: &str,
        name: &Placed<String>,
        known: impl Iterator<Item = &'static str> + Clone,
    ) {
        let finding = Diagnostic::error(name.place.clone(), format!("there is no {what} `{}`", name.value));
        let begun = known.clone().find(|known| known.starts_with(&name.value));
        let help = match nearest(&name.value, known.clone()).or(begun) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.findings.push(finding.help(help));
    }

    fn in_order<'v>(&self, table: &'v DeTable<'v>) -> Vec<(Placed<String>, &'v Spanned<DeValue<'v>>)> {
        in_order(self.text, table)
    }
}

/// The keys of a table as they stand in the file.
fn in_order<'v>(text: &Text<'_>, table: &'v DeTable<'v>) -> Vec<(Placed<String>, &'v Spanned<DeValue<'v>>)> {
    let mut keys: Vec<_> = table.iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    let placed = keys.into_iter().map(|(key, value)| {
        let value_of_key = Placed {
            value: key.get_ref().to_string(),
            place: text.place(key.span()),
        };
        (value_of_key, value)
    });
    placed.collect()
}
