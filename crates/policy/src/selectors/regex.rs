//! `RegexRule`: names by pattern.
//!
//! The pattern sees the name as dnsdist writes it: without the trailing dot (the root is empty), a dot or backslash
//! inside a label escaped with a backslash, bytes that are not printable ASCII as `\\DDD`. Letters match in both
//! cases. Patterns are matched in time linear in the name, so no pattern can be made slow by a query. The syntax is
//! that of the `regex` crate over bytes, which covers POSIX extended expressions without back references.

use std::fmt;

use regex::bytes::{Regex as Pattern, RegexBuilder};
use weir_wire::{MAX_NAME_LEN, Name};

use crate::{Invalid, Moment, Notes, Selector, Subject};

/// Bytes that one compiled pattern may take.
const MAX_COMPILED_BYTES: usize = 1 << 20;
/// Each byte of a name becomes at most four characters.
const MAX_TEXT_LEN: usize = MAX_NAME_LEN * 4;

/// Matches names by a regular expression.
#[derive(Debug)]
pub struct Regex {
    pattern: Pattern,
}

impl Regex {
    /// Matches names in which `pattern` is found; `^` and `$` tie it to their ends.
    ///
    /// # Errors
    /// When `pattern` is not a regular expression or compiles to more than a megabyte.
    pub fn new(pattern: &str) -> Result<Self, Invalid> {
        let built = RegexBuilder::new(pattern)
            .unicode(false)
            .case_insensitive(true)
            .size_limit(MAX_COMPILED_BYTES)
            .build();
        match built {
            Ok(pattern) => Ok(Self { pattern }),
            Err(error) => Err(Invalid::new(format!("regular expression '{pattern}': {error}"))),
        }
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }
}

impl Selector for Regex {
    fn matches(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &Notes) -> bool {
        let mut text = Text::new();
        text.write_name(subject.qname);
        self.pattern.is_match(text.as_bytes())
    }
}

impl fmt::Display for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex: {}", self.pattern)
    }
}

/// The text of a name, on the stack.
struct Text {
    bytes: [u8; MAX_TEXT_LEN],
    len: usize,
}

impl Text {
    fn new() -> Self {
        Self {
            bytes: [0; MAX_TEXT_LEN],
            len: 0,
        }
    }

    fn write_name(&mut self, name: Name<'_>) {
        for (number, label) in name.labels().enumerate() {
            if number > 0 {
                self.push(b'.');
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' => [b'\\', byte].into_iter().for_each(|byte| self.push(byte)),
                    0x21..=0x7e => self.push(byte),
                    _ => {
                        let digits = [100, 10, 1].map(|unit| b'0' + byte / unit % 10);
                        self.push(b'\\');
                        digits.into_iter().for_each(|digit| self.push(digit));
                    }
                }
            }
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{matches, packet};
    use weir_wire::QType;

    #[test]
    fn patterns_see_names_as_in_dnsdist() {
        // Each pair was tried on dnsdist 1.7.3.
        for (pattern, qname, expected) in [
            (r"^dot\.t$", "DOT.t", true),
            (r"^dot\.t\.$", "dot.t", false),
            (r"^case[A-Z]x\.t", "CASEqX.t", true),
            (r"^case[A-Z]x\.t", "caseqx.t", true),
            ("^$", ".", true),
            (r"^\.$", ".", false),
            (r"^x@y\(z\$.t$", r"x\@y\(z\$.t", true),
            (r"^x\\032y.t$", r"x\032y.t", true),
            ("^x y.t$", r"x\032y.t", false),
            (r"^x\\\.y.t$", r"x\.y.t", true),
            (r#"^x"y.t$"#, r#"x\"y.t"#, true),
            ("^v[[:digit:]]+.t$", "v12.t", true),
            ("[0-9]{4,}", "abc1234def.example", true),
            ("[0-9]{4,}", "abc123def.example", false),
        ] {
            let selector = Regex::new(pattern).expect(pattern);
            assert_eq!(
                matches(&selector, &packet(qname, QType::A)),
                expected,
                "{pattern} on {qname}"
            );
            assert_eq!(selector.to_string(), format!("Regex: {pattern}"));
        }
    }

    #[test]
    fn the_longest_name_fits() {
        let label = "\\255".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "\\255".repeat(61));
        assert!(matches(
            &Regex::new("^(.255)+[.].*(.255)+$").expect("a pattern"),
            &packet(&longest, QType::A)
        ));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for bad in ["(", "[z-a]", "a{1000}{1000}"] {
            assert!(Regex::new(bad).is_err(), "{bad}");
        }
    }
}
