//! Configurations that went through a shell, a word processor or a web page.
//!
//! Only a text that does not compile is repaired, line by line, and every line that changed is reported.

/// What was changed in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repair {
    /// From 1.
    pub(crate) line: u32,
    pub(crate) what: String,
}

/// The text with its usual damage undone, and what that was; `None` when there is none.
pub(crate) fn repair(source: &str) -> Option<(String, Vec<Repair>)> {
    let mut repairs = Vec::new();
    let mut repaired = String::with_capacity(source.len());
    for (number, line) in (1..).zip(source.split_inclusive('\n')) {
        let (text, what) = repair_line(line);
        repaired.push_str(&text);
        if !what.is_empty() {
            repairs.push(Repair {
                line: number,
                what: what.join(", "),
            });
        }
    }
    (!repairs.is_empty()).then_some((repaired, repairs))
}

fn repair_line(line: &str) -> (String, Vec<&'static str>) {
    let mut what = Vec::new();
    let mut text = line.to_owned();
    let indent = text.len() - text.trim_start().len();
    for (start, is_what) in [
        ("#", "a comment begins with '--' here, not with '#'"),
        ("//", "a comment begins with '--' here, not with '//'"),
        ("\u{2013}", "a typographic dash was read as '--'"),
        ("\u{2014}", "a typographic dash was read as '--'"),
    ] {
        if let Some(rest) = text.get(indent..).and_then(|text| text.strip_prefix(start)) {
            text = format!("{}--{rest}", text.get(..indent).unwrap_or_default());
            what.push(is_what);
            break;
        }
    }
    let plain = |text: &str, typographic: &[char], plain: &str| text.replace(typographic, plain);
    for (typographic, with, is_what) in [
        (
            &['\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}', '\u{2033}'][..],
            "\"",
            "typographic quotes were read as '\"'",
        ),
        (
            &['\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}', '\u{2032}'][..],
            "'",
            "typographic quotes were read as \"'\"",
        ),
        (
            &['\u{a0}', '\u{200b}', '\u{feff}'][..],
            " ",
            "invisible characters were read as blanks",
        ),
    ] {
        if text.contains(typographic) {
            text = plain(&text, typographic, with);
            what.push(is_what);
        }
    }
    if let Some(rest) = dash_comment(&text) {
        text = rest;
        what.push("a typographic dash was read as '--'");
    }
    (text, what)
}

/// A comment behind code whose two hyphens became one dash: `setLocal("…") – why`.
fn dash_comment(text: &str) -> Option<String> {
    let at = text.find(['\u{2013}', '\u{2014}'])?;
    let (code, comment) = text.split_at(at);
    // Inside a string or a comment the dash is the operator's own.
    let is_inside =
        code.matches('"').count() % 2 == 1 || code.matches('\'').count() % 2 == 1 || code.contains("--");
    let rest = comment.get('\u{2013}'.len_utf8()..)?;
    (!is_inside).then(|| format!("{code}--{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_damage_is_changed() {
        assert_eq!(
            repair("setLocal(\"0.0.0.0:53\")\n-- fine \u{2013} really\nx = 'a \u{2014} b'\n"),
            None
        );
        for (line, expected) in [
            ("  # Save\n", "  -- Save\n"),
            ("#Save", "--Save"),
            ("// no\n", "-- no\n"),
            ("\u{2013} Packet cache\n", "-- Packet cache\n"),
            ("addACL(\u{201c}10.0.0.0/8\u{201d})\n", "addACL(\"10.0.0.0/8\")\n"),
            ("x = \u{2018}a\u{2019}\n", "x = 'a'\n"),
            ("x = 1 \u{2014} one\n", "x = 1 -- one\n"),
            ("x\u{a0}= 1\n", "x = 1\n"),
        ] {
            let (repaired, repairs) = repair(line).expect(line);
            assert_eq!(repaired, expected);
            assert_eq!(repairs[0].line, 1, "{line}");
        }
    }

    #[test]
    fn repairs_name_their_lines() {
        let (_, repairs) = repair("a = 1\r\n#x\r\n\nb = \u{201c}c\u{201d}\n").expect("damage");
        assert_eq!(
            repairs.iter().map(|repair| repair.line).collect::<Vec<_>>(),
            [2, 4]
        );
    }
}
