//! What survives a reload, what the operator overrides, and what timeouts do.

use std::num::NonZeroU32;

use super::*;

fn settings() -> BackendSettings {
    BackendSettings::new(([192, 0, 2, 1], 53).into())
}

#[test]
fn state_outlives_a_reload_of_the_same_backend() {
    let old = Backend::new(settings(), 2);
    old.assume_up();
    old.on_sent(0);
    let changed = BackendSettings {
        order: 7,
        ..settings()
    };
    assert!(old.settings().same_identity(&changed));
    let new = Backend::inherit(changed, &old);
    assert!(new.is(&old) && new.is_up());
    let _ = old.on_reply(0, Transport::Udp, Duration::from_millis(128), Rcode::NOERROR);
    assert_eq!(
        (new.total(Counter::Responses), new.outstanding()),
        (1, 0),
        "pending queries finish on the new one"
    );
    assert_eq!(new.latency_us(), 1000.0);
    assert!(!Backend::new(settings(), 2).is(&old));
    assert!(!settings().same_identity(&BackendSettings {
        name: "other".to_owned(),
        ..settings()
    }));
}

#[test]
fn the_operators_word_holds_until_the_file_says_something_else() {
    let old = Backend::new(settings(), 1);
    old.assume_up();
    for (mode, status, is_up) in [
        (Mode::Up, Status::ForcedUp, true),
        (Mode::Down, Status::ForcedDown, false),
        (Mode::Drain, Status::Drain, false),
        (Mode::Auto, Status::Up, true),
        (Mode::Lazy, Status::Up, true),
    ] {
        old.set_mode(mode);
        assert_eq!((old.mode(), old.status(), old.is_up()), (mode, status, is_up));
    }
    old.set_mode(Mode::Drain);
    let same = Backend::inherit(
        BackendSettings {
            order: 2,
            ..settings()
        },
        &old,
    );
    assert_eq!(same.mode(), Mode::Drain, "an unrelated change keeps it");
    let changed = Backend::inherit(
        BackendSettings {
            mode: Mode::Up,
            ..settings()
        },
        &old,
    );
    assert_eq!(changed.mode(), Mode::Up, "the file's mode changed");
    assert_eq!(old.mode(), Mode::Drain, "and the old snapshot is untouched");
}

#[test]
fn only_probed_backends_wait_for_their_first_probe() {
    for (mode, is_up) in [
        (Mode::Auto, false),
        (Mode::Lazy, true),
        (Mode::Up, true),
        (Mode::Down, false),
    ] {
        assert_eq!(
            Backend::new(BackendSettings { mode, ..settings() }, 1).is_up(),
            is_up,
            "{mode:?}"
        );
    }
}

#[test]
fn timeouts_in_a_row_eject_and_a_reply_starts_over() {
    let backend = Backend::new(
        BackendSettings {
            consecutive_timeouts: NonZeroU32::new(3),
            ..settings()
        },
        2,
    );
    backend.assume_up();
    for worker in [0, 1, 0, 1, 0, 1, 0, 1] {
        backend.on_sent(worker);
    }
    assert!(!backend.on_timeout(0) && !backend.on_timeout(1));
    let _ = backend.on_reply(0, Transport::Udp, Duration::ZERO, Rcode::SERVFAIL);
    assert!(!backend.on_timeout(0) && !backend.on_timeout(1) && backend.is_up());
    assert!(
        backend.on_timeout(1),
        "the third in a row, whichever worker sees it"
    );
    assert!(!backend.is_up() && backend.status() == Status::Down);
    assert!(!backend.on_timeout(1), "told once");
    assert_eq!((backend.total(Counter::Timeouts), backend.outstanding()), (6, 1));
}

#[test]
fn timeouts_never_eject_against_the_operators_word_or_without_a_limit() {
    let forced = Backend::new(
        BackendSettings {
            mode: Mode::Up,
            ..settings()
        },
        1,
    );
    let unlimited = Backend::new(
        BackendSettings {
            consecutive_timeouts: None,
            ..settings()
        },
        1,
    );
    forced.assume_up();
    unlimited.assume_up();
    for backend in [forced, unlimited] {
        assert!((0..1000).all(|_| !backend.on_timeout(0)) && backend.is_up());
    }
}

#[test]
fn connections_are_counted_and_limited() {
    let mut settings = settings();
    settings.tcp.max_connections = NonZeroU32::new(2);
    let backend = Backend::new(settings, 2);
    assert!(backend.try_connect(0) && backend.try_connect(1) && !backend.try_connect(0));
    backend.on_disconnect(1, 50, Duration::from_secs(1));
    assert_eq!(
        (backend.tcp_connections(), backend.tcp_most_connections()),
        (1, 2)
    );
    assert!(backend.try_connect(1));
    assert_eq!(backend.total(Counter::TcpTooManyConnections), 1);
    assert_eq!(backend.total(Counter::TcpNewConnections), 3);
    // One sample of 50 on worker 1, which opened two of three connections, weighs a hundredth.
    assert!((backend.tcp_queries_per_connection() - 0.5 * 2.0 / 3.0).abs() < 1e-9);
}

#[test]
fn latency_of_all_workers_is_weighted_by_their_replies() {
    let backend = Backend::new(settings(), 3);
    for _ in 0..3 {
        let _ = backend.on_reply(0, Transport::Udp, Duration::ZERO, Rcode::NOERROR);
    }
    let _ = backend.on_reply(1, Transport::Udp, Duration::from_micros(128 * 8), Rcode::NOERROR);
    assert!((backend.latency_us() - 2.0).abs() < 1e-9);
    assert!((backend.latency_of(1) - 8.0).abs() < 1e-9);
}

#[test]
fn identifiers_print_parse_and_derive() {
    let id: crate::BackendId = "019b2c3d-4e5f-7a8b-9cad-be0f1a2b3c4d".parse().expect("a UUID");
    assert_eq!(id.to_string(), "019b2c3d-4e5f-7a8b-9cad-be0f1a2b3c4d");
    for bad in [
        "",
        "019b2c3d4e5f7a8b9cadbe0f1a2b3c4d",
        "019b2c3d-4e5f-7a8b-9cad-be0f1a2b3c4",
        "019b2c3d-4e5f-7a8b-9cad-be0f1a2b3c4d-",
        "g19b2c3d-4e5f-7a8b-9cad-be0f1a2b3c4d",
    ] {
        assert!(bad.parse::<crate::BackendId>().is_err(), "{bad}");
    }
    let derived = |port, name| crate::BackendId::derived(([192, 0, 2, 1], port).into(), name);
    assert_eq!(derived(53, "a"), derived(53, "a"));
    assert_ne!(derived(53, "a"), derived(53, "b"));
    assert_ne!(derived(53, "a"), derived(54, "a"));
    let text = derived(53, "a").to_string();
    assert_eq!((&text[14..15], text.parse()), ("8", Ok(derived(53, "a"))));
}
