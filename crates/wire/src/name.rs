//! Domain names in wire form: a borrowed, checked view and a fixed-size owned buffer.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The longest name in wire form, its root label included (RFC 1035 §2.3.4).
pub const MAX_NAME_LEN: usize = 255;

/// The longest label; a length byte above it is a compression pointer or reserved (RFC 1035 §4.1.4).
const MAX_LABEL_LEN: usize = 63;

/// Why bytes or text are not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameError {
    /// The name ends outside the message.
    Short,
    /// Longer than 255 bytes.
    TooLong,
    /// A label longer than 63 bytes, or an empty one that is not the root.
    BadLabel,
    /// A compression pointer where none may stand, or one that does not point backwards.
    BadPointer,
    /// A `\` that no character or three-digit byte value follows.
    BadEscape,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "name ends outside the message",
            Self::TooLong => "name is longer than 255 bytes",
            Self::BadLabel => "label is empty or longer than 63 bytes",
            Self::BadPointer => "compression pointer is not allowed here or does not point backwards",
            Self::BadEscape => "'\\' must be followed by a character or by three digits up to 255",
        })
    }
}

impl std::error::Error for NameError {}

/// An uncompressed name in wire form, checked: labels of 1 to 63 bytes, the root label last, 255 bytes at most.
///
/// Equality and hashing ignore ASCII case, as names do (RFC 4343). A length byte is at most 63 and so never
/// looks like a letter, which is why whole names are compared byte by byte.
#[derive(Clone, Copy)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The root.
    pub const ROOT: Name<'static> = Name(&[0]);

    /// Checks the uncompressed name that starts at `at` in `message`.
    ///
    /// # Errors
    /// As [`NameError`] says; a compression pointer is [`NameError::BadPointer`].
    pub fn parse(message: &'a [u8], at: usize) -> Result<Self, NameError> {
        let mut end = at;
        loop {
            let len = usize::from(*message.get(end).ok_or(NameError::Short)?);
            if len > MAX_LABEL_LEN {
                return Err(if len >= 0xc0 {
                    NameError::BadPointer
                } else {
                    NameError::BadLabel
                });
            }
            end += len + 1;
            if end - at > MAX_NAME_LEN {
                return Err(NameError::TooLong);
            }
            if len == 0 {
                return message.get(at..end).map(Self).ok_or(NameError::Short);
            }
        }
    }

    /// The name's bytes, root label included.
    pub fn wire(self) -> &'a [u8] {
        self.0
    }

    /// The labels from left to right, without the root.
    pub fn labels(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first()?;
            let (label, tail) = tail.split_at_checked(usize::from(*len))?;
            rest = tail;
            (!label.is_empty()).then_some(label)
        })
    }

    /// Number of labels without the root, as dnsdist's `QNameLabelsCountRule` counts.
    pub fn label_count(self) -> usize {
        self.labels().count()
    }

    /// The name without its first label; `None` for the root.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let len = usize::from(*self.0.first()?);
        if len == 0 {
            return None;
        }
        self.0.get(len + 1..).map(Self)
    }

    /// Whether this is `ancestor` or below it.
    pub fn is_at_or_below(self, ancestor: Name<'_>) -> bool {
        let mut name = Some(self);
        while let Some(candidate) = name {
            if candidate.0.len() <= ancestor.0.len() {
                return candidate == ancestor;
            }
            name = candidate.parent();
        }
        false
    }

    /// An owned copy.
    pub fn to_buf(self) -> NameBuf {
        let mut buf = NameBuf {
            len: 0,
            bytes: [0; MAX_NAME_LEN],
        };
        for (to, from) in buf.bytes.iter_mut().zip(self.0) {
            *to = *from;
        }
        buf.len = self.0.len().min(MAX_NAME_LEN) as u8;
        buf
    }
}

impl PartialEq<Name<'_>> for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Name<'_> {}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0 {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for Name<'_> {
    /// Master-file form with a trailing dot; special and unprintable bytes escaped (RFC 1035 §5.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() <= 1 {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(byte))?
                    }
                    0x21..=0x7e => write!(f, "{}", char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name with its own storage: no allocation, 256 bytes.
#[derive(Clone, Copy)]
pub struct NameBuf {
    len: u8,
    bytes: [u8; MAX_NAME_LEN],
}

impl NameBuf {
    /// The name as a view.
    pub fn as_name(&self) -> Name<'_> {
        Name(self.bytes.get(..usize::from(self.len)).unwrap_or(&[0]))
    }

    /// The name with every ASCII letter in lower case: the canonical form for tables (RFC 4034 §6.2).
    #[must_use]
    pub fn to_lowercase(mut self) -> Self {
        self.bytes.make_ascii_lowercase();
        self
    }
}

impl FromStr for NameBuf {
    type Err = NameError;

    /// Reads master-file form (RFC 1035 §5.1); the trailing dot may be missing, every name is absolute.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut writer = LabelWriter::new();
        if text == "." || text.is_empty() {
            return writer.finish();
        }
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'.' => writer.end_label()?,
                b'\\' => writer.push(unescape(&mut bytes)?)?,
                _ => writer.push(byte)?,
            }
        }
        if writer.label_len > 0 {
            writer.end_label()?;
        }
        writer.finish()
    }
}

impl PartialEq for NameBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_name() == other.as_name()
    }
}

impl Eq for NameBuf {}

impl Hash for NameBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_name().hash(state);
    }
}

impl fmt::Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_name(), f)
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes labels one byte at a time; the length byte is filled in when its label ends.
struct LabelWriter {
    bytes: [u8; MAX_NAME_LEN],
    label_at: usize,
    label_len: usize,
}

impl LabelWriter {
    fn new() -> Self {
        Self {
            bytes: [0; MAX_NAME_LEN],
            label_at: 0,
            label_len: 0,
        }
    }

    fn push(&mut self, byte: u8) -> Result<(), NameError> {
        if self.label_len == MAX_LABEL_LEN {
            return Err(NameError::BadLabel);
        }
        self.label_len += 1;
        // The last byte of the buffer is kept for the root label.
        match self.bytes.get_mut(self.label_at + self.label_len) {
            Some(slot) if self.label_at + self.label_len < MAX_NAME_LEN - 1 => *slot = byte,
            _ => return Err(NameError::TooLong),
        }
        Ok(())
    }

    fn end_label(&mut self) -> Result<(), NameError> {
        if self.label_len == 0 {
            return Err(NameError::BadLabel);
        }
        if let Some(slot) = self.bytes.get_mut(self.label_at) {
            *slot = self.label_len as u8;
        }
        self.label_at += self.label_len + 1;
        self.label_len = 0;
        Ok(())
    }

    fn finish(self) -> Result<NameBuf, NameError> {
        Ok(NameBuf {
            len: (self.label_at + 1) as u8,
            bytes: self.bytes,
        })
    }
}

/// The byte that an escape stands for: `\DDD` or `\X`.
fn unescape(bytes: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes
            .next()
            .filter(u8::is_ascii_digit)
            .ok_or(NameError::BadEscape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NameBuf {
        text.parse().expect(text)
    }

    #[test]
    fn text_and_wire_agree_both_ways() {
        for text in [".", "com.", "www.example.com.", "a\\.b.example.", "\\000\\255.x."] {
            assert_eq!(name(text).to_string(), text);
        }
        assert_eq!(name("example.com").as_name().wire(), b"\x07example\x03com\x00");
        assert_eq!(name("example.com"), name("EXAMPLE.Com."));
    }

    #[test]
    fn limits_are_those_of_rfc_1035() {
        let longest = format!("{0}.{0}.{0}.{1}.", "a".repeat(63), "b".repeat(61));
        assert_eq!(name(&longest).as_name().wire().len(), 255);
        assert_eq!(
            format!("{0}.{0}.{0}.{1}.", "a".repeat(63), "b".repeat(62)).parse::<NameBuf>(),
            Err(NameError::TooLong)
        );
        assert_eq!("a".repeat(64).parse::<NameBuf>(), Err(NameError::BadLabel));
        assert_eq!("a..b".parse::<NameBuf>(), Err(NameError::BadLabel));
        assert_eq!("a\\25".parse::<NameBuf>(), Err(NameError::BadEscape));
        assert_eq!("a\\256".parse::<NameBuf>(), Err(NameError::BadEscape));
    }

    #[test]
    fn wire_names_are_checked() {
        assert_eq!(Name::parse(b"\x03com", 0).err(), Some(NameError::Short));
        assert_eq!(Name::parse(b"\xc0\x0c", 0).err(), Some(NameError::BadPointer));
        assert_eq!(Name::parse(b"\x40a\x00", 0).err(), Some(NameError::BadLabel));
        assert_eq!(Name::parse(b"", 7).err(), Some(NameError::Short));
        let long: Vec<u8> = [1, b'a'].repeat(128);
        assert_eq!(Name::parse(&long, 0).err(), Some(NameError::TooLong));
    }

    #[test]
    fn ancestry_respects_label_borders() {
        let www = name("www.Example.com");
        assert!(www.as_name().is_at_or_below(name("example.com").as_name()));
        assert!(www.as_name().is_at_or_below(Name::ROOT));
        assert!(
            !name("wwwexample.com")
                .as_name()
                .is_at_or_below(name("example.com").as_name())
        );
        assert!(
            !name("com")
                .as_name()
                .is_at_or_below(name("example.com").as_name())
        );
        assert_eq!(www.as_name().label_count(), 3);
    }
}
