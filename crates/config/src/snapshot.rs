//! What the program runs on: one immutable, checked configuration, published with one pointer swap.
//!
//! Building one carries over what must survive a reload: the state of backends that are still there, caches of
//! pools that still have one with the same settings, and what rules have counted. (Limiters survive while the
//! rules are read, see [`weir_policy::Limiters`].) Nothing of the previous snapshot changes by that, so a build
//! may be abandoned.

use std::net::IpAddr;
use std::sync::Arc;

use weir_balance::{Backend, PolicySettings};
use weir_cache::{Cache, CheckedSettings};
use weir_policy::{Acl, Chain, Invalid, LogTargets, PoolName, QueryChain, ReplyChain, Rule};
use weir_wire::hash::Seed;

use crate::check::{self, Checked};
use crate::diagnostics::{Diagnostic, Place, Placed};
use crate::settings::{
    AclRefusal, CacheCleaning, ConsoleSettings, Listen, Logging, SelfAnswered, StaleSettings, TcpLimits,
    UdpSettings, WebSettings,
};
use crate::spec::{PoolSpec, Spec};

/// One checked configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// How many snapshots there were before this one.
    pub generation: u64,
    /// Where queries are taken; each address and interface once.
    pub listen: Vec<Listen>,
    /// Threads for packets; `None` is one per CPU.
    pub workers: Option<usize>,
    /// Who may ask.
    pub acl: Acl,
    /// What others get.
    pub acl_refusal: AclRefusal,
    /// For every query.
    pub query_rules: QueryChain,
    /// For queries that the cache had no answer to.
    pub cache_miss_rules: QueryChain,
    /// For replies of backends.
    pub reply_rules: ReplyChain,
    /// For replies from the cache.
    pub cache_hit_reply_rules: ReplyChain,
    /// For replies that went into the cache.
    pub cache_inserted_reply_rules: ReplyChain,
    /// For replies that a rule gave.
    pub self_answered_reply_rules: ReplyChain,
    /// The position of each is its `PoolId::index`; the first has the empty name.
    pub pools: Vec<Pool>,
    /// Every backend, by order, then as they were made.
    pub backends: Vec<Arc<Backend>>,
    /// Where `LogAction` writes; opened by the program.
    pub log_targets: LogTargets,
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
    /// The console; `None` without `controlSocket`.
    pub console: Option<ConsoleSettings>,
    /// The web server; `None` without `webserver`.
    pub web: Option<WebSettings>,
    /// What the server calls itself; `None` leaves it to the host's name.
    pub server_id: Option<String>,
}

/// One pool.
#[derive(Debug)]
pub struct Pool {
    /// Its name and number.
    pub name: PoolName,
    /// Its backends and the policy that picks among them.
    pub servers: weir_balance::Pool,
    /// Its cache, perhaps shared with other pools.
    pub cache: Option<Arc<Cache>>,
}

impl Pool {
    /// Whether any backend takes queries.
    pub fn is_available(&self) -> bool {
        self.servers.is_available()
    }
}

/// What the program draws once, so that nobody can guess where things are.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// For the caches' hash.
    pub cache: Seed,
    /// For `whashed` and `chashed` without `setWHashedPerturbation`.
    pub perturbation: u32,
}

/// A snapshot, and what somebody should look at.
#[derive(Debug)]
pub struct Built {
    /// Ready to be published.
    pub snapshot: Snapshot,
    /// Things that work, but hardly as intended.
    pub warnings: Vec<Diagnostic>,
}

impl Snapshot {
    /// Checks `spec` and builds a snapshot of it for workers 0 to `workers` - 1. State is taken over from
    /// `previous`, whose workers must be as many.
    ///
    /// # Errors
    /// Everything that is wrong with the spec as a whole.
    pub fn build(
        spec: &Spec,
        previous: Option<&Self>,
        seeds: Seeds,
        workers: usize,
    ) -> Result<Built, Vec<Diagnostic>> {
        let Checked {
            caches,
            console,
            web,
            listen,
            warnings,
        } = check::check(spec)?;
        let backends: Vec<_> = spec
            .backends
            .iter()
            .map(|backend| carry_backend(&backend.settings, previous, workers))
            .collect();
        let caches = Caches {
            made: vec![None; caches.len()],
            checked: caches,
            previous,
            seed: seeds.cache,
        };
        let rules = &spec.rules;
        let chains = Chains { previous, workers };
        let snapshot = Self {
            generation: previous.map_or(0, |previous| previous.generation + 1),
            listen,
            workers: spec.workers,
            acl: Acl::new(spec.acl.clone()),
            acl_refusal: spec.acl_refusal,
            query_rules: chains.build(&rules.query, |of| &of.query_rules)?,
            cache_miss_rules: chains.build(&rules.cache_miss, |of| &of.cache_miss_rules)?,
            reply_rules: chains.build(&rules.reply, |of| &of.reply_rules)?,
            cache_hit_reply_rules: chains.build(&rules.cache_hit_reply, |of| &of.cache_hit_reply_rules)?,
            cache_inserted_reply_rules: chains
                .build(&rules.cache_inserted_reply, |of| &of.cache_inserted_reply_rules)?,
            self_answered_reply_rules: chains
                .build(&rules.self_answered_reply, |of| &of.self_answered_reply_rules)?,
            pools: build_pools(spec, &backends, caches, seeds, workers),
            backends,
            log_targets: spec.log_targets.clone(),
            servfail_when_no_server: spec.servfail_when_no_server,
            udp: spec.udp.clone(),
            tcp: spec.tcp.clone(),
            self_answered: spec.self_answered,
            drop_empty_queries: spec.drop_empty_queries,
            stale: spec.stale,
            cache_cleaning: spec.cache_cleaning,
            verbose_health_checks: spec.verbose_health_checks,
            retry_udp: spec.retry_udp,
            coalesce: spec.coalesce,
            logging: spec.logging.clone(),
            console,
            web,
            server_id: spec.server_id.clone(),
        };
        Ok(Built { snapshot, warnings })
    }

    /// The pool called `name`, if there is one.
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name.as_str() == name)
    }

    /// Whether queries from `client` are taken.
    pub fn allows(&self, client: IpAddr) -> bool {
        self.acl.allows(client)
    }
}

/// The backend that `previous` had under the same identity, with its state and the new settings; else a new one.
fn carry_backend(
    settings: &weir_balance::BackendSettings,
    previous: Option<&Snapshot>,
    workers: usize,
) -> Arc<Backend> {
    let mut earlier = previous.iter().flat_map(|previous| &previous.backends);
    match earlier.find(|earlier| earlier.settings().same_identity(settings)) {
        Some(earlier) if earlier.settings() == settings => Arc::clone(earlier),
        Some(earlier) => Arc::new(Backend::inherit(settings.clone(), earlier)),
        None => Arc::new(Backend::new(settings.clone(), workers)),
    }
}

/// Makes the caches of a spec, or finds them in the previous snapshot. Pools that share a cache share it by the
/// first of them: that one decides whether an earlier cache lives on.
struct Caches<'s> {
    checked: Vec<CheckedSettings>,
    /// By `CacheIndex`.
    made: Vec<Option<Arc<Cache>>>,
    previous: Option<&'s Snapshot>,
    seed: Seed,
}

impl Caches<'_> {
    fn of_pool(&mut self, pool: &PoolSpec) -> Option<Arc<Cache>> {
        let index = pool.cache?.0;
        if let Some(made) = self.made.get(index)? {
            return Some(Arc::clone(made));
        }
        let checked = self.checked.get(index)?;
        let earlier = self
            .earlier(pool.name.as_str())
            .filter(|earlier| earlier.checked() == checked);
        let cache = earlier.unwrap_or_else(|| Arc::new(Cache::new(checked.clone(), self.seed)));
        *self.made.get_mut(index)? = Some(Arc::clone(&cache));
        Some(cache)
    }

    /// The cache that the pool of this name had, unless another one lives on with it: pools that shared a cache and
    /// are now to have two must not see each other's answers.
    fn earlier(&self, pool: &str) -> Option<Arc<Cache>> {
        let earlier = self.previous?.pool(pool)?.cache.as_ref()?;
        let is_taken = self.made.iter().flatten().any(|made| Arc::ptr_eq(made, earlier));
        (!is_taken).then(|| Arc::clone(earlier))
    }
}

fn build_pools(
    spec: &Spec,
    backends: &[Arc<Backend>],
    mut caches: Caches<'_>,
    seeds: Seeds,
    workers: usize,
) -> Vec<Pool> {
    let balancing = PolicySettings {
        perturbation: spec.perturbation.unwrap_or(seeds.perturbation),
        ..spec.balancing
    };
    let build = |pool: &PoolSpec| {
        let members = spec
            .backends
            .iter()
            .zip(backends)
            .filter(|(spec, _)| spec.pools.contains(&pool.name));
        let members = members.map(|(_, backend)| Arc::clone(backend)).collect();
        Pool {
            name: pool.name.clone(),
            servers: weir_balance::Pool::new(
                members,
                pool.policy.unwrap_or(spec.policy),
                &balancing,
                workers,
            ),
            cache: caches.of_pool(pool),
        }
    };
    spec.pools.iter().map(build).collect()
}

/// Makes chains that go on counting.
struct Chains<'s> {
    previous: Option<&'s Snapshot>,
    workers: usize,
}

impl Chains<'_> {
    fn build<A: ?Sized>(
        &self,
        rules: &[Placed<Rule<A>>],
        earlier: impl Fn(&Snapshot) -> &Chain<A>,
    ) -> Result<Chain<A>, Vec<Diagnostic>> {
        let place = rules
            .last()
            .map_or_else(|| Place::new("", 0), |last| last.place.clone());
        let failed = |invalid: Invalid| vec![Diagnostic::error(place, invalid.to_string())];
        let rules = rules.iter().map(|rule| rule.value.clone()).collect();
        let mut chain = Chain::new(rules, self.workers).map_err(failed)?;
        if let Some(previous) = self.previous {
            chain.continue_counts(earlier(previous));
        }
        Ok(chain)
    }
}
