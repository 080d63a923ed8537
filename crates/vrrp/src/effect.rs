//! What a node wants done, as values. The driver performs them in order.

use std::net::IpAddr;

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

/// What the journal is told: a router's name comes from the settings, the rest is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {}
