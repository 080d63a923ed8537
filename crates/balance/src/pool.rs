//! A pool: the backends that one set of queries may go to, and the policy that picks among them.
//!
//! Picking allocates nothing and writes nothing that another worker reads. A worker weighs backends by its own
//! queries in flight and the latency it saw itself: with thousands of queries a second every worker sees the
//! same picture, and none pays for the cache lines of the others.

use std::sync::Arc;

use weir_wire::{Name, Timestamp};

use crate::backend::Backend;
use crate::policies::{Policy, PolicyKind, PolicySettings};

/// Backends in the order that policies look at them, and the policy.
#[derive(Debug)]
pub struct Pool {
    backends: Vec<Arc<Backend>>,
    kind: &'static PolicyKind,
    policy: Box<dyn Policy>,
}

/// What a policy may know about the query.
#[derive(Clone, Copy, Debug)]
pub struct PickInput<'a> {
    /// The worker that asks, numbered as in [`Backend`].
    pub worker: usize,
    /// For limits per second.
    pub now: Timestamp,
    /// The name asked for.
    pub qname: Name<'a>,
    /// 64 fresh random bits.
    pub random: u64,
    /// The backend that has just failed this query: not to be picked again.
    pub failed: Option<&'a Backend>,
}

impl Pool {
    /// A pool of `backends` for workers 0 to `workers` - 1. Sorts by order; equals stay as they were given.
    pub fn new(
        mut backends: Vec<Arc<Backend>>,
        kind: &'static PolicyKind,
        settings: &PolicySettings,
        workers: usize,
    ) -> Self {
        backends.sort_by_key(|backend| backend.settings().order);
        let policy = (kind.build)(settings, &backends, workers);
        Self {
            backends,
            kind,
            policy,
        }
    }

    /// The backends, lowest order first.
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// The policy's row in the table.
    pub fn policy(&self) -> &'static PolicyKind {
        self.kind
    }

    /// Whether any backend takes queries, as `PoolAvailableRule` asks.
    pub fn is_available(&self) -> bool {
        self.backends.iter().any(|backend| backend.is_usable())
    }

    /// The position in [`Self::backends`] of the one that gets this query; `None` when none is usable.
    ///
    /// While nobody knows of a usable one, a backend that has not been probed yet may have it: a start or a reload
    /// that brings new backends loses no query for the milliseconds until their first probe is answered.
    pub fn pick(&self, input: &PickInput<'_>) -> Option<usize> {
        let pick = |accept_unproven| {
            self.policy.pick(&Candidates {
                backends: &self.backends,
                input,
                accept_unproven,
            })
        };
        pick(false).or_else(|| pick(true))
    }
}

/// The backends of a pool as a policy sees them for one query.
#[derive(Debug)]
pub struct Candidates<'a> {
    backends: &'a [Arc<Backend>],
    input: &'a PickInput<'a>,
    /// Whether backends that were never probed count as usable.
    accept_unproven: bool,
}

impl<'a> Candidates<'a> {
    /// What is known about the query.
    pub fn input(&self) -> &PickInput<'a> {
        self.input
    }

    /// Number of backends, usable or not.
    pub fn len(&self) -> usize {
        self.backends.len()
    }

    /// Whether the pool has no backend at all.
    pub fn is_empty(&self) -> bool {
        self.backends.is_empty()
    }

    /// The usable backends with their positions, lowest order first. Health changes at any time: two walks may
    /// see different ones.
    pub fn usable(&self) -> impl Iterator<Item = (usize, &'a Backend)> {
        let backends = self.backends.iter().map(Arc::as_ref).enumerate();
        backends.filter(|(_, backend)| self.accepts(backend))
    }

    /// The backend at `index`, if it is usable.
    pub fn usable_at(&self, index: usize) -> Option<&'a Backend> {
        let backend = self.backends.get(index)?.as_ref();
        self.accepts(backend).then_some(backend)
    }

    /// The backend at `index`, usable or not, unless this query has failed on it.
    pub fn any_at(&self, index: usize) -> Option<&'a Backend> {
        let backend = self.backends.get(index)?.as_ref();
        (!self.has_failed(backend)).then_some(backend)
    }

    /// How busy `backend` is: this worker's queries in flight to it, and the timeouts of any worker since its last
    /// reply, each of which stands for a query that it may never answer. Without them, a dead backend would look
    /// idle as soon as its queries had timed out, and be picked again until a probe finds it out.
    pub fn load(&self, backend: &Backend) -> u32 {
        self.outstanding(backend)
            .saturating_add(backend.timeouts_in_a_row())
    }

    /// This worker's queries in flight to `backend`.
    pub fn outstanding(&self, backend: &Backend) -> u32 {
        backend.outstanding_of(self.input.worker)
    }

    fn accepts(&self, backend: &Backend) -> bool {
        let is_usable = backend.is_usable() || self.accept_unproven && backend.is_unproven();
        is_usable && !self.has_failed(backend)
    }

    fn has_failed(&self, backend: &Backend) -> bool {
        self.input.failed.is_some_and(|failed| failed.is(backend))
    }
}
