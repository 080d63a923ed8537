//! UDP clients: batches of queries in, batches of answers out.

use std::net::SocketAddr;
use std::sync::Arc;

use weir_control::counters::{Counter, FrontendCounter, FrontendCounters};
use weir_linux::udp::{Batch, DEFAULT_BATCH, Listener, Packet, Peer, SendBatch};
use weir_policy::{Ends, Transport};
use weir_wire::{Query, Timestamp};

use super::asker::{Asker, Client, canonical};
use super::{BATCHES_PER_TURN, Due, MAX_UDP_REPLY, Token, Worker};
use crate::front::clock;
use crate::front::journey::{Next, Route, Written};
use crate::front::slab::Key;

/// A listening UDP socket and the answers that wait to leave through it.
pub(crate) struct UdpFrontend {
    listener: Listener,
    answers: SendBatch,
    counters: Arc<FrontendCounters>,
}

impl UdpFrontend {
    pub(crate) fn new(listener: Listener, counters: Arc<FrontendCounters>) -> Self {
        Self {
            listener,
            counters,
            answers: SendBatch::new(DEFAULT_BATCH, MAX_UDP_REPLY),
        }
    }
}

impl UdpFrontend {
    /// Sends the answers that wait; the kernel drops those that it has no room for.
    fn flush(&mut self) {
        let sent = self.answers.flush(&self.listener);
        self.counters.add(FrontendCounter::Responses, sent.sent as u64);
    }
}

impl Worker {
    /// Starts to serve a socket.
    pub(super) fn open_udp(&mut self, listener: Listener, counters: Arc<FrontendCounters>) {
        let key = self.udp_frontends.insert(UdpFrontend::new(listener, counters));
        if let Some(frontend) = self.udp_frontends.get(key) {
            self.sleeper
                .add(&frontend.listener, Token::UdpFrontend(key).to_bits());
        }
    }

    /// Stops serving an address: what has arrived is still answered.
    pub(super) fn close_udp(&mut self, address: SocketAddr) {
        let found = self
            .udp_frontends
            .iter()
            .find(|(_, f)| f.listener.local_address() == address)
            .map(|(key, _)| key);
        if let Some(key) = found {
            self.serve_udp(key);
            self.sleeper.remove(Token::UdpFrontend(key).to_bits());
            self.udp_frontends.remove(key);
        }
    }

    /// Answers or forwards what waits at a socket, a bounded number of batches.
    pub(super) fn serve_udp(&mut self, key: Key) {
        let Some(mut batch) = self.queries.take() else {
            return;
        };
        self.serve_batches(key, &mut batch);
        self.queries = Some(batch);
    }

    fn serve_batches(&mut self, key: Key, batch: &mut Batch) {
        for _ in 0..BATCHES_PER_TURN {
            let Some(frontend) = self.udp_frontends.get(key) else {
                return;
            };
            let Ok(received) = batch.recv(&frontend.listener) else {
                return;
            };
            frontend.counters.add(FrontendCounter::Queries, received as u64);
            let now = clock::now();
            for packet in batch.packets() {
                self.on_datagram(key, &packet, now);
            }
            self.flush();
            if received < batch.capacity() {
                return;
            }
        }
    }

    fn on_datagram(&mut self, key: Key, packet: &Packet<'_>, now: Timestamp) {
        if packet.is_truncated() {
            self.desk.counters.add(Counter::NoncompliantQueries, 1);
            return;
        }
        let ends = Ends {
            client: canonical(packet.source()),
            local: canonical(packet.local()),
            transport: Transport::Udp,
        };
        let random = self.random.next_u64();
        let Some(frontend) = self.udp_frontends.get_mut(key) else {
            return;
        };
        let Some(mut slot) = free_slot(frontend) else {
            return;
        };
        let next = self
            .desk
            .on_query(&self.snapshot, packet.payload, ends, (now, random), slot.buffer());
        match next {
            Next::Drop => {}
            Next::Reply(written) if written.delay.is_zero() => {
                slot.commit(written.len, &packet.peer());
                self.desk.counters.observe_latency(Transport::Udp, 0);
            }
            Next::Reply(written) => {
                let reply = slot.buffer().get(..written.len).unwrap_or(&[]).to_vec();
                self.remind(
                    now + written.delay,
                    Due::Reply {
                        listener: key,
                        peer: packet.peer(),
                        reply,
                    },
                );
            }
            Next::ReplyAndRefresh(written, route) => {
                slot.commit(written.len, &packet.peer());
                self.forward_packet(packet.payload, Client::Nobody, ends, route, now);
            }
            Next::Forward(route) => {
                let client = Client::Udp {
                    listener: key,
                    peer: packet.peer(),
                };
                self.forward_packet(packet.payload, client, ends, route, now);
            }
        }
    }

    /// Gives a query that was decided to be forwarded to the backends.
    pub(super) fn forward_packet(
        &mut self,
        packet: &[u8],
        client: Client,
        ends: Ends,
        route: Route,
        now: Timestamp,
    ) {
        let Ok(query) = Query::parse(packet) else { return };
        let (question_end, payload_limit) = (query.question_end(), query.payload_limit());
        let mut buffer = self.spare_buffer();
        buffer.extend_from_slice(packet);
        let asker = Asker {
            client,
            ends,
            packet: buffer,
            question_end,
            payload_limit,
            route,
            since: now,
        };
        self.forward(asker, now);
    }

    /// Writes an answer with `write`, which gets the place and says what it wrote there.
    pub(super) fn answer_udp(
        &mut self,
        key: Key,
        peer: &Peer,
        now: Timestamp,
        write: impl FnOnce(&mut Self, &mut [u8]) -> Option<Written>,
    ) {
        // The buffer is lent out, so that `write` may use the rest of the worker.
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(written) = write(self, &mut scratch) {
            let reply = scratch.get(..written.len).unwrap_or(&[]);
            if written.delay.is_zero() {
                self.send_delayed(key, peer, reply);
            } else {
                let reply = reply.to_vec();
                self.remind(
                    now + written.delay,
                    Due::Reply {
                        listener: key,
                        peer: *peer,
                        reply,
                    },
                );
            }
        }
        self.scratch = scratch;
    }

    /// Queues an answer that is complete.
    pub(super) fn send_delayed(&mut self, key: Key, peer: &Peer, reply: &[u8]) {
        let Some(frontend) = self.udp_frontends.get_mut(key) else {
            return;
        };
        let Some(mut slot) = free_slot(frontend) else {
            return;
        };
        match slot.buffer().get_mut(..reply.len()) {
            Some(place) => {
                place.copy_from_slice(reply);
                slot.commit(reply.len(), peer);
            }
            None => self.desk.counters.add(Counter::TruncFailures, 1),
        }
    }

    /// Sends all answers that wait.
    pub(super) fn flush_frontends(&mut self) {
        for frontend in self.udp_frontends.values_mut() {
            if !frontend.answers.is_empty() {
                frontend.flush();
            }
        }
    }
}

/// A place for an answer; a full batch is sent first.
fn free_slot(frontend: &mut UdpFrontend) -> Option<weir_linux::udp::Slot<'_>> {
    if frontend.answers.is_full() {
        frontend.flush();
    }
    frontend.answers.slot()
}
