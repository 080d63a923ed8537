//! A name server from named.conf.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::dialects::keepalived::Files;
use crate::dialects::named::{self, Part, Statement};
use crate::lint::File;
use crate::lint::facts::{Facts, Language, Server};

/// Files that include each other.
const MAX_INCLUDES: usize = 16;
/// named's own answer where nothing says whom it resolves for.
const NEIGHBOURS: [&str; 2] = ["localnets", "localhost"];
/// Zones that Debian's packages come with; they are nobody's zones.
const STOCK_ZONES: [&str; 5] = [
    ".",
    "localhost",
    "127.in-addr.arpa",
    "0.in-addr.arpa",
    "255.in-addr.arpa",
];
/// Options that differ from server to server, and should.
const OWN_OPTIONS: [&str; 8] = [
    "listen-on",
    "listen-on-v6",
    "query-source",
    "query-source-v6",
    "transfer-source",
    "notify-source",
    "server-id",
    "directory",
];

/// A server of one node: all of its files, which include each other or are included by a file that is not here. The
/// names of its zone files' files are returned with their zones.
pub(super) fn gather(
    files: &[&File],
    node: &str,
    disk: &dyn Files,
    facts: &mut Facts,
) -> Result<Vec<(PathBuf, String)>, Vec<Diagnostic>> {
    let mut reading = Reading {
        given: files,
        disk,
        remarks: Vec::new(),
    };
    let mut statements = Vec::new();
    for file in files {
        statements.extend(
            reading
                .read(&file.text, &file.name, 0)
                .map_err(|error| vec![error])?,
        );
    }
    facts.remarks.extend(reading.remarks);
    let flat = flatten(&statements);
    let zones = zones(&flat);
    let server = Server {
        node: node.to_owned(),
        language: Language::Foreign,
        recursion: recursion(&flat),
        zones: zones.iter().map(|(zone, _)| zone.clone()).collect(),
        options: options(&flat),
    };
    facts.servers.push(server);
    Ok(zones.into_iter().map(|(zone, file)| (file, zone.value)).collect())
}

/// Statements with what is included in the place of `include`.
struct Reading<'r> {
    given: &'r [&'r File],
    disk: &'r dyn Files,
    remarks: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn read(&mut self, text: &str, file: &str, depth: usize) -> Result<Vec<Statement>, Diagnostic> {
        let statements = named::read(text, file)?;
        self.expand(statements, file, depth)
    }

    /// The statements of `file`, or of a block in it.
    fn expand(
        &mut self,
        statements: Vec<Statement>,
        file: &str,
        depth: usize,
    ) -> Result<Vec<Statement>, Diagnostic> {
        let mut expanded = Vec::new();
        for mut statement in statements {
            if statement.keyword() == "include" {
                expanded.extend(self.include(&statement, file, depth)?);
                continue;
            }
            for part in &mut statement.parts {
                if let Part::Block(block) = part {
                    *block = self.expand(std::mem::take(block), file, depth)?;
                }
            }
            expanded.push(statement);
        }
        Ok(expanded)
    }

    /// An included file that was given is read as such; others are looked for beside the including file, where the
    /// files of another machine are likely to lie, and then where the file says.
    fn include(
        &mut self,
        statement: &Statement,
        file: &str,
        depth: usize,
    ) -> Result<Vec<Statement>, Diagnostic> {
        let path = Path::new(statement.word(1));
        let same_name = |given: &&File| Path::new(&given.name).file_name() == path.file_name();
        if self.given.iter().any(same_name) {
            return Ok(Vec::new());
        }
        if depth == MAX_INCLUDES {
            let why = "too many files include each other";
            return Err(Diagnostic::error(statement.place.clone(), why));
        }
        let beside = Path::new(file).with_file_name(path.file_name().unwrap_or_default());
        let found = [beside.as_path(), path].into_iter().find_map(|path| {
            let bytes = self.disk.read(path).ok()?;
            Some((
                path.display().to_string(),
                String::from_utf8_lossy(&bytes).into_owned(),
            ))
        });
        if let Some((name, text)) = found {
            return self.read(&text, &name, depth + 1);
        }
        let why = format!("{} is not here, so nobody looked at it", path.display());
        let remark = Diagnostic::warning(statement.place.clone(), why);
        self.remarks.push(remark.help("name that file too"));
        Ok(Vec::new())
    }
}

/// Statements with those inside of views.
fn flatten(statements: &[Statement]) -> Vec<&Statement> {
    let mut flat = Vec::new();
    for statement in statements {
        flat.push(statement);
        if statement.keyword() == "view" {
            flat.extend(statement.block());
        }
    }
    flat
}

/// The options of `options` and of views.
fn option<'s>(flat: &[&'s Statement], name: &str) -> Option<&'s Statement> {
    let of_views = flat
        .iter()
        .copied()
        .filter(|statement| statement.keyword() == name);
    let of_options = { flat.iter() }
        .filter(|statement| statement.keyword() == "options")
        .flat_map(|options| options.block())
        .filter(|statement| statement.keyword() == name);
    of_views.chain(of_options).next()
}

/// Whom it resolves for. Without `options` among the files nobody knows.
fn recursion(flat: &[&Statement]) -> Option<Placed<Vec<String>>> {
    let options = flat.iter().find(|statement| statement.keyword() == "options")?;
    let said = option(flat, "recursion");
    if said.is_some_and(|said| matches!(said.word(1), "no" | "false" | "0")) {
        return None;
    }
    let who = ["allow-recursion", "allow-query-cache", "allow-query"];
    let who = who.into_iter().find_map(|name| option(flat, name));
    let place = who.or(said).map_or(&options.place, |statement| &statement.place);
    Some(Placed {
        value: who.map_or_else(
            || NEIGHBOURS.map(str::to_owned).to_vec(),
            |who| elements(who, flat, 0),
        ),
        place: place.clone(),
    })
}

/// The elements of an address match list, with those of the lists that it names.
fn elements(list: &Statement, flat: &[&Statement], depth: usize) -> Vec<String> {
    let mut all = Vec::new();
    for element in list.block() {
        let text = element.to_string();
        let acl = { flat.iter() }.find(|statement| statement.keyword() == "acl" && statement.word(1) == text);
        match acl {
            Some(acl) if depth < MAX_INCLUDES => all.extend(elements(acl, flat, depth + 1)),
            _ => all.push(text),
        }
    }
    all
}

/// Zones of its own with their files.
fn zones(flat: &[&Statement]) -> Vec<(Placed<String>, PathBuf)> {
    let mut zones = Vec::new();
    for zone in flat.iter().filter(|statement| statement.keyword() == "zone") {
        let value = |name: &str| {
            let statement = zone.block().iter().find(|statement| statement.keyword() == name);
            statement.map_or("", |statement| statement.word(1))
        };
        let name = zone.word(1).trim_end_matches('.').to_lowercase();
        let is_own = matches!(value("type"), "master" | "primary" | "slave" | "secondary");
        if is_own && !name.is_empty() && !STOCK_ZONES.contains(&name.as_str()) {
            zones.push((
                Placed {
                    value: name,
                    place: zone.place.clone(),
                },
                PathBuf::from(value("file")),
            ));
        }
    }
    zones
}

/// Options that servers of one role have in common.
fn options(flat: &[&Statement]) -> BTreeMap<String, Placed<String>> {
    let mut options = BTreeMap::new();
    let written = { flat.iter() }
        .filter(|statement| statement.keyword() == "options")
        .flat_map(|options| options.block());
    for statement in written {
        let name = statement.keyword().to_owned();
        if !OWN_OPTIONS.contains(&name.as_str()) {
            let place: Place = statement.place.clone();
            options.insert(
                name,
                Placed {
                    value: statement.to_string(),
                    place,
                },
            );
        }
    }
    options
}
