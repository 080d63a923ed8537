//! What becomes of a query that a backend did not answer in time.

/// What the operator allows. dnsdist: no retry, the client gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// Sends the query to another backend once. Each client query then costs at most two of ours, also when
    /// everything is slow.
    pub retry_once: bool,
    /// What the client gets in the end.
    pub give_up: GiveUp,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            retry_once: false,
            give_up: GiveUp::Silently,
        }
    }
}

/// What a client gets that nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// Nothing: its own timeout lets it ask somebody else.
    Silently,
    /// SERVFAIL.
    ServFail,
}

/// Which attempt at a client's query has timed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The first backend that it went to.
    First,
    /// The other one.
    Retry,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTimeout {
    /// Pick another backend, the failed one excluded ([`PickInput::failed`](crate::PickInput)). If there is none,
    /// do as [`RetrySettings::give_up`] says.
    Retry,
    /// Tell the client, and everyone who waits with it, nothing or SERVFAIL.
    GiveUp(GiveUp),
}

impl RetrySettings {
    /// Decides for a query that has just timed out.
    pub const fn after_timeout(&self, attempt: Attempt) -> AfterTimeout {
        match (attempt, self.retry_once) {
            (Attempt::First, true) => AfterTimeout::Retry,
            (Attempt::First, false) | (Attempt::Retry, _) => AfterTimeout::GiveUp(self.give_up),
        }
    }
}
