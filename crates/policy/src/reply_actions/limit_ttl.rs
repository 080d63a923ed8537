//! `LimitTTLResponseAction`, `SetMinTTLResponseAction`, `SetMaxTTLResponseAction`: bounds of TTLs.

use std::fmt;
use std::sync::Arc;

use weir_wire::QType;

use crate::{Invalid, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject, TtlEdit};

/// Brings the TTLs of a reply between two bounds, before it is cached.
#[derive(Debug)]
pub struct LimitTtl {
    min: u32,
    max: u32,
    types: Option<Arc<[QType]>>,
}

impl LimitTtl {
    /// Raises TTLs to `min` seconds and lowers them to `max`.
    ///
    /// # Errors
    /// When `min` is above `max`.
    pub fn new(min: u32, max: u32) -> Result<Self, Invalid> {
        if min > max {
            return Err(Invalid::new(format!(
                "the lowest TTL, {min}, is above the highest, {max}"
            )));
        }
        Ok(Self {
            min,
            max,
            types: None,
        })
    }

    /// The same for records of these types alone; none are all.
    #[must_use]
    pub fn of_types(self, types: &[QType]) -> Self {
        let types = (!types.is_empty()).then(|| types.into());
        Self { types, ..self }
    }

    /// Raises TTLs to `min` seconds (`SetMinTTLResponseAction`).
    pub fn at_least(min: u32) -> Self {
        Self {
            min,
            max: u32::MAX,
            types: None,
        }
    }

    /// Lowers TTLs to `max` seconds (`SetMaxTTLResponseAction`).
    pub fn at_most(max: u32) -> Self {
        Self {
            min: 0,
            max,
            types: None,
        }
    }
}

impl ReplyAction for LimitTtl {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        notes.edit_ttls(TtlEdit::Clamp {
            min: self.min,
            max: self.max,
            types: self.types.clone(),
        });
        Step::Continue
    }
}

impl fmt::Display for LimitTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, u32::MAX) => write!(f, "set min ttl to {min}"),
            (0, max) => write!(f, "set max ttl to {max}"),
            (min, max) => write!(f, "limit ttl to {min}..{max}"),
        }?;
        match &self.types {
            Some(types) => types.iter().try_for_each(|qtype| write!(f, " {qtype}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ends, moment, packet};
    use weir_wire::Reply;

    fn edited(action: &dyn ReplyAction, ttl: u32) -> u32 {
        let mut packet = packet("a", QType::A);
        packet[2] |= 0x80;
        let reply = Reply::parse(&packet).expect("a reply");
        let subject = Subject::of_reply(&reply, reply.question(), ends()).expect("a question");
        let mut notes = Notes::default();
        assert_eq!(action.apply(&subject, &moment(0), &mut notes), Step::Continue);
        notes.edited_ttl(QType::A, ttl)
    }

    #[test]
    fn ttls_are_brought_between_the_bounds() {
        let both = LimitTtl::new(60, 3600).expect("bounds");
        for (action, [short, usual, long]) in [
            (&both, [60, 300, 3600]),
            (&LimitTtl::at_least(60), [60, 300, 86_400]),
            (&LimitTtl::at_most(3600), [5, 300, 3600]),
        ] {
            assert_eq!(
                [edited(action, 5), edited(action, 300), edited(action, 86_400)],
                [short, usual, long]
            );
        }
        assert_eq!(both.to_string(), "limit ttl to 60..3600");
        assert!(LimitTtl::new(2, 1).is_err());
    }

    #[test]
    fn other_types_than_those_named_keep_their_ttls() {
        let limit = |types: &[QType]| LimitTtl::new(60, 3600).expect("bounds").of_types(types);
        let named = limit(&[QType::AAAA, QType::A]);
        assert_eq!(edited(&named, 5), 60);
        assert_eq!(named.to_string(), "limit ttl to 60..3600 AAAA A");
        assert_eq!(edited(&limit(&[QType::AAAA]), 5), 5);
        assert_eq!(edited(&limit(&[]), 5), 60);
    }
}
