//! The thread that probes backends: it drives one pure [`Health`] machine per backend and owns nothing else.
//!
//! A probe has a socket of its own, so that a slow one delays nobody. What the machines learn they publish in
//! the backends themselves, where workers read it; this thread only writes the journal.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use weir_balance::{Backend, Effect, Evidence, Finding, Health, HealthChange, PROBE_MAX_LEN, probe_packet};
use weir_config::Snapshot;
use weir_linux::poll::{Events, Interest, Poller, Waker};
use weir_linux::tcp::{ConnectOptions, connect};
use weir_linux::udp::{Batch, Connected, ConnectedOptions};
use weir_wire::Timestamp;

use super::site::Site;
use super::slab::{Key, Slab};
use super::tcp::frames::{Filled, FrameReader, FrameWriter};
use crate::clock::{self, Random};

/// Token of the waker; backends have their key.
const WAKER: u64 = u64::MAX;

/// Largest reply to a probe that is looked at.
const REPLY_LEN: usize = 4096;

/// A backend under watch.
struct Watched {
    health: Health,
    probe: Option<Probe>,
}

/// The socket of a probe that is out.
enum Probe {
    Udp(Connected),
    Tcp {
        stream: TcpStream,
        reader: FrameReader,
        writer: FrameWriter,
    },
}

/// The thread's state.
struct Prober {
    site: Arc<Site>,
    snapshot: Arc<Snapshot>,
    poller: Poller,
    watched: Slab<Watched>,
    replies: Batch,
    random: Random,
}

/// Probes until the site stops. `waker` wakes it when the snapshot changes or a worker has a reason.
///
/// # Errors
/// When the kernel has no more descriptors for the poller.
pub(crate) fn run(site: Arc<Site>, waker: &Waker) -> io::Result<()> {
    let poller = Poller::new()?;
    poller.add(waker, WAKER, Interest::Read)?;
    let snapshot = site.snapshot.load_full();
    let random = Random::from_kernel()?;
    let mut prober = Prober {
        site,
        snapshot,
        poller,
        watched: Slab::default(),
        replies: Batch::new(1, REPLY_LEN),
        random,
    };
    prober.watch_all();
    let mut events = Events::new(256);
    while !prober.site.is_stopping() {
        let now = clock::now();
        prober.act(now);
        let wait = prober
            .next_deadline()
            .map(|at| at.since(now).max(Duration::from_micros(100)));
        prober.poller.wait(&mut events, wait)?;
        for event in events.iter() {
            match event.token {
                WAKER => waker.drain(),
                bits => prober.on_ready(Key::from_bits(bits), clock::now()),
            }
        }
        prober.follow_snapshot();
    }
    Ok(())
}

impl Prober {
    /// Takes over the backends of a new snapshot; those that stay keep their machine.
    fn follow_snapshot(&mut self) {
        let latest = self.site.snapshot.load_full();
        if !Arc::ptr_eq(&latest, &self.snapshot) {
            self.snapshot = latest;
            self.watch_all();
        }
    }

    fn watch_all(&mut self) {
        let gone: Vec<Key> = self
            .watched
            .iter()
            .filter(|(_, watched)| {
                !self
                    .snapshot
                    .backends
                    .iter()
                    .any(|new| watched.health.backend().is(new))
            })
            .map(|(key, _)| key)
            .collect();
        for key in gone {
            if let Some(probe) = self.watched.remove(key).and_then(|watched| watched.probe) {
                probe.close(&self.poller);
            }
        }
        let now = clock::now();
        for backend in &self.snapshot.backends {
            let known = self
                .watched
                .values_mut()
                .find(|watched| watched.health.backend().is(backend));
            match known {
                Some(watched) => watched.health.reconfigure(Arc::clone(backend)),
                None => {
                    self.watched.insert(Watched {
                        health: Health::new(Arc::clone(backend), now),
                        probe: None,
                    });
                }
            }
        }
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.watched
            .iter()
            .filter_map(|(_, watched)| watched.health.next_deadline())
            .min()
    }

    /// Does everything that is due.
    fn act(&mut self, now: Timestamp) {
        let is_due = |watched: &Watched| watched.health.next_deadline().is_some_and(|at| at <= now);
        let due: Vec<Key> = self
            .watched
            .iter()
            .filter(|(_, w)| is_due(w))
            .map(|(key, _)| key)
            .collect();
        for key in due {
            let Some(watched) = self.watched.get_mut(key) else {
                continue;
            };
            match watched.health.on_deadline(now, self.random.next_u64()) {
                Effect::Wait => {}
                Effect::SendProbe { id } => self.send_probe(key, id, now),
                Effect::Learnt(finding) => self.learnt(key, finding),
            }
        }
    }

    fn send_probe(&mut self, key: Key, id: u16, now: Timestamp) {
        let Some(watched) = self.watched.get_mut(key) else {
            return;
        };
        if let Some(old) = watched.probe.take() {
            old.close(&self.poller);
        }
        let mut packet = [0; PROBE_MAX_LEN];
        let settings = watched.health.backend().settings();
        let len = probe_packet(&settings.check, id, &mut packet);
        let query = packet.get(..len).unwrap_or_default();
        match Probe::send(watched.health.backend(), query, &self.poller, key.to_bits()) {
            Ok(probe) => watched.probe = Some(probe),
            Err(_) => {
                if let Some(finding) = watched.health.on_network_error(now) {
                    self.learnt(key, finding);
                }
            }
        }
    }

    fn on_ready(&mut self, key: Key, now: Timestamp) {
        let Some(watched) = self.watched.get_mut(key) else {
            return;
        };
        let Some(probe) = &mut watched.probe else { return };
        let finding = match probe.receive(&mut self.replies, &self.poller, key.to_bits()) {
            Received::Nothing => None,
            Received::Reply(reply) => watched.health.on_packet(now, &reply),
            Received::Failed => watched.health.on_network_error(now),
        };
        if let Some(finding) = finding {
            self.learnt(key, finding);
        }
    }

    /// Writes the journal and closes the probe.
    fn learnt(&mut self, key: Key, finding: Finding) {
        let Some(watched) = self.watched.get_mut(key) else {
            return;
        };
        if let Some(probe) = watched.probe.take() {
            probe.close(&self.poller);
        }
        let settings = watched.health.backend().settings();
        let backend = match settings.name.as_str() {
            "" => settings.address.to_string(),
            name => format!("{name} ({})", settings.address),
        };
        let is_failure = !matches!(finding.evidence, Evidence::Passed(_));
        if self.snapshot.verbose_health_checks && is_failure {
            tracing::info!(
                subsystem = "health-check",
                backend,
                "{backend}: {}",
                finding.evidence
            );
        }
        match finding.change {
            Some(HealthChange::Up) => tracing::warn!(backend, "Marking downstream {backend} as 'up'"),
            Some(HealthChange::Down) => tracing::warn!(backend, "Marking downstream {backend} as 'down'"),
            None => {}
        }
    }
}

/// What came of waiting for a probe's reply.
enum Received {
    Nothing,
    Reply(Vec<u8>),
    Failed,
}

impl Probe {
    fn send(backend: &Backend, query: &[u8], poller: &Poller, token: u64) -> io::Result<Self> {
        let settings = backend.settings();
        if settings.check.tcp || settings.tcp_only {
            let mut options = ConnectOptions::new(settings.address);
            options.source = settings.source.address;
            options.interface = settings.source.interface.clone();
            let stream = connect(&options)?;
            let mut writer = FrameWriter::default();
            writer.push(query).map_err(|_| io::ErrorKind::InvalidInput)?;
            poller.add(&stream, token, Interest::ReadWrite)?;
            return Ok(Self::Tcp {
                stream,
                reader: FrameReader::default(),
                writer,
            });
        }
        let mut options = ConnectedOptions::new(settings.address);
        options.source = settings.source.address;
        options.interface = settings.source.interface.clone();
        options.receive_buffer = REPLY_LEN;
        options.send_buffer = REPLY_LEN;
        let socket = Connected::open(&options)?;
        socket
            .send(query)
            .map_err(|failure| io::Error::other(failure.to_string()))?;
        poller.add(&socket, token, Interest::Read)?;
        Ok(Self::Udp(socket))
    }

    fn receive(&mut self, replies: &mut Batch, poller: &Poller, token: u64) -> Received {
        match self {
            Self::Udp(socket) => match replies.recv_replies(socket) {
                Ok(_) => replies
                    .packets()
                    .next()
                    .map_or(Received::Nothing, |p| Received::Reply(p.payload.to_vec())),
                Err(_) => Received::Failed,
            },
            Self::Tcp {
                stream,
                reader,
                writer,
            } => {
                if !writer.is_empty() {
                    let flushed = writer
                        .flush(stream)
                        .and_then(|_| poller.modify(&*stream, token, Interest::Read));
                    if flushed.is_err() {
                        return Received::Failed;
                    }
                }
                match reader.fill(stream) {
                    Ok(Filled::Bytes) => reader
                        .next()
                        .map_or(Received::Nothing, |reply| Received::Reply(reply.to_vec())),
                    Ok(Filled::Blocked) => Received::Nothing,
                    Ok(Filled::Closed) | Err(_) => Received::Failed,
                }
            }
        }
    }

    fn close(self, poller: &Poller) {
        // Closing the descriptor would remove it as well; removing it first keeps its last event from coming.
        let _ = match &self {
            Self::Udp(socket) => poller.remove(socket),
            Self::Tcp { stream, .. } => poller.remove(stream),
        };
    }
}
