//! From a backend's reply, or its absence, to everyone who waits for it.

use std::rc::Rc;

use weir_balance::{
    AfterTimeout, Attempt, Counter as BackendCounter, RetrySettings, SocketIndex, Taken, Transport as Over,
};
use weir_control::counters::Counter;
use weir_linux::udp::Batch;
use weir_policy::Transport;
use weir_wire::{Flags, Rcode, Reply, Timestamp};

use super::asker::{Asker, Client, Forwarded};
use super::forward::{Asked, Failure};
use super::upstream::Fault;
use super::{BATCHES_PER_TURN, Worker};
use crate::clock;
use crate::front::journey::Written;
use crate::front::slab::Key;

impl Worker {
    /// Takes the replies that wait at a socket, a bounded number of batches.
    pub(super) fn receive_replies(&mut self, uplink: Key, position: usize) {
        let Some(mut batch) = self.replies.take() else {
            return;
        };
        self.receive_batches(uplink, position, &mut batch);
        self.replies = Some(batch);
    }

    fn receive_batches(&mut self, uplink: Key, position: usize, batch: &mut Batch) {
        for _ in 0..BATCHES_PER_TURN {
            let socket = self
                .uplinks
                .get(uplink)
                .and_then(|uplink| uplink.sockets.get(position));
            let Some(socket) = socket else { return };
            let number = socket.number;
            // An ICMP error is about one query among many, whose timeout speaks for it; replies may wait behind it.
            let Ok(received) = batch.recv_replies(&socket.udp) else {
                continue;
            };
            let now = clock::now();
            for packet in batch.packets().filter(|packet| !packet.is_truncated()) {
                self.on_reply_packet(uplink, number, packet.payload, now);
            }
            self.flush();
            if received < batch.capacity() {
                return;
            }
        }
    }

    /// Matches a reply with the query that it answers: identifier, socket and question.
    fn on_reply_packet(&mut self, uplink: Key, number: u32, packet: &[u8], now: Timestamp) {
        let reply = Reply::parse(packet);
        let taken = reply.as_ref().ok().and_then(|reply| {
            let is_it = |waiting: &Forwarded| reply.answers(waiting.asker.question());
            self.pending.take_if(SocketIndex(number), reply.header.id, is_it)
        });
        if let (Ok(reply), Some(taken)) = (&reply, taken) {
            return self.on_reply(taken, reply, now);
        }
        let is_mismatch = reply.is_ok_and(|reply| {
            self.pending
                .get_mut(SocketIndex(number), reply.header.id)
                .is_some()
        });
        let counter = if is_mismatch {
            Counter::MismatchedReplies
        } else {
            Counter::LateReplies
        };
        self.desk.counters.add(counter, 1);
        self.desk.counters.add(Counter::NoncompliantResponses, 1);
        if let Some(uplink) = self.uplinks.get(uplink) {
            uplink
                .backend
                .count(self.desk.worker, BackendCounter::NonCompliantResponses);
        }
    }

    /// Accounts for a reply and hands it out.
    pub(super) fn on_reply(&mut self, taken: Taken<Forwarded>, reply: &Reply<'_>, now: Timestamp) {
        let forwarded = taken.value;
        let rcode = Rcode(reply.header.flags.rcode_bits());
        self.desk.counters.add(Counter::Responses, 1);
        if rcode == Rcode::SERVFAIL {
            self.desk.counters.add(Counter::ServfailResponses, 1);
        }
        let over = match forwarded.over {
            Transport::Udp => Over::Udp,
            Transport::Tcp => Over::Tcp,
        };
        if forwarded
            .backend
            .on_reply(self.desk.worker, over, now.since(taken.sent), rcode)
        {
            self.site.wake_prober();
        }
        let is_cut = forwarded.over == Transport::Udp && reply.header.flags.has(Flags::TC);
        if is_cut && forwarded.asker.wants_all() {
            // UDP askers of the same flight wait for the whole reply, too, and get what they can take of it.
            let backend = Rc::clone(&forwarded.backend);
            return self.ask_again(forwarded.into(), &backend, now);
        }
        self.hand_out(forwarded, reply.packet(), is_cut, now);
    }

    /// Gives a reply to the first asker and to all who joined it.
    fn hand_out(&mut self, forwarded: Forwarded, reply: &[u8], is_cut: bool, now: Timestamp) {
        let Forwarded {
            asker,
            flight,
            backend,
            ..
        } = forwarded;
        self.deliver(&asker, reply, now);
        self.recycle(asker);
        let Some(flight) = flight else { return };
        let joined: Vec<Asker> = self.coalescer.land(flight).collect();
        let parsed = Reply::parse(reply);
        for asker in joined {
            if !parsed.as_ref().is_ok_and(|reply| reply.answers(asker.question())) {
                // Two questions with one keyed hash: all but impossible, and not to be answered with the other's.
                self.forget(&asker);
                self.recycle(asker);
                continue;
            }
            if is_cut && asker.wants_all() {
                self.forward_over_tcp(asker, &backend, now);
            } else {
                self.deliver(&asker, reply, now);
                self.recycle(asker);
            }
        }
    }

    /// Turns a backend's reply into the one for `asker` and sends it.
    pub(super) fn deliver(&mut self, asker: &Asker, reply: &[u8], now: Timestamp) {
        let snapshot = Rc::clone(&self.snapshot);
        let random = self.random.next_u64();
        let is_for_nobody = matches!(asker.client, Client::Nobody);
        let is_sent = self.answer(asker, now, |worker, out| {
            let query = asker.query().ok()?;
            let place = out.get_mut(..reply.len())?;
            place.copy_from_slice(reply);
            let subject = (&query, &asker.route, asker.ends);
            let written = worker.desk.on_reply(&snapshot, subject, (now, random), place)?;
            if !is_for_nobody {
                worker.desk.count_answer(place);
            }
            Some(written)
        });
        if is_for_nobody {
            return;
        }
        if is_sent {
            let us = now.since(asker.since).as_micros().try_into().unwrap_or(u32::MAX);
            self.desk.counters.observe_latency(asker.ends.transport, us);
        } else {
            self.forget(asker);
        }
    }

    /// Sends what `write` writes, if it does, to where `asker` waits; true when there was something to send.
    pub(super) fn answer(
        &mut self,
        asker: &Asker,
        now: Timestamp,
        write: impl FnOnce(&mut Self, &mut [u8]) -> Option<Written>,
    ) -> bool {
        let mut is_sent = false;
        let write = |worker: &mut Self, out: &mut [u8]| {
            let written = write(worker, out);
            is_sent = written.is_some();
            written
        };
        match &asker.client {
            Client::Udp(client) => self.answer_udp(client, now, write),
            Client::Tcp { connection } => self.answer_tcp(*connection, now, write),
            Client::Nobody => {
                let mut scratch = std::mem::take(&mut self.scratch);
                write(self, &mut scratch);
                self.scratch = scratch;
            }
        }
        is_sent
    }

    /// A query has waited long enough: ask another backend if the configuration says so, or give up.
    pub(super) fn on_timeout(&mut self, taken: Taken<Forwarded>, now: Timestamp) {
        let forwarded = taken.value;
        let backend = Rc::clone(&forwarded.backend);
        self.desk.counters.add(Counter::DownstreamTimeouts, 1);
        if backend.on_timeout(self.desk.worker) {
            self.site.wake_prober();
        }
        if forwarded.over == Transport::Tcp {
            backend.count(self.desk.worker, BackendCounter::TcpReadTimeouts);
            let fault = self.drop_from_upstream(taken.socket, taken.id, taken.sent, now);
            if fault == Fault::Connection && forwarded.retries < backend.settings().tcp.retries {
                let asked = Asked {
                    retries: forwarded.retries + 1,
                    ..forwarded.into()
                };
                return self.ask_again(asked, &backend, now);
            }
        }
        let settings = RetrySettings {
            retry_once: self.snapshot.retry_udp && forwarded.over == Transport::Udp,
            ..RetrySettings::default()
        };
        let attempt = match forwarded.retries {
            0 => Attempt::First,
            _ => Attempt::Retry,
        };
        let may_retry = settings.after_timeout(attempt) == AfterTimeout::Retry;
        if may_retry && self.pick_is_possible(&forwarded.asker, &backend) {
            self.desk.counters.add(Counter::Retries, 1);
            let retries = forwarded.retries + 1;
            return self.dispatch(
                Asked {
                    retries,
                    ..forwarded.into()
                },
                Some(&backend),
                now,
            );
        }
        self.give_up(forwarded.into(), Failure::NoAnswer, now);
    }

    /// Whether the asker's pool has another usable backend.
    fn pick_is_possible(&self, asker: &Asker, failed: &weir_balance::Backend) -> bool {
        let pool = self.desk.pool(&self.snapshot, &asker.route);
        pool.is_some_and(|pool| {
            pool.servers
                .backends()
                .iter()
                .any(|b| !b.is(failed) && b.is_usable())
        })
    }
}
