//! From the file's text to a [`Spec`]: known keys, values of the right kind. Goes on after every mistake.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Keys, Otherwise, Row};
use super::places::Places;
use super::spec::{Named, SECTIONS, Spec};
use super::text::Text;
use super::values::{Form, Item, Wrong, check_name, domain};
use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::nearest::nearest;

/// Reads what can be read of `text`; the findings say what could not.
pub(crate) fn read(text: &Text<'_>, findings: &mut Vec<Diagnostic>) -> Spec {
    let (document, errors) = DeTable::parse_recoverable(text.text);
    for error in errors {
        let place = error.span().map_or_else(|| text.whole(), |span| text.place(span));
        findings.push(Diagnostic::error(
            place,
            format!("this is not TOML: {}", error.message().replace('\n', ", ")),
        ));
    }
    let mut spec = Spec::default();
    let mut reader = Reader {
        text,
        findings,
        places: Places::new(text.whole()),
    };
    for (name, value) in in_order(text, document.get_ref()) {
        let item = Item { value, text };
        match SECTIONS.iter().find(|section| section.name == name.value) {
            Some(section) => (section.read)(&mut reader, &mut spec, name.clone(), item),
            None => reader.unknown("table", &name, SECTIONS.iter().map(|section| section.name)),
        }
    }
    let missing = SECTIONS.iter().filter(|section| {
        let is_written = document
            .get_ref()
            .keys()
            .any(|name| name.get_ref() == section.name);
        section.named.is_none() && !is_written
    });
    for section in missing {
        reader.required(section.name, &text.whole(), section.rows().into_iter(), &[]);
    }
    spec.places = reader.places;
    spec
}

/// Fills specs and notes findings.
pub(crate) struct Reader<'t> {
    text: &'t Text<'t>,
    findings: &'t mut Vec<Diagnostic>,
    places: Places,
}

impl Reader<'_> {
    /// Reads `[path]`; `name` is the name in its header.
    pub(crate) fn table<S: Keys>(&mut self, path: &str, name: &Placed<String>, item: Item<'_>, spec: &mut S) {
        let Some(table) = item.value.get_ref().as_table() else {
            return self.wrong_kind(path, item, "a table of keys");
        };
        self.places.note(path.to_owned(), name.place.clone());
        let mut written = Vec::new();
        for (key, value) in self.in_order(table) {
            let Some(row) = S::KEYS.iter().find(|row| row.row.name == key.value) else {
                self.unknown("key", &key, S::KEYS.iter().map(|row| row.row.name));
                continue;
            };
            written.push(row.row.name);
            let item = Item {
                value,
                text: self.text,
            };
            self.places.note(format!("{path}.{}", key.value), item.place());
            if let Err(wrong) = (row.set)(spec, item) {
                self.wrong(&key.value, row.row.form, item.place(), wrong);
            }
        }
        self.required(path, &name.place, S::KEYS.iter().map(|row| &row.row), &written);
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
            let finding =
                Diagnostic::error(place.clone(), format!("{path} has no `{}`", row.name)).help(format!(
                    "`{}` says {}; write {}",
                    row.name,
                    row.meaning,
                    row.form.expected()
                ));
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
                let mut finding = Diagnostic::error(place, format!("`{key}` {why}"));
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
        let help = match nearest(&name.value, known.clone()) {
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
