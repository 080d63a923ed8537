//! The dialect from outside: files in, settings and messages out.

mod fixtures;
mod grammar;
mod hostile;
mod keywords;
mod traps;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::{Files, read};
use crate::diagnostics::Diagnostic;
use crate::vip::VipSettings;

const FILE: &str = "keepalived.conf";

/// Files in memory. Every program is there unless its name says that it is missing.
#[derive(Default)]
struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter();
        Self(
            files
                .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()))
                .collect(),
        )
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let here = self.0.keys().filter(|path| path.parent() == Some(directory));
        // In no order that anybody could rely on.
        Ok(here
            .rev()
            .filter_map(|path| path.file_name())
            .map(Into::into)
            .collect())
    }

    fn is_program(&self, name: &str) -> bool {
        !name.contains("missing")
    }
}

fn read_as(text: &str, config_id: &str) -> Result<(VipSettings, Vec<Diagnostic>), Vec<Diagnostic>> {
    read(Path::new(FILE), config_id, &Memory::of(&[(FILE, text)]))
}

/// The settings and the warnings of a configuration that is right.
fn accepted(text: &str) -> (VipSettings, String) {
    match read_as(text, "fe1") {
        Ok((settings, warnings)) => (settings, lines(&warnings)),
        Err(findings) => panic!("{}", lines(&findings)),
    }
}

/// The settings of a configuration that nothing is to be said about.
fn clean(text: &str) -> VipSettings {
    let (settings, warnings) = accepted(text);
    assert_eq!(warnings, "");
    settings
}

/// What is said about a configuration that is not accepted.
fn refused(text: &str) -> String {
    match read_as(text, "fe1") {
        Ok((_, warnings)) => panic!("accepted, with {}", lines(&warnings)),
        Err(findings) => lines(&findings),
    }
}

/// One finding a line, without the name of the file.
fn lines(findings: &[Diagnostic]) -> String {
    let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
    shown.join("\n").replace("keepalived.conf:", "")
}

/// A configuration with one instance, which also says `extra`, from line 6 on; `before` stands before it on line 1.
fn with(before: &str, extra: &str) -> String {
    let before = before.replace('\n', " ");
    format!(
        "{before}\nvrrp_instance A {{\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {{ 10.0.0.1 }}\n{extra}\n}}\n"
    )
}
