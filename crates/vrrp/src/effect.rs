//! What a node wants done, as values. The driver performs them in order.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::reject::Reject;
use crate::settings::Condition;
use crate::status::{Reason, RouterState};

/// Something to do for the router with this index in `NodeSettings::routers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this VRRP message, complete with its checksum, to `destination`.
    Send {
        /// Which router.
        router: usize,
        /// A multicast group or a peer.
        destination: IpAddr,
        /// The message, from its version on; an IPv6 checksum is filled in.
        message: Vec<u8>,
    },
    /// Put every address of the router, the excluded ones too, on its interface, and keep them there.
    Hold {
        /// Which router.
        router: usize,
    },
    /// Take them away.
    Release {
        /// Which router.
        router: usize,
    },
    /// Announce every address of the router so many times.
    Announce {
        /// Which router.
        router: usize,
        /// How many times.
        times: u8,
    },
    /// Run the notify scripts and write to the fifo.
    Notify {
        /// Which router.
        router: usize,
        /// What to say.
        state: NotifyState,
        /// Its effective priority.
        priority: u8,
    },
    /// The same for a group.
    NotifyGroup {
        /// Which group.
        group: usize,
        /// What to say.
        state: NotifyState,
        /// Its effective priority, of its first member.
        priority: u8,
    },
    /// Something for the journal.
    Log(LogEvent),
}

/// What notify scripts are told, in keepalived's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyState {
    /// The router holds the address.
    Master,
    /// It stands by.
    Backup,
    /// It cannot hold it.
    Fault,
    /// The program ends.
    Stop,
    /// As master, it heard an advert of lower priority.
    MasterRxLowerPri,
}

/// What the journal is told. Names of routers and trackers are in the settings; `Display` says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Which router it is about; `None` is the whole node.
    pub router: Option<usize>,
    /// What happened.
    pub what: Happening,
    /// How many of the kind were withheld since the last one, so that the network cannot fill the journal.
    pub withheld: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A router changed its state.
    Transition {
        /// What it was.
        from: RouterState,
        /// What it is.
        to: RouterState,
        /// Why.
        reason: Reason,
    },
    /// Its effective priority changed.
    Priority {
        /// What it was.
        from: u8,
        /// What it is.
        to: u8,
    },
    /// A tracker changed.
    Tracker {
        /// Which.
        tracker: usize,
        /// What it is.
        condition: Condition,
    },
    /// An advert was not believed.
    Rejected {
        /// Who sent it.
        source: IpAddr,
        /// Why not.
        reject: Reject,
    },
    /// An advert was believed although it lists other addresses: the configurations differ.
    ListDiffers {
        /// Who sent it.
        source: IpAddr,
    },
    /// A version 3 advert came at another interval.
    IntervalDiffers {
        /// Who sent it.
        source: IpAddr,
        /// What we are configured with.
        ours: Duration,
        /// What it says.
        theirs: Duration,
    },
    /// A second master was heard, which has to yield.
    LowerMaster {
        /// Its address.
        source: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// A foreign station says that it has an address which this node holds.
    Conflict {
        /// Which address.
        address: IpAddr,
    },
    /// Somebody else removed an address; it is put back.
    AddressLost {
        /// Which address.
        address: IpAddr,
    },
}

impl Happening {
    /// Whether somebody should look at it; the rest is the ordinary course of things.
    pub const fn is_warning(&self) -> bool {
        match self {
            Self::Transition { to, reason, .. } => {
                matches!(to, RouterState::Fault) || matches!(reason, Reason::NobodyTookOver)
            }
            Self::Priority { .. } | Self::Tracker { .. } => false,
            Self::Rejected { .. }
            | Self::ListDiffers { .. }
            | Self::IntervalDiffers { .. }
            | Self::LowerMaster { .. }
            | Self::Conflict { .. }
            | Self::AddressLost { .. } => true,
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transition { from, to, reason } => write!(f, "{from} -> {to}: {reason}"),
            Self::Priority { from, to } => write!(f, "effective priority {from} -> {to}"),
            Self::Tracker { tracker, condition } => write!(f, "tracker {tracker} {condition}"),
            Self::Rejected { source, reject } => write!(f, "advert of {source} not believed: {reject}"),
            Self::ListDiffers { source } => {
                write!(f, "{source} lists other addresses: compare the configurations")
            }
            Self::IntervalDiffers { source, ours, theirs } => {
                write!(f, "{source} sends every {theirs:?}, this router every {ours:?}")
            }
            Self::LowerMaster { source, priority } => {
                write!(
                    f,
                    "{source} is master as well, with the lower priority {priority}"
                )
            }
            Self::Conflict { address } => write!(f, "another station claims {address}"),
            Self::AddressLost { address } => write!(f, "{address} was removed by another program, put back"),
        }
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)?;
        match self.withheld {
            0 => Ok(()),
            withheld => write!(f, " ({withheld} more of the kind before)"),
        }
    }
}
