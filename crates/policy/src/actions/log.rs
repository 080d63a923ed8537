//! `LogAction` and `LogResponseAction`: a line per query.

use std::fmt;

use crate::{Action, Decision, LogId, LogTarget, Moment, Notes, ReplyAction, ReplyDecision, Step, Subject};

/// Logs the query or the reply.
#[derive(Debug)]
pub struct Log {
    id: LogId,
    path: String,
}

impl Log {
    /// Logs to `target`, which has the number `id`.
    pub fn new(id: LogId, target: &LogTarget) -> Self {
        Self {
            id,
            path: target.path.clone(),
        }
    }
}

impl Action for Log {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<Decision<'_>> {
        notes.log_to(self.id);
        Step::Continue
    }
}

impl ReplyAction for Log {
    fn apply(&self, _subject: &Subject<'_>, _moment: &Moment<'_>, notes: &mut Notes) -> Step<ReplyDecision> {
        notes.log_to(self.id);
        Step::Continue
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("log")?;
        if !self.path.is_empty() {
            write!(f, " to {}", self.path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apply, log_id, log_target, packet};
    use weir_wire::QType;

    #[test]
    fn the_target_is_noted_and_the_next_rule_asked() {
        let action = Log::new(log_id(), &log_target("/var/log/queries"));
        let (step, notes) = apply(&action, &packet("a", QType::A));
        assert_eq!((step, notes.logs()), (Step::Continue, &[log_id()][..]));
        assert_eq!(action.to_string(), "log to /var/log/queries");
        assert_eq!(Log::new(log_id(), &log_target("")).to_string(), "log");
    }
}
