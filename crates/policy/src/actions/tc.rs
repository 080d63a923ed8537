//! `TCAction`: come back over TCP.

use std::fmt;

use crate::{Action, Answer, Decision, Moment, Notes, Step, Subject, Transport};

/// Answers UDP queries with TC set and no records; TCP queries pass on to the next rule.
#[derive(Debug)]
pub struct Tc;

impl Action for Tc {
    fn apply(&self, subject: &Subject<'_>, _moment: &Moment<'_>, _notes: &mut Notes) -> Step<Decision<'_>> {
        match subject.ends.transport {
            Transport::Udp => Step::Done(Decision::Answer(Answer::Truncated)),
            Transport::Tcp => Step::Continue,
        }
    }
}

impl fmt::Display for Tc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tc=1 answer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ends;
    use crate::testing::{ends, moment, packet};
    use weir_wire::{QType, Query};

    #[test]
    fn only_udp_is_sent_away() {
        let packet = packet("tc.t", QType::A);
        let query = Query::parse(&packet).expect("a query");
        let on = |transport| {
            let subject = Subject::of_query(&query, Ends { transport, ..ends() });
            Tc.apply(&subject, &moment(0), &mut Notes::default())
        };
        assert_eq!(
            on(Transport::Udp),
            Step::Done(Decision::Answer(Answer::Truncated))
        );
        assert_eq!(on(Transport::Tcp), Step::Continue);
    }
}
