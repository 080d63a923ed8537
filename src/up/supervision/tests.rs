use RoleName::{Auth, Front, Resolve, Vip};

use super::*;

/// A node in simulated time: processes that start, answer and end as told.
#[derive(Default)]
struct Simulation {
    machine: Supervision,
    now: Timestamp,
    /// What was done, and when.
    done: Vec<(Duration, Effect)>,
}

impl Simulation {
    fn with(roles: &[RoleName]) -> Self {
        let mut simulation = Self::default();
        simulation.wants(roles, Change::Keep);
        simulation
    }

    fn wants(&mut self, roles: &[RoleName], change: Change) {
        let wanted: Vec<_> = roles.iter().map(|role| (*role, change)).collect();
        self.machine.on_roles(self.now, &wanted);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(effect) = self.machine.next_effect() {
            self.done.push((self.now.since(Timestamp::default()), effect));
        }
    }

    fn ready(&mut self, role: RoleName) {
        self.machine.on_ready(self.now, role);
        self.collect();
    }

    fn exit(&mut self, role: RoleName) {
        self.machine.on_exit(self.now, role, "exit status: 1");
        self.collect();
    }

    fn stop(&mut self) {
        self.machine.on_stop(self.now);
        self.collect();
    }

    /// Lets time pass, as the loop would: to each deadline in turn.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..10_000 {
            match self.machine.next_deadline() {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.machine.on_deadline(self.now);
                    self.collect();
                }
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("deadlines do not pass: {:?}", self.machine);
    }

    /// What was done since the last call.
    fn effects(&mut self) -> Vec<Effect> {
        self.done.drain(..).map(|(_, effect)| effect).collect()
    }

    fn up(roles: &[RoleName]) -> Self {
        let mut simulation = Self::with(roles);
        for role in [Auth, Resolve, Front, Vip] {
            simulation.ready(role);
        }
        simulation.done.clear();
        simulation
    }

    fn state(&self, role: RoleName) -> Option<State> {
        self.machine.state(role)
    }

    fn order_stop(&mut self, role: RoleName) {
        self.machine.on_order_to_stop(self.now, role);
        self.collect();
    }

    fn order_start(&mut self, role: RoleName) {
        self.machine.on_order_to_start(self.now, role);
        self.collect();
    }
}

const ALL: [RoleName; 4] = [Vip, Front, Resolve, Auth];

#[test]
fn each_tier_starts_when_the_one_before_answers() {
    let mut node = Simulation::with(&ALL);
    assert_eq!(node.effects(), [Effect::Start(Auth), Effect::Start(Resolve)]);
    node.ready(Auth);
    assert_eq!(node.effects(), []);
    node.ready(Resolve);
    assert_eq!(node.effects(), [Effect::Start(Front)]);
    assert!(!node.machine.is_settled());
    node.ready(Front);
    assert_eq!(node.effects(), [Effect::Start(Vip)]);
    node.ready(Vip);
    assert!(node.machine.is_settled());
    assert_eq!(node.machine.next_deadline(), None);
}

#[test]
fn a_server_that_never_answers_holds_nobody_up_for_ever() {
    let mut node = Simulation::with(&ALL);
    node.ready(Auth);
    node.pass(ORDER_PATIENCE - Duration::from_millis(1));
    assert_eq!(node.effects(), [Effect::Start(Auth), Effect::Start(Resolve)]);
    node.pass(Duration::from_millis(1));
    assert_eq!(node.effects(), [Effect::Start(Front)]);
    node.ready(Front);
    node.ready(Vip);
    assert!(node.machine.is_settled());
    node.pass(START_TIMEOUT - ORDER_PATIENCE);
    assert_eq!(
        node.effects(),
        [Effect::Start(Vip), Effect::Ask(Resolve)],
        "and is started again"
    );
    node.exit(Resolve);
    node.pass(FIRST_PAUSE);
    assert_eq!(node.effects(), [Effect::Start(Resolve)]);
}

#[test]
fn pauses_double_up_to_the_longest_and_stay_there() {
    let mut node = Simulation::with(&[Front]);
    let mut starts = Vec::new();
    for _ in 0..12 {
        node.exit(Front);
        node.pass(LONGEST_PAUSE);
        starts.extend(node.done.drain(..).map(|(at, _)| at));
    }
    // The first one waits for nothing; each further one follows an exit after its pause.
    let began = |index: usize| LONGEST_PAUSE * index as u32;
    let pauses: Vec<_> = starts
        .iter()
        .skip(1)
        .enumerate()
        .map(|(i, at)| *at - began(i))
        .collect();
    let expected = (0..12).map(|doubled| (FIRST_PAUSE * 2u32.pow(doubled)).min(LONGEST_PAUSE));
    assert_eq!(pauses, expected.collect::<Vec<_>>());
}

#[test]
fn a_role_that_was_well_begins_with_the_first_pause_again() {
    for (ran, pause) in [
        (WELL, FIRST_PAUSE),
        (WELL - Duration::from_millis(1), FIRST_PAUSE * 2),
    ] {
        let mut node = Simulation::with(&[Front]);
        node.exit(Front);
        node.pass(FIRST_PAUSE);
        node.ready(Front);
        node.pass(ran);
        node.exit(Front);
        assert_eq!(
            node.state(Front),
            Some(State::Resting {
                until: node.now + pause
            })
        );
    }
}

#[test]
fn a_role_that_rests_holds_up_nobody() {
    let mut node = Simulation::up(&ALL);
    for _ in 0..8 {
        node.exit(Auth);
        node.pass(LONGEST_PAUSE);
    }
    node.exit(Auth);
    node.effects();
    node.exit(Front);
    node.pass(FIRST_PAUSE);
    assert_eq!(node.effects(), [Effect::Start(Front)]);
    assert!(matches!(node.state(Vip), Some(State::Up { .. })));
}

#[test]
fn the_address_goes_first_and_the_servers_last() {
    let mut node = Simulation::up(&ALL);
    node.stop();
    assert_eq!(node.effects(), [Effect::Ask(Vip)]);
    node.exit(Vip);
    assert_eq!(node.effects(), [Effect::Forget(Vip), Effect::Ask(Front)]);
    node.exit(Front);
    assert_eq!(
        node.effects(),
        [Effect::Forget(Front), Effect::Ask(Auth), Effect::Ask(Resolve)]
    );
    node.exit(Resolve);
    assert!(!node.machine.is_stopped());
    node.exit(Auth);
    assert!(node.machine.is_stopped());
}

#[test]
fn a_stop_skips_what_does_not_run() {
    let mut node = Simulation::up(&ALL);
    node.exit(Vip);
    node.stop();
    assert_eq!(node.effects(), [Effect::Forget(Vip), Effect::Ask(Front)]);
    let mut node = Simulation::with(&ALL);
    node.effects();
    node.stop();
    assert_eq!(
        node.effects(),
        [
            Effect::Forget(Front),
            Effect::Forget(Vip),
            Effect::Ask(Auth),
            Effect::Ask(Resolve)
        ]
    );
}

#[test]
fn a_stop_is_over_in_time_though_nothing_ends() {
    let mut node = Simulation::up(&ALL);
    node.stop();
    node.pass(Duration::from_secs(40));
    assert!(node.machine.is_stopped(), "{:?}", node.machine);
    let forced = node
        .done
        .iter()
        .filter(|(_, effect)| matches!(effect, Effect::Force(_)));
    assert_eq!(forced.count(), ALL.len());
}

#[test]
fn a_reload_reaches_what_runs_and_waits_for_what_starts() {
    let mut node = Simulation::up(&[Front, Auth]);
    node.exit(Auth);
    node.pass(FIRST_PAUSE);
    node.effects();
    node.wants(&[Front, Auth], Change::Reload);
    assert_eq!(node.effects(), [Effect::Reload(Front)]);
    node.ready(Auth);
    assert_eq!(node.effects(), [Effect::Reload(Auth)]);
    node.wants(&[Front, Auth], Change::Keep);
    assert_eq!(node.effects(), []);
}

#[test]
fn roles_come_and_go_with_the_site_file() {
    let mut node = Simulation::up(&[Front, Vip]);
    node.wants(&[Auth], Change::Keep);
    assert_eq!(node.effects(), [Effect::Start(Auth), Effect::Ask(Vip)]);
    node.exit(Vip);
    assert_eq!(node.effects(), [Effect::Forget(Vip), Effect::Ask(Front)]);
    node.exit(Front);
    assert_eq!(node.effects(), [Effect::Forget(Front)]);
    assert_eq!(node.machine.wards().len(), 1);
}

#[test]
fn a_role_that_was_leaving_comes_back() {
    let mut node = Simulation::up(&[Front, Vip]);
    node.wants(&[Front], Change::Keep);
    node.wants(&[Front, Vip], Change::Keep);
    node.exit(Vip);
    assert_eq!(node.effects(), [Effect::Ask(Vip), Effect::Start(Vip)]);
}

#[test]
fn a_restart_ends_it_and_starts_it_at_once() {
    let mut node = Simulation::up(&[Front]);
    node.wants(&[Front], Change::Restart);
    node.exit(Front);
    assert_eq!(node.effects(), [Effect::Ask(Front), Effect::Start(Front)]);
    let ward = &node.machine.wards()[0];
    assert_eq!((ward.failures, ward.reason.as_deref()), (0, None));
}

#[test]
fn what_an_operator_stops_stays_stopped_until_an_operator_starts_it() {
    let mut node = Simulation::up(&ALL);
    node.order_stop(Front);
    node.exit(Front);
    assert_eq!(node.effects(), [Effect::Ask(Front)]);
    assert_eq!(node.state(Front), Some(State::Stopped));
    node.pass(LONGEST_PAUSE * 2);
    node.wants(&ALL, Change::Reload);
    node.wants(&ALL, Change::Restart);
    node.order_stop(Front);
    let is_front = |effect: &Effect| [Effect::Start(Front), Effect::Ask(Front)].contains(effect);
    assert!(!node.effects().iter().any(is_front));
    assert_eq!(node.state(Front), Some(State::Stopped));
    node.order_start(Front);
    assert_eq!(node.effects(), [Effect::Start(Front)]);
    let ward = &node.machine.wards()[2];
    assert_eq!((ward.role, ward.failures), (Front, 0));
}

#[test]
fn what_another_program_has_left_goes_on_and_what_is_missing_starts() {
    let mut node = Simulation::default();
    let since = node.now;
    node.machine
        .inherit(Vip, State::Up { since }, 3, Some("signal: 9".to_owned()));
    node.machine.inherit(Front, State::Stopped, 0, None);
    node.machine.inherit(Auth, State::Waiting, 0, None);
    node.wants(&ALL, Change::Keep);
    assert_eq!(node.effects(), [Effect::Start(Auth), Effect::Start(Resolve)]);
    assert_eq!(node.state(Vip), Some(State::Up { since }));
    assert_eq!(node.state(Front), Some(State::Stopped));
    node.exit(Vip);
    assert_eq!(node.machine.wards()[3].failures, 4);
    node.stop();
    assert_eq!(
        node.effects(),
        [
            Effect::Forget(Front),
            Effect::Forget(Vip),
            Effect::Ask(Auth),
            Effect::Ask(Resolve)
        ]
    );
}

#[test]
fn an_order_to_stop_reaches_a_role_wherever_it_is() {
    let mut waiting = Simulation::with(&ALL);
    let mut starting = Simulation::with(&[Front]);
    let mut resting = Simulation::up(&[Front]);
    resting.exit(Front);
    let mut restarting = Simulation::up(&[Front]);
    restarting.wants(&[Front], Change::Restart);
    for node in [&mut waiting, &mut starting, &mut resting, &mut restarting] {
        node.order_stop(Front);
        node.exit(Front);
        node.effects();
        node.pass(LONGEST_PAUSE);
        assert_eq!(node.state(Front), Some(State::Stopped));
        assert!(!node.effects().contains(&Effect::Start(Front)));
    }
    assert_eq!(
        waiting.state(Vip),
        Some(State::Starting {
            since: Timestamp::ZERO + ORDER_PATIENCE
        })
    );
}

#[test]
fn an_order_to_start_outdoes_one_to_stop_and_a_pause() {
    let mut node = Simulation::up(&[Front]);
    node.order_stop(Front);
    node.order_start(Front);
    node.exit(Front);
    assert_eq!(node.effects(), [Effect::Ask(Front), Effect::Start(Front)]);
    node.exit(Front);
    node.order_start(Front);
    assert_eq!(node.effects(), [Effect::Start(Front)]);
}

#[test]
fn a_stopped_role_that_does_not_end_is_killed() {
    let mut node = Simulation::up(&[Front]);
    node.order_stop(Front);
    node.pass(Tier::Front.ending_timeout());
    assert_eq!(node.effects(), [Effect::Ask(Front), Effect::Force(Front)]);
    node.exit(Front);
    assert_eq!(node.state(Front), Some(State::Stopped));
    node.wants(&[Auth], Change::Keep);
    assert_eq!(node.effects(), [Effect::Forget(Front), Effect::Start(Auth)]);
}

#[test]
fn whatever_happens_it_stops_in_time() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for round in 0..2_000 {
        let mut node = Simulation::with(&ALL);
        for _ in 0..next(40) {
            let role = ALL[next(4) as usize];
            let kept: Vec<_> = ALL.into_iter().filter(|_| next(3) > 0).collect();
            match next(8) {
                0 | 1 => node.ready(role),
                2 => node.exit(role),
                3 => node.wants(&kept, Change::Reload),
                4 => node.wants(&kept, Change::Restart),
                5 => node.order_stop(role),
                6 => node.order_start(role),
                _ => node.pass(Duration::from_millis(next(20_000))),
            }
        }
        node.stop();
        node.done.clear();
        node.pass(Duration::from_secs(50));
        assert!(node.machine.is_stopped(), "round {round}: {:?}", node.machine);
        let started = node
            .done
            .iter()
            .any(|(_, effect)| matches!(effect, Effect::Start(_)));
        assert!(!started, "round {round}: started while it stops");
    }
}
