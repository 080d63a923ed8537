//! `SetReducedTTLResponseAction`: a share of each TTL.

use std::fmt;

use crate::{Invalid, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject, TtlEdit};

/// Reduces the TTLs of a reply to a percentage, before it is cached.
#[derive(Debug)]
pub struct SetReducedTtl {
    percentage: u8,
}

impl SetReducedTtl {
    /// Keeps `percentage` percent.
    ///
    /// # Errors
    /// When `percentage` is above 100.
    pub fn new(percentage: u8) -> Result<Self, Invalid> {
        if percentage > 100 {
            return Err(Invalid::new(format!(
                "{percentage} percent of a TTL is no reduction; 100 is the most"
            )));
        }
        Ok(Self { percentage })
    }
}

impl ReplyAction for SetReducedTtl {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        notes.edit_ttls(TtlEdit::Percentage(self.percentage));
        Step::Continue
    }
}

impl fmt::Display for SetReducedTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reduce ttl to {}%", self.percentage)
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
        notes.edited_ttl(QType::A, ttl)
    }

    #[test]
    fn a_share_of_the_ttl_is_left() {
        let half = SetReducedTtl::new(50).expect("a percentage");
        assert_eq!(
            [edited(&half, 301), edited(&half, 1), edited(&half, u32::MAX)],
            [150, 0, u32::MAX / 2]
        );
        assert!(SetReducedTtl::new(101).is_err());
    }
}
