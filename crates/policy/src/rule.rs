//! A rule and its parts: the traits that selectors and actions implement, and what they may answer.

use std::any::Any;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use weir_wire::Timestamp;

use crate::{Answer, Invalid, Notes, PoolStatus, Subject};

/// What rules may ask besides the subject.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// Random bits, fresh for each query. Selectors that draw mix them with a number of their own.
    pub random: u64,
    /// Number of the worker that asks; each counts matches in its own memory.
    pub worker: usize,
    /// Which pools can take a query.
    pub pools: &'a dyn PoolStatus,
}

/// What a rule looks at. `Display` gives the text of `showRules()`; `Any` lets a check of the configuration ask which
/// one it is.
pub trait Selector: Any + fmt::Display + fmt::Debug + Send + Sync {
    /// The selectors that this one is made of.
    fn parts(&self) -> &[Arc<dyn Selector>] {
        &[]
    }

    /// Whether the rule applies. Selectors that limit a rate count the query by being asked.
    fn matches(&self, subject: &Subject<'_>, moment: &Moment<'_>, notes: &Notes) -> bool;
}

/// What a rule does to a query. `Display` gives the text of `showRules()`.
pub trait Action: fmt::Display + fmt::Debug + Send + Sync {
    /// Notes effects, or decides.
    fn apply<'p>(
        &'p self,
        subject: &Subject<'_>,
        moment: &Moment<'_>,
        notes: &mut Notes,
    ) -> Step<Decision<'p>>;
}

/// What a rule does to a reply. `Display` gives the text of `showResponseRules()`.
pub trait ReplyAction: fmt::Display + fmt::Debug + Send + Sync {
    /// Notes effects, or decides.
    fn apply(&self, subject: &Subject<'_>, moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision>;
}

/// What follows an action: the next rule, or the end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<D> {
    /// The next rule is asked.
    Continue,
    /// The chain ends here.
    Done(D),
}

/// What becomes of a query. Answers borrow from the rule that gives them, so that deciding copies nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'p> {
    /// It goes to the pool that the notes name.
    Forward,
    /// It is forgotten.
    Drop,
    /// It is answered here.
    Answer(Answer<'p>),
}

/// What becomes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyDecision {
    /// It goes to the client.
    Send,
    /// It is forgotten.
    Drop,
}

/// A selector, an action and what the operator calls the pair. `A` is `dyn Action` or `dyn ReplyAction`.
#[derive(Debug)]
pub struct Rule<A: ?Sized> {
    /// The operator's name for it; empty without one.
    pub name: String,
    /// Its identity while it is moved within the chain.
    pub uuid: Uuid,
    /// How many rules were made before it ("Cr. Order" in `showRules`).
    pub creation_order: u64,
    /// When it applies.
    pub selector: Arc<dyn Selector>,
    /// What it does.
    pub action: Arc<A>,
}

impl<A: ?Sized> Clone for Rule<A> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            uuid: self.uuid,
            creation_order: self.creation_order,
            selector: Arc::clone(&self.selector),
            action: Arc::clone(&self.action),
        }
    }
}

/// A rule's universally unique identifier (RFC 9562).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(u128);

impl Uuid {
    /// A version 4 identifier from random bits (RFC 9562 §5.4).
    pub const fn from_random(random: [u64; 2]) -> Self {
        let bits = (random[0] as u128) << 64 | random[1] as u128;
        let version = 0xf << 76;
        let variant = 0b11 << 62;
        Self(bits & !version & !variant | 4 << 76 | 0b10 << 62)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| self.0 >> shift & ((1 << bits) - 1);
        let (high, mid, version) = (part(96, 32), part(80, 16), part(64, 16));
        write!(
            f,
            "{high:08x}-{mid:04x}-{version:04x}-{:04x}-{:012x}",
            part(48, 16),
            part(0, 48)
        )
    }
}

impl FromStr for Uuid {
    type Err = Invalid;

    /// Reads the form with or without hyphens.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits: String = text.chars().filter(|&char| char != '-').collect();
        let all_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parsed = u128::from_str_radix(&digits, 16).ok().filter(|_| all_hex);
        parsed.map(Self).ok_or_else(|| {
            Invalid::new(format!(
                "'{text}' is not a UUID, which looks like 9b6bf51e-26f5-40c4-898a-4a5a2c5555ba"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_print_and_parse_as_rfc_9562_says() {
        let uuid = Uuid::from_random([0xffff_ffff_ffff_ffff, 0x0123_4567_89ab_cdef]);
        assert_eq!(uuid.to_string(), "ffffffff-ffff-4fff-8123-456789abcdef");
        assert_eq!(uuid.to_string().parse(), Ok(uuid));
        assert_eq!(uuid.to_string().replace('-', "").parse(), Ok(uuid));
        for bad in [
            "",
            "ffffffff-ffff-4fff-8123-456789abcde",
            "+fffffff-ffff-4fff-8123-456789abcdef",
        ] {
            assert!(bad.parse::<Uuid>().is_err(), "{bad}");
        }
    }
}
