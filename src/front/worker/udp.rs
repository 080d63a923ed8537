//! UDP clients: batches of queries in, batches of answers out.

use std::rc::Rc;
use std::sync::Arc;

use weir_control::counters::{Counter, FrontendCounter, FrontendCounters};
use weir_linux::udp::{Batch, DEFAULT_BATCH, Listener, Packet, SendBatch};
use weir_policy::{Ends, Transport};
use weir_wire::{Query, Timestamp};

use super::asker::{Asker, Client, UdpClient, canonical};
use super::{BATCHES_PER_TURN, Due, MAX_UDP_REPLY, Token, Worker};
use crate::clock;
use crate::front::journey::{Next, Route, Written};
use crate::front::site::ListenNumber;
use crate::front::slab::Key;

/// A listening UDP socket and the answers that wait to leave through it.
pub(crate) struct UdpFrontend {
    number: ListenNumber,
    listener: Listener,
    answers: SendBatch,
    counters: Arc<FrontendCounters>,
    /// Shared with every client that waits for a reply.
    owed: Rc<()>,
}

impl UdpFrontend {
    pub(crate) fn new(number: ListenNumber, listener: Listener, counters: Arc<FrontendCounters>) -> Self {
        Self {
            number,
            listener,
            counters,
            answers: SendBatch::new(DEFAULT_BATCH, MAX_UDP_REPLY),
            owed: Rc::default(),
        }
    }

    /// Whether a client waits for a reply that leaves by this socket.
    pub(super) fn owes(&self) -> bool {
        Rc::strong_count(&self.owed) > 1
    }

    /// Gets no new queries any more.
    pub(super) fn retire(&self) {
        if let Err(error) = self.listener.retire() {
            let address = self.listener.local_address();
            tracing::warn!("{address} gets queries until those that are pending are answered: {error}");
        }
    }

    /// Whoever sent `packet`, which came in by this socket, to be owed a reply.
    fn client(&self, listener: Key, packet: &Packet<'_>) -> UdpClient {
        UdpClient::new(listener, packet.peer(), &self.owed)
    }

    /// Sends the answers that wait; the kernel drops those that it has no room for.
    fn flush(&mut self) {
        let sent = self.answers.flush(&self.listener);
        self.counters.add(FrontendCounter::Responses, sent.sent as u64);
    }
}

impl Worker {
    /// Starts to serve a socket.
    pub(super) fn open_udp(&mut self, frontend: UdpFrontend) {
        let key = self.udp_frontends.insert(frontend);
        if let Some(frontend) = self.udp_frontends.get(key) {
            self.sleeper
                .add(&frontend.listener, Token::UdpFrontend(key).to_bits());
        }
    }

    /// Stops taking new queries from a socket. What has arrived is still answered, and from this socket, as no
    /// other may have its address.
    pub(super) fn retire_udp(&mut self, number: ListenNumber) {
        let is_it = |(_, frontend): &(Key, &UdpFrontend)| frontend.number == number;
        let Some((key, frontend)) = self.udp_frontends.iter().find(is_it) else {
            return;
        };
        frontend.retire();
        self.retired.push(key);
    }

    /// Closes what was retired, has nothing left to read and owes no reply.
    pub(super) fn close_retired(&mut self) {
        for key in std::mem::take(&mut self.retired) {
            let left = self.serve_udp(key);
            let owes = self.udp_frontends.get(key).is_some_and(UdpFrontend::owes);
            if left == Left::Nothing && !owes {
                self.sleeper.remove(Token::UdpFrontend(key).to_bits());
                self.udp_frontends.remove(key);
            } else {
                self.retired.push(key);
            }
        }
    }

    /// Answers or forwards what waits at a socket, a bounded number of batches.
    pub(super) fn serve_udp(&mut self, key: Key) -> Left {
        let Some(mut batch) = self.queries.take() else {
            return Left::Nothing;
        };
        let left = self.serve_batches(key, &mut batch);
        self.queries = Some(batch);
        left
    }

    fn serve_batches(&mut self, key: Key, batch: &mut Batch) -> Left {
        for _ in 0..BATCHES_PER_TURN {
            let Some(frontend) = self.udp_frontends.get(key) else {
                return Left::Nothing;
            };
            let Ok(received) = batch.recv(&frontend.listener) else {
                return Left::Nothing;
            };
            frontend.counters.add(FrontendCounter::Queries, received as u64);
            let now = clock::now();
            for packet in batch.packets() {
                self.on_datagram(key, &packet, now);
            }
            self.flush();
            if received < batch.capacity() {
                return Left::Nothing;
            }
        }
        Left::Perhaps
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
                let to = frontend.client(key, packet);
                self.remind(now + written.delay, Due::Reply { to, reply });
            }
            Next::ReplyAndRefresh(written, route) => {
                slot.commit(written.len, &packet.peer());
                self.forward_packet(packet.payload, Client::Nobody, ends, route, now);
            }
            Next::Forward(route) => {
                let client = Client::Udp(frontend.client(key, packet));
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
        client: &UdpClient,
        now: Timestamp,
        write: impl FnOnce(&mut Self, &mut [u8]) -> Option<Written>,
    ) {
        // The buffer is lent out, so that `write` may use the rest of the worker.
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(written) = write(self, &mut scratch) {
            let reply = scratch.get(..written.len).unwrap_or(&[]);
            if written.delay.is_zero() {
                self.send_delayed(client, reply);
            } else {
                let (to, reply) = (client.clone(), reply.to_vec());
                self.remind(now + written.delay, Due::Reply { to, reply });
            }
        }
        self.scratch = scratch;
    }

    /// Queues an answer that is complete.
    pub(super) fn send_delayed(&mut self, client: &UdpClient, reply: &[u8]) {
        let Some(frontend) = self.udp_frontends.get_mut(client.listener) else {
            return;
        };
        let Some(mut slot) = free_slot(frontend) else {
            return;
        };
        match slot.buffer().get_mut(..reply.len()) {
            Some(place) => {
                place.copy_from_slice(reply);
                slot.commit(reply.len(), &client.peer);
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

/// What a turn has left at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// The turn ended before the queue did.
    Perhaps,
}

/// A place for an answer; a full batch is sent first.
fn free_slot(frontend: &mut UdpFrontend) -> Option<weir_linux::udp::Slot<'_>> {
    if frontend.answers.is_full() {
        frontend.flush();
    }
    frontend.answers.slot()
}
