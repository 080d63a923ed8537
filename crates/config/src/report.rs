//! Findings for a terminal: the lines of the file with a mark under what is meant, as rustc shows them.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostics::{Diagnostic, Place, Severity};

/// Whether the terminal shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Letters only.
    Plain,
    /// With colours.
    Coloured,
}

/// The findings in their order, an empty line between two. `text_of` has the text of a file; what is found in a file
/// without one is shown without its lines. Passwords and keys in a shown line are covered.
pub fn report<'t>(findings: &[Diagnostic], text_of: impl Fn(&str) -> Option<&'t str>, look: Look) -> String {
    let renderer = match look {
        Look::Plain => Renderer::plain(),
        Look::Coloured => Renderer::styled(),
    };
    let shown = findings.iter().map(|finding| {
        let text = text_of(&finding.place.file).map(cover_secrets);
        let group = group(finding, text.as_deref());
        renderer.render(&[group]) + "\n"
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// Words that a secret follows in one of the files that we read: `password = "..."`, `auth_pass ...`, `setKey("...")`.
const BEFORE_SECRETS: [&str; 5] = ["password", "apikey", "auth_pass", "setkey", "secret"];

/// The text with `*` for each byte of a secret.
fn cover_secrets(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let lower = text.to_ascii_lowercase();
    for (at, word) in BEFORE_SECRETS.iter().flat_map(|word| lower.match_indices(word)) {
        let behind = at + word.len();
        let rest = lower.get(behind..).unwrap_or_default();
        let secret = rest.trim_start_matches([' ', '\t', '=', ':', '(']);
        if secret.len() == rest.len() {
            continue;
        }
        let (secret, end) = match secret.strip_prefix(['"', '\'']) {
            Some(quoted) => (quoted, quoted.find(['"', '\'', '\n'])),
            None => (
                secret,
                secret.find(|c: char| c.is_whitespace() || ";,)}".contains(c)),
            ),
        };
        let start = lower.len() - secret.len();
        let end = start + end.unwrap_or(secret.len());
        bytes.get_mut(start..end).unwrap_or_default().fill(b'*');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn group<'f>(finding: &'f Diagnostic, text: Option<&'f str>) -> Group<'f> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(finding.message.as_str());
    let mut group = match text.and_then(|text| Some((text, marked(&finding.place, text)?))) {
        Some((text, range)) => {
            let mark = label(AnnotationKind::Primary.span(range), &finding.label);
            let mut snippet = Snippet::source(text)
                .path(finding.place.file.as_ref())
                .annotation(mark);
            if let Some((place, said)) = finding.related.as_deref()
                && place.file == finding.place.file
                && let Some(range) = marked(place, text)
            {
                snippet = snippet.annotation(label(AnnotationKind::Context.span(range), said));
            }
            title.element(snippet)
        }
        None => title.element(origin(&finding.place)),
    };
    if let Some((place, said)) = finding.related.as_deref()
        && place.file != finding.place.file
    {
        group = group.element(Level::NOTE.message(format!("{place}: {said}")));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

fn origin(place: &Place) -> Origin<'_> {
    let origin = Origin::path(place.file.as_ref());
    match usize::try_from(place.line) {
        Ok(line) if line > 0 => origin.line(line),
        _ => origin,
    }
}

fn label<'f>(mark: Annotation<'f>, label: &'f str) -> Annotation<'f> {
    if label.is_empty() { mark } else { mark.label(label) }
}

/// The bytes to mark: the place's own, or its line without the white space around it.
fn marked(place: &Place, text: &str) -> Option<Range<usize>> {
    if let Some(span) = place.span {
        let [start, end] = [span.start, span.end].map(usize::try_from);
        let range = start.ok()?..end.ok()?;
        return text.get(range.clone()).map(|_| range);
    }
    let before = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let line = text.get(start..)?.lines().next()?;
    let indent = line.len() - line.trim_start().len();
    Some(start + indent..start + line.trim_end().len().max(indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "first\n    second line  \nthird\n";

    fn shown(finding: Diagnostic) -> String {
        report(&[finding], |file| (file == "a.conf").then_some(TEXT), Look::Plain)
    }

    #[test]
    fn a_line_is_marked_as_a_whole_where_nothing_more_is_known() {
        let text = shown(Diagnostic::error(Place::new("a.conf", 2), "too long").help("cut it"));
        assert_eq!(
            text,
            "error: too long\n --> a.conf:2:5\n  |\n2 |     second line  \n  |     ^^^^^^^^^^^\n  |\n  = help: cut it\n"
        );
    }

    #[test]
    fn a_file_without_text_is_named() {
        for (place, named) in [
            (Place::new("b.conf", 7), "b.conf:7"),
            (Place::new("a.conf", 0), "a.conf"),
        ] {
            let text = shown(Diagnostic::warning(place, "odd"));
            assert_eq!(text, format!("warning: odd\n--> {named}\n"));
        }
    }

    #[test]
    fn secrets_are_covered() {
        for (text, covered) in [
            ("password = \"lab123\" # x", "password = \"******\" # x"),
            ("password_file = \"/etc/x\"", "password_file = \"/etc/x\""),
            ("auth_pass lab123\n}", "auth_pass ******\n}"),
            (
                "setWebserverConfig({password=\"é1\", apiKey='k'})",
                "setWebserverConfig({password=\"***\", apiKey='*'})",
            ),
            ("setKey(\"a=\")", "setKey(\"**\")"),
            ("secret \"c2U=\";", "secret \"****\";"),
            ("password", "password"),
            ("password=\"open", "password=\"****"),
        ] {
            assert_eq!(cover_secrets(text), covered);
        }
    }

    #[test]
    fn a_place_behind_the_end_of_the_text_is_no_panic() {
        let mut place = Place::new("a.conf", 90);
        assert!(shown(Diagnostic::error(place.clone(), "x")).contains("a.conf:90"));
        place.span = Some(crate::diagnostics::Span { start: 5, end: 9000 });
        assert!(shown(Diagnostic::error(place, "x")).contains("a.conf:90"));
    }
}
