//! What a router shows of itself: its state, why it is in it, its numbers.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::reject::RejectKind;
use crate::settings::{Interval, RouterSettings};

/// The state of a router (RFC 9568 §6.4, and what a floating address needs beside it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouterState {
    /// Not everything that it needs is known yet.
    Initialize,
    /// Something that it needs fails.
    Fault,
    /// Stands by.
    Backup,
    /// Holds the address and says so.
    Master,
    /// Was master and stood still for so long that another may have taken over; holds the address, says nothing,
    /// and looks at what has come in meanwhile.
    Stalled,
    /// Has said that it goes (priority 0), and answers until a successor is heard.
    Offering,
    /// Has heard another master, and answers a moment longer for the sake of what is under way.
    Yielding,
    /// Has finished.
    Stopped,
}

impl RouterState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Initialize,
        Self::Fault,
        Self::Backup,
        Self::Master,
        Self::Stalled,
        Self::Offering,
        Self::Yielding,
        Self::Stopped,
    ];

    /// Whether the node has the address in this state.
    pub const fn holds(self) -> bool {
        matches!(
            self,
            Self::Master | Self::Stalled | Self::Offering | Self::Yielding
        )
    }

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Fault => "fault",
            Self::Backup => "backup",
            Self::Master => "master",
            Self::Stalled => "stalled",
            Self::Offering => "offering",
            Self::Yielding => "yielding",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for RouterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a router is in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The program has started.
    Started,
    /// Everything that it needs holds.
    Ready,
    /// The interface has no link, or no address to send from.
    LinkDown,
    /// This tracker fails ([`crate::NodeSettings::trackers`]).
    TrackerFails(usize),
    /// This tracker is not known.
    TrackerUnknown(usize),
    /// This member of its group cannot be master.
    GroupFails(usize),
    /// This member of its group has become master.
    GroupMaster(usize),
    /// This member of its group has heard a higher master.
    GroupYields(usize),
    /// It owns the address.
    Owner,
    /// It heard no master at all.
    NoMaster,
    /// The master fell silent.
    MasterSilent(IpAddr),
    /// The master said that it goes.
    MasterLeft(IpAddr),
    /// The master has a lower priority.
    LowerMaster(IpAddr, u8),
    /// A master of higher priority, or of the same and a higher address.
    HigherMaster(IpAddr, u8),
    /// It was asked to hand over.
    Handover,
    /// It was asked to stay after all.
    Recalled,
    /// Nobody took over what it offered.
    NobodyTookOver,
    /// A successor sends adverts.
    SuccessorHeard(IpAddr),
    /// A successor announces the address.
    SuccessorClaims,
    /// It stood still.
    StoodStill,
    /// Another took over while it stood still.
    Superseded,
    /// It goes on as master in the place of another program of this node.
    Inherited,
    /// The program ends.
    Stopping,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("started"),
            Self::Ready => f.write_str("everything needed holds"),
            Self::LinkDown => f.write_str("the interface is down or has no address"),
            Self::TrackerFails(tracker) => write!(f, "tracker {tracker} fails"),
            Self::TrackerUnknown(tracker) => write!(f, "tracker {tracker} is not known yet"),
            Self::GroupFails(router) => write!(f, "router {router} of the group is not eligible"),
            Self::GroupMaster(router) => write!(f, "router {router} of the group has become master"),
            Self::GroupYields(router) => write!(f, "router {router} of the group has yielded"),
            Self::Owner => f.write_str("it owns the address"),
            Self::NoMaster => f.write_str("no master was heard"),
            Self::MasterSilent(address) => write!(f, "the master {address} fell silent"),
            Self::MasterLeft(address) => write!(f, "the master {address} left"),
            Self::LowerMaster(address, priority) => {
                write!(f, "the master {address} has the lower priority {priority}")
            }
            Self::HigherMaster(address, priority) => {
                write!(f, "{address} is master with priority {priority}")
            }
            Self::Handover => f.write_str("asked to hand over"),
            Self::Recalled => f.write_str("asked to stay"),
            Self::NobodyTookOver => f.write_str("nobody took over"),
            Self::SuccessorHeard(address) => write!(f, "{address} took over"),
            Self::SuccessorClaims => f.write_str("a successor announced the address"),
            Self::StoodStill => f.write_str("this node stood still for longer than others wait"),
            Self::Superseded => f.write_str("another took over while this node stood still"),
            Self::Inherited => f.write_str("goes on in the place of the program before"),
            Self::Stopping => f.write_str("the program ends"),
        }
    }
}

/// The master that a router last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterSeen {
    /// Its address.
    pub address: IpAddr,
    /// Its priority; zero when it has left.
    pub priority: u8,
    /// Its interval.
    pub interval: Interval,
    /// When it was heard last.
    pub heard: Timestamp,
}

/// A router, for status pages and metrics.
#[derive(Clone, Copy, Debug)]
pub struct RouterStatus<'a> {
    /// What it was told at the start.
    pub settings: &'a RouterSettings,
    /// What it is.
    pub state: RouterState,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Its own address, while its interface is up.
    pub source: Option<IpAddr>,
    /// Its effective priority.
    pub priority: u8,
    /// Another master, if one was heard since this router was master itself.
    pub master: Option<MasterSeen>,
    /// It has handed over and does not preempt.
    pub held_back: bool,
    /// The last time that a master was lost to this router: from its last advert until this node held the address.
    pub last_failover: Option<Duration>,
    /// Its numbers.
    pub counters: &'a Counters,
}

/// What a router counts, since the program started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Adverts sent, one per destination.
    pub adverts_sent: u64,
    /// Adverts received and believed.
    pub adverts_received: u64,
    /// Times it became master.
    pub become_master: u64,
    /// Times it gave the address up.
    pub release_master: u64,
    /// Adverts of priority zero among those sent.
    pub priority_zero_sent: u64,
    /// Adverts of priority zero among those received.
    pub priority_zero_received: u64,
    /// Adverts believed although they list other addresses than ours.
    pub address_list_mismatches: u64,
    /// Version 3 adverts believed although they come at another interval than ours.
    pub interval_mismatches: u64,
    /// Claims of others to an address while this router was master of it.
    pub conflicts: u64,
    /// Addresses that others removed and that were put back.
    pub addresses_restored: u64,
    /// Announcements, for each address of the router.
    pub announcements: u64,
    pub(crate) rejected: [u64; RejectKind::ALL.len()],
}

impl Counters {
    /// How many adverts were rejected for this.
    pub fn rejected(&self, kind: RejectKind) -> u64 {
        self.rejected.get(kind as usize).copied().unwrap_or(0)
    }

    pub(crate) fn count_reject(&mut self, kind: RejectKind) {
        if let Some(count) = self.rejected.get_mut(kind as usize) {
            *count += 1;
        }
    }
}
