use super::*;

const START: Timestamp = Timestamp::from_secs(1000);

fn load(change: impl FnOnce(&mut LoadSettings)) -> Load {
    let mut settings = LoadSettings::default();
    change(&mut settings);
    Load::new(settings)
}

fn after(secs: u64) -> Timestamp {
    START + Duration::from_secs(secs)
}

#[test]
fn what_is_not_configured_is_not_looked_at() {
    let mut load = load(|_| {});
    load.on_load(START, 100_000);
    load.on_delay(START, Duration::from_secs(100));
    load.on_drops(START, 0);
    load.on_drops(after(1), 1_000_000);
    assert_eq!(load.condition(after(1)), Condition::Holds);
}

#[test]
fn a_high_load_average_fails_until_it_was_calm_for_long_enough() {
    let mut load = load(|settings| settings.load = Some(800));
    load.on_load(START, 800);
    assert_eq!(load.condition(START), Condition::Holds);
    load.on_load(after(1), 801);
    assert_eq!(load.condition(after(1)), Condition::Fails);
    for second in 2..6 {
        load.on_load(after(second), 100);
        assert_eq!(load.condition(after(second)), Condition::Fails);
    }
    assert_eq!(load.condition(after(6)), Condition::Holds);
}

#[test]
fn one_late_wake_up_is_no_overload_and_many_are() {
    let mut load = load(|settings| settings.delay = Some(Duration::from_millis(20)));
    load.on_delay(START, Duration::from_millis(300));
    assert_eq!(load.condition(START), Condition::Holds);
    for _ in 0..DELAY_SAMPLES {
        load.on_delay(START, Duration::from_millis(40));
    }
    assert_eq!(load.condition(START), Condition::Fails);
}

#[test]
fn drops_are_counted_per_second() {
    let mut load = load(|settings| settings.drops = Some(100));
    load.on_drops(START, 5_000_000);
    load.on_drops(after(2), 5_000_200);
    assert_eq!(load.condition(after(2)), Condition::Holds);
    load.on_drops(after(4), 5_000_401);
    assert_eq!(load.condition(after(4)), Condition::Fails);
    // A counter that starts anew counts nothing.
    load.on_drops(after(20), 3);
    assert_eq!(load.condition(after(20)), Condition::Holds);
}
