//! What `weir vip` runs with: the protocol's settings and everything around them, checked.
//!
//! The protocol's part ([`weir_vrrp::NodeSettings`]) and the driver's part stand side by side: the router, group or
//! tracker at an index of the one is the router, group or tracker at the same index of the other.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use weir_vrrp::NodeSettings;

use crate::diagnostics::Place;

/// A checked configuration of the floating addresses of one node.
#[derive(Clone, Debug, Default)]
pub struct VipSettings {
    /// `router_id`: what the node calls itself.
    pub router_id: Option<String>,
    /// The protocol's part.
    pub node: NodeSettings,
    /// The driver's part of each router.
    pub routers: Vec<Attachment>,
    /// What each group notifies.
    pub groups: Vec<Notify>,
    /// How each tracker is asked.
    pub trackers: Vec<Tracker>,
    /// `notify_fifo`: gets every change of every router and group.
    pub notify_fifo: Option<PathBuf>,
    /// `notify_fifo_script`: reads it.
    pub notify_fifo_script: Option<Program>,
    /// `vrrp_rt_priority`: SCHED_FIFO at this priority; `None` is our default, 0 is not at all.
    pub realtime_priority: Option<u8>,
    /// `vrrp_garp_interval`: at least this between two announcements over IPv4 on one interface.
    pub arp_interval: Duration,
    /// `vrrp_gna_interval`: the same for IPv6.
    pub na_interval: Duration,
}

/// Where a router lives and what it does to its node.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where the router begins in its file.
    pub place: Place,
    /// The interface of its adverts, and of its addresses unless they say otherwise.
    pub interface: String,
    /// `mcast_src_ip` or `unicast_src_ip`: the source of its adverts; otherwise the interface's first address.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: without that source on the interface, the router is in fault.
    pub track_source: bool,
    /// `dont_track_primary`: its interface may be down.
    pub ignore_interface: bool,
    /// Its addresses, those of the advert first, then those of `virtual_ipaddress_excluded`.
    pub addresses: Vec<FloatingAddress>,
    /// What it notifies.
    pub notify: Notify,
}

/// One floating address, as `virtual_ipaddress` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatingAddress {
    /// The address.
    pub address: IpAddr,
    /// Its prefix length; without a mask, 32 or 128.
    pub prefix: u8,
    /// `dev`: another interface than the router's.
    pub interface: Option<String>,
    /// `label`: IPv4 only, at most 15 bytes.
    pub label: Option<String>,
    /// `scope`, as a number of `rtnetlink(7)`: 0 global, 200 site, 253 link, 254 host.
    pub scope: Option<u8>,
    /// `brd`.
    pub broadcast: Option<IpAddr>,
    /// `no_track`: its loss is nobody's business.
    pub no_track: bool,
}

/// A program with its arguments, run without a shell unless its text asked for one, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The words of the command line; the first is the program. Never empty.
    pub words: Vec<String>,
    /// User and group (names or numbers); `None` is the driver's own.
    pub user: Option<(String, Option<String>)>,
}

/// What is run when a router or a group changes (`notify*`). Each gets keepalived's arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// `notify`: on every change, with `INSTANCE|GROUP NAME STATE PRIORITY` behind its own arguments.
    pub any: Option<Program>,
    /// `notify_master`.
    pub master: Option<Program>,
    /// `notify_backup`.
    pub backup: Option<Program>,
    /// `notify_fault`.
    pub fault: Option<Program>,
    /// `notify_stop`.
    pub stop: Option<Program>,
    /// `notify_master_rx_lower_pri`.
    pub master_rx_lower_pri: Option<Program>,
}

/// How something tracked is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracker {
    /// `vrrp_script`.
    Script(Script),
    /// `track_interface`: fails while the interface is down or gone.
    Interface(String),
    /// `vrrp_track_process`.
    Process(ProcessMatch),
    /// `track_file`: the file's number, times the weight, is added to the priority; see `Script` for the rest.
    File(PathBuf),
}

/// A `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What runs.
    pub program: Program,
    /// The time between two starts; a run that takes longer delays the next one. Default 1 s.
    pub interval: Duration,
    /// A run that takes longer than this is killed and has failed. Default: the interval.
    pub timeout: Duration,
    /// So many successes in a row, and it holds. At least 1.
    pub rise: u32,
    /// So many failures in a row, and it fails. At least 1.
    pub fall: u32,
}

/// Which processes a `vrrp_track_process` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessMatch {
    /// The words of the command line (`process`), at least one; without `full_command` there is one, which is compared
    /// with the program's name only.
    pub words: Vec<String>,
    /// `full_command`: the whole command line must be equal.
    pub full_command: bool,
    /// `quorum`: at least so many. At least 1, unless `quorum_max` is 0.
    pub quorum: u32,
    /// `quorum_max`: at most so many.
    pub quorum_max: Option<u32>,
    /// `delay`, `fork_delay`, `terminate_delay`: a change counts after this.
    pub delay: Duration,
}
