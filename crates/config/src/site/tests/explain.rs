//! What is said about keys is true.

use serde_json::Value;
use toml::de::DeTable;

use super::{LAB, PRODUCTION, expect, findings};
use crate::site::explain::{explain, list, schema};
use crate::site::{Otherwise, SECTIONS};

#[test]
fn the_list_and_the_schema_are_as_expected() {
    expect("keys.txt", &list());
    expect("schema.json", &schema());
}

#[test]
fn every_key_says_what_it_means() {
    for section in SECTIONS {
        for row in section.rows() {
            assert!(
                row.meaning.len() > 10 && !row.meaning.ends_with('.'),
                "{}.{}",
                section.name,
                row.name
            );
            let table = if section.named.is_some() { "NAME." } else { "" };
            let text = explain(&format!("{}.{table}{}", section.name, row.name)).unwrap();
            assert!(
                text.contains(row.meaning) && text.contains(&row.form.expected()),
                "{text}"
            );
        }
    }
}

/// A default that was read from the file would be the same value.
#[test]
fn every_default_is_written_as_its_key_wants_it() {
    for section in SECTIONS {
        for row in section.rows() {
            let Otherwise::Is(value) = row.otherwise else {
                continue;
            };
            let table = match section.named {
                Some(_) => format!("[{}.x]", section.name),
                None => format!("[{}]", section.name),
            };
            let text = format!("{table}\n{} = {}\n", row.name, value());
            let wrong = findings(&text)
                .into_iter()
                .find(|found| found.message.contains(&format!("`{}` ", row.name)));
            assert!(wrong.is_none(), "{text}: {wrong:?}");
        }
    }
}

#[test]
fn the_schema_describes_the_site_files_and_no_misspelt_ones() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    for text in [LAB, PRODUCTION] {
        let document = DeTable::parse(text).unwrap();
        let is_known = |table: &Value, written: &DeTable<'_>| {
            let mut keys = written.keys();
            keys.all(|key| table["properties"].get(key.get_ref().as_ref()).is_some())
        };
        for (name, table) in document.get_ref() {
            let schema = &schema["properties"][name.get_ref().as_ref()];
            let table = table.get_ref().as_table().unwrap();
            let named = &schema["additionalProperties"];
            let is_described = if named.is_object() {
                let mut tables = table.values();
                tables.all(|table| is_known(named, table.get_ref().as_table().unwrap()))
            } else {
                is_known(schema, table)
            };
            assert!(is_described, "{}", name.get_ref());
        }
    }
    assert_eq!(schema["properties"]["health"]["additionalProperties"], false);
    assert_eq!(
        schema["properties"]["nodes"]["additionalProperties"]["required"][1],
        "roles"
    );
    assert!(
        schema["properties"]["health"]["properties"]
            .get("intervall")
            .is_none()
    );
}

#[test]
fn who_asks_for_what_is_not_there_gets_a_hint() {
    for (path, hint) in [
        ("helth", "did you mean 'health'?"),
        ("health.intervall", "did you mean 'interval'?"),
        ("vrid", "floating.NAME.vrid"),
        ("nodes.dd1.zzz", "there are address, roles"),
        ("zzz", "there are site, subscribers"),
    ] {
        let why = explain(path).unwrap_err();
        assert!(why.contains(hint), "{why}");
    }
    assert!(
        explain("zones.zaibdns.lab.file")
            .unwrap()
            .starts_with("zones.NAME.file\n")
    );
}
