//! Every event in every state.

use super::*;
use crate::settings::Interval;
use crate::tests::{FLOATING, address, letter, v3};

/// The columns of the table.
const STATES: [(char, RouterState); 8] = [
    ('I', RouterState::Initialize),
    ('F', RouterState::Fault),
    ('B', RouterState::Backup),
    ('M', RouterState::Master),
    ('?', RouterState::Stalled),
    ('O', RouterState::Offering),
    ('Y', RouterState::Yielding),
    ('X', RouterState::Stopped),
];

/// What follows in which state: the next state, then the effects ([`letter`]). `=` is nothing at all.
const TABLE: &str = "
    event         I     F     B      M       ?      O        Y     X
    eligible      Bb    Bb    =      =       =      =        =     =
    ineligible    Ff    =     Ff     FZZRf   FZZRf  FZZRf    FRf   =
    leaving       =     =     =      MS      =      =        =     =
    lower         =     =     =      MSAl    BRb    Y        =     =
    equal_below   =     =     =      MSAl    BRb    Y        =     =
    equal_above   =     =     =      YS      BRb    Y        =     =
    higher        =     =     =      YS      BRb    Y        =     =
    master_down   =     =     MHASm  =       =      =        MHAS  =
    advert        =     =     =      MS      MHAS   =        YS    =
    answer        =     =     =      =       =      =        =     =
    farewell      =     =     =      =       =      OZ       =     =
    offer         =     =     =      =       =      MHAS     =     =
    linger        =     =     =      =       =      =        BRb   =
    claimed       =     =     =      =       BRb    Y        =     =
    claim_stands  =     =     =      MA      BRb    Y        =     =
    lost          =     =     =      MHA     ?H     OH       YH    =
    stall         =     =     =      ?       =      =        =     =
    handover      =     =     =      OZ      OZ     =        =     =
    resume        =     =     =      =       =      MHAS     =     =
    stop          Xs    Xs    Xs     OZ      OZ     =        =     =
    group_master  =     =     MHASm  =       =      MHAS     MHAS  =
    group_yields  =     =     =      Y       BRb    =        =     =
    stop_twice    Xs    Xs    Xs     XZRs    XZRs   XRs      XRs   =
";

fn start() -> Timestamp {
    Timestamp::from_secs(1000)
}

/// A router of priority 100 that has come to this state by what happens in life.
fn router_in(state: RouterState) -> Router {
    use RouterState as S;
    let mut router = Router::new(0, v3(100, 1000), start());
    router.on_link(start(), Some(address(2)));
    let way: &[Event] = match state {
        S::Initialize => &[],
        S::Fault => &[Event::Ineligible(Reason::LinkDown)],
        S::Backup => &[Event::Eligible],
        S::Master => &[Event::Eligible, Event::Due(Timer::MasterDown)],
        S::Stalled => &[
            Event::Eligible,
            Event::Due(Timer::MasterDown),
            Event::Stall(Duration::from_secs(10)),
        ],
        S::Offering => &[
            Event::Eligible,
            Event::Due(Timer::MasterDown),
            Event::Command(Command::Handover),
        ],
        S::Yielding => &[
            Event::Eligible,
            Event::Due(Timer::MasterDown),
            heard(Standing::Higher),
        ],
        S::Stopped => &[Event::Command(Command::Stop)],
    };
    for event in way {
        router.on_event(at(*event), *event);
    }
    router.take_effects();
    assert_eq!(router.state(), state);
    router
}

/// A stall takes its time.
fn at(event: Event) -> Timestamp {
    match event {
        Event::Stall(length) => start() + length,
        _ => start(),
    }
}

fn heard(standing: Standing) -> Event {
    let priority = match standing {
        Standing::Leaving => 0,
        Standing::Lower => 50,
        Standing::EqualBelow | Standing::EqualAbove => 100,
        Standing::Higher => 150,
    };
    let seen = MasterSeen {
        address: address(if standing == Standing::EqualBelow { 1 } else { 3 }),
        priority,
        interval: Interval::new(crate::Version::V3, Duration::from_secs(1)).unwrap(),
        heard: start(),
    };
    Event::Heard(standing, seen)
}

fn events(name: &str) -> Vec<Event> {
    let command = |command| vec![Event::Command(command)];
    match name {
        "eligible" => vec![Event::Eligible],
        "ineligible" => vec![Event::Ineligible(Reason::LinkDown)],
        "leaving" => vec![heard(Standing::Leaving)],
        "lower" => vec![heard(Standing::Lower)],
        "equal_below" => vec![heard(Standing::EqualBelow)],
        "equal_above" => vec![heard(Standing::EqualAbove)],
        "higher" => vec![heard(Standing::Higher)],
        "master_down" => vec![Event::Due(Timer::MasterDown)],
        "advert" => vec![Event::Due(Timer::Advert)],
        "farewell" => vec![Event::Due(Timer::Farewell)],
        "offer" => vec![Event::Due(Timer::Offer)],
        "linger" => vec![Event::Due(Timer::Linger)],
        "claimed" => vec![Event::Claimed(FLOATING)],
        "lost" => vec![Event::AddressLost(FLOATING)],
        "stall" => vec![Event::Stall(Duration::from_secs(10))],
        "answer" => vec![Event::Due(Timer::Answer)],
        "claim_stands" => vec![Event::Claimed(FLOATING), Event::Due(Timer::Answer)],
        "handover" => command(Command::Handover),
        "resume" => command(Command::Resume),
        "stop" => command(Command::Stop),
        "stop_twice" => [command(Command::Stop), command(Command::Stop)].concat(),
        "group_master" => command(Command::GroupMaster(1)),
        "group_yields" => command(Command::GroupYields(1)),
        other => panic!("no event {other}"),
    }
}

#[test]
fn every_event_in_every_state() {
    let mut rows = TABLE.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<&str> = rows.next().unwrap().split_whitespace().skip(1).collect();
    assert_eq!(header, STATES.map(|(letter, _)| letter.to_string()));
    let mut wrong = Vec::new();
    for row in rows {
        let mut cells = row.split_whitespace();
        let name = cells.next().unwrap();
        let cells: Vec<&str> = cells.collect();
        assert_eq!(cells.len(), STATES.len(), "{name}");
        for ((column, state), cell) in STATES.iter().zip(cells) {
            let mut router = router_in(*state);
            for event in events(name) {
                router.on_event(at(event), event);
            }
            let after = STATES
                .iter()
                .find(|(_, state)| *state == router.state())
                .unwrap()
                .0;
            let effects = router.take_effects();
            let mut seen: String = effects.iter().map(letter).filter(|c| *c != '.').collect();
            seen.insert(0, after);
            let nothing = after == *column && seen.len() == 1;
            if seen != cell && !(nothing && cell == "=") {
                wrong.push(format!("{name} in {state}: {seen}, not {cell}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_states_are_all_in_the_table() {
    assert_eq!(STATES.map(|(_, state)| state), RouterState::ALL);
}

#[test]
fn timers_of_a_state_do_not_outlive_it() {
    let allowed: &[(RouterState, &[Timer])] = &[
        (RouterState::Initialize, &[]),
        (RouterState::Fault, &[]),
        (RouterState::Backup, &[Timer::MasterDown]),
        (RouterState::Master, &[Timer::Advert]),
        (RouterState::Stalled, &[Timer::Advert]),
        (RouterState::Offering, &[Timer::Farewell, Timer::Offer]),
        (
            RouterState::Yielding,
            &[Timer::MasterDown, Timer::Advert, Timer::Linger],
        ),
        (RouterState::Stopped, &[]),
    ];
    let all = [
        Timer::MasterDown,
        Timer::Advert,
        Timer::Answer,
        Timer::Farewell,
        Timer::Offer,
        Timer::Linger,
    ];
    for (state, allowed) in allowed {
        let router = router_in(*state);
        for timer in all {
            assert_eq!(
                router.timers.at(timer).is_some(),
                allowed.contains(&timer),
                "{timer:?} in {state}"
            );
        }
    }
}
