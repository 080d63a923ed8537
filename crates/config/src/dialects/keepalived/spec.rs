//! What was written, with its places.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use weir_vrrp::{Authentication, Peer, StartState, Version};

use crate::diagnostics::{Place, Placed};
use crate::vip::{FloatingAddress, Program};

/// One configuration.
#[derive(Debug, Default)]
pub(super) struct Spec {
    pub(super) global: GlobalSpec,
    pub(super) scripts: Vec<Block<ScriptSpec>>,
    pub(super) processes: Vec<Block<ProcessSpec>>,
    pub(super) files: Vec<Block<FileSpec>>,
    pub(super) groups: Vec<Block<GroupSpec>>,
    pub(super) instances: Vec<Block<InstanceSpec>>,
}

/// A block with a name.
#[derive(Debug)]
pub(super) struct Block<T> {
    pub(super) name: String,
    /// Where it begins.
    pub(super) place: Place,
    pub(super) spec: T,
}

/// `global_defs`.
#[derive(Debug, Default)]
pub(super) struct GlobalSpec {
    pub(super) router_id: Option<String>,
    pub(super) version: Option<Version>,
    pub(super) script_user: Option<(String, Option<String>)>,
    pub(super) strict: Option<Place>,
    pub(super) check_unicast_source: bool,
    pub(super) lower_prio_no_advert: bool,
    pub(super) higher_prio_send_advert: Option<bool>,
    pub(super) down_adverts: Option<u8>,
    pub(super) garp: GarpSpec,
    pub(super) arp_interval: Duration,
    pub(super) na_interval: Duration,
    pub(super) group_v4: Option<IpAddr>,
    pub(super) group_v6: Option<IpAddr>,
    pub(super) realtime_priority: Option<u8>,
    pub(super) startup_delay: Duration,
    pub(super) notify_fifo: Option<Placed<PathBuf>>,
    pub(super) notify_fifo_script: Option<Placed<Program>>,
}

/// The settings of announcements, of a node or of a router.
#[derive(Clone, Debug, Default)]
pub(super) struct GarpSpec {
    pub(super) repeat: Option<u8>,
    pub(super) delay: Option<Duration>,
    pub(super) lower_repeat: Option<u8>,
    pub(super) lower_delay: Option<Duration>,
    /// Zero is the default.
    pub(super) refresh: Option<Duration>,
    pub(super) refresh_repeat: Option<u8>,
}

/// `vrrp_script`.
#[derive(Debug, Default)]
pub(super) struct ScriptSpec {
    pub(super) command: Option<Placed<Vec<String>>>,
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) rise: Option<u32>,
    pub(super) fall: Option<u32>,
    pub(super) weight: WeightSpec,
    pub(super) user: Option<(String, Option<String>)>,
    pub(super) starts_failed: bool,
}

/// `vrrp_track_process`.
#[derive(Debug, Default)]
pub(super) struct ProcessSpec {
    pub(super) words: Vec<String>,
    pub(super) full_command: bool,
    pub(super) quorum: Option<u32>,
    pub(super) quorum_max: Option<u32>,
    pub(super) fork_delay: Duration,
    pub(super) terminate_delay: Duration,
    pub(super) weight: WeightSpec,
}

/// `track_file`.
#[derive(Debug, Default)]
pub(super) struct FileSpec {
    pub(super) path: Option<PathBuf>,
    pub(super) weight: WeightSpec,
}

/// `weight NUMBER [reverse]`, as far as it was said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WeightSpec {
    pub(super) points: Option<i16>,
    pub(super) reverse: Option<bool>,
}

/// What is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TrackKind {
    Script,
    Interface,
    Process,
    File,
}

/// An item of `track_script` and its like.
#[derive(Debug)]
pub(super) struct TrackSpec {
    pub(super) kind: TrackKind,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) weight: WeightSpec,
}

/// What is notified, by keyword.
pub(super) type NotifySpec = BTreeMap<String, Placed<Program>>;

/// `vrrp_sync_group`.
#[derive(Debug, Default)]
pub(super) struct GroupSpec {
    pub(super) members: Vec<Placed<String>>,
    pub(super) tracks: Vec<TrackSpec>,
    pub(super) notify: NotifySpec,
    pub(super) tracking_weight: bool,
}

/// `authentication`.
#[derive(Debug, Default)]
pub(super) struct AuthenticationSpec {
    /// `auth_type PASS`; there is no other one.
    pub(super) is_password: bool,
    pub(super) password: Option<Authentication>,
}

/// `vrrp_instance`.
#[derive(Debug, Default)]
pub(super) struct InstanceSpec {
    pub(super) state: Option<StartState>,
    pub(super) interface: Option<String>,
    pub(super) vrid: Option<Placed<u8>>,
    pub(super) priority: Option<u8>,
    pub(super) interval: Option<Placed<Duration>>,
    pub(super) version: Option<Placed<Version>>,
    pub(super) authentication: Option<Placed<AuthenticationSpec>>,
    pub(super) addresses: Vec<Placed<FloatingAddress>>,
    pub(super) excluded: Vec<Placed<FloatingAddress>>,
    pub(super) tracks: Vec<TrackSpec>,
    pub(super) notify: NotifySpec,
    pub(super) no_preempt: Option<Place>,
    pub(super) preempt_delay: Option<Placed<Duration>>,
    pub(super) source: Option<Placed<IpAddr>>,
    pub(super) track_source: bool,
    pub(super) ignore_interface: bool,
    /// `unicast_peer`, if it was said.
    pub(super) peers: Option<Vec<Placed<Peer>>>,
    pub(super) unicast_hops: Option<u8>,
    pub(super) check_unicast_source: bool,
    /// The first keyword that makes sense with peers only.
    pub(super) unicast: Option<Place>,
    pub(super) group: Option<Placed<IpAddr>>,
    pub(super) message_only_checksum: bool,
    pub(super) down_adverts: Option<u8>,
    pub(super) lower_prio_no_advert: Option<bool>,
    pub(super) higher_prio_send_advert: Option<bool>,
    pub(super) strict: Option<Placed<bool>>,
    pub(super) garp: GarpSpec,
}
