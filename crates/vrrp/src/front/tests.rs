use super::*;

/// A front end that answers each question after `delay`, or does not, and the clock of both.
struct Rig {
    front: FrontEnd,
    now: Timestamp,
    delay: Option<Duration>,
    backend: Option<Answer>,
    /// The watcher wakes up so much later than it asked for.
    late: Duration,
    under_way: VecDeque<(Timestamp, Question)>,
    learnt: Vec<(Duration, Condition, Condition)>,
    asked: [u32; 2],
}

const START: Timestamp = Timestamp::from_secs(1000);
const MS: fn(u64) -> Duration = Duration::from_millis;

impl Rig {
    /// One that answers, by way of a backend.
    fn new() -> Self {
        Self {
            front: FrontEnd::new(FrontSettings::default(), START),
            now: START,
            delay: Some(Duration::from_micros(300)),
            backend: Some(Answer::Good),
            late: Duration::ZERO,
            under_way: VecDeque::new(),
            learnt: Vec::new(),
            asked: [0; 2],
        }
    }

    /// One that has been known to be alive for a while.
    fn alive() -> Self {
        let mut rig = Self::new();
        rig.pass(MS(5000));
        assert_eq!(rig.shown(), (Condition::Holds, Condition::Holds));
        rig.learnt.clear();
        rig
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let answer = self.under_way.front().map(|(at, _)| *at);
            let wake = self.front.next_deadline().map(|at| at.max(self.now) + self.late);
            let Some(next) = answer.into_iter().chain(wake).min().filter(|at| *at <= end) else {
                break;
            };
            self.now = next.max(self.now);
            while let Some((_, question)) = self.under_way.pop_front_if(|(at, _)| *at <= self.now) {
                let answer = match question.kind {
                    QuestionKind::Liveness => Some(Answer::Bad),
                    QuestionKind::Backend => self.backend,
                };
                if let Some(answer) = answer {
                    self.front.on_answer(self.now, question, answer);
                }
            }
            if wake.is_some_and(|at| at <= self.now) {
                self.front.on_deadline(self.now);
            }
            self.collect();
        }
        self.now = end;
    }

    fn collect(&mut self) {
        while let Some(effect) = self.front.next_effect() {
            match effect {
                FrontEffect::Ask(question) => {
                    self.asked[question.kind as usize] += 1;
                    self.under_way
                        .extend(self.delay.map(|delay| (self.now + delay, question)));
                }
                FrontEffect::Learnt { front_end, backend } => {
                    self.learnt.push((self.now.since(START), front_end, backend));
                }
            }
        }
    }

    fn shown(&self) -> (Condition, Condition) {
        (self.front.front_end, self.front.backend)
    }

    /// After how long something was learnt first, and what.
    fn first_learnt(&self, from: Timestamp) -> (Duration, Condition, Condition) {
        let (at, front_end, backend) = self.learnt[0];
        (at - from.since(START), front_end, backend)
    }
}

#[test]
fn one_that_answers_is_alive_after_two_and_has_a_backend_at_once() {
    let mut rig = Rig::new();
    rig.pass(MS(100));
    let [first, second] = rig.learnt[..] else {
        panic!("{:?}", rig.learnt)
    };
    assert_eq!((first.1, first.2), (Condition::Holds, Condition::Unknown));
    assert_eq!((second.1, second.2), (Condition::Holds, Condition::Holds));
    assert!(second.0 < MS(30), "{second:?}");
}

#[test]
fn questions_come_at_their_intervals() {
    let mut rig = Rig::alive();
    rig.asked = [0; 2];
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.asked, [400, 10]);
    assert_eq!(rig.learnt, []);
}

#[test]
fn one_that_hangs_is_dead_after_the_dead_time() {
    let mut rig = Rig::alive();
    let from = rig.now;
    rig.delay = None;
    rig.pass(MS(500));
    let (after, front_end, backend) = rig.first_learnt(from);
    assert_eq!((front_end, backend), (Condition::Fails, Condition::Unknown));
    assert!(after > MS(95) && after < MS(121), "{after:?}");
}

#[test]
fn one_that_hung_is_alive_again_after_two_answers_in_a_row() {
    let mut rig = Rig::alive();
    rig.delay = None;
    rig.pass(MS(500));
    // Answers that come now and then are not in a row.
    for _ in 0..5 {
        rig.delay = Some(MS(1));
        rig.pass(MS(25));
        rig.delay = None;
        rig.pass(MS(75));
    }
    assert_eq!(rig.shown().0, Condition::Fails);
    rig.delay = Some(MS(1));
    rig.pass(MS(60));
    assert_eq!(rig.shown(), (Condition::Holds, Condition::Holds));
}

#[test]
fn an_exit_is_death_at_once_and_ends_the_questions() {
    let mut rig = Rig::alive();
    rig.front.on_exit(rig.now);
    rig.collect();
    assert_eq!(rig.learnt.len(), 1);
    assert_eq!(rig.shown(), (Condition::Fails, Condition::Unknown));
    assert_eq!(rig.front.next_deadline(), None);
    // An answer that was under way does not raise the dead.
    let question = Question {
        kind: QuestionKind::Liveness,
        id: 1,
    };
    for _ in 0..3 {
        rig.front.on_answer(rig.now, question, Answer::Good);
    }
    assert_eq!(rig.shown().0, Condition::Fails);
    rig.front.on_start(rig.now);
    rig.pass(MS(100));
    assert_eq!(rig.shown(), (Condition::Holds, Condition::Holds));
}

#[test]
fn one_that_starts_has_time_to_come_up() {
    let mut rig = Rig::new();
    rig.delay = None;
    rig.pass(STARTING - MS(1));
    assert_eq!(rig.shown().0, Condition::Unknown);
    rig.pass(MS(1));
    assert_eq!(rig.shown().0, Condition::Fails);
}

#[test]
fn our_own_lateness_is_not_its_silence() {
    // Each wake-up is late by more than the dead time, and so is each answer: both are on a busy machine.
    let mut rig = Rig::alive();
    rig.late = MS(200);
    rig.delay = Some(MS(190));
    rig.pass(Duration::from_secs(20));
    assert_eq!(rig.learnt, []);
    // A process that stood still for ten seconds finds its question unanswered and waits for the next answer.
    let mut rig = Rig::alive();
    rig.delay = None;
    rig.pass(MS(26));
    rig.now = rig.now + Duration::from_secs(10);
    rig.front.on_deadline(rig.now);
    rig.collect();
    assert_eq!(rig.learnt, []);
    rig.delay = Some(MS(1));
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.learnt, []);
}

#[test]
fn lateness_makes_patient_for_a_while_and_within_bounds() {
    let hang = |late: Duration, calm: Duration| {
        let mut rig = Rig::alive();
        rig.now = rig.front.next_deadline().unwrap() + late;
        rig.front.on_deadline(rig.now);
        rig.collect();
        rig.pass(calm);
        let from = rig.now;
        rig.delay = None;
        rig.pass(Duration::from_secs(5));
        rig.first_learnt(from).0
    };
    let near = |seen: Duration, expected: Duration| seen < expected + MS(1) && seen + MS(26) > expected;
    let calm = Duration::from_secs(1);
    assert!(near(hang(Duration::ZERO, calm), MS(120)));
    assert!(near(hang(MS(70), calm), MS(210)));
    assert!(near(hang(Duration::from_secs(9), calm), MS(480)));
    assert!(near(hang(Duration::from_secs(9), MEMORY * 2), MS(120)));
}

#[test]
fn a_backend_is_gone_after_two_bad_or_missing_answers() {
    for answer in [Some(Answer::Bad), None] {
        let mut rig = Rig::alive();
        rig.backend = answer;
        rig.pass(MS(1000));
        assert_eq!(rig.shown(), (Condition::Holds, Condition::Holds), "{answer:?}");
        rig.pass(MS(1000));
        assert_eq!(rig.shown(), (Condition::Holds, Condition::Fails), "{answer:?}");
        rig.backend = Some(Answer::Good);
        rig.pass(MS(1000));
        assert_eq!(rig.shown(), (Condition::Holds, Condition::Holds), "{answer:?}");
    }
}

#[test]
fn a_late_answer_is_not_the_answer_to_the_next_question() {
    let mut rig = Rig::alive();
    rig.backend = None;
    rig.pass(MS(2000));
    assert_eq!(rig.shown().1, Condition::Fails);
    let stale = Question {
        kind: QuestionKind::Backend,
        id: rig.front.next_id.wrapping_sub(500),
    };
    rig.front.on_answer(rig.now, stale, Answer::Good);
    assert_eq!(rig.shown().1, Condition::Fails);
}

#[test]
fn a_front_end_that_waits_for_a_processor_is_borne_like_our_own_lateness() {
    let hang = |late: Duration| {
        let mut rig = Rig::alive();
        rig.front.on_lateness(rig.now, late);
        let from = rig.now;
        rig.delay = None;
        rig.pass(Duration::from_secs(5));
        rig.first_learnt(from).0
    };
    assert!(hang(MS(20)) < MS(121));
    assert!(hang(MS(100)) > MS(274) && hang(MS(100)) < MS(301));
    assert!(
        hang(Duration::from_secs(9)) < MS(481),
        "one that hangs is found all the same"
    );
}

#[test]
fn what_another_program_knew_is_no_news_and_silence_counts_as_before() {
    let mut rig = Rig::new();
    rig.front.inherit(Condition::Holds, Condition::Holds);
    rig.pass(MS(3000));
    assert_eq!(rig.learnt, []);
    rig.delay = None;
    rig.pass(MS(300));
    assert_eq!(rig.learnt.len(), 1, "{:?}", rig.learnt);
    assert_eq!(rig.shown(), (Condition::Fails, Condition::Unknown));
}
