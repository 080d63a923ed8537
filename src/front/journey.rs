//! The life of a query as stages without I/O: admit, rules, cache; and of a reply: match, rules, cache.
//!
//! Each stage takes what it needs and returns what happens next as a value; the worker performs it. Replies are
//! written where the caller says, which is the place that the kernel will send them from.

use std::sync::Arc;
use std::time::Duration;

use weir_cache::{Accept, Hit, Inserted, Key, Lookup};
use weir_config::{AclRefusal, Pool, Snapshot};
use weir_control::counters::{Counter, WorkerCounters};
use weir_policy::{
    Decision, Ends, Moment, Notes, PoolId, PoolStatus, ReplyChain, ReplyDecision, Subject, Transport,
};
use weir_wire::{Builder, Flags, Query, QueryError, Rcode, Record, Reply, Timestamp, patch};

use super::query_log::QueryLogs;
use crate::clock;

/// The largest UDP reply, from a backend or to a client; dnsdist's limit. A client that takes more gets TC.
pub(crate) const MAX_UDP_REPLY: usize = 4096;

/// One worker's place at the table: what it counts and scribbles on. Snapshots come and go, this stays.
pub(crate) struct Desk {
    /// The worker's number.
    pub(crate) worker: usize,
    /// The worker's own counters.
    pub(crate) counters: Arc<WorkerCounters>,
    /// Effects of the query at hand.
    pub(crate) notes: Notes,
    /// Where `LogAction` writes.
    pub(crate) logs: QueryLogs,
    /// How often a reload has given pools other numbers.
    epoch: u32,
}

/// What the worker does next with a query.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing: it is forgotten, and counted.
    Drop,
    /// Send the reply that was written.
    Reply(Written),
    /// Ask a backend.
    Forward(Route),
    /// Send the reply that was written, and ask a backend to have a fresh one in the cache.
    ReplyAndRefresh(Written, Route),
}

/// A reply in the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its length in bytes.
    pub(crate) len: usize,
    /// How long to hold it back (UDP only).
    pub(crate) delay: Duration,
}

/// Where a query goes, and what its reply will need.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The pool, by its number in the snapshots of `epoch`; see [`Desk::pool`].
    pub(crate) pool: PoolId,
    epoch: u32,
    /// The cache key, when the pool has a cache and the query may use it.
    pub(crate) key: Option<Key>,
    /// Whether the cache has an expired reply, in case no backend answers in time.
    pub(crate) has_stale: bool,
    /// Forward with RD cleared.
    pub(crate) no_recurse: bool,
    /// Hold the reply back (UDP only).
    pub(crate) delay: Duration,
    temporary_failure_ttl: Option<u32>,
    max_returned_ttl: Option<u32>,
    tags: Vec<(Arc<str>, Arc<str>)>,
}

impl Route {
    /// The pool and the epoch that its number belongs to.
    pub(crate) fn place(&self) -> (PoolId, u32) {
        (self.pool, self.epoch)
    }
}

/// Which pools of a snapshot can take a query.
struct Pools<'a>(&'a [Pool]);

impl PoolStatus for Pools<'_> {
    fn is_available(&self, pool: PoolId) -> bool {
        self.0.get(pool.index()).is_some_and(Pool::is_available)
    }
}

/// The rules for one moment, and the moment.
struct Asked<'a> {
    snapshot: &'a Snapshot,
    moment: Moment<'a>,
    ends: Ends,
}

impl Desk {
    /// A worker's desk.
    pub(crate) fn new(worker: usize, counters: Arc<WorkerCounters>) -> Self {
        Self {
            worker,
            counters,
            notes: Notes::default(),
            logs: QueryLogs::default(),
            epoch: 0,
        }
    }

    /// Takes over a new snapshot. What was forwarded under `old` keeps its pool if all pools keep their numbers.
    pub(crate) fn follow(&mut self, old: &Snapshot, new: &Snapshot) {
        let names = |snapshot: &Snapshot| {
            snapshot
                .pools
                .iter()
                .map(|pool| pool.name.to_string())
                .collect::<Vec<_>>()
        };
        if !names(new).starts_with(&names(old)) {
            self.epoch = self.epoch.wrapping_add(1);
        }
    }

    /// The pool that a query was sent to, unless a reload has renumbered the pools since. Then its reply still
    /// reaches the client, but no cache, and it is not tried on another backend.
    pub(crate) fn pool<'s>(&self, snapshot: &'s Snapshot, route: &Route) -> Option<&'s Pool> {
        snapshot
            .pools
            .get(route.pool.index())
            .filter(|_| route.epoch == self.epoch)
    }

    /// Takes a query from its first byte to a decision.
    pub(crate) fn on_query(
        &mut self,
        snapshot: &Snapshot,
        packet: &[u8],
        ends: Ends,
        (now, random): (Timestamp, u64),
        out: &mut [u8],
    ) -> Next {
        if !snapshot.acl.allows(ends.client.ip()) {
            self.counters.add(Counter::AclDrops, 1);
            return match snapshot.acl_refusal {
                // Two servers that refuse each other's refusals would never end.
                AclRefusal::Refused if !is_reply(packet) => bare_reply(packet, Rcode::REFUSED, out),
                AclRefusal::Drop | AclRefusal::Refused => Next::Drop,
            };
        }
        let query = match Query::parse(packet) {
            Ok(query) => query,
            Err(error) => return self.refuse(snapshot, error, packet, out),
        };
        self.counters.add(Counter::Queries, 1);
        if query.header.flags.has(Flags::RD) {
            self.counters.add(Counter::RdQueries, 1);
        }
        let pools = Pools(&snapshot.pools);
        let moment = Moment {
            now,
            random,
            worker: self.worker,
            pools: &pools,
        };
        self.decide(
            &Asked {
                snapshot,
                moment,
                ends,
            },
            &query,
            out,
        )
    }

    /// What happens to a packet that is not a query.
    fn refuse(&mut self, snapshot: &Snapshot, error: QueryError, packet: &[u8], out: &mut [u8]) -> Next {
        self.counters.add_malformed(error);
        if error == QueryError::NoQuestion {
            self.counters.add(Counter::EmptyQueries, 1);
            if snapshot.drop_empty_queries {
                return Next::Drop;
            }
        }
        error
            .answer()
            .map_or(Next::Drop, |rcode| bare_reply(packet, rcode, out))
    }

    /// Rules, then the cache.
    fn decide(&mut self, asked: &Asked<'_>, query: &Query<'_>, out: &mut [u8]) -> Next {
        let subject = Subject::of_query(query, asked.ends);
        self.notes.reset();
        let decision = asked
            .snapshot
            .query_rules
            .evaluate(&subject, &asked.moment, &mut self.notes);
        self.log(asked, &subject, 0);
        match decision {
            Decision::Forward => self.look_up(asked, query, out),
            Decision::Drop => {
                self.counters.add(Counter::RuleDrop, 1);
                Next::Drop
            }
            Decision::Answer(answer) => {
                let opt_size = asked.snapshot.self_answered.opt_size();
                match answer.write(query, opt_size, out) {
                    Ok(len) => {
                        self.count_rule_answer(answer.rcode(), out);
                        self.counters.add(Counter::SelfAnswered, 1);
                        let rules = &asked.snapshot.self_answered_reply_rules;
                        self.finish(asked, rules, query, out, len)
                    }
                    Err(_) => Next::Drop,
                }
            }
        }
    }

    /// Writes to the targets that a chain has noted; `logged` of them were written before.
    fn log(&mut self, asked: &Asked<'_>, subject: &Subject<'_>, logged: usize) {
        let targets = self.notes.logs().get(logged..).unwrap_or(&[]);
        if !targets.is_empty() {
            let wall_ns = clock::wall_nanos();
            self.logs
                .write(&asked.snapshot.log_targets, targets, subject, wall_ns);
        }
    }

    /// The cache, or the way to a backend.
    fn look_up(&mut self, asked: &Asked<'_>, query: &Query<'_>, out: &mut [u8]) -> Next {
        let pool = asked.snapshot.pools.get(self.notes.pool.index());
        let cache = pool
            .and_then(|pool| pool.cache.as_ref())
            .filter(|_| !self.notes.skip_cache);
        let Some((cache, key)) = cache.and_then(|cache| Some((cache, cache.key(query)?))) else {
            return self.miss(asked, query, None, out);
        };
        let accept = match asked.ends.transport {
            Transport::Udp => Accept::Truncated,
            Transport::Tcp => Accept::Complete,
        };
        match cache.lookup(query, &key, asked.moment.now, accept, out) {
            Lookup::Hit(hit) => self.hit(asked, query, key, hit, out),
            Lookup::Stale(hit) => {
                self.counters.add(Counter::StaleAnswers, 1);
                self.hit(asked, query, key, hit, out)
            }
            Lookup::Miss { stale } => {
                self.counters.add(Counter::CacheMisses, 1);
                match self.miss(asked, query, Some(key), out) {
                    Next::Forward(route) => Next::Forward(Route {
                        has_stale: stale,
                        ..route
                    }),
                    next => next,
                }
            }
        }
    }

    /// A reply from the cache, and perhaps the order for a fresh one.
    fn hit(&mut self, asked: &Asked<'_>, query: &Query<'_>, key: Key, hit: Hit, out: &mut [u8]) -> Next {
        self.counters.add(Counter::CacheHits, 1);
        let route = hit.prefetch.then(|| self.route(Some(key)));
        let reply = self.finish(asked, &asked.snapshot.cache_hit_reply_rules, query, out, hit.len);
        match (reply, route) {
            (Next::Reply(written), Some(route)) => {
                self.counters.add(Counter::Prefetches, 1);
                Next::ReplyAndRefresh(written, route)
            }
            (reply, _) => reply,
        }
    }

    /// The rules for a miss, then the way to a backend.
    fn miss(&mut self, asked: &Asked<'_>, query: &Query<'_>, key: Option<Key>, out: &mut [u8]) -> Next {
        let rules = &asked.snapshot.cache_miss_rules;
        if key.is_some() && !rules.rules().is_empty() {
            let subject = Subject::of_query(query, asked.ends);
            let logged = self.notes.logs().len();
            let decision = rules.evaluate(&subject, &asked.moment, &mut self.notes);
            self.log(asked, &subject, logged);
            match decision {
                Decision::Forward => {}
                Decision::Drop => {
                    self.counters.add(Counter::RuleDrop, 1);
                    return Next::Drop;
                }
                Decision::Answer(answer) => {
                    let opt_size = asked.snapshot.self_answered.opt_size();
                    let Ok(len) = answer.write(query, opt_size, out) else {
                        return Next::Drop;
                    };
                    self.count_rule_answer(answer.rcode(), out);
                    self.counters.add(Counter::SelfAnswered, 1);
                    return self.finish(asked, &asked.snapshot.self_answered_reply_rules, query, out, len);
                }
            }
        }
        Next::Forward(self.route(key))
    }

    fn route(&self, key: Option<Key>) -> Route {
        Route {
            pool: self.notes.pool,
            epoch: self.epoch,
            key,
            has_stale: false,
            no_recurse: self.notes.no_recurse,
            delay: self.notes.delay,
            temporary_failure_ttl: self.notes.temporary_failure_ttl,
            max_returned_ttl: self.notes.max_returned_ttl,
            tags: self.notes.tags().to_vec(),
        }
    }

    /// Reply rules, TTL cap and size limit of a reply that was made here.
    fn finish(
        &mut self,
        asked: &Asked<'_>,
        rules: &ReplyChain,
        query: &Query<'_>,
        out: &mut [u8],
        len: usize,
    ) -> Next {
        let Some(reply) = out.get_mut(..len) else {
            return Next::Drop;
        };
        if !self.pass_reply(asked, rules, query, reply) {
            return Next::Drop;
        }
        let max_ttl = self.notes.max_returned_ttl;
        self.count_answer(reply);
        let len = self.fit(query, asked.ends.transport, reply, max_ttl);
        Next::Reply(Written {
            len,
            delay: self.notes.delay,
        })
    }

    /// Asks the reply rules; false when the reply is dropped. TTL edits are made in place.
    fn pass_reply(
        &mut self,
        asked: &Asked<'_>,
        rules: &ReplyChain,
        query: &Query<'_>,
        message: &mut [u8],
    ) -> bool {
        if rules.rules().is_empty() {
            return true;
        }
        let Ok(reply) = Reply::parse(message) else {
            return true;
        };
        let Some(subject) = Subject::of_reply(&reply, query.question(), asked.ends) else {
            return true;
        };
        let logged = self.notes.logs().len();
        let decision = rules.evaluate(&subject, &asked.moment, &mut self.notes);
        self.log(asked, &subject, logged);
        if decision == ReplyDecision::Drop {
            self.counters.add(Counter::RuleDrop, 1);
            return false;
        }
        if self.notes.edits_ttls() {
            edit_ttls(message, |record| self.notes.edited_ttl(record.qtype, record.ttl));
        }
        true
    }

    /// Caps TTLs and truncates what the client cannot take; returns the length to send.
    fn fit(
        &self,
        query: &Query<'_>,
        transport: Transport,
        message: &mut [u8],
        max_ttl: Option<u32>,
    ) -> usize {
        if let Some(max) = max_ttl {
            edit_ttls(message, |record| record.ttl.min(max));
        }
        let limit = usize::from(query.payload_limit()).min(MAX_UDP_REPLY);
        if transport == Transport::Tcp || message.len() <= limit {
            return message.len();
        }
        self.counters.add(Counter::EgressTruncated, 1);
        truncate(message)
    }

    /// Turns a backend's reply, already copied to `out`, into the one for `query`. `None` when a rule drops it. Whether
    /// a client is told, and it is to be counted, the caller knows.
    pub(crate) fn on_reply(
        &mut self,
        snapshot: &Snapshot,
        (query, route, ends): (&Query<'_>, &Route, Ends),
        (now, random): (Timestamp, u64),
        out: &mut [u8],
    ) -> Option<Written> {
        patch::readdress(out, query);
        self.notes.reset();
        self.notes.pool = route.pool;
        self.notes.delay = route.delay;
        self.notes.temporary_failure_ttl = route.temporary_failure_ttl;
        self.notes.max_returned_ttl = route.max_returned_ttl;
        for (name, value) in &route.tags {
            self.notes.set_tag(name, value);
        }
        let pools = Pools(&snapshot.pools);
        let asked = Asked {
            snapshot,
            moment: Moment {
                now,
                random,
                worker: self.worker,
                pools: &pools,
            },
            ends,
        };
        if !self.pass_reply(&asked, &snapshot.reply_rules, query, out) {
            return None;
        }
        self.store(&asked, query, route, out);
        let max_ttl = self.notes.max_returned_ttl;
        let len = self.fit(query, ends.transport, out, max_ttl);
        Some(Written {
            len,
            delay: self.notes.delay,
        })
    }

    /// Puts a reply into the pool's cache, unless something speaks against it.
    fn store(&mut self, asked: &Asked<'_>, query: &Query<'_>, route: &Route, reply: &[u8]) {
        let Some(key) = route.key.filter(|_| !self.notes.skip_cache) else {
            return;
        };
        let Some(pool) = self.pool(asked.snapshot, route) else {
            return;
        };
        let Some(cache) = &pool.cache else { return };
        let temporary = self.notes.temporary_failure_ttl;
        let inserted = cache.insert(query, &key, reply, asked.moment.now, temporary);
        let rules = &asked.snapshot.cache_inserted_reply_rules;
        if inserted == Inserted::Stored
            && !rules.rules().is_empty()
            && let Ok(parsed) = Reply::parse(reply)
            && let Some(subject) = Subject::of_reply(&parsed, query.question(), asked.ends)
        {
            rules.evaluate(&subject, &asked.moment, &mut self.notes);
        }
    }

    /// The reply from the past to a query that no backend answers in time, if the pool's cache has one.
    pub(crate) fn stale(
        &mut self,
        snapshot: &Snapshot,
        (query, route, transport): (&Query<'_>, &Route, Transport),
        now: Timestamp,
        out: &mut [u8],
    ) -> Option<Written> {
        let cache = self.pool(snapshot, route)?.cache.as_ref()?;
        let hit = match cache.lookup_stale(query, &route.key?, now, out) {
            Lookup::Hit(hit) | Lookup::Stale(hit) => hit,
            Lookup::Miss { .. } => return None,
        };
        self.counters.add(Counter::StaleAnswers, 1);
        let message = out.get_mut(..hit.len)?;
        self.count_answer(message);
        let len = self.fit(query, transport, message, route.max_returned_ttl);
        Some(Written {
            len,
            delay: route.delay,
        })
    }

    /// Tells the cache that no backend answered, so that the next clients need not wait for the same.
    pub(crate) fn refresh_failed(
        &self,
        snapshot: &Snapshot,
        query: &Query<'_>,
        route: &Route,
        now: Timestamp,
    ) {
        let cache = self.pool(snapshot, route).and_then(|pool| pool.cache.as_ref());
        if let (Some(cache), Some(key)) = (cache, &route.key) {
            cache.refresh_failed(query, key, now);
        }
    }

    /// SERVFAIL to a query that no backend can answer.
    pub(crate) fn servfail(
        &mut self,
        snapshot: &Snapshot,
        query: &Query<'_>,
        out: &mut [u8],
    ) -> Option<Written> {
        let kept = Flags(query.header.flags.0 & (Flags::RD | Flags::CD));
        let ra = if kept.has(Flags::RD) { Flags::RA } else { 0 };
        let flags = kept.with(ra).with_rcode_bits(Rcode::SERVFAIL.0);
        let mut reply = Builder::new(out, query, flags).ok()?;
        if let (Some(edns), Some(size)) = (query.edns, snapshot.self_answered.opt_size()) {
            reply.opt(size, Rcode::SERVFAIL, edns.dnssec_ok).ok()?;
        }
        self.counters.add(Counter::FrontendServfail, 1);
        Some(Written {
            len: reply.finish(),
            delay: Duration::ZERO,
        })
    }

    /// Counts what a client is told.
    pub(crate) fn count_answer(&self, message: &[u8]) {
        let rcode = weir_wire::Header::parse(message).map(|header| Rcode(header.flags.rcode_bits()));
        let counter = match rcode {
            Some(Rcode::NOERROR) => Counter::FrontendNoerror,
            Some(Rcode::NXDOMAIN) => Counter::FrontendNxdomain,
            Some(Rcode::SERVFAIL) => Counter::FrontendServfail,
            _ => return,
        };
        self.counters.add(counter, 1);
    }

    fn count_rule_answer(&self, rcode: Rcode, out: &[u8]) {
        let is_truncated = weir_wire::Header::parse(out).is_some_and(|header| header.flags.has(Flags::TC));
        let counter = match rcode {
            Rcode::NXDOMAIN => Counter::RuleNxdomain,
            Rcode::REFUSED => Counter::RuleRefused,
            Rcode::SERVFAIL => Counter::RuleServfail,
            _ if is_truncated => Counter::RuleTruncated,
            _ => return,
        };
        self.counters.add(counter, 1);
    }
}

/// Whether QR is set.
fn is_reply(packet: &[u8]) -> bool {
    weir_wire::Header::parse(packet).is_some_and(|header| header.flags.has(Flags::QR))
}

/// A reply of a header alone.
fn bare_reply(packet: &[u8], rcode: Rcode, out: &mut [u8]) -> Next {
    match Builder::bare(out, packet, rcode) {
        Some(len) => Next::Reply(Written {
            len,
            delay: Duration::ZERO,
        }),
        None => Next::Drop,
    }
}

/// Changes every TTL of a reply; a malformed one keeps those behind the fault.
fn edit_ttls(message: &mut [u8], change: impl Fn(&Record) -> u32) {
    let Ok(reply) = Reply::parse(message) else { return };
    let records = reply.records().map_while(Result::ok);
    let with_ttls = records.filter(|record| record.as_edns(reply.packet()).is_none());
    let edits: Vec<_> = with_ttls.map(|record| (record.ttl_at, change(&record))).collect();
    for (at, ttl) in edits {
        patch::map_ttls(message, std::iter::once(at), |_| ttl);
    }
}

/// Cuts a reply down to its question and OPT record; returns the new length.
fn truncate(message: &mut [u8]) -> usize {
    let Ok(reply) = Reply::parse(message) else {
        return message.len();
    };
    let edns = reply.summarize(|_| ()).ok().and_then(|summary| summary.edns);
    let question_end = reply.question_end();
    patch::truncate(message, question_end, edns)
}

#[cfg(test)]
mod tests;
