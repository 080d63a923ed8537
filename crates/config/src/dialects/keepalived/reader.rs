//! Files to lines: includes, conditional lines, parameters and sequences are gone behind this.
//!
//! A line goes round until nothing in it can be replaced: `@id` decides whether it counts, `$NAME=` defines, `~SEQ`
//! and `~LST` repeat the rest of it, `$NAME` and `${NAME}` are replaced by what they stand for at that moment, and
//! `include` brings another file in. Everything that goes round is counted, so that nothing does for ever.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{Files, MAX_FILE};
use super::findings::Findings;
use super::text::{decode, scan};
use super::{glob, sequences};
use crate::diagnostics::Place;

/// Most files, each as often as it is included.
const MAX_FILES: usize = 256;
/// Most files that include one another.
const MAX_INCLUDES: usize = 16;
/// Most rounds of one line through the others' hands.
const MAX_ROUNDS: usize = 64;
/// Most replacements in one line, and most bytes that it may grow to.
const MAX_REPLACED: usize = 1000;
const MAX_LINE: usize = 1 << 16;
/// Most bytes of all lines in all their rounds.
const MAX_WORK: usize = 4 << 20;
/// What a line costs beside its bytes.
const LINE_COST: usize = 16;

/// A line of which nothing is left to replace.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) place: Place,
}

/// Every line of `path` and of what it includes.
pub(super) fn read_lines(
    path: &Path,
    config_id: &str,
    files: &dyn Files,
    findings: &mut Findings,
) -> Vec<Line> {
    let mut reader = Reader {
        files,
        findings,
        parameters: BTreeMap::new(),
        lines: Vec::new(),
        directories: Vec::new(),
        files_read: 0,
        work: 0,
    };
    reader.define("_INSTANCE", config_id);
    reader.define("_HASH", "#");
    reader.define("_BANG", "!");
    let whole = Place::new(&*path.to_string_lossy(), 0);
    match files.read(path) {
        Ok(bytes) => reader.file(path, &bytes),
        Err(error) => reader.findings.error(&whole, cannot_read(&error)),
    }
    reader.lines
}

/// See the module.
struct Reader<'r> {
    files: &'r dyn Files,
    findings: &'r mut Findings,
    parameters: BTreeMap<String, String>,
    lines: Vec<Line>,
    /// Of the files that are being read, the innermost last.
    directories: Vec<PathBuf>,
    files_read: usize,
    work: usize,
}

impl Reader<'_> {
    fn define(&mut self, name: &str, value: &str) {
        self.parameters.insert(name.to_owned(), value.to_owned());
    }

    fn file(&mut self, path: &Path, bytes: &[u8]) {
        let whole = Place::new(&*path.to_string_lossy(), 0);
        self.files_read += 1;
        let text = decode(bytes).filter(|_| bytes.len() <= MAX_FILE);
        let Some(text) = text else {
            let why = "is not a text of at most 1 MiB, so it is no configuration";
            return self.findings.error(&whole, why);
        };
        let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        self.enter(directory);
        let mut definition: Option<(String, Place)> = None;
        for (number, line) in (1..).zip(text.split('\n')) {
            let place = Place::new(whole.file.clone(), number);
            let line = self.scan(line.strip_suffix('\r').unwrap_or(line), &place);
            let (mut text, place) = match definition.take() {
                Some((mut text, place)) => {
                    text.push('\n');
                    text.push_str(&line);
                    (text, place)
                }
                None => (line, place),
            };
            match text.strip_suffix('\\').map(str::trim_end) {
                Some(head) if define_parts(skip_condition(&text)).is_some() => {
                    text.truncate(head.len());
                    definition = Some((text, place));
                }
                _ => self.feed(&text, &place, 0),
            }
        }
        if let Some((_, place)) = definition {
            let why = "this definition goes on behind the end of the file: its last line ends in '\\'";
            self.findings.error(&place, why);
        }
        self.leave();
    }

    fn enter(&mut self, directory: PathBuf) {
        self.define("_PWD", &directory.to_string_lossy());
        self.directories.push(directory);
    }

    fn leave(&mut self) {
        self.directories.pop();
        if let Some(directory) = self.directories.last() {
            let directory = directory.to_string_lossy().into_owned();
            self.define("_PWD", &directory);
        }
    }

    /// Takes the comment off and undoes damage, and says so.
    fn scan(&mut self, line: &str, place: &Place) -> String {
        let scanned = scan(line);
        if !scanned.repairs.is_empty() {
            let what = format!("{}; write them in ASCII", scanned.repairs.join(", "));
            self.findings.warn(place, what);
        }
        if let Some(mark) = scanned.cut {
            let what = format!(
                "a comment begins at the '{mark}' inside of a word; if it belongs to the word, put the word in \
                 double quotes"
            );
            self.findings.warn(place, what);
        }
        scanned.text
    }

    /// Whether there is still room for `bytes` more; the first time that there is none, an error says so.
    fn spend(&mut self, bytes: usize, place: &Place) -> bool {
        let was_full = self.work > MAX_WORK;
        self.work = self.work.saturating_add(bytes + LINE_COST);
        let is_full = self.work > MAX_WORK;
        if is_full && !was_full {
            let why = "the configuration grows too long here: definitions, sequences or includes multiply it";
            self.findings.error(place, why);
        }
        !is_full
    }

    /// One line, or a definition of several.
    fn feed(&mut self, text: &str, place: &Place, round: usize) {
        let text = text.trim();
        if text.is_empty() || !self.spend(text.len(), place) {
            return;
        }
        if round > MAX_ROUNDS {
            return self
                .findings
                .error(place, "definitions or sequences are nested too deeply here");
        }
        if let Some(rest) = text.strip_prefix('@') {
            if let Some(line) = self.conditional(rest) {
                self.feed(line, place, round + 1);
            }
        } else if let Some((name, value)) = define_parts(text) {
            self.define(name, value.trim());
        } else if text.starts_with('~') {
            self.repeat(text, place, round);
        } else {
            self.replace(text, place, round);
        }
    }

    /// The line behind `@id` or `@^id`, if it counts here.
    fn conditional<'t>(&self, rest: &'t str) -> Option<&'t str> {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (id, line) = rest.split_at_checked(end)?;
        let config_id = self.parameters.get("_INSTANCE").map_or("", String::as_str);
        let counts = match id.strip_prefix('^') {
            Some(id) => id != config_id,
            None => id == config_id,
        };
        counts.then_some(line)
    }

    /// `~SEQ(...)`, `~SEQx(...)`, `~LST(...)`: the rest of the line for every value.
    fn repeat(&mut self, text: &str, place: &Place, round: usize) {
        let repetition = match sequences::parse(text) {
            Ok(repetition) => repetition,
            Err(why) => return self.findings.error(place, why),
        };
        for values in repetition.values() {
            for (name, value) in repetition.names.iter().zip(&values) {
                self.define(name, value);
            }
            self.feed(repetition.rest, place, round + 1);
            if self.work > MAX_WORK {
                return;
            }
        }
    }

    /// Replaces what has a definition; the lines that it becomes go round again, and one without goes out.
    fn replace(&mut self, text: &str, place: &Place, round: usize) {
        let mut text = text.to_owned();
        let (mut from, mut replaced) = (0, 0);
        while let Some((start, reference)) = find_reference(&text, from) {
            let end = start + reference.length;
            let Some(value) = self.parameters.get(reference.name) else {
                from = end;
                continue;
            };
            replaced += 1;
            if replaced > MAX_REPLACED || text.len() + value.len() > MAX_LINE {
                let why = format!("'{}' is defined by itself, or by far too much", reference.name);
                return self.findings.error(place, why);
            }
            text.replace_range(start..end, value);
            if !self.spend(text.len(), place) {
                return;
            }
            from = start;
            if text.contains('\n') {
                break;
            }
        }
        if replaced == 0 {
            return self.emit(&text, place);
        }
        for line in text.lines() {
            self.feed(line, place, round + 1);
        }
    }

    fn emit(&mut self, text: &str, place: &Place) {
        let keyword = text.split(char::is_whitespace).next().unwrap_or_default();
        if let Some(variant) = keyword.strip_prefix("include")
            && matches!(variant, "" | "r" | "m" | "w" | "b" | "a")
        {
            let pattern = text.get(keyword.len()..).unwrap_or_default();
            return self.include(variant, pattern.trim(), place);
        }
        self.lines.push(Line {
            text: text.to_owned(),
            place: place.clone(),
        });
    }

    /// A file that is not there is an error, whatever the variant: keepalived goes on without it. A pattern may
    /// stand for no file, unless the variant says that it must not.
    fn include(&mut self, variant: &str, pattern: &str, place: &Place) {
        let quoted = pattern
            .strip_prefix('"')
            .and_then(|pattern| pattern.strip_suffix('"'));
        let pattern = quoted.unwrap_or(pattern);
        if pattern.is_empty() {
            return self.findings.error(place, "include needs the name of a file");
        }
        if self.directories.len() >= MAX_INCLUDES {
            return self.findings.error(
                place,
                "files include one another too deeply; does one include itself?",
            );
        }
        let directory = self.directories.last().cloned().unwrap_or_default();
        let (paths, has_wildcard) = glob::expand(pattern, &directory, self.files);
        if paths.is_empty() && has_wildcard && matches!(variant, "w" | "a") {
            let why = format!("include{variant}: no file matches '{pattern}'");
            self.findings.error(place, why);
        }
        for path in paths {
            if self.files_read >= MAX_FILES {
                let why = format!("more than {MAX_FILES} files are included; does one include itself?");
                return self.findings.error(place, why);
            }
            match self.files.read(&path) {
                Ok(bytes) => self.file(&path, &bytes),
                Err(error) => {
                    let why = format!("include: {} {}", path.display(), cannot_read(&error));
                    self.findings.error(place, why);
                }
            }
        }
    }
}

fn cannot_read(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

/// What stands behind `@id`, if that stands first.
fn skip_condition(text: &str) -> &str {
    let text = text.trim_start();
    match text
        .strip_prefix('@')
        .and_then(|rest| rest.split_once(char::is_whitespace))
    {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// Splits `$NAME=VALUE`.
fn define_parts(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.strip_prefix('$')?.split_once('=')?;
    (name_length(name) == name.len() && !name.is_empty()).then_some((name, value))
}

/// `$NAME` or `${NAME}`.
pub(super) struct Reference<'t> {
    pub(super) name: &'t str,
    /// Of all of it.
    pub(super) length: usize,
}

/// The reference that `text` begins with. Without braces it must be followed by white space or by nothing.
pub(super) fn reference(text: &str) -> Option<Reference<'_>> {
    let rest = text.strip_prefix('$')?;
    if let Some(braced) = rest.strip_prefix('{') {
        let name = braced.get(..name_length(braced))?;
        let is_closed = braced.get(name.len()..)?.starts_with('}');
        return (is_closed && !name.is_empty()).then_some(Reference {
            name,
            length: name.len() + "${}".len(),
        });
    }
    let name = rest.get(..name_length(rest))?;
    let behind = rest.get(name.len()..)?.chars().next();
    (!name.is_empty() && behind.is_none_or(char::is_whitespace)).then_some(Reference {
        name,
        length: name.len() + "$".len(),
    })
}

fn find_reference(text: &str, from: usize) -> Option<(usize, Reference<'_>)> {
    let mut at = from;
    loop {
        at += text.get(at..)?.find('$')?;
        if let Some(found) = reference(text.get(at..)?) {
            return Some((at, found));
        }
        at += 1;
    }
}

/// How many bytes of `text` are the name of a parameter.
fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}
