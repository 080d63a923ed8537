//! Runs of lost queries: what a client notices of an outage.

use std::ops::Sub;
use std::time::Duration;

/// One run of lost queries: nothing in it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence<T> {
    /// When its first query was sent.
    pub from: T,
    /// When the next one that was answered was sent; the end of the look if none was.
    pub until: T,
    /// Its queries.
    pub lost: usize,
    /// Whether one was answered after it; if not, it may be longer than seen.
    pub is_over: bool,
}

impl<T: Copy + Sub<Output = Duration>> Silence<T> {
    /// How long it was.
    pub fn length(&self) -> Duration {
        self.until - self.from
    }
}

/// The runs of lost queries among these, in the order in which they were sent: when, and whether it was answered.
pub fn silences<T: Copy>(queries: impl IntoIterator<Item = (T, bool)>, until: T) -> Vec<Silence<T>> {
    let mut silences: Vec<Silence<T>> = Vec::new();
    let mut is_silent = false;
    for (sent, is_answered) in queries {
        match (silences.last_mut().filter(|_| is_silent), is_answered) {
            (Some(silence), false) => silence.lost += 1,
            (Some(silence), true) => (silence.until, silence.is_over) = (sent, true),
            (None, false) => silences.push(Silence {
                from: sent,
                until,
                lost: 1,
                is_over: false,
            }),
            (None, true) => {}
        }
        is_silent = !is_answered;
    }
    silences
}
