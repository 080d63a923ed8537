//! What a node is told before it starts: checked values only, whoever wrote them.
//!
//! The names are keepalived's where it has one, the RFC's otherwise. A configuration dialect builds these; nothing
//! here can hold a value that the protocol has no room for.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::time::Duration;

/// The VRRP version a router speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds, and the passwords that RFC 2338 still had.
    V2,
    /// RFC 9568: IPv4 and IPv6, centiseconds, no passwords.
    V3,
}

/// The address family of a router; a router has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A virtual router's number in its network, 1 to 255 (RFC 9568 §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vrid(pub NonZeroU8);

/// A configured priority, 1 to 255; 255 owns the address (RFC 9568 §5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority(pub NonZeroU8);

impl Priority {
    /// The owner's.
    pub const OWNER: Self = Self(NonZeroU8::MAX);
}

/// The time between two adverts, in centiseconds: 1 to 4095 (RFC 9568 §5.2.7); in version 2, whole seconds up to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(u16);

impl Interval {
    /// The most that version 2 can say: 255 s.
    pub const MAX_V2: Duration = Duration::from_secs(255);
    /// The most that version 3 can say: 40.95 s.
    pub const MAX_V3: Duration = Duration::from_millis(40_950);

    /// An interval that `version` can say, or nothing.
    pub fn new(version: Version, time: Duration) -> Option<Self> {
        let centiseconds = u16::try_from(time.as_millis() / 10).ok()?;
        let exact = Duration::from_millis(u64::from(centiseconds) * 10) == time;
        let fits = match version {
            Version::V2 => time.subsec_nanos() == 0 && time <= Self::MAX_V2,
            Version::V3 => time <= Self::MAX_V3,
        };
        (exact && fits && centiseconds > 0).then_some(Self(centiseconds))
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 as u64 * 10)
    }

    /// In centiseconds, as version 3 sends it.
    pub const fn centiseconds(self) -> u16 {
        self.0
    }

    /// In seconds, as version 2 sends it; what is below a second is lost, and a version 2 router has none.
    pub const fn seconds(self) -> u8 {
        (self.0 / 100) as u8
    }
}

/// How adverts prove where they come from (RFC 2338 §5.3.6); version 3 has nothing but [`Self::None`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// `auth_type PASS`: a password padded with zeros, in the clear. It keeps accidents apart, not attackers.
    Password([u8; 8]),
}

impl fmt::Debug for Authentication {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password(…)",
        })
    }
}

/// keepalived's `state`: not a role, only the first wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartState {
    /// Waits for a whole master-down interval before it takes over.
    Backup,
    /// Waits for one advert interval only.
    Master,
}

/// Whether a router takes the address from a master of lower priority (RFC 9568 §6.1 `Preempt_Mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// At once, which is after the master-down interval.
    Immediate,
    /// `preempt_delay`: so long after it came up or last heard a master of higher priority.
    Delayed(Duration),
    /// `nopreempt`.
    Never,
}

/// A peer that adverts go to and come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl`, `max_ttl`: hop limits of its adverts that are accepted; 0 to 255 is any.
    pub hops: (u8, u8),
}

/// Where adverts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To every router of the network: 224.0.0.18 and ff02::12 unless configured. Hop limit 255 on both sides.
    Multicast(IpAddr),
    /// To each of these peers.
    Unicast {
        /// The peers.
        peers: Vec<Peer>,
        /// The hop limit to send with (`unicast_ttl`).
        hops: u8,
        /// `check_unicast_src`: adverts of others are not accepted.
        known_only: bool,
    },
}

/// What the checksum of a version 3 advert over IPv4 covers when one is sent; on receipt both forms are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumForm {
    /// The message and a pseudo-header, as keepalived, FRR and tcpdump have it.
    PseudoHeader,
    /// The message alone (`v3_checksum_as_v2`), as RFC 9568 §5.2.8 has it.
    MessageOnly,
}

/// How often the network is told where an address lives (gratuitous ARP, unsolicited neighbour advertisement).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcing {
    /// `garp_master_repeat`: so many at once on becoming master.
    pub repeat: u8,
    /// `garp_master_delay`: as many again after this; zero is not again.
    pub delay: Duration,
    /// `garp_lower_prio_repeat`: so many after an advert of lower priority.
    pub lower_repeat: u8,
    /// `garp_lower_prio_delay`: as many again after this.
    pub lower_delay: Duration,
    /// `garp_master_refresh`: for as long as the router is master.
    pub refresh: Refresh,
    /// `garp_master_refresh_repeat`: so many per refresh.
    pub refresh_repeat: u8,
}

/// How a master repeats its announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Our default: after 0.1, 0.3 and 1 s, then every 3 s for a minute after any change, then every 30 s.
    /// keepalived's default, never, leaves clients at the wrong node after some heals.
    Adaptive,
    /// Every so often, as configured; zero is never.
    Every(Duration),
}

impl Default for Announcing {
    fn default() -> Self {
        Self {
            repeat: 5,
            delay: Duration::from_secs(5),
            lower_repeat: 5,
            lower_delay: Duration::from_secs(5),
            refresh: Refresh::Adaptive,
            refresh_repeat: 1,
        }
    }
}

/// One virtual router (`vrrp_instance`), as far as the protocol is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// Its name, for people.
    pub name: String,
    /// The version it speaks; one of the other version is not accepted.
    pub version: Version,
    /// The family of its addresses and of its adverts.
    pub family: Family,
    /// Its number.
    pub vrid: Vrid,
    /// Its configured priority.
    pub priority: Priority,
    /// The time between its adverts.
    pub interval: Interval,
    /// What its adverts prove.
    pub authentication: Authentication,
    /// Its first wait.
    pub start: StartState,
    /// Whether it takes the address from a lower master.
    pub preemption: Preemption,
    /// The addresses that its adverts list, in this order, at most 255. The others (`virtual_ipaddress_excluded`)
    /// are the driver's: the protocol does not know them.
    pub addresses: Vec<IpAddr>,
    /// Where its adverts go.
    pub destination: Destination,
    /// How its version 3 adverts over IPv4 are summed.
    pub checksum: ChecksumForm,
    /// `down_timer_adverts`: so many adverts missing, plus the skew, and the master is taken to be gone.
    pub down_adverts: NonZeroU8,
    /// Unless `lower_prio_no_advert`: a master answers an advert of lower priority at once (RFC 9568 §6.4.3).
    pub answer_lower: bool,
    /// Unless `higher_prio_send_advert false`: a master that yields says so with one more advert, so that a master
    /// that could not hear it learns that there were two.
    pub answer_higher: bool,
    /// How it announces its addresses.
    pub announcing: Announcing,
}

/// What a tracked thing (`vrrp_script`, interface, process, file, load) does to a router while it fails or holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Weight 0: a failure is a fault, the router gives the address up.
    Fault,
    /// So much more while it holds (positive), so much less while it fails (negative). Never zero.
    Points(i16),
    /// A failure divides the priority by eight, so that a peer that is better off wins and one that is not does not.
    Eighth,
}

/// Whether something tracked holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Not known yet: counts as failing, without a word about it.
    Unknown,
    /// It holds.
    Holds,
    /// It fails.
    Fails,
    /// `track_file`: the number in it. Times the weight's points it is added to the priority; with
    /// [`Weight::Fault`], anything but zero is a failure.
    Number(i32),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("is not known"),
            Self::Holds => f.write_str("holds"),
            Self::Fails => f.write_str("fails"),
            Self::Number(number) => write!(f, "is {number}"),
        }
    }
}

/// Something tracked by a router, by its index in [`NodeSettings::trackers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Which.
    pub tracker: usize,
    /// What it does.
    pub weight: Weight,
    /// `reverse`: what holds counts as failing, and the other way round.
    pub reverse: bool,
}

/// One tracked thing, for people; what it is and how it is asked is the driver's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackerSettings {
    /// Its name, such as `chk_dnsdist`, `eth0` or `front end`.
    pub name: String,
    /// What it is taken for before the first word about it.
    pub initially: Condition,
}

/// Routers that change state together (`vrrp_sync_group`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// Its name.
    pub name: String,
    /// Its members, by their index in [`NodeSettings::routers`].
    pub members: Vec<usize>,
}

/// A whole node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSettings {
    /// The routers, each with what it tracks.
    pub routers: Vec<(RouterSettings, Vec<Tracking>)>,
    /// The groups; a router is in one at most.
    pub groups: Vec<GroupSettings>,
    /// What is tracked.
    pub trackers: Vec<TrackerSettings>,
    /// `vrrp_startup_delay`: no router leaves its first state before this.
    pub startup_delay: Duration,
}
