//! Whole nodes: what they do alone, and several of them in one virtual network.

mod alone;
mod groups;
mod inherit;
mod reload;
mod scenes;
mod sim;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU8;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::*;

/// The group that adverts go to.
pub(crate) const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
/// The address that floats.
pub(crate) const FLOATING: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));

/// The own address of the node with this number.
pub(crate) fn address(node: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, node).into()
}

/// Version 2 at a second, as the blueprint has it.
pub(crate) fn v2(priority: u8) -> RouterSettings {
    RouterSettings {
        version: Version::V2,
        interval: Interval::new(Version::V2, Duration::from_secs(1)).unwrap(),
        authentication: Authentication::Password(*b"secret\0\0"),
        ..v3(priority, 1000)
    }
}

/// Version 3.
pub(crate) fn v3(priority: u8, interval_ms: u64) -> RouterSettings {
    RouterSettings {
        name: "dns".to_owned(),
        version: Version::V3,
        family: Family::V4,
        vrid: Vrid(NonZeroU8::new(53).unwrap()),
        priority: Priority(NonZeroU8::new(priority).unwrap()),
        interval: Interval::new(Version::V3, Duration::from_millis(interval_ms)).unwrap(),
        authentication: Authentication::None,
        start: StartState::Backup,
        preemption: Preemption::Immediate,
        addresses: vec![FLOATING],
        destination: Destination::Multicast(GROUP),
        checksum: ChecksumForm::PseudoHeader,
        down_adverts: NonZeroU8::new(3).unwrap(),
        answer_lower: true,
        answer_higher: true,
        announcing: Announcing::default(),
    }
}

/// A node of one router that tracks what `tracking` says, each thing by a tracker of its own.
pub(crate) fn node_settings(router: RouterSettings, weights: &[Weight]) -> NodeSettings {
    let tracking = weights.iter().enumerate().map(|(tracker, weight)| Tracking {
        tracker,
        weight: *weight,
        reverse: false,
    });
    NodeSettings {
        routers: vec![(router, tracking.collect())],
        trackers: weights
            .iter()
            .map(|weight| TrackerSettings {
                name: format!("{weight:?}"),
                initially: Condition::Unknown,
            })
            .collect(),
        ..NodeSettings::default()
    }
}

/// A node by itself, with its clock.
pub(crate) struct Rig {
    pub(crate) node: Node,
    pub(crate) now: Timestamp,
}

impl Rig {
    /// A node that has just started, without a link.
    pub(crate) fn new(settings: NodeSettings) -> Self {
        let now = Timestamp::from_secs(1000);
        Self {
            node: Node::new(settings, now),
            now,
        }
    }

    /// One whose interfaces are up.
    pub(crate) fn linked(settings: NodeSettings) -> Self {
        let routers = settings.routers.len();
        let mut rig = Self::new(settings);
        for router in 0..routers {
            rig.node.on_link(rig.now, router, Some(address(1)));
        }
        rig
    }

    /// One that has become master of all its routers, and has said so.
    pub(crate) fn master(settings: NodeSettings) -> Self {
        let mut rig = Self::linked(settings);
        while rig.state() != RouterState::Master {
            rig.step();
        }
        rig.effects();
        rig
    }

    /// Goes to the next deadline.
    pub(crate) fn step(&mut self) {
        self.now = self.node.next_deadline().expect("something is due").max(self.now);
        self.node.on_deadline(self.now);
    }

    /// Lets so much time pass, with every deadline in it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.node.next_deadline().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    pub(crate) fn status(&self) -> RouterStatus<'_> {
        self.node.status(0).expect("there is a router")
    }

    pub(crate) fn state(&self) -> RouterState {
        self.status().state
    }

    /// An advert of this priority from the node with this number, for router `router`.
    pub(crate) fn hear_for(&mut self, router: usize, from: u8, priority: u8) {
        let settings = self.node.status(router).unwrap().settings.clone();
        self.hear_as(&settings, router, from, priority);
    }

    /// The same as a router with these settings would send it.
    pub(crate) fn hear_as(&mut self, settings: &RouterSettings, router: usize, from: u8, priority: u8) {
        let message = Advert::emit(settings, priority, address(from), GROUP);
        let received = Received {
            source: address(from),
            destination: GROUP,
            hops: 255,
            message: &message,
        };
        self.node.on_packet(self.now, router, &received);
    }

    pub(crate) fn hear(&mut self, from: u8, priority: u8) {
        self.hear_for(0, from, priority);
    }

    /// What the node wants done, without what is for the journal.
    pub(crate) fn effects(&mut self) -> Vec<Effect> {
        self.all_effects()
            .into_iter()
            .filter(|effect| !matches!(effect, Effect::Log(_)))
            .collect()
    }

    pub(crate) fn all_effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.node.next_effect()).collect()
    }

    /// The same in letters: [`letter`].
    pub(crate) fn letters(&mut self) -> String {
        self.effects().iter().map(letter).collect()
    }
}

/// An effect as a letter: Hold, Release, Announce, Advert as S, farewell as Z; what scripts are told as m, b, f, s, l
/// (for a lower master), and for groups as M, B, F.
pub(crate) fn letter(effect: &Effect) -> char {
    match effect {
        Effect::Send { message, .. } if message[2] == 0 => 'Z',
        Effect::Send { .. } => 'S',
        Effect::Hold { .. } => 'H',
        Effect::Release { .. } => 'R',
        Effect::Announce { .. } => 'A',
        Effect::Notify { state, .. } => match state {
            NotifyState::Master => 'm',
            NotifyState::Backup => 'b',
            NotifyState::Fault => 'f',
            NotifyState::Stop => 's',
            NotifyState::MasterRxLowerPri => 'l',
        },
        Effect::NotifyGroup { state, .. } => match state {
            NotifyState::Master => 'M',
            NotifyState::Backup => 'B',
            NotifyState::Fault => 'F',
            NotifyState::Stop => 'X',
            NotifyState::MasterRxLowerPri => 'L',
        },
        Effect::Log(_) => '.',
    }
}
