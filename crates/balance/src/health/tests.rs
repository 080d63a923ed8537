//! The machine alone: each transition, then each rule about time.

use std::num::{NonZeroU8, NonZeroU32};

use weir_wire::Rcode;

use super::*;
use crate::check::{FailureKind, PROBE_MAX_LEN, probe_packet};
use crate::settings::{LazySettings, SampleSize};

/// A health machine, its clock and its backend's answers.
struct Rig {
    health: Health,
    now: Timestamp,
    random: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Good,
    ServFail,
    Nothing,
}

impl Rig {
    fn new(change: impl FnOnce(&mut BackendSettings)) -> Self {
        let mut settings = BackendSettings::new(([192, 0, 2, 1], 53).into());
        change(&mut settings);
        let now = Timestamp::from_secs(1000);
        Self {
            health: Health::new(Arc::new(Backend::new(settings, 1)), now),
            now,
            random: 0,
        }
    }

    fn backend(&self) -> Arc<Backend> {
        Arc::clone(self.health.backend())
    }

    /// Lets one probe go out when it is due and end as `answer` says; what the machine learnt.
    fn probe(&mut self, answer: Answer) -> Finding {
        self.now = self.health.next_deadline().expect("probes are due").max(self.now);
        let Effect::SendProbe { id } = self.on_deadline() else {
            panic!("a probe is due")
        };
        if answer == Answer::Nothing {
            self.now = self.health.next_deadline().expect("the probe's end");
            let Effect::Learnt(finding) = self.on_deadline() else {
                panic!("it timed out")
            };
            return finding;
        }
        self.now = self.now + Duration::from_millis(3);
        let reply = self.reply(
            id,
            if answer == Answer::Good {
                Rcode::NOERROR
            } else {
                Rcode::SERVFAIL
            },
        );
        self.health
            .on_packet(self.now, &reply)
            .expect("the probe's reply")
    }

    fn on_deadline(&mut self) -> Effect {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.health.on_deadline(self.now, self.random.rotate_left(32))
    }

    fn reply(&self, id: u16, rcode: Rcode) -> Vec<u8> {
        let mut packet = [0; PROBE_MAX_LEN];
        let len = probe_packet(&self.health.settings().check, id, &mut packet);
        packet[2] |= 0x80;
        packet[3] |= rcode.0 as u8;
        packet[..len].to_vec()
    }

    /// Time until the next probe goes out.
    fn wait(&self) -> Duration {
        self.health
            .next_deadline()
            .expect("probes are due")
            .since(self.now)
    }
}

fn times(count: u8) -> NonZeroU8 {
    NonZeroU8::new(count).expect("not zero")
}

#[test]
fn the_first_probe_decides_whatever_rise_and_fall_say() {
    for (answer, change) in [
        (Answer::Good, HealthChange::Up),
        (Answer::Nothing, HealthChange::Down),
    ] {
        let mut rig = Rig::new(|settings| {
            settings.check.rise = times(5);
            settings.check.max_failures = times(5);
        });
        assert!(!rig.backend().is_up());
        assert_eq!(rig.health.next_deadline(), Some(rig.now), "at once");
        assert_eq!(rig.probe(answer).change, Some(change));
        assert_eq!(rig.backend().is_up(), answer == Answer::Good);
    }
}

#[test]
fn rise_and_fall_count_probes_in_a_row() {
    let mut rig = Rig::new(|settings| {
        settings.check.rise = times(3);
        settings.check.max_failures = times(2);
    });
    use Answer::{Good, Nothing, ServFail};
    use HealthChange::{Down, Up};
    for (step, (answer, change)) in [
        (Good, Some(Up)),
        (Nothing, None),
        (Good, None),
        (ServFail, None),
        (Nothing, Some(Down)),
        (Good, None),
        (Good, None),
        (ServFail, None),
        (Good, None),
        (Good, None),
        (Good, Some(Up)),
        (Nothing, None),
        (Nothing, Some(Down)),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(rig.probe(answer).change, change, "step {step}");
    }
    assert!(!rig.backend().is_up());
    assert_eq!(rig.backend().failed_checks(), 6);
    assert_eq!(rig.backend().check_failures(FailureKind::Timeout), 4);
    assert_eq!(rig.backend().check_failures(FailureKind::Invalid), 2);
}

#[test]
fn probes_keep_their_interval_within_a_tenth_and_do_not_align() {
    let mut rig = Rig::new(|settings| settings.check.interval_secs = NonZeroU32::new(10).expect("not zero"));
    let mut waits = Vec::new();
    for _ in 0..100 {
        let sent = rig.now.max(rig.health.next_deadline().expect("due"));
        rig.probe(Answer::Good);
        waits.push(rig.health.next_deadline().expect("due").since(sent).as_millis());
    }
    assert!(
        waits.iter().all(|wait| (9_000..=11_000).contains(wait)),
        "{waits:?}"
    );
    assert!(
        waits.iter().any(|wait| *wait < 9_300) && waits.iter().any(|wait| *wait > 10_700),
        "{waits:?}"
    );
}

#[test]
fn a_slow_probe_delays_its_successor_only_until_it_has_ended() {
    let mut rig = Rig::new(|settings| settings.check.timeout_ms = NonZeroU32::new(5000).expect("not zero"));
    rig.probe(Answer::Good);
    let finding = rig.probe(Answer::Nothing);
    assert_eq!(finding.evidence, Evidence::Failed(CheckFailure::Timeout));
    assert_eq!(rig.wait(), Duration::ZERO, "the interval passed while it was out");
}

#[test]
fn a_timeout_fires_when_it_says() {
    let mut rig = Rig::new(|_| {});
    assert!(matches!(rig.on_deadline(), Effect::SendProbe { .. }));
    assert_eq!(rig.wait(), Duration::from_millis(1000));
    rig.now = rig.now + Duration::from_millis(999);
    assert_eq!(rig.on_deadline(), Effect::Wait);
    rig.now = rig.now + Duration::from_millis(1);
    assert!(matches!(rig.on_deadline(), Effect::Learnt(_)));
}

#[test]
fn forged_late_and_repeated_replies_change_nothing() {
    let mut rig = Rig::new(|_| {});
    let Effect::SendProbe { id } = rig.on_deadline() else {
        panic!("a probe is due")
    };
    let forged = rig.reply(id ^ 1, Rcode::SERVFAIL);
    assert_eq!(rig.health.on_packet(rig.now, &forged), None);
    assert_eq!(rig.backend().check_failures(FailureKind::Mismatch), 1);
    let good = rig.reply(id, Rcode::NOERROR);
    let finding = rig
        .health
        .on_packet(rig.now, &good)
        .expect("the probe still waits");
    assert_eq!(finding.change, Some(HealthChange::Up));
    let late = rig.reply(id, Rcode::SERVFAIL);
    assert_eq!(rig.health.on_packet(rig.now, &late), None);
    assert_eq!(rig.health.on_network_error(rig.now), None);
    assert!(rig.backend().is_up() && rig.backend().failed_checks() == 0);
}

#[test]
fn network_errors_and_garbage_fail_the_probe_at_once() {
    for (garbage, kind) in [(None, FailureKind::Network), (Some(b"?"), FailureKind::Parsing)] {
        let mut rig = Rig::new(|_| {});
        rig.on_deadline();
        let finding = match garbage {
            Some(packet) => rig.health.on_packet(rig.now, packet),
            None => rig.health.on_network_error(rig.now),
        };
        assert_eq!(
            finding.and_then(|finding| finding.change),
            Some(HealthChange::Down)
        );
        assert_eq!(rig.backend().check_failures(kind), 1);
    }
}

#[test]
fn an_ejected_backend_is_probed_at_once_and_rises_by_the_rules() {
    let mut rig = Rig::new(|settings| {
        settings.check.rise = times(2);
        settings.check.interval_secs = NonZeroU32::new(60).expect("not zero");
    });
    rig.probe(Answer::Good);
    let backend = rig.backend();
    assert!((0..9).all(|_| !backend.on_timeout(0)));
    assert!(backend.on_timeout(0) && !backend.is_up());
    assert_eq!(rig.wait(), Duration::ZERO);
    let Effect::Learnt(finding) = rig.on_deadline() else {
        panic!("the ejection is news")
    };
    assert_eq!(
        finding,
        Finding {
            evidence: Evidence::TimeoutsInARow(10),
            change: Some(HealthChange::Down)
        }
    );
    assert_eq!(rig.wait(), Duration::ZERO, "and now the probe");
    assert_eq!(rig.probe(Answer::Good).change, None);
    assert_eq!(rig.probe(Answer::Good).change, Some(HealthChange::Up));
    assert!(backend.is_up());
}

#[test]
fn a_passed_probe_is_a_success_between_timeouts() {
    let mut rig = Rig::new(|_| {});
    rig.probe(Answer::Good);
    for _ in 0..5 {
        assert!((0..9).all(|_| !rig.backend().on_timeout(0)));
        rig.probe(Answer::Good);
    }
    assert!(rig.backend().is_up());
}

#[test]
fn the_operators_word_stops_probes_and_auto_resumes_from_what_was_known() {
    let mut rig = Rig::new(|_| {});
    rig.probe(Answer::Good);
    for mode in [Mode::Up, Mode::Down, Mode::Drain] {
        rig.backend().set_mode(mode);
        assert_eq!(rig.wait(), Duration::ZERO);
        assert_eq!(rig.on_deadline(), Effect::Wait);
        assert_eq!(rig.health.next_deadline(), None, "{mode:?}");
    }
    rig.backend().set_mode(Mode::Auto);
    assert!(rig.backend().is_up(), "the last known state");
    assert!(matches!(rig.on_deadline(), Effect::SendProbe { .. }));
    rig.backend().set_mode(Mode::Down);
    rig.on_deadline();
    let late = rig.reply(0, Rcode::SERVFAIL);
    assert_eq!(
        rig.health.on_packet(rig.now, &late),
        None,
        "the probe was dropped"
    );
    rig.backend().set_mode(Mode::Auto);
    rig.backend().assume_down();
    assert!(!rig.backend().is_up());
    assert_eq!(rig.probe(Answer::Good).change, Some(HealthChange::Up));
}

fn lazy(settings: &mut BackendSettings) {
    settings.mode = Mode::Lazy;
    settings.check.max_failures = times(2);
    settings.check.rise = times(2);
    settings.consecutive_timeouts = None;
    settings.lazy = LazySettings {
        sample_size: SampleSize::new(10).expect("in range"),
        min_samples: 5,
        ..LazySettings::default()
    };
}

#[test]
fn a_lazy_backend_is_probed_only_once_queries_fail() {
    let mut rig = Rig::new(lazy);
    let backend = rig.backend();
    assert!(backend.is_up());
    assert_eq!(rig.health.next_deadline(), None);
    let reply = |rcode| backend.on_reply(0, crate::Transport::Udp, Duration::ZERO, rcode);
    assert!((0..8).all(|_| !reply(Rcode::NOERROR)));
    assert!(!reply(Rcode::SERVFAIL), "one of nine");
    assert!(backend.on_timeout(0), "two of ten: the driver is to look");
    assert!(!backend.on_timeout(0), "told once");
    assert!(backend.is_up(), "suspicion is not a verdict");
    assert_eq!(rig.wait(), Duration::ZERO);
    assert_eq!(rig.probe(Answer::Good).change, None);
    assert_eq!(rig.probe(Answer::Nothing).change, None);
    assert_eq!(rig.probe(Answer::Good).change, None);
    assert_eq!(rig.probe(Answer::Good).change, None);
    assert_eq!(
        rig.health.next_deadline(),
        None,
        "two in a row: healthy, no more probes"
    );
    assert!(
        (0..4).all(|_| !backend.on_timeout(0)),
        "old samples are forgotten"
    );
    assert!(backend.on_timeout(0));
}

#[test]
fn a_lazy_backend_that_failed_is_probed_ever_more_rarely() {
    let mut rig = Rig::new(|settings| {
        lazy(settings);
        settings.lazy.exponential_backoff = true;
        settings.lazy.max_backoff_secs = NonZeroU32::new(200).expect("not zero");
    });
    let backend = rig.backend();
    assert!((0..5).any(|_| backend.on_timeout(0)));
    assert_eq!(rig.probe(Answer::Nothing).change, None);
    assert_eq!(rig.probe(Answer::Nothing).change, Some(HealthChange::Down));
    for expected_secs in [30, 60, 120, 200, 200] {
        let sent = rig.now.as_nanos() - 1_000_000_000;
        let wait_secs = (rig.health.next_deadline().expect("due").as_nanos() - sent) as f64 / 1e9;
        let deviation = wait_secs / f64::from(expected_secs) - 1.0;
        assert!(
            deviation.abs() <= 0.1001,
            "{wait_secs} s, expected {expected_secs} s"
        );
        assert_eq!(rig.probe(Answer::Nothing).change, None);
    }
    assert_eq!(rig.probe(Answer::Good).change, None);
    assert!(
        rig.wait() < Duration::from_secs(2),
        "one that comes back is probed at the ordinary pace"
    );
    assert_eq!(rig.probe(Answer::Good).change, Some(HealthChange::Up));
    assert_eq!(rig.health.next_deadline(), None);
}

#[test]
fn a_reload_keeps_what_is_known_and_takes_the_new_settings() {
    let mut rig = Rig::new(|_| {});
    rig.probe(Answer::Good);
    let mut settings = rig.backend().settings().clone();
    settings.check.max_failures = times(3);
    settings.check.interval_secs = NonZeroU32::new(20).expect("not zero");
    let new = Arc::new(Backend::inherit(settings, &rig.backend()));
    rig.health.reconfigure(new);
    assert!(
        rig.backend().is_up() && rig.wait() < Duration::from_secs(2),
        "the probe that was planned goes out"
    );
    assert_eq!(rig.probe(Answer::Nothing).change, None);
    assert!(rig.wait() > Duration::from_secs(15));
    assert_eq!(rig.probe(Answer::Nothing).change, None);
    assert_eq!(rig.probe(Answer::Nothing).change, Some(HealthChange::Down));
}

/// Every state with every event, so that a new state cannot be forgotten in a transition.
#[test]
fn every_transition_is_as_the_diagram_says() {
    use State::{Down, Forced, Idle, Suspect, Unknown, Up};
    let down = |passed, failed| Down { passed, failed };
    for (mode, before, after_pass, after_failure) in [
        (Mode::Auto, Unknown, Up { failed: 0 }, down(0, 1)),
        (Mode::Auto, Up { failed: 0 }, Up { failed: 0 }, Up { failed: 1 }),
        (Mode::Auto, Up { failed: 1 }, Up { failed: 0 }, down(0, 1)),
        (Mode::Auto, down(0, 1), down(1, 1), down(0, 2)),
        (Mode::Auto, down(1, 1), Up { failed: 0 }, down(0, 2)),
        (Mode::Lazy, Unknown, Idle, down(0, 1)),
        (
            Mode::Lazy,
            Suspect { failed: 0, passed: 0 },
            Suspect { failed: 0, passed: 1 },
            Suspect { failed: 1, passed: 0 },
        ),
        (
            Mode::Lazy,
            Suspect { failed: 1, passed: 0 },
            Suspect { failed: 0, passed: 1 },
            down(0, 1),
        ),
        (
            Mode::Lazy,
            Suspect { failed: 0, passed: 1 },
            Idle,
            Suspect { failed: 1, passed: 0 },
        ),
        (Mode::Lazy, down(1, 3), Idle, down(0, 4)),
        (Mode::Lazy, Idle, Idle, Idle),
        (Mode::Up, Forced, Forced, Forced),
    ] {
        let mut rig = Rig::new(lazy);
        rig.health.mode = mode;
        rig.health.state = before;
        assert_eq!(rig.health.after_pass(), after_pass, "{before:?} passes");
        assert_eq!(rig.health.after_failure(), after_failure, "{before:?} fails");
    }
}
