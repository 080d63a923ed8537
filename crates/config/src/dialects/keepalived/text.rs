//! Lines as they were written: bytes to text, comments, quotation marks, and the damage that word processors do.

/// What Windows' code page 1252 has where Latin-1 has control characters: the marks that people paste.
const CODE_PAGE_1252: &[(u8, char)] = &[
    (0x82, '\u{201a}'),
    (0x84, '\u{201e}'),
    (0x91, '\u{2018}'),
    (0x92, '\u{2019}'),
    (0x93, '\u{201c}'),
    (0x94, '\u{201d}'),
    (0x96, '\u{2013}'),
    (0x97, '\u{2014}'),
];

/// The text of a file: UTF-8, with or without a mark at its beginning, or else Windows' Latin-1. `None` is no text.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.contains(&0) {
        return None;
    }
    let latin = |byte: &u8| {
        let mark = CODE_PAGE_1252.iter().find(|(known, _)| known == byte);
        mark.map_or_else(|| char::from(*byte), |(_, mark)| *mark)
    };
    Some(std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(latin).collect(), str::to_owned))
}

/// Follows a line from character to character and knows what stands inside quotation marks.
#[derive(Debug, Default)]
pub(super) struct Quoting {
    open: Option<char>,
    is_escaped: bool,
    is_in_word: bool,
}

/// What a character is to its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    /// It opens or closes a quotation.
    Mark,
    /// It stands inside of one.
    Quoted,
    /// Neither.
    Plain,
}

impl Quoting {
    /// The next character of the line. A backslash keeps a mark from closing; an apostrophe inside a word is one.
    pub(super) fn take(&mut self, c: char) -> Glyph {
        if let Some(mark) = self.open {
            if !self.is_escaped && c == mark {
                self.open = None;
                self.is_in_word = true;
                return Glyph::Mark;
            }
            self.is_escaped = !self.is_escaped && c == '\\';
            return Glyph::Quoted;
        }
        let opens = c == '"' || (c == '\'' && !self.is_in_word);
        self.is_in_word = !c.is_whitespace() && c != '{' && c != '}';
        if opens {
            self.open = Some(c);
            return Glyph::Mark;
        }
        Glyph::Plain
    }

    /// Whether a quotation has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

/// A line without its comment and with its damage undone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    pub(super) text: String,
    /// What was undone.
    pub(super) repairs: Vec<&'static str>,
    /// The mark of a comment that began inside a word.
    pub(super) cut: Option<char>,
}

/// Reads a line.
pub(super) fn scan(line: &str) -> Scanned {
    let mut scanned = Scanned::default();
    let mut quoting = Quoting::default();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let before = scanned.text.chars().next_back();
        if (c == '#' || c == '!') && !quoting.is_open() {
            let is_cut = before.is_some_and(|before| !before.is_whitespace() && !"{}".contains(before));
            scanned.cut = is_cut.then_some(c);
            break;
        }
        let starts_word = before.is_none_or(|before| before.is_whitespace() || "\"'".contains(before));
        let repaired = if starts_word && is_dash(c) {
            read_dash(chars.as_str())
        } else {
            read_character(c)
        };
        let mut unchanged = [0; 4];
        let plain = match repaired {
            Some((plain, repair)) => {
                if !scanned.repairs.contains(&repair) {
                    scanned.repairs.push(repair);
                }
                plain
            }
            None => &*c.encode_utf8(&mut unchanged),
        };
        for c in plain.chars() {
            quoting.take(c);
        }
        scanned.text.push_str(plain);
    }
    scanned.text.truncate(scanned.text.trim_end().len());
    scanned
}

fn is_dash(c: char) -> bool {
    ('\u{2010}'..='\u{2015}').contains(&c) || c == '\u{2212}'
}

/// What a dash at the beginning of a word was, and how to say so: two hyphens before a long option, one before a
/// letter or a number.
fn read_dash(behind: &str) -> Option<(&'static str, &'static str)> {
    let mut behind = behind.chars();
    let (first, second) = (behind.next()?, behind.next());
    let ends = second.is_none_or(|second| !second.is_alphanumeric() && second != '-');
    if first.is_ascii_digit() || (first.is_ascii_alphabetic() && ends) {
        Some(("-", "a typographic dash was read as '-'"))
    } else if first.is_ascii_alphabetic() {
        Some(("--", "a typographic dash was read as '--'"))
    } else {
        None
    }
}

/// What another character was, and how to say so.
fn read_character(c: char) -> Option<(&'static str, &'static str)> {
    match c {
        '\u{201c}'..='\u{201f}' | '\u{2033}' => Some(("\"", "typographic quotes were read as '\"'")),
        '\u{2018}'..='\u{201b}' | '\u{2032}' => Some(("'", "typographic quotes were read as \"'\"")),
        '\u{a0}' | '\u{2007}' | '\u{200b}' | '\u{202f}' | '\u{2060}' | '\u{feff}' => {
            Some((" ", "invisible characters were read as blanks"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_begin_outside_quotation_marks_only() {
        for (line, expected, cut) in [
            ("priority 100 # high", "priority 100", None),
            ("priority 100 ! high", "priority 100", None),
            ("# all of it", "", None),
            ("}# end", "}", None),
            ("auth_pass ab#cd", "auth_pass ab", Some('#')),
            ("auth_pass ab!", "auth_pass ab", Some('!')),
            ("auth_pass \"ab#c!d\" # x", "auth_pass \"ab#c!d\"", None),
            ("script 'a # b' ! x", "script 'a # b'", None),
            (r#"script "a \" # b" # x"#, r#"script "a \" # b""#, None),
            ("router_id bob's # x", "router_id bob's", None),
        ] {
            let scanned = scan(line);
            assert_eq!((scanned.text.as_str(), scanned.cut), (expected, cut), "{line}");
            assert_eq!(scanned.repairs, [""; 0], "{line}");
        }
    }

    #[test]
    fn typography_becomes_ascii_and_is_named() {
        let double = "typographic quotes were read as '\"'";
        let single = "typographic quotes were read as \"'\"";
        let blank = "invisible characters were read as blanks";
        for (line, expected, repairs) in [
            (
                "\u{201c}x\u{201d} \u{201e}y\u{201c}",
                "\"x\" \"y\"",
                &[double][..],
            ),
            (
                "\u{201c}a \u{2018}b c\u{2019}\u{201d}",
                "\"a 'b c'\"",
                &[double, single],
            ),
            ("a\u{a0}b", "a b", &[blank]),
            (
                "x \u{2013}quiet",
                "x --quiet",
                &["a typographic dash was read as '--'"],
            ),
            (
                "x \u{2014}quiet",
                "x --quiet",
                &["a typographic dash was read as '--'"],
            ),
            (
                "killall \u{2013}0 x",
                "killall -0 x",
                &["a typographic dash was read as '-'"],
            ),
            (
                "weight \u{2212}20",
                "weight -20",
                &["a typographic dash was read as '-'"],
            ),
            (
                "grep \u{2013}q x",
                "grep -q x",
                &["a typographic dash was read as '-'"],
            ),
            ("a\u{2013}b \u{2013} c", "a\u{2013}b \u{2013} c", &[]),
            ("x # \u{201c}y\u{201d} \u{2013}z", "x", &[]),
        ] {
            let scanned = scan(line);
            assert_eq!(scanned.text, expected);
            assert_eq!(scanned.repairs, repairs, "{line}");
        }
    }

    #[test]
    fn bytes_are_utf_8_or_windows_latin() {
        assert_eq!(decode(b"\xef\xbb\xbfa").as_deref(), Some("a"));
        assert_eq!(
            decode("\u{201c}\u{e4}".as_bytes()).as_deref(),
            Some("\u{201c}\u{e4}")
        );
        assert_eq!(
            decode(b"\x93x\x94 \x96y \xe4").as_deref(),
            Some("\u{201c}x\u{201d} \u{2013}y \u{e4}")
        );
        assert_eq!(decode(b"a\0b"), None);
    }
}
