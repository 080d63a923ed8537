//! `LimitTTLResponseAction`, `SetMinTTLResponseAction`, `SetMaxTTLResponseAction`: bounds of TTLs.

use std::fmt;

use crate::{Invalid, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject, TtlEdit};

/// Brings the TTLs of a reply between two bounds, before it is cached.
#[derive(Debug)]
pub struct LimitTtl {
    min: u32,
    max: u32,
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
        Ok(Self { min, max })
    }

    /// Raises TTLs to `min` seconds (`SetMinTTLResponseAction`).
    pub fn at_least(min: u32) -> Self {
        Self { min, max: u32::MAX }
    }

    /// Lowers TTLs to `max` seconds (`SetMaxTTLResponseAction`).
    pub fn at_most(max: u32) -> Self {
        Self { min: 0, max }
    }
}

impl ReplyAction for LimitTtl {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        notes.edit_ttls(TtlEdit::Clamp {
            min: self.min,
            max: self.max,
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ends, moment, packet};
    use weir_wire::{QType, Reply};

    fn edited(action: &dyn ReplyAction, ttl: u32) -> u32 {
        let mut packet = packet("a", QType::A);
        packet[2] |= 0x80;
        let reply = Reply::parse(&packet).expect("a reply");
        let subject = Subject::of_reply(&reply, reply.question(), ends()).expect("a question");
        let mut notes = Notes::default();
        assert_eq!(action.apply(&subject, &moment(0), &mut notes), Step::Continue);
        notes.edited_ttl(ttl)
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
}
