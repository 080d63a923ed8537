//! `DelayAction` and `DelayResponseAction`: a slow reply.

use std::fmt;
use std::time::Duration;

use crate::{Action, Decision, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject, Transport};

/// Holds a UDP reply back; TCP replies are not delayed, as in dnsdist.
#[derive(Debug)]
pub struct Delay {
    delay: Duration,
}

impl Delay {
    /// Holds replies back for `delay`.
    pub fn new(delay: Duration) -> Self {
        Self { delay }
    }

    fn note(&self, subject: &Subject<'_>, notes: &mut Notes) {
        if subject.ends.transport == Transport::Udp {
            notes.delay = self.delay;
        }
    }
}

impl Action for Delay {
    fn apply(&self, subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        self.note(subject, notes);
        Step::Continue
    }
}

impl ReplyAction for Delay {
    fn apply(&self, subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        self.note(subject, notes);
        Step::Continue
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delay by {} msec", self.delay.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ends;
    use crate::testing::{apply, ends, moment, packet};
    use weir_wire::{QType, Query};

    #[test]
    fn the_delay_is_noted_and_the_next_rule_asked() {
        let action = Delay::new(Duration::from_millis(100));
        let (step, notes) = apply(&action, &packet("a", QType::A));
        assert_eq!((step, notes.delay), (Step::Continue, Duration::from_millis(100)));
        assert_eq!(action.to_string(), "delay by 100 msec");
    }

    #[test]
    fn tcp_is_not_delayed() {
        let packet = packet("a", QType::A);
        let query = Query::parse(&packet).expect("a query");
        let over_tcp = Ends {
            transport: Transport::Tcp,
            ..ends()
        };
        let mut notes = Notes::default();
        Action::apply(
            &Delay::new(Duration::from_millis(100)),
            &Subject::of_query(&query, over_tcp),
            &moment(0),
            &mut notes,
        );
        assert_eq!(notes.delay, Duration::ZERO);
    }
}
