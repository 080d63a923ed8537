//! What an operator says about one backend: dnsdist's `newServer` keys and its defaults.
//!
//! The types leave no room for a bad value: what may not be zero is `NonZero`, a share is a [`Percent`], a
//! factor a [`BalancingFactor`]. Whoever builds settings has therefore checked them. Nothing here is state; see
//! [`Backend`](crate::Backend) for that.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::str::FromStr;
use std::time::Duration;

use weir_wire::hash::{self, Seed};
use weir_wire::{Class, NameBuf, QType};

/// The longest sample window of lazy health checks; each worker keeps one bit per sample and backend.
pub const MAX_SAMPLE_SIZE: u16 = 1024;

/// Settings of one backend. Defaults are dnsdist's unless the field says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendSettings {
    /// Where queries go.
    pub address: SocketAddr,
    /// The name in logs and metrics; empty means the address.
    pub name: String,
    /// What tells this backend from others across restarts; `chashed` places it by this.
    pub id: BackendId,
    /// Lower is preferred, by `leastOutstanding` among equals and by `firstAvailable`. Default 1.
    pub order: i32,
    /// Share of queries for `wrandom`, `whashed` and `chashed`. Default 1.
    pub weight: NonZeroU32,
    /// Queries per second above which `firstAvailable` takes the next backend; `None` is without limit.
    pub qps: Option<NonZeroU32>,
    /// Connected UDP sockets per worker, and so source ports. Default 1.
    pub sockets: NonZeroU16,
    /// Where queries leave from.
    pub source: Source,
    /// How long a UDP query waits for its reply; `None` takes the global setting.
    pub udp_timeout: Option<Duration>,
    /// Queries in flight, over all workers, at which the backend takes no more; `None` is without limit.
    pub max_outstanding: Option<NonZeroU32>,
    /// Sends every query over TCP. Default false.
    pub tcp_only: bool,
    /// Limits and timeouts of TCP towards this backend.
    pub tcp: TcpSettings,
    /// Who decides at start whether queries are sent; the console may change it later.
    pub mode: Mode,
    /// The probe and how its results count.
    pub check: CheckSettings,
    /// When a [`Mode::Lazy`] backend is probed.
    pub lazy: LazySettings,
    /// Timeouts of queries in a row, without one reply in between, that take the backend out before the next
    /// probe; `None` leaves that to probes. Default 10. dnsdist has no such signal.
    pub consecutive_timeouts: Option<NonZeroU32>,
}

impl BackendSettings {
    /// Default [`Self::consecutive_timeouts`]: rare enough under random loss (0.1 % at half the queries lost),
    /// reached within milliseconds when a busy backend dies.
    pub const CONSECUTIVE_TIMEOUTS: NonZeroU32 = NonZeroU32::new(10).unwrap();

    /// A backend at `address` with every default.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            name: String::new(),
            id: BackendId::derived(address, ""),
            order: 1,
            weight: NonZeroU32::MIN,
            qps: None,
            sockets: NonZeroU16::MIN,
            source: Source::default(),
            udp_timeout: None,
            max_outstanding: None,
            tcp_only: false,
            tcp: TcpSettings::default(),
            mode: Mode::Auto,
            check: CheckSettings::default(),
            lazy: LazySettings::default(),
            consecutive_timeouts: Some(Self::CONSECUTIVE_TIMEOUTS),
        }
    }

    /// Whether both describe the same backend, so that a reload carries its state over: same address, name and
    /// identifier.
    pub fn same_identity(&self, other: &Self) -> bool {
        self.address == other.address && self.name == other.name && self.id == other.id
    }

    /// The name for people: the given one, or the address.
    pub fn label(&self) -> impl fmt::Display + '_ {
        fmt::from_fn(|f| {
            if self.name.is_empty() {
                write!(f, "{}", self.address)
            } else {
                f.write_str(&self.name)
            }
        })
    }
}

/// Identifies a backend across restarts, printed and read as a UUID (RFC 9562 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(pub u128);

impl BackendId {
    /// The identifier of a backend that was given none: always the same for the same address and name, so that
    /// `chashed` keeps names where they are over a restart. (dnsdist draws a new one at every start.)
    pub fn derived(address: SocketAddr, name: &str) -> Self {
        // Fixed on purpose: nothing secret, every node of a site must derive the same identifier.
        const HALVES: [Seed; 2] = [
            Seed::new([0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9]),
            Seed::new([0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93]),
        ];
        let text = format!("{address} {name}");
        let [high, low] = HALVES.map(|seed| u128::from(hash::of_bytes(seed, text.as_bytes())));
        let bits = high << 64 | low;
        // Version 8, "vendor-specific", and the variant of RFC 9562 §5.8.
        let bits = bits & !(0xf << 76) | 8 << 76;
        Self(bits & !(0b11 << 62) | 0b10 << 62)
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bits) = self;
        let field = |shift: u32, digits: u32| bits >> shift & ((1 << (4 * digits)) - 1);
        write!(f, "{:08x}-{:04x}-", field(96, 8), field(80, 4))?;
        write!(
            f,
            "{:04x}-{:04x}-{:012x}",
            field(64, 4),
            field(48, 4),
            field(0, 12)
        )
    }
}

/// The text is not a UUID: 32 hexadecimal digits in groups of 8-4-4-4-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUuid;

impl fmt::Display for NotUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a UUID (32 hexadecimal digits in groups of 8-4-4-4-12)")
    }
}

impl std::error::Error for NotUuid {}

impl FromStr for BackendId {
    type Err = NotUuid;

    fn from_str(text: &str) -> Result<Self, NotUuid> {
        let mut bits = 0;
        let mut groups = text.split('-');
        for len in [8, 4, 4, 4, 12] {
            let group = groups.next().filter(|group| group.len() == len).ok_or(NotUuid)?;
            for digit in group.chars() {
                bits = bits << 4 | u128::from(digit.to_digit(16).ok_or(NotUuid)?);
            }
        }
        if groups.next().is_some() {
            return Err(NotUuid);
        }
        Ok(Self(bits))
    }
}

/// Where queries to a backend leave from; the default leaves both to the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The local address.
    pub address: Option<IpAddr>,
    /// The interface (`SO_BINDTODEVICE`).
    pub interface: Option<String>,
}

/// TCP towards a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSettings {
    /// Times a query is sent again over a new connection when one breaks. Default 5.
    pub retries: u16,
    /// Default 5 s.
    pub connect_timeout: Duration,
    /// Default 30 s.
    pub send_timeout: Duration,
    /// Default 30 s.
    pub receive_timeout: Duration,
    /// Queries in flight on one connection; 1 is one after the other. Default 1.
    pub max_in_flight: NonZeroU16,
    /// Connections open at once, over all workers; `None` is without limit.
    pub max_connections: Option<NonZeroU32>,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            retries: 5,
            connect_timeout: Duration::from_secs(5),
            send_timeout: Duration::from_secs(30),
            receive_timeout: Duration::from_secs(30),
            max_in_flight: NonZeroU16::MIN,
            max_connections: None,
        }
    }
}

/// Who decides whether a backend gets queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Probes at every interval.
    Auto,
    /// Probes once queries fail.
    Lazy,
    /// The operator: up, not probed.
    Up,
    /// The operator: down, not probed.
    Down,
    /// The operator: no new queries, what is pending may finish. dnsdist has no such mode.
    Drain,
}

impl Mode {
    /// Every mode with its name in a configuration and what it means.
    pub const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Auto, "auto", "up or down as probes at every interval say"),
        (
            Self::Lazy,
            "lazy",
            "up until queries fail; only then probes decide",
        ),
        (Self::Up, "up", "always up, never probed"),
        (Self::Down, "down", "always down, never probed"),
        (Self::Drain, "drain", "takes no new queries; pending ones finish"),
    ];

    /// The mode of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL
            .iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(mode, ..)| *mode)
    }
}

/// The health-check probe and how its results count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// The name asked for. Default `a.root-servers.net.`
    pub name: NameBuf,
    /// The type asked for. Default A.
    pub qtype: QType,
    /// The class asked in. Default IN.
    pub class: Class,
    /// Seconds from one probe to the next. Default 1.
    pub interval_secs: NonZeroU32,
    /// Milliseconds that a probe waits for its reply. Default 1000.
    pub timeout_ms: NonZeroU32,
    /// Probes over TCP. Default false.
    pub tcp: bool,
    /// Sets the CD bit. Default false.
    pub set_cd: bool,
    /// Counts NXDOMAIN and REFUSED as failures too, not only SERVFAIL. Default false.
    pub must_resolve: bool,
    /// Failed probes in a row that take a backend down. Default 1.
    pub max_failures: NonZeroU8,
    /// Successful probes in a row that bring it back. Default 1.
    pub rise: NonZeroU8,
}

impl CheckSettings {
    /// Time from one probe to the next, before jitter.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(u64::from(self.interval_secs.get()))
    }

    /// How long a probe waits for its reply.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_ms.get()))
    }
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            // Reads a constant; the root would be as good a question if it could not.
            name: "a.root-servers.net."
                .parse()
                .unwrap_or_else(|_| weir_wire::Name::ROOT.to_buf()),
            qtype: QType::A,
            class: Class::IN,
            interval_secs: NonZeroU32::MIN,
            timeout_ms: NonZeroU32::new(1000).unwrap_or(NonZeroU32::MIN),
            tcp: false,
            set_cd: false,
            must_resolve: false,
            max_failures: NonZeroU8::MIN,
            rise: NonZeroU8::MIN,
        }
    }
}

/// When a lazily checked backend is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LazySettings {
    /// What counts as a failed query. Default [`LazyTrigger::TimeoutOrServFail`].
    pub trigger: LazyTrigger,
    /// Share of failed queries in the window at which probing starts. Default 20 %.
    pub threshold: Percent,
    /// The window: each worker looks at its last so many queries. Default 100.
    pub sample_size: SampleSize,
    /// Queries in the window below which nothing is concluded. Default 1.
    pub min_samples: u16,
    /// Seconds from one probe to the next while the backend is down. Default 30.
    pub failed_interval_secs: NonZeroU32,
    /// Doubles that interval after every failed probe. Default false.
    pub exponential_backoff: bool,
    /// Where doubling ends, in seconds. Default 3600.
    pub max_backoff_secs: NonZeroU32,
}

impl Default for LazySettings {
    fn default() -> Self {
        Self {
            trigger: LazyTrigger::TimeoutOrServFail,
            threshold: Percent(20),
            sample_size: SampleSize(100),
            min_samples: 1,
            failed_interval_secs: NonZeroU32::new(30).unwrap_or(NonZeroU32::MIN),
            exponential_backoff: false,
            max_backoff_secs: NonZeroU32::new(3600).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// What counts as a failed query in the window of lazy checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LazyTrigger {
    /// No reply in time.
    TimeoutOnly,
    /// No reply in time, or SERVFAIL.
    TimeoutOrServFail,
}

impl LazyTrigger {
    /// Every trigger with its name in a configuration.
    pub const ALL: [(Self, &'static str); 2] = [
        (Self::TimeoutOnly, "TimeoutOnly"),
        (Self::TimeoutOrServFail, "TimeoutOrServFail"),
    ];

    /// The trigger of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name));
        found.map(|(trigger, _)| *trigger)
    }
}

/// A share between 1 and 100 in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// `None` outside 1 to 100.
    pub const fn new(percent: u8) -> Option<Self> {
        if percent >= 1 && percent <= 100 {
            Some(Self(percent))
        } else {
            None
        }
    }

    /// Whether `part` of `whole` is at least this share.
    pub const fn is_reached_by(self, part: u32, whole: u32) -> bool {
        part as u64 * 100 >= self.0 as u64 * whole as u64
    }
}

/// The length of a sample window, 1 to [`MAX_SAMPLE_SIZE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSize(u16);

impl SampleSize {
    /// `None` outside 1 to [`MAX_SAMPLE_SIZE`].
    pub const fn new(samples: u16) -> Option<Self> {
        if samples >= 1 && samples <= MAX_SAMPLE_SIZE {
            Some(Self(samples))
        } else {
            None
        }
    }

    /// Samples in a full window.
    pub const fn samples(self) -> u16 {
        self.0
    }
}

/// How far above its fair share of outstanding queries a backend may go before weighted and consistent policies
/// pass it over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalancingFactor(f64);

impl BalancingFactor {
    /// `None` below 1: at some moments no backend would qualify. (dnsdist writes "off" as 0; here that is an
    /// absent factor.)
    pub fn new(factor: f64) -> Option<Self> {
        (factor >= 1.0 && factor.is_finite()).then_some(Self(factor))
    }

    /// The factor.
    pub const fn factor(self) -> f64 {
        self.0
    }
}
