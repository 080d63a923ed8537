//! Forwarded queries that wait for their reply: one table per worker.
//!
//! A query goes out on one of the worker's connected sockets with an identifier that is random and not in use on
//! that socket. A reply is looked up by socket and identifier and accepted only if the caller finds the question
//! in it; anything else changes nothing, so a forger must guess identifier, source port and question at once.
//!
//! Deadlines are exact: queries with equal timeouts expire in the order in which they were sent, so one list per
//! timeout, oldest first, knows the next deadline without a heap or a wheel. Inserting, taking and expiring cost
//! the same however many wait.

use std::num::NonZeroU32;
use std::time::Duration;

use weir_wire::Timestamp;

use crate::index::{Index, Tag};
use crate::slab::{NONE, Slab};

/// Identifiers tried before a socket counts as full. Half full, all fail once in 2⁶⁴ queries; with 60,000 of
/// 65,536 in use, once in 300.
const ID_ATTEMPTS: usize = 64;

/// Different timeouts known at once. A configuration has one, perhaps one more per backend; a query beyond that
/// many waits for the nearest known timeout.
const MAX_TIMEOUTS: usize = 64;

/// A connected socket of the worker, as the worker numbers them. A number is free for another socket only when
/// nothing is pending on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketIndex(pub u32);

/// Limits of one worker's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingLimits {
    /// Queries that wait at once.
    pub queries: NonZeroU32,
}

impl Default for PendingLimits {
    /// dnsdist's `setMaxUDPOutstanding`: 65,535, there per backend.
    fn default() -> Self {
        Self {
            queries: NonZeroU32::new(65_535).unwrap_or(NonZeroU32::MAX),
        }
    }
}

/// Why a query cannot wait; the caller has its value back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// The table is at its limit: [`Pending::pop_oldest`] makes room.
    Full(T),
    /// The socket has nearly every identifier in use: another socket may do.
    NoId(T),
}

/// A query that no longer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken<T> {
    /// The socket that it was sent on.
    pub socket: SocketIndex,
    /// The identifier that it was sent with.
    pub id: u16,
    /// When it was sent.
    pub sent: Timestamp,
    /// What the caller stored.
    pub value: T,
}

/// The queries of one worker that wait for replies, each with a `T` of the caller.
#[derive(Debug)]
pub struct Pending<T> {
    waiting: Slab<Waiting<T>>,
    by_id: Index,
    timeouts: Vec<Queue>,
}

#[derive(Debug)]
struct Waiting<T> {
    socket: SocketIndex,
    id: u16,
    /// Position in `timeouts`.
    queue: u8,
    /// Sent before and after this one with the same timeout.
    earlier: u32,
    later: u32,
    sent: Timestamp,
    value: T,
}

/// Queries with the same timeout, oldest first.
#[derive(Clone, Copy, Debug)]
struct Queue {
    timeout: Duration,
    first: u32,
    last: u32,
}

impl<T> Pending<T> {
    /// An empty table; memory comes as queries do.
    pub fn new(limits: PendingLimits) -> Self {
        Self {
            waiting: Slab::new(limits.queries.get()),
            by_id: Index::default(),
            timeouts: Vec::new(),
        }
    }

    /// Lets a query wait until `now` + `timeout`, and returns the identifier to send it with. `random` gives 64
    /// fresh random bits at every call.
    ///
    /// # Errors
    /// [`Refused`] with the value, when the table or the socket is full.
    pub fn insert(
        &mut self,
        socket: SocketIndex,
        now: Timestamp,
        timeout: Duration,
        random: impl FnMut() -> u64,
        value: T,
    ) -> Result<u16, Refused<T>> {
        if self.waiting.is_full() {
            return Err(Refused::Full(value));
        }
        let Some(id) = self.free_id(socket, random) else {
            return Err(Refused::NoId(value));
        };
        let queue = self.queue_of(timeout);
        let waiting = Waiting {
            socket,
            id,
            queue,
            earlier: NONE,
            later: NONE,
            sent: now,
            value,
        };
        match self.waiting.insert(waiting) {
            Ok(position) => {
                self.by_id.insert(tag(socket, id), position);
                self.append(position);
                Ok(id)
            }
            Err(waiting) => Err(Refused::Full(waiting.value)),
        }
    }

    /// Ends the wait of the query sent on `socket` with `id`, if `accept` recognises it as the one that a reply
    /// answers. Otherwise it goes on waiting.
    pub fn take_if(
        &mut self,
        socket: SocketIndex,
        id: u16,
        accept: impl FnOnce(&T) -> bool,
    ) -> Option<Taken<T>> {
        let position = self.find(socket, id)?;
        let waiting = self.waiting.get(position)?;
        if accept(&waiting.value) {
            self.remove(position)
        } else {
            None
        }
    }

    /// Ends the wait of the query sent on `socket` with `id`.
    pub fn take(&mut self, socket: SocketIndex, id: u16) -> Option<Taken<T>> {
        self.take_if(socket, id, |_| true)
    }

    /// The query sent on `socket` with `id`, if it waits; it goes on waiting.
    pub fn get_mut(&mut self, socket: SocketIndex, id: u16) -> Option<&mut T> {
        let position = self.find(socket, id)?;
        self.waiting.get_mut(position).map(|waiting| &mut waiting.value)
    }

    /// Ends the wait of the query whose deadline has passed longest ago; `None` when none has. Callers bound how
    /// many they pop per wake-up.
    pub fn pop_expired(&mut self, now: Timestamp) -> Option<Taken<T>> {
        let (deadline, position) = self.earliest()?;
        if deadline <= now {
            self.remove(position)
        } else {
            None
        }
    }

    /// Ends the wait of the query whose deadline is next: to make room, or to empty the table.
    pub fn pop_oldest(&mut self) -> Option<Taken<T>> {
        let (_, position) = self.earliest()?;
        self.remove(position)
    }

    /// When the next query times out, exactly.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.earliest().map(|(deadline, _)| deadline)
    }

    /// Queries that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, socket: SocketIndex, id: u16) -> Option<u32> {
        let is_it = |position| {
            self.waiting
                .get(position)
                .is_some_and(|found| found.socket == socket && found.id == id)
        };
        self.by_id.find(tag(socket, id), is_it)
    }

    /// Each attempt is drawn afresh: after a collision, the next identifier is as hard to guess as the first.
    fn free_id(&self, socket: SocketIndex, mut random: impl FnMut() -> u64) -> Option<u16> {
        let mut bits = 0;
        for attempt in 0..ID_ATTEMPTS {
            bits = if attempt % 4 == 0 { random() } else { bits >> 16 };
            let id = bits as u16;
            if self.find(socket, id).is_none() {
                return Some(id);
            }
        }
        None
    }

    /// The queue for `timeout`, made if there is room for one.
    fn queue_of(&mut self, timeout: Duration) -> u8 {
        if let Some(known) = self.timeouts.iter().position(|queue| queue.timeout == timeout) {
            return known as u8;
        }
        let queue = Queue {
            timeout,
            first: NONE,
            last: NONE,
        };
        // A reload may bring other timeouts; queues of the old ones empty and are then taken over.
        let mut queues = self.timeouts.iter_mut().enumerate();
        if let Some((position, unused)) = queues.find(|(_, queue)| queue.first == NONE) {
            *unused = queue;
            return position as u8;
        }
        if self.timeouts.len() < MAX_TIMEOUTS {
            self.timeouts.push(queue);
            return (self.timeouts.len() - 1) as u8;
        }
        let by_distance = self.timeouts.iter().enumerate();
        let nearest = by_distance.min_by_key(|(_, queue)| queue.timeout.abs_diff(timeout));
        nearest.map_or(0, |(position, _)| position as u8)
    }

    /// The head whose deadline comes first.
    fn earliest(&self) -> Option<(Timestamp, u32)> {
        let heads = self.timeouts.iter().filter_map(|queue| {
            let sent = self.waiting.get(queue.first)?.sent;
            Some((sent + queue.timeout, queue.first))
        });
        heads.min_by_key(|(deadline, _)| *deadline)
    }

    fn append(&mut self, position: u32) {
        let Some(queue) = self.waiting.get(position).map(|waiting| waiting.queue) else {
            return;
        };
        let Some(queue) = self.timeouts.get_mut(usize::from(queue)) else {
            return;
        };
        let before = std::mem::replace(&mut queue.last, position);
        let Some(previous) = self.waiting.get_mut(before) else {
            queue.first = position;
            return;
        };
        previous.later = position;
        let not_before = previous.sent;
        if let Some(waiting) = self.waiting.get_mut(position) {
            waiting.earlier = before;
            // Keeps the queue sorted should a caller's clock ever step back.
            waiting.sent = waiting.sent.max(not_before);
        }
    }

    fn remove(&mut self, position: u32) -> Option<Taken<T>> {
        let waiting = self.waiting.remove(position)?;
        self.by_id.remove(tag(waiting.socket, waiting.id), position);
        let queue = self.timeouts.get_mut(usize::from(waiting.queue));
        match (self.waiting.get_mut(waiting.earlier), queue) {
            (Some(earlier), _) => earlier.later = waiting.later,
            (None, Some(queue)) => queue.first = waiting.later,
            (None, None) => {}
        }
        let queue = self.timeouts.get_mut(usize::from(waiting.queue));
        match (self.waiting.get_mut(waiting.later), queue) {
            (Some(later), _) => later.earlier = waiting.earlier,
            (None, Some(queue)) => queue.last = waiting.earlier,
            (None, None) => {}
        }
        Some(Taken {
            socket: waiting.socket,
            id: waiting.id,
            sent: waiting.sent,
            value: waiting.value,
        })
    }
}

/// Identifiers are random, nobody else chooses them: spreading them needs no secret.
fn tag(socket: SocketIndex, id: u16) -> Tag {
    let key = u64::from(socket.0) << 16 | u64::from(id);
    Tag::of(key.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests;
