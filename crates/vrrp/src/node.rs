//! All routers of one machine, their groups and trackers.

use std::collections::VecDeque;
use std::net::IpAddr;

use weir_wire::Timestamp;

use crate::effect::Effect;
use crate::settings::{Condition, NodeSettings};

/// An advert as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// Where to: a group or this node.
    pub destination: IpAddr,
    /// Its TTL or hop limit.
    pub hops: u8,
    /// The VRRP message, and padding.
    pub message: &'a [u8],
}

/// All routers of one machine.
#[derive(Debug)]
pub struct Node {
    settings: NodeSettings,
    effects: VecDeque<Effect>,
}

impl Node {
    /// A node that has just started; every router waits for its interface and its trackers.
    pub fn new(settings: NodeSettings, _now: Timestamp) -> Self {
        Self {
            settings,
            effects: VecDeque::new(),
        }
    }

    /// An advert has come in on the interface of `router`.
    pub fn on_packet(&mut self, _now: Timestamp, _router: usize, _received: &Received<'_>) {}

    /// The interface of `router` has come up with this address of its own (`Some`), or cannot be used (`None`).
    pub fn on_link(&mut self, _now: Timestamp, _router: usize, _source: Option<IpAddr>) {}

    /// Something tracked holds, fails, or is not known.
    pub fn on_tracker(&mut self, _now: Timestamp, _tracker: usize, _condition: Condition) {}

    /// A foreign station says that it has an address of `router` (ARP, neighbour discovery).
    pub fn on_claim(&mut self, _now: Timestamp, _router: usize, _address: IpAddr) {}

    /// Somebody else has removed an address of `router` that this node holds.
    pub fn on_address_lost(&mut self, _now: Timestamp, _router: usize, _address: IpAddr) {}

    /// Performs what is due.
    pub fn on_deadline(&mut self, _now: Timestamp) {}

    /// When [`on_deadline`](Self::on_deadline) is to be called; `None` is never.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let _ = self.settings.startup_delay;
        None
    }

    /// What is to be done next.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }
}
