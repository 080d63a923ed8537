use super::*;

const START: Timestamp = Timestamp::from_secs(1000);

fn announcer(change: impl FnOnce(&mut Announcing)) -> Announcer {
    let mut settings = Announcing::default();
    change(&mut settings);
    Announcer::new(settings)
}

/// When it announces after `from`, in milliseconds, and how many times, until `until`.
fn announcements(announcer: &mut Announcer, from: Timestamp, until: Duration) -> Vec<(u128, u8)> {
    let mut seen = Vec::new();
    while let Some(at) = announcer.next_deadline().filter(|at| at.since(from) <= until) {
        let times = announcer.on_deadline(at);
        if times > 0 {
            seen.push((at.since(from).as_millis(), times));
        }
    }
    seen
}

#[test]
fn a_new_master_announces_at_once_and_again_as_keepalived_does() {
    let mut announcer = announcer(|settings| settings.refresh = Refresh::Every(Duration::ZERO));
    assert_eq!(announcer.start(START), 5);
    let seen = announcements(&mut announcer, START, Duration::from_secs(3600));
    assert_eq!(seen, [(5000, 5)]);
}

#[test]
fn a_refresh_of_keepalived_comes_as_configured() {
    let mut announcer = announcer(|settings| {
        settings.delay = Duration::ZERO;
        settings.refresh = Refresh::Every(Duration::from_secs(60));
        settings.refresh_repeat = 2;
    });
    announcer.start(START);
    let seen = announcements(&mut announcer, START, Duration::from_secs(180));
    assert_eq!(seen, [(60_000, 2), (120_000, 2), (180_000, 2)]);
}

#[test]
fn a_change_is_announced_soon_then_often_then_seldom() {
    let mut announcer = announcer(|settings| settings.delay = Duration::ZERO);
    announcer.start(START);
    let seen = announcements(&mut announcer, START, Duration::from_secs(130));
    let expected = [100, 300, 1000]
        .into_iter()
        .chain((1..=20).map(|n| 1000 + 3000 * n))
        .chain([91_000, 121_000]);
    assert_eq!(seen, expected.map(|at| (at, 1)).collect::<Vec<_>>());
}

#[test]
fn a_later_change_starts_anew() {
    let mut announcer = announcer(|_| {});
    announcer.start(START);
    announcements(&mut announcer, START, Duration::from_secs(300));
    let later = START + Duration::from_secs(300);
    announcer.change(later);
    let seen = announcements(&mut announcer, later, Duration::from_secs(5));
    assert_eq!(seen, [(100, 1), (300, 1), (1000, 1), (4000, 1)]);
}

#[test]
fn claims_are_answered_at_once_and_never_faster_than_the_pace() {
    let mut announcer = announcer(|settings| settings.refresh = Refresh::Every(Duration::ZERO));
    announcer.start(START);
    announcer.again = None;
    let mut answers = 0;
    for ms in 0..1000 {
        let now = START + Duration::from_millis(ms);
        answers += announcer.on_claim(now) + announcer.on_deadline(now);
        assert!(ms > 0 || answers == 1);
    }
    assert!((10..=15).contains(&answers), "{answers}");
    // The last claim has an answer after it.
    assert_eq!(
        announcements(&mut announcer, START, Duration::from_secs(2)).len(),
        1
    );
}

#[test]
fn changes_without_pause_do_not_hold_announcements_up() {
    let mut announcer = announcer(|settings| settings.delay = Duration::ZERO);
    announcer.start(START);
    let mut announced = 0;
    for ms in 0..1000 {
        let now = START + Duration::from_millis(ms);
        announcer.change(now);
        announced += announcer.on_deadline(now);
    }
    assert!((9..=10).contains(&announced), "{announced}");
}

#[test]
fn a_lower_master_is_answered_by_its_own_numbers() {
    let mut announcer = announcer(|settings| {
        settings.lower_repeat = 3;
        settings.lower_delay = Duration::from_secs(2);
        settings.refresh = Refresh::Every(Duration::ZERO);
    });
    announcer.start(START);
    assert_eq!(announcer.on_lower(START), 3);
    let seen = announcements(&mut announcer, START, Duration::from_secs(60));
    assert_eq!(seen, [(2000, 3)]);
}

#[test]
fn what_is_hastened_comes_at_the_next_call() {
    let mut announcer = announcer(|settings| settings.refresh = Refresh::Every(Duration::ZERO));
    announcer.hasten(START);
    assert_eq!(announcer.next_deadline(), Some(START));
    assert_eq!(announcer.on_deadline(START), 1);
    assert_eq!(announcer.next_deadline(), None);
}

#[test]
fn one_that_stopped_is_silent() {
    let mut announcer = announcer(|_| {});
    announcer.start(START);
    announcer.stop();
    assert_eq!(announcer.next_deadline(), None);
    assert_eq!(announcer.on_deadline(START + Duration::from_secs(60)), 0);
}
