//! What there is to say about keys: for people (`weir config explain`), and as JSON Schema (`weir config schema`).

use std::fmt::Write as _;

use super::keys::{Otherwise, Row};
use super::spec::{SECTIONS, Section};
use crate::nearest::nearest;

/// Every table with its keys.
pub fn list() -> String {
    SECTIONS.iter().map(table).collect::<Vec<_>>().join("\n")
}

/// One key (`health.interval`, `nodes.NAME.roles`, `nodes.dd1.roles`) or one table (`health`).
///
/// # Errors
/// What to ask for instead, when there is no such key.
pub fn explain(path: &str) -> Result<String, String> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
        let keys = SECTIONS.iter().flat_map(|section| {
            section
                .rows()
                .into_iter()
                .map(|row| format!("{}.{}", title(section), row.name))
        });
        let of_that_name: Vec<_> = keys.filter(|key| key.ends_with(&format!(".{name}"))).collect();
        let known = SECTIONS.iter().map(|section| section.name);
        return Err(match (of_that_name.as_slice(), nearest(name, known.clone())) {
            ([], Some(near)) => format!("there is no table '{name}'; did you mean '{near}'?"),
            ([], None) => format!(
                "there is no table '{name}'; there are {}",
                known.collect::<Vec<_>>().join(", ")
            ),
            (keys, _) => format!("there is no table '{name}', but {}", keys.join(", ")),
        });
    };
    // Names of zones have dots, names of keys have none.
    let key = match section.named {
        Some(_) => rest.rsplit_once('.').map_or("", |(_, key)| key),
        None => rest,
    };
    if key.is_empty() {
        return Ok(table(section));
    }
    let rows = section.rows();
    let row = rows.iter().find(|row| row.name == key);
    row.map(|row| one(section, row)).ok_or_else(|| {
        let known = rows.iter().map(|row| row.name);
        match nearest(key, known.clone()) {
            Some(near) => format!("{} has no key '{key}'; did you mean '{near}'?", title(section)),
            None => format!(
                "{} has no key '{key}'; there are {}",
                title(section),
                known.collect::<Vec<_>>().join(", ")
            ),
        }
    })
}

fn title(section: &Section) -> String {
    match section.named {
        Some(_) => format!("{}.NAME", section.name),
        None => section.name.to_owned(),
    }
}

fn table(section: &Section) -> String {
    let mut text = format!("[{}]  {}\n", title(section), section.meaning);
    let rows = section.rows();
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in rows {
        let _ = writeln!(text, "  {:width$}  {} ({})", row.name, row.meaning, default(row));
    }
    text
}

fn one(section: &Section, row: &Row) -> String {
    let mut text = format!("{}.{}\n  {}\n", title(section), row.name, row.meaning);
    let _ = write!(
        text,
        "  written  {}\n  default  {}\n",
        row.form.expected(),
        default(row)
    );
    if !row.unit.is_empty() {
        let _ = writeln!(text, "  unit     {}", row.unit);
    }
    text
}

fn default(row: &Row) -> String {
    match row.otherwise {
        Otherwise::Required => "required".to_owned(),
        Otherwise::Derived(from) => from.to_owned(),
        Otherwise::Is(value) if row.unit.is_empty() => value(),
        Otherwise::Is(value) => format!("{} {}", value(), row.unit),
    }
}

/// The JSON Schema (draft 2020-12) of the file, for editors.
pub fn schema() -> String {
    let mut properties = Vec::new();
    let mut required = Vec::new();
    for section in SECTIONS {
        let table = table_schema(section);
        let is_required = section
            .rows()
            .iter()
            .any(|row| matches!(row.otherwise, Otherwise::Required));
        let schema = match section.named {
            Some(_) => format!(
                "{{\n      \"type\": \"object\",\n      \"description\": {},\n      \"additionalProperties\": {table}\n    }}",
                json(section.meaning)
            ),
            None => {
                if is_required {
                    required.push(json(section.name));
                }
                table
            }
        };
        properties.push(format!("    {}: {schema}", json(section.name)));
    }
    format!(
        "{{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"weir.toml\",\n  \
         \"type\": \"object\",\n  \"additionalProperties\": false,\n  \"required\": [{}],\n  \"properties\": {{\n{}\n  }}\n}}\n",
        required.join(", "),
        properties.join(",\n")
    )
}

fn table_schema(section: &Section) -> String {
    let mut keys = Vec::new();
    let mut required = Vec::new();
    for row in section.rows() {
        let mut about = row.meaning.to_owned();
        let default = match row.otherwise {
            Otherwise::Required => {
                required.push(json(row.name));
                String::new()
            }
            Otherwise::Derived(from) => {
                let _ = write!(about, " (default: {from})");
                String::new()
            }
            // The defaults are written in JSON as in TOML.
            Otherwise::Is(value) => format!(", \"default\": {}", value()),
        };
        if !row.unit.is_empty() {
            let _ = write!(about, " [{}]", row.unit);
        }
        keys.push(format!(
            "        {}: {{\"allOf\": [{}], \"description\": {}{default}}}",
            json(row.name),
            row.form.schema(),
            json(&about)
        ));
    }
    format!(
        "{{\n      \"type\": \"object\",\n      \"description\": {},\n      \"additionalProperties\": false,\n      \
         \"required\": [{}],\n      \"properties\": {{\n{}\n      }}\n    }}",
        json(section.meaning),
        required.join(", "),
        keys.join(",\n")
    )
}

/// A text as JSON writes it; ours have nothing but quotes and backslashes to escape.
fn json(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
