//! What was written: every item of a configuration with its place in the file.
//!
//! A dialect fills a [`Spec`]; the console edits one. What a single line can get wrong was refused when that line
//! ran; whether the lines fit together is for [`Snapshot::build`](crate::Snapshot::build) to check.

use std::net::SocketAddr;

use weir_balance::{BackendSettings, PolicyKind, PolicySettings};
use weir_cache::Settings as CacheSettings;
use weir_policy::{
    Acl, Action, Invalid, LogTargets, NetmaskGroup, PoolId, PoolName, PoolNames, ReplyAction, Rule,
};

use crate::diagnostics::{Place, Placed};
use crate::settings::{
    AclRefusal, CacheCleaning, Listen, Logging, Secret, SelfAnswered, StaleSettings, TcpLimits, UdpSettings,
    WebAccess, loopback,
};

/// One configuration as it was written.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Where queries are taken; none means the default.
    pub listen: Vec<Placed<Listen>>,
    /// Threads for packets; `None` is one per CPU.
    pub workers: Option<usize>,
    /// Who may ask.
    pub acl: NetmaskGroup,
    /// Where that was last said; `None` leaves dnsdist's own ranges.
    pub acl_place: Option<Place>,
    /// What others get.
    pub acl_refusal: AclRefusal,
    /// The chains of rules.
    pub rules: RuleSpecs,
    /// Pools in the order of their first mention; the first has the empty name.
    pub pools: PoolSpecs,
    /// Backends by order, then as they were made.
    pub backends: Vec<BackendSpec>,
    /// Caches in the order in which they were made.
    pub caches: Vec<Placed<CacheSettings>>,
    /// What all caches have in common.
    pub cache_defaults: CacheDefaults,
    /// Where `LogAction` writes.
    pub log_targets: LogTargets,
    /// The policy of pools that have none of their own.
    pub policy: &'static PolicyKind,
    /// Tuning of policies; the perturbation counts only when [`Self::perturbation`] is set.
    pub balancing: PolicySettings,
    /// `setWHashedPerturbation`; `None` draws one per process.
    pub perturbation: Option<u32>,
    /// SERVFAIL when a pool has no usable server, instead of silence.
    pub servfail_when_no_server: bool,
    /// UDP with clients and backends.
    pub udp: UdpSettings,
    /// TCP with clients.
    pub tcp: TcpLimits,
    /// The OPT record of replies that are written here.
    pub self_answered: SelfAnswered,
    /// Silence instead of NOTIMP for queries without a question.
    pub drop_empty_queries: bool,
    /// Answers from the past.
    pub stale: StaleSettings,
    /// How expired cache entries are removed.
    pub cache_cleaning: CacheCleaning,
    /// Log every failed health check.
    pub verbose_health_checks: bool,
    /// Try a UDP query that timed out once more, on another backend.
    pub retry_udp: bool,
    /// Ask a backend once for equal queries that are in flight.
    pub coalesce: bool,
    /// How the journal is written.
    pub logging: Logging,
    /// The console.
    pub console: ConsoleSpec,
    /// The web server.
    pub web: WebSpec,
    /// What the server calls itself.
    pub server_id: Option<String>,
}

/// What was said about all caches at once; dnsdist has no such settings.
#[derive(Clone, Debug, Default)]
pub struct CacheDefaults {
    /// The most bytes of each; `None` leaves it to the number of entries.
    pub max_bytes: Option<usize>,
    /// Whether popular answers are fetched anew before they expire.
    pub prefetch: bool,
}

/// The chains of rules, one for each moment in a query's life.
#[derive(Clone, Debug, Default)]
pub struct RuleSpecs {
    /// For every query.
    pub query: Vec<Placed<Rule<dyn Action>>>,
    /// For queries that the cache had no answer to.
    pub cache_miss: Vec<Placed<Rule<dyn Action>>>,
    /// For replies of backends.
    pub reply: Vec<Placed<Rule<dyn ReplyAction>>>,
    /// For replies from the cache.
    pub cache_hit_reply: Vec<Placed<Rule<dyn ReplyAction>>>,
    /// For replies that went into the cache.
    pub cache_inserted_reply: Vec<Placed<Rule<dyn ReplyAction>>>,
    /// For replies that a rule gave.
    pub self_answered_reply: Vec<Placed<Rule<dyn ReplyAction>>>,
}

/// What tells a backend of a spec from the others, whatever becomes of its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKey(pub u32);

/// One `newServer`.
#[derive(Clone, Debug)]
pub struct BackendSpec {
    /// Its identity within this spec.
    pub key: BackendKey,
    /// What was written about it.
    pub settings: BackendSettings,
    /// The pools that it is in.
    pub pools: Vec<PoolName>,
    /// Where.
    pub place: Place,
}

/// The cache at this position of [`Spec::caches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheIndex(pub usize);

/// What was said about one pool.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// Its name and number.
    pub name: PoolName,
    /// Its own policy.
    pub policy: Option<&'static PolicyKind>,
    /// Its cache.
    pub cache: Option<CacheIndex>,
    /// Where it was first mentioned.
    pub place: Place,
}

/// The pools of a spec.
#[derive(Clone, Debug)]
pub struct PoolSpecs {
    names: PoolNames,
    specs: Vec<PoolSpec>,
}

impl PoolSpecs {
    /// The default pool alone. `place` is the file as a whole.
    fn new(place: &Place) -> Self {
        let names = PoolNames::default();
        let default = |name: &PoolName| PoolSpec {
            name: name.clone(),
            policy: None,
            cache: None,
            place: place.clone(),
        };
        Self {
            specs: names.as_slice().iter().map(default).collect(),
            names,
        }
    }

    /// The pool called `name`, made now when it was not mentioned before.
    ///
    /// # Errors
    /// When there are too many.
    pub fn intern(&mut self, name: &str, place: &Place) -> Result<PoolName, Invalid> {
        let name = self.names.intern(name)?;
        if name.id().index() == self.specs.len() {
            self.specs.push(PoolSpec {
                name: name.clone(),
                policy: None,
                cache: None,
                place: place.clone(),
            });
        }
        Ok(name)
    }

    /// The pool called `name`, if it was mentioned.
    pub fn find(&self, name: &str) -> Option<&PoolSpec> {
        self.get(self.names.find(name)?.id())
    }

    /// The pool with this number.
    pub fn get(&self, id: PoolId) -> Option<&PoolSpec> {
        self.specs.get(id.index())
    }

    /// The pool with this number, to say more about it.
    pub fn get_mut(&mut self, id: PoolId) -> Option<&mut PoolSpec> {
        self.specs.get_mut(id.index())
    }

    /// All pools; the position of each is its `PoolId::index`.
    pub fn iter(&self) -> impl Iterator<Item = &PoolSpec> {
        self.specs.iter()
    }
}

/// What was said about the console.
#[derive(Clone, Debug)]
pub struct ConsoleSpec {
    /// Where it listens; `None` is nowhere.
    pub listen: Option<Placed<SocketAddr>>,
    /// Who may connect.
    pub acl: NetmaskGroup,
    /// The shared key, in base64.
    pub key: Option<Secret>,
    /// Connections at once; 0 is no limit.
    pub max_connections: u32,
}

/// What was said about the web server.
#[derive(Clone, Debug, Default)]
pub struct WebSpec {
    /// Where it listens; `None` is nowhere.
    pub listen: Option<Placed<SocketAddr>>,
    /// What it asks of its visitors.
    pub access: WebAccess,
}

impl Spec {
    /// Every default; `place` stands for the file as a whole.
    pub fn new(place: &Place) -> Self {
        Self {
            listen: Vec::new(),
            workers: None,
            acl: Acl::default_masks(),
            acl_place: None,
            acl_refusal: AclRefusal::default(),
            rules: RuleSpecs::default(),
            pools: PoolSpecs::new(place),
            backends: Vec::new(),
            caches: Vec::new(),
            cache_defaults: CacheDefaults::default(),
            log_targets: LogTargets::default(),
            policy: &weir_balance::POLICIES[0],
            balancing: PolicySettings::new(0),
            perturbation: None,
            servfail_when_no_server: false,
            udp: UdpSettings::default(),
            tcp: TcpLimits::default(),
            self_answered: SelfAnswered::default(),
            drop_empty_queries: false,
            stale: StaleSettings::default(),
            cache_cleaning: CacheCleaning::default(),
            verbose_health_checks: false,
            retry_udp: false,
            coalesce: true,
            logging: Logging::default(),
            console: ConsoleSpec {
                listen: None,
                acl: loopback(),
                key: None,
                max_connections: 0,
            },
            web: WebSpec::default(),
            server_id: None,
        }
    }

    /// The backend with this key.
    pub fn backend(&self, key: BackendKey) -> Option<&BackendSpec> {
        self.backends.iter().find(|backend| backend.key == key)
    }

    /// Adds a backend behind those of the same order, which is how policies and pages see them.
    pub fn add_backend(&mut self, backend: BackendSpec) {
        let order = backend.settings.order;
        let at = self
            .backends
            .partition_point(|other| other.settings.order <= order);
        self.backends.insert(at, backend);
    }
}
