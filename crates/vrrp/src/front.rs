//! Can this node answer? The front end is asked over and over, and watched as a process.
//!
//! Two questions are asked. The *liveness* question is answered by the front end whatever stands behind it; silence
//! means that it hangs. The *backend* question needs a live backend for its answer. What is learnt are the conditions
//! of two trackers: a router gives the address up without the first, and becomes the worse choice without the second.
//!
//! **Only time in which this process ran counts.** On a busy machine the one that asks is as late as the one that is
//! asked; its own lateness is taken from the silence, and the silence that is borne is at least three times the worst
//! lateness of late.

use std::collections::VecDeque;
use std::num::NonZeroU8;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::settings::Condition;

/// A front end that was never heard may take so long to come up before that is a fault.
const STARTING: Duration = Duration::from_secs(5);
/// So many backend questions without a good answer in a row, and there is no live backend.
const BACKEND_FALL: u8 = 2;
/// Silence is borne for at least so many times our own worst lateness, and for at most so many times the dead time:
/// after a long stop of this process alone, a front end that hangs is not borne for minutes.
const LATENESS_FACTOR: u32 = 3;
const MOST_DEAD_TIMES: u32 = 4;
/// Lateness is remembered for one to two of these.
const MEMORY: Duration = Duration::from_secs(10);

/// How a front end is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontSettings {
    /// The time between two liveness questions.
    pub interval: Duration,
    /// So long without any answer, and it is taken for dead.
    pub dead_time: Duration,
    /// So many answered in a row, and it is taken for alive.
    pub rise: NonZeroU8,
    /// The time between two backend questions.
    pub backend_interval: Duration,
    /// How long an answer to one may take; shorter than the interval.
    pub backend_timeout: Duration,
}

impl Default for FrontSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(25),
            dead_time: Duration::from_millis(120),
            rise: NonZeroU8::MIN.saturating_add(1),
            backend_interval: Duration::from_secs(1),
            backend_timeout: Duration::from_millis(900),
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// Does it answer at all?
    Liveness,
    /// Does it answer by way of a backend?
    Backend,
}

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked.
    pub kind: QuestionKind,
    /// Its identifier, in the query.
    pub id: u16,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An answer that a client could use.
    Good,
    /// SERVFAIL or REFUSED.
    Bad,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEffect {
    /// Ask this.
    Ask(Question),
    /// The conditions are these now; at least one has changed.
    Learnt {
        /// The front end answers.
        front_end: Condition,
        /// A live backend stands behind it; not known while the front end does not answer.
        backend: Condition,
    },
}

/// What is known about the front end.
#[derive(Debug)]
pub struct FrontEnd {
    settings: FrontSettings,
    front_end: Condition,
    backend: Condition,
    next_id: u16,
    /// When the next liveness question is due; never while the process is gone.
    next_ask: Option<Timestamp>,
    /// Since when nothing has answered, in time that this process lived through.
    silent_since: Timestamp,
    /// Something has answered since the last liveness question.
    answered: bool,
    answered_in_row: u8,
    next_backend: Timestamp,
    /// The backend question that is out, and until when.
    asked_backend: Option<(u16, Timestamp)>,
    failed_in_row: u8,
    lateness: Lateness,
    effects: VecDeque<FrontEffect>,
}

impl FrontEnd {
    /// A front end that may be running; it is asked at once.
    pub fn new(settings: FrontSettings, now: Timestamp) -> Self {
        Self {
            settings,
            front_end: Condition::Unknown,
            backend: Condition::Unknown,
            next_id: 0,
            next_ask: Some(now),
            silent_since: now,
            answered: false,
            answered_in_row: 0,
            next_backend: now,
            asked_backend: None,
            failed_in_row: 0,
            lateness: Lateness::default(),
            effects: VecDeque::new(),
        }
    }

    /// What another program knew about it a moment ago holds, until there is news.
    pub const fn inherit(&mut self, front_end: Condition, backend: Condition) {
        (self.front_end, self.backend) = (front_end, backend);
    }

    /// A question was answered. Any answer shows that the front end lives; what it says matters for backend questions
    /// only.
    pub fn on_answer(&mut self, now: Timestamp, question: Question, answer: Answer) {
        if self.next_ask.is_none() {
            return;
        }
        let before = (self.front_end, self.backend);
        self.silent_since = now;
        if !std::mem::replace(&mut self.answered, true) {
            self.answered_in_row = self.answered_in_row.saturating_add(1);
        }
        if self.front_end != Condition::Holds && self.answered_in_row >= self.settings.rise.get() {
            self.front_end = Condition::Holds;
            self.next_backend = now;
        }
        let asked = |(id, _): &mut (u16, Timestamp)| *id == question.id;
        if question.kind == QuestionKind::Backend && self.asked_backend.take_if(asked).is_some() {
            match answer {
                Answer::Good => (self.backend, self.failed_in_row) = (Condition::Holds, 0),
                Answer::Bad => self.miss_backend(),
            }
        }
        self.learn(before);
    }

    /// Programs of ordinary priority run so late at this moment, and the front end is one of them: silence of theirs is
    /// borne as silence of ours is.
    pub fn on_lateness(&mut self, now: Timestamp, late: Duration) {
        self.lateness.note(now, late);
    }

    /// The system says that nobody listens: no silence has to be borne to know that. It is asked on, for somebody may
    /// listen again.
    pub fn on_refused(&mut self, now: Timestamp) {
        let before = (self.front_end, self.backend);
        self.die(now);
        self.learn(before);
    }

    /// The process has ended.
    pub fn on_exit(&mut self, now: Timestamp) {
        let before = (self.front_end, self.backend);
        self.die(now);
        self.next_ask = None;
        self.learn(before);
    }

    /// The process has been started again.
    pub fn on_start(&mut self, now: Timestamp) {
        let before = (self.front_end, self.backend);
        self.die(now);
        (self.front_end, self.next_ask) = (Condition::Unknown, Some(now));
        self.learn(before);
    }

    /// Asks and concludes what is due. Answers that have come in are to be told first.
    pub fn on_deadline(&mut self, now: Timestamp) {
        let Some(due) = self.next_deadline() else { return };
        let before = (self.front_end, self.backend);
        let late = now.since(due);
        self.lateness.note(now, late);
        self.silent_since = (self.silent_since + late).min(now);
        if let Some((_, until)) = &mut self.asked_backend {
            *until = *until + late;
        }
        if self.front_end != Condition::Fails && self.dead_at() <= now {
            self.die(now);
        }
        if self.asked_backend.take_if(|(_, until)| *until <= now).is_some() {
            self.miss_backend();
        }
        if self.next_ask.is_some_and(|at| at <= now) {
            if !std::mem::replace(&mut self.answered, false) {
                self.answered_in_row = 0;
            }
            self.ask(QuestionKind::Liveness);
            self.next_ask = Some(now + self.settings.interval);
        }
        if self.front_end == Condition::Holds && self.next_backend <= now {
            let id = self.ask(QuestionKind::Backend);
            self.asked_backend = Some((id, now + self.settings.backend_timeout));
            self.next_backend = now + self.settings.backend_interval;
        }
        self.learn(before);
    }

    /// When [`Self::on_deadline`] is to be called; `None` while the process is gone.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let next_ask = self.next_ask?;
        let dead_at = (self.front_end != Condition::Fails).then(|| self.dead_at());
        let backend = (self.front_end == Condition::Holds).then_some(self.next_backend);
        let until = self.asked_backend.map(|(_, until)| until);
        [Some(next_ask), dead_at, backend, until]
            .into_iter()
            .flatten()
            .min()
    }

    /// What is to be done next.
    pub fn next_effect(&mut self) -> Option<FrontEffect> {
        self.effects.pop_front()
    }

    fn ask(&mut self, kind: QuestionKind) -> u16 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.effects.push_back(FrontEffect::Ask(Question { kind, id }));
        id
    }

    fn die(&mut self, now: Timestamp) {
        (self.front_end, self.backend) = (Condition::Fails, Condition::Unknown);
        (self.answered, self.answered_in_row) = (false, 0);
        (self.asked_backend, self.failed_in_row) = (None, 0);
        self.silent_since = now;
    }

    fn miss_backend(&mut self) {
        self.failed_in_row = self.failed_in_row.saturating_add(1);
        if self.failed_in_row >= BACKEND_FALL {
            self.backend = Condition::Fails;
        }
    }

    fn learn(&mut self, before: (Condition, Condition)) {
        if (self.front_end, self.backend) != before {
            self.effects.push_back(FrontEffect::Learnt {
                front_end: self.front_end,
                backend: self.backend,
            });
        }
    }

    fn dead_at(&self) -> Timestamp {
        if self.front_end == Condition::Unknown {
            return self.silent_since + STARTING;
        }
        let least = self.settings.dead_time;
        let borne = (self.lateness.worst() * LATENESS_FACTOR).clamp(least, least * MOST_DEAD_TIMES);
        self.silent_since + borne
    }
}

/// How late this process was lately, at worst.
#[derive(Debug, Default)]
struct Lateness {
    since: Timestamp,
    current: Duration,
    before: Duration,
}

impl Lateness {
    fn note(&mut self, now: Timestamp, late: Duration) {
        if now.since(self.since) >= MEMORY {
            self.before = std::mem::take(&mut self.current);
            self.since = now;
        }
        self.current = self.current.max(late);
    }

    fn worst(&self) -> Duration {
        self.current.max(self.before)
    }
}

#[cfg(test)]
mod tests;
