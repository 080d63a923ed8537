use super::*;

const START: Timestamp = Timestamp::from_secs(1000);

fn settings() -> ScriptSettings {
    ScriptSettings {
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        rise: NonZeroU8::new(2).unwrap(),
        fall: NonZeroU8::new(3).unwrap(),
        initially: Condition::Unknown,
    }
}

fn effects(script: &mut Script) -> Vec<ScriptEffect> {
    std::iter::from_fn(|| script.next_effect()).collect()
}

/// Lets the next run end at once; what was learnt.
fn run(script: &mut Script, outcome: Outcome) -> Option<Condition> {
    let now = script.next_deadline().expect("a run is due");
    script.on_deadline(now);
    script.on_exit(now + Duration::from_millis(5), outcome);
    let seen = effects(script);
    assert_eq!(seen[0], ScriptEffect::Start);
    match seen[1..] {
        [] => None,
        [ScriptEffect::Learnt(condition)] => Some(condition),
        _ => panic!("{seen:?}"),
    }
}

#[test]
fn the_first_result_decides() {
    for (outcome, condition) in [
        (Outcome::Success, Condition::Holds),
        (Outcome::Failure, Condition::Fails),
    ] {
        let mut script = Script::new(settings(), START);
        assert_eq!(run(&mut script, outcome), Some(condition));
    }
    let init_fail = ScriptSettings {
        initially: Condition::Fails,
        ..settings()
    };
    assert_eq!(
        run(&mut Script::new(init_fail, START), Outcome::Success),
        Some(Condition::Holds)
    );
    assert_eq!(run(&mut Script::new(init_fail, START), Outcome::Failure), None);
}

#[test]
fn later_ones_need_rise_and_fall_in_a_row() {
    use Outcome::{Failure, Success};
    let mut script = Script::new(settings(), START);
    run(&mut script, Success);
    let outcomes = [
        (Failure, None),
        (Failure, None),
        (Success, None),
        (Failure, None),
        (Failure, None),
        (Failure, Some(Condition::Fails)),
        (Success, None),
        (Failure, None),
        (Success, None),
        (Success, Some(Condition::Holds)),
    ];
    for (number, (outcome, learnt)) in outcomes.into_iter().enumerate() {
        assert_eq!(run(&mut script, outcome), learnt, "run {number}");
    }
}

#[test]
fn runs_start_an_interval_apart() {
    let mut script = Script::new(settings(), START);
    assert_eq!(script.next_deadline(), Some(START));
    run(&mut script, Outcome::Success);
    assert_eq!(script.next_deadline(), Some(START + Duration::from_secs(2)));
}

#[test]
fn one_that_hangs_has_failed_is_terminated_and_killed() {
    let mut script = Script::new(settings(), START);
    run(&mut script, Outcome::Success);
    for _ in 0..2 {
        run(&mut script, Outcome::Failure);
    }
    let started = script.next_deadline().unwrap();
    script.on_deadline(started);
    effects(&mut script);
    let timeout = started + Duration::from_secs(1);
    assert_eq!(script.next_deadline(), Some(timeout));
    script.on_deadline(timeout);
    let learnt = ScriptEffect::Learnt(Condition::Fails);
    assert_eq!(effects(&mut script), [ScriptEffect::Terminate, learnt]);
    assert_eq!(script.next_deadline(), Some(timeout + PATIENCE));
    script.on_deadline(timeout + PATIENCE);
    assert_eq!(effects(&mut script), [ScriptEffect::Kill]);
    // Nothing is started before it has ended, and its end is not counted again.
    assert_eq!(script.next_deadline(), None);
    let ended = timeout + Duration::from_secs(60);
    script.on_deadline(ended);
    script.on_exit(ended, Outcome::Success);
    assert_eq!(effects(&mut script), []);
    assert_eq!(script.next_deadline(), Some(ended));
}

#[test]
fn nothing_happens_before_its_time() {
    let mut script = Script::new(settings(), START + Duration::from_secs(1));
    script.on_deadline(START);
    script.on_exit(START, Outcome::Failure);
    assert_eq!(effects(&mut script), []);
}
